/// Why a question has no answer.
package enum AnswerError: Error, Hashable, Sendable {
    /// There is no campaign of that name.
    case noCampaign(String)
    /// These clients, at least two, have a campaign of that name.
    case severalCampaigns(String, tenants: [String])
    /// Nothing is counted of a subject of that kind and name.
    case nothingCounted(SubjectKind, String)
    /// What was asked for is kept in total only, so that a span of time cannot be had of it.
    case totalsOnly(String)
}
