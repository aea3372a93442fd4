import CLinux
import Glibc

/// Small files of text (users, keys, a site's role): read as a whole, and replaced as a whole.
///
/// Concurrency: no state; input and output block.
package enum SmallFile {
    /// The file's text, and whether others than its owner can read it. More than `octetsMax` octets
    /// are refused: that is not such a file.
    package static func read(
        _ path: String, octetsMax: Int64
    ) throws(SmallFileError) -> (text: String, isReadableByOthers: Bool) {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(path, "cannot be opened") }
        defer { close(file) }
        var octets: Int64 = 0
        var mode: UInt32 = 0
        guard unsafe waybill_file_status(file, &octets, &mode) == 0 else {
            throw failure(path, "cannot be read")
        }
        guard octets <= octetsMax else { throw SmallFileError(path, "is too large") }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(file, &block, block.count)
            guard count >= 0 else { throw failure(path, "cannot be read") }
            guard count > 0 else { break }
            bytes += block[..<count]
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SmallFileError(path, "is not UTF-8")
        }
        return (text, mode & 0o044 != 0)
    }

    /// The lines of a text that people write, without their ends: LF or CRLF, of which Swift makes one
    /// character. Behind an end of line there is one more, perhaps empty.
    package static func lines(of text: String) -> [Substring] {
        text.split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" })
    }

    /// Whether there is something under this name.
    package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Puts a file with this text, mode 0600, in the place of the old one, durably. It belongs to whom the
    /// old one belonged, as far as this process may give files away: what an administrator writes, the
    /// server reads.
    package static func replace(_ path: String, with text: String) throws(SmallFileError) {
        let temporary = path + ".new"
        _ = unsafe unlink(temporary)
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure(temporary, "cannot be created") }
        defer { close(file) }
        // Not everybody may give files away, nor root everywhere: in containers, on NFS. A server that cannot
        // read its file then says so.
        _ = unsafe waybill_take_owner(file, path)
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe write(file, buffer.baseAddress?.advanced(by: written), bytes.count - written)
            }
            guard count > 0 else { throw abandon(temporary, "cannot be written") }
            written += count
        }
        guard fsync(file) == 0 else { throw abandon(temporary, "cannot be written") }
        guard unsafe rename(temporary, path) == 0 else {
            throw abandon(temporary, "cannot be renamed")
        }
        let slash = path.lastIndex(of: "/")
        let directory = unsafe open(
            slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".",
            O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    private static func abandon(_ path: String, _ what: String) -> SmallFileError {
        let error = failure(path, what)
        _ = unsafe unlink(path)
        return error
    }

    private static func failure(_ path: String, _ what: String) -> SmallFileError {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        return SmallFileError(path, "\(what): \(reason)")
    }
}
