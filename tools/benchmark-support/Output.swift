import Glibc

/// Standard output, line by line, also into a pipe.
package enum Output {
    /// Writes a line at once.
    package static func line(_ text: String) {
        Swift.print(text)
        fflush(nil)
    }
}
