import Glibc

/// Why a test's file could not be read or written.
package struct FileFailure: Error {
    package var path: String
    package var code: Int32
}

/// All octets of a file.
package func bytes(of path: String) throws(FileFailure) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure(path: path, code: errno) }
    defer { _ = close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = unsafe read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw FileFailure(path: path, code: errno) }
        guard count > 0 else { return bytes }
        bytes += buffer[..<count]
    }
}

/// Writes a file in place: the same file, not another of its name.
package func overwrite(_ path: String, _ bytes: [UInt8]) throws(FileFailure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileFailure(path: path, code: errno) }
    defer { _ = close(descriptor) }
    guard unsafe write(descriptor, bytes, bytes.count) == bytes.count,
        ftruncate(descriptor, off_t(bytes.count)) == 0
    else { throw FileFailure(path: path, code: errno) }
}

/// Whether there is a file of that name.
package func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
