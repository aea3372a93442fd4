import Glibc

/// A directory that goes when it is no longer used.
///
/// Concurrency: any thread; immutable.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// Makes a directory below the system's one for temporary files.
    package init() throws {
        let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/waybill-test-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw TemporaryDirectoryError(code: errno) }
        path = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        _ = try? Program.run(["rm", "-rf", "--", path])
    }
}

/// The directory could not be made.
package struct TemporaryDirectoryError: Error {
    package var code: Int32
}
