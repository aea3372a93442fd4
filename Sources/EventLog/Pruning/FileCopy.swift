internal import Glibc

/// Copies a file, and makes sure that the copy is on its disk and is the same.
///
/// Concurrency: no state.
enum FileCopy {
    /// Copies a whole file durably, then compares both, octet for octet.
    ///
    /// - Parameters:
    ///   - source: Open for reading; does not change meanwhile.
    ///   - name: Its name, for errors.
    ///   - path: The copy; what is there is replaced.
    /// - Throws: `outOfSpace`, `inaccessible`; `writeFailed` when the copy is not the same. The copy
    ///   is left to the caller then.
    static func make(
        of source: Int32, _ name: String, at path: String
    ) throws(EventLogError) {
        let target = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard target >= 0 else {
            throw EventLogError.system("making", errno: errno, file: path)
        }
        defer { _ = close(target) }
        var offset = 0
        while true {
            let octets = try read(source, at: offset, name)
            if octets.isEmpty { break }
            let count = unsafe octets.withUnsafeBytes {
                unsafe pwrite(target, $0.baseAddress, $0.count, off_t(offset))
            }
            guard count > 0 else {
                throw EventLogError.system("writing", errno: errno, file: path)
            }
            offset += count
        }
        guard fsync(target) == 0 else {
            throw EventLogError.system("flushing", errno: errno, file: path)
        }
        // So that what is compared comes from the disk.
        _ = posix_fadvise(target, 0, 0, POSIX_FADV_DONTNEED)
        offset = 0
        while true {
            let octets = try read(source, at: offset, name)
            let copied = try read(target, at: offset, path)
            guard octets == copied else {
                throw EventLogError(
                    .writeFailed, "the copy is not the same as the file", file: path,
                    hint: "Check the machine's memory and disk.")
            }
            if octets.isEmpty { return }
            offset += octets.count
        }
    }

    /// Octets from a place on; none at the end.
    private static func read(
        _ descriptor: Int32, at offset: Int, _ file: String
    ) throws(EventLogError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: EventLogLimits.copyOctets)
        let count = unsafe pread(descriptor, &octets, octets.count, off_t(offset))
        guard count >= 0 else {
            throw EventLogError.system("reading", errno: errno, file: file)
        }
        return Array(octets[..<count])
    }
}
