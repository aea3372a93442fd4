/// What AUTH presents to a smarthost.
package struct Credentials: Hashable, Sendable {
    package var username: String
    package var password: String

    /// Creates credentials.
    package init(username: String, password: String) {
        self.username = username
        self.password = password
    }
}

/// The password is never shown.
extension Credentials: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { "\(username):(password)" }
    package var debugDescription: String { description }
}
