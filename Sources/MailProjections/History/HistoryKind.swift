/// What a message can be found by.
///
/// Raw values stand in the rows' keys and never change.
enum HistoryKind: UInt8, CaseIterable, Sendable {
    /// The message itself: the events that do not stand behind its `received`.
    case message = 0
    /// A forward-path.
    case recipient = 1
    /// The reverse-path; the null one too.
    case sender = 2
    case campaign = 3
    /// Also the empty one: every message has a tenant.
    case tenant = 4
    /// Of a forward-path.
    case domain = 5

    static let count = 6

    var index: Int { Int(rawValue) }
}
