import Glibc

/// What a file looks like from outside: changes when any program writes to it, cuts it, or puts
/// another in its place.
///
/// The kernel keeps times in ticks of some milliseconds: a change in the same tick as our own
/// last one is not seen here, but by the check of the whole file.
///
/// Concurrency: value.
struct FileStamp: Hashable, Sendable {
    private var device: UInt64
    private var node: UInt64
    private var octets: Int64
    private var seconds: Int
    private var nanoseconds: Int

    /// Looks at a file; nil when there is none.
    init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        node = UInt64(status.st_ino)
        octets = Int64(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
