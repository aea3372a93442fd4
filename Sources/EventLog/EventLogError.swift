/// Why the log refused or failed, with what the operator should do.
///
/// Two errors are equal when their codes are.
package struct EventLogError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure; more may be added.
    package struct Code: Hashable, Sendable {
        package var name: String
        private init(_ name: String) { self.name = name }

        /// The disk is full, or less than the configured floor is free: nothing was written.
        package static let outOfSpace = Code("out_of_space")
        /// Writing failed before anything was committed: nothing was written.
        package static let writeFailed = Code("write_failed")
        /// The outcome of a commit is unknown: the process must end and read what is really there.
        package static let outcomeUnknown = Code("outcome_unknown")
        /// A file is shorter than it says, a checksum or the chain does not fit.
        package static let damaged = Code("damaged")
        /// A file of another version, another log, or no log at all.
        package static let unsupported = Code("unsupported")
        /// Another process writes this log.
        package static let locked = Code("locked")
        /// The log is closing; nothing more is accepted.
        package static let closed = Code("closed")
        /// One append is larger than a batch may be.
        package static let tooLarge = Code("too_large")
        /// Too many appends are waiting for the disk.
        package static let overloaded = Code("overloaded")
        /// This site takes over the log of another one, and writes nothing of its own.
        package static let readOnly = Code("read_only")
        /// Not on as many standbys as was asked for in time; it stands in this site's log.
        package static let notReplicated = Code("not_replicated")
        /// The events that are asked for were removed from the log on purpose.
        package static let pruned = Code("pruned")
        /// No such event or content.
        package static let notFound = Code("not_found")
        /// A file could not be opened or read.
        package static let inaccessible = Code("inaccessible")
    }

    package var code: Code
    /// What happened, in words.
    package var message: String
    /// The file it is about; empty if none.
    package var file: String
    /// The sequences it is about; nil if none.
    package var sequences: ClosedRange<UInt64>?
    /// What the operator should do next; empty if there is nothing.
    package var hint: String

    /// Creates an error.
    package init(
        _ code: Code, _ message: String, file: String = "",
        sequences: ClosedRange<UInt64>? = nil, hint: String = ""
    ) {
        self.code = code
        self.message = message
        self.file = file
        self.sequences = sequences
        self.hint = hint
    }

    /// Equal when the codes are.
    package static func == (left: EventLogError, right: EventLogError) -> Bool {
        left.code == right.code
    }

    /// One line: message, file, sequences, hint.
    package var description: String {
        var text = message
        if !file.isEmpty { text += " (file \(file)" + (sequences == nil ? ")" : "") }
        if let sequences {
            text += file.isEmpty ? " (" : ", "
            text += "sequences \(sequences.lowerBound) to \(sequences.upperBound))"
        }
        if !hint.isEmpty { text += ". \(hint)" }
        return text
    }
}
