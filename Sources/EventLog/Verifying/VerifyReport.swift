/// What a verification found.
///
/// Concurrency: value.
package struct VerifyReport: Hashable, Sendable {
    /// In the order found; at most ``EventLogLimits/damagesListedMax``.
    package var damages: [Damage] = []
    /// All damages, listed or not.
    package var damageCount = 0
    package var segments = 0
    package var batches: UInt64 = 0
    package var events: UInt64 = 0
    package var contents: UInt64 = 0
    /// Octets of the files looked at.
    package var fileBytes: UInt64 = 0
    /// Where the log ends, as far as it could be followed; nil when not even that.
    package var position: Position?

    /// Nothing wrong.
    package var isIntact: Bool { damageCount == 0 }

    /// An empty report.
    package init() {}
}

/// One thing wrong with a log.
package struct Damage: Hashable, Sendable, CustomStringConvertible {
    package var file: String
    /// The sequences concerned; nil when they cannot be told.
    package var sequences: ClosedRange<UInt64>?
    package var what: String
    /// What the operator should do.
    package var hint: String

    /// Creates a damage.
    package init(file: String, sequences: ClosedRange<UInt64>?, what: String, hint: String) {
        self.file = file
        self.sequences = sequences
        self.what = what
        self.hint = hint
    }

    /// One line.
    package var description: String {
        let range = sequences.map { ", sequences \($0.lowerBound) to \($0.upperBound)" } ?? ""
        return "\(what) (file \(file)\(range))" + (hint.isEmpty ? "" : ". \(hint)")
    }
}

/// How far a verification is.
package struct VerifyProgress: Hashable, Sendable {
    /// The segment being looked at.
    package var file: String
    package var segment: Int
    package var segmentCount: Int
    /// Last sequence looked at.
    package var sequence: UInt64
    package var damageCount: Int
}
