/// What a site does.
package enum SiteRole: String, Hashable, Sendable, CaseIterable {
    /// Writes the log: accepts and delivers mail.
    case primary
    /// Takes over the log of another site and answers queries.
    case standby
    /// Was primary until a higher epoch was opened elsewhere: writes nothing, delivers nothing, until
    /// an operator lets it rejoin.
    case fenced
}
