import MailModel

/// A domain, or all names below one.
///
/// Concurrency: value.
package enum DomainPattern: Hashable, Sendable, LosslessStringConvertible {
    /// Exactly this domain, lower case.
    case exactly(String)
    /// Every name below this domain, lower case, but not itself.
    case below(String)

    /// Reads `example.org`, or `*.example.org` for everything below it; nil for an empty name.
    package init?(_ text: String) {
        let name = text.asciiLowercased()
        if name.hasPrefix("*.") {
            guard name.utf8.count > 2 else { return nil }
            self = .below(String(name.dropFirst(2)))
        } else {
            guard !name.isEmpty, !name.contains("*") else { return nil }
            self = .exactly(name)
        }
    }

    /// The form that is read.
    package var description: String {
        switch self {
        case .exactly(let name): name
        case .below(let name): "*." + name
        }
    }

    /// Whether the domain (lower case) is meant.
    package func matches(_ domain: String) -> Bool {
        switch self {
        case .exactly(let name): domain == name
        case .below(let name):
            domain.utf8.count > name.utf8.count + 1 && domain.hasSuffix("." + name)
        }
    }
}
