/// Why a small file, or a line of it, cannot be used.
///
/// Concurrency: value.
package struct SmallFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package var file: String
    /// From 1; 0 when it is about the whole file.
    package var line: Int
    /// What is wrong, or what was expected.
    package var message: String

    /// Creates an error.
    package init(_ file: String, line: Int = 0, _ message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    /// `<file>:<line>: <message>`.
    package var description: String {
        line > 0 ? "\(file):\(line): \(message)" : "\(file): \(message)"
    }
}
