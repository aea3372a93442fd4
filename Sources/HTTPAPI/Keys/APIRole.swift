/// What a key may do.
package enum APIRole: String, Hashable, Sendable, CaseIterable {
    /// Hand in messages.
    case inject
    /// See messages, events and metrics.
    case read
    /// Change how the server works, and see everything that `read` sees.
    case operate
    /// Everything.
    case admin

    /// Whether a key with this role may do what needs `needed`.
    package func includes(_ needed: APIRole) -> Bool {
        switch self {
        case .admin: true
        case .operate: needed == .operate || needed == .read
        case .read, .inject: needed == self
        }
    }
}
