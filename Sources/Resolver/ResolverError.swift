/// Why the resolver could not be set up.
package struct ResolverError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was being done and what the library said.
    package var message: String

    /// The message.
    package var description: String { message }
}
