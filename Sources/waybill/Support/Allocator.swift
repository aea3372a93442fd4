internal import CJemalloc

/// The memory allocator that the executable is linked with.
///
/// jemalloc instead of the C library's: messages are allocated on one thread and freed on another,
/// for which the C library's arenas ask the kernel for memory page by page, and give little back.
///
/// Concurrency: no state.
enum Allocator {
    /// Its name and version, for example `jemalloc 5.3.0`.
    static var name: String {
        var version: UnsafePointer<CChar>?
        var size = unsafe MemoryLayout.size(ofValue: version)
        let code = unsafe mallctl("version", &version, &size, nil, 0)
        guard code == 0, let version = unsafe version else { return "jemalloc" }
        let text = unsafe String(cString: version)
        return "jemalloc \(text.prefix { $0 != "-" })"
    }
}
