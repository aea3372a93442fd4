import EventLog

/// Why a projection's file cannot be used, or could not be written.
///
/// Concurrency: value.
package struct ProjectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened, in words.
    package var message: String
    /// The file it is about.
    package var file: String
    /// Whether the file is to be put aside and made again.
    package var isDamage = false

    /// Says what is wrong.
    package init(message: String, file: String, isDamage: Bool = false) {
        self.message = message
        self.file = file
        self.isDamage = isDamage
    }

    /// What it means that a projection's file cannot be read: damage there is not damage to the log.
    static func reading(_ error: EventLogError, _ path: String) -> any Error {
        guard error.code == .damaged else { return error }
        return ProjectionError(message: error.message, file: path, isDamage: true)
    }

    /// Message and file.
    package var description: String { "\(message) (file \(file))" }
}
