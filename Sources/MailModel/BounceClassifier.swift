/// Sorts failures by what they say: reply code, enhanced status code and words.
///
/// Concurrency: value.
package struct BounceClassifier: Sendable {
    /// Creates the built-in classifier.
    package init() {}

    /// The class of a reply to `command` (lower case, as in events: `mail`, `rcpt`, `dot`...).
    package func classify(_ reply: Reply, command: String = "") -> BounceClass { .none }
}
