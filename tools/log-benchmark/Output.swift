import Glibc

/// Standard output, line by line, also into a pipe.
enum Output {
    /// Writes a line at once.
    static func line(_ text: String) {
        Swift.print(text)
        fflush(nil)
    }
}
