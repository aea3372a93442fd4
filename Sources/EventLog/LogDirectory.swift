internal import Glibc

/// The names and the few calls that a directory of segments needs.
///
/// Concurrency: value.
struct LogDirectory: Hashable, Sendable {
    /// Without a slash at the end.
    let path: String

    init(_ path: String) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    /// The writer's lock.
    var lockPath: String { path + "/writer.lock" }

    /// The file of the segment that begins at `first`.
    func segmentPath(_ first: UInt64) -> String {
        let digits = String(first, radix: 16)
        return path + "/" + String(repeating: "0", count: 16 - digits.count) + digits + ".mdb"
    }

    /// Its name while it is being made.
    func temporaryPath(_ first: UInt64) -> String { segmentPath(first) + ".new" }

    /// Where a sealed segment is rewritten, before it takes the place of the old file.
    func compactPath(_ first: UInt64) -> String { segmentPath(first) + Self.compactSuffix }

    /// Where a segment is put together that another site sends.
    func incomingPath(_ first: UInt64) -> String { segmentPath(first) + Self.incomingSuffix }

    private static let compactSuffix = ".compact"
    private static let incomingSuffix = ".incoming"

    /// What the directory holds.
    struct Listing {
        /// First sequences of the segments, ascending.
        var segments: [UInt64] = []
        /// First sequences of the segments that were being made.
        var temporaries: [UInt64] = []
        /// First sequences of the segments that were being rewritten.
        var compacting: [UInt64] = []
        /// First sequences of the segments that another site was sending.
        var incoming: [UInt64] = []
    }

    /// Lists the directory; other files are passed over.
    func list() throws(EventLogError) -> Listing {
        guard let handle = unsafe opendir(path) else {
            let code = errno
            if code == ENOENT {
                throw EventLogError(
                    .notFound, "there is no log here", file: path,
                    hint: "Give the data directory of a server that has run (--data DIR).")
            }
            throw EventLogError.system("opening the directory", errno: code, file: path)
        }
        defer { unsafe _ = closedir(handle) }
        var listing = Listing()
        let names = try Self.names(of: path) {
            guard let entry = unsafe readdir(handle) else { return nil }
            return unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        for name in names {
            if let first = Self.first(ofName: name, suffix: ".mdb") {
                listing.segments.append(first)
            } else if let first = Self.first(ofName: name, suffix: ".mdb.new") {
                listing.temporaries.append(first)
            } else if let first = Self.first(ofName: name, suffix: ".mdb" + Self.compactSuffix) {
                listing.compacting.append(first)
            } else if let first = Self.first(ofName: name, suffix: ".mdb" + Self.incomingSuffix) {
                listing.incoming.append(first)
            }
        }
        listing.segments.sort()
        listing.temporaries.sort()
        return listing
    }

    /// Reads the names that a directory has.
    ///
    /// - Parameters:
    ///   - path: The directory, for errors.
    ///   - next: readdir(3): a name; nil at the end, and after an error, which only errno tells apart.
    /// - Returns: All of them.
    /// - Throws: `inaccessible`: a list that is cut short would be taken for a log that is.
    static func names(
        of path: String, next: () -> String?
    ) throws(EventLogError) -> [String] {
        var names: [String] = []
        while true {
            errno = 0
            guard let name = next() else {
                let code = errno
                guard code == 0 else {
                    throw EventLogError.system("reading the directory", errno: code, file: path)
                }
                return names
            }
            names.append(name)
        }
    }

    private static func first(ofName name: String, suffix: String) -> UInt64? {
        guard name.utf8.count == 16 + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
        let digits = name.prefix(16)
        guard digits.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
            return nil
        }
        // A log never gets that far, and no sum of sequences can overflow.
        return UInt64(digits, radix: 16).flatMap { (1..<1 << 62).contains($0) ? $0 : nil }
    }

    /// Makes the directory if it is missing, and its entry durable.
    func create() throws(EventLogError) {
        if unsafe mkdir(path, 0o700) != 0 {
            let code = errno
            guard code == EEXIST else {
                throw EventLogError.system("making the directory", errno: code, file: path)
            }
            return
        }
        try flushParent()
    }

    /// Makes the directory's own entry durable.
    func flushParent() throws(EventLogError) {
        var parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/")
        if parent.isEmpty { parent = path.hasPrefix("/") ? "/" : "." }
        try Self.flush(parent, flags: O_RDONLY | O_DIRECTORY)
    }

    /// Makes the directory's entries durable.
    func flush() throws(EventLogError) { try Self.flush(path, flags: O_RDONLY | O_DIRECTORY) }

    /// Makes a file's bytes and length durable.
    static func flush(file: String) throws(EventLogError) {
        try flush(file, flags: O_RDONLY)
    }

    private static func flush(_ path: String, flags: Int32) throws(EventLogError) {
        let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw EventLogError.system("opening", errno: errno, file: path)
        }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw EventLogError.system("flushing", errno: errno, file: path)
        }
    }

    /// Gives a segment its name, which is durable once the directory is flushed.
    ///
    /// - Throws: `writeFailed` when something has that name: it stays what it is.
    func rename(temporary first: UInt64) throws(EventLogError) {
        try FileSystem.rename(temporaryPath(first), toNew: segmentPath(first))
    }

    /// Removes what a crash left of a segment in the making, if anything.
    func remove(temporary first: UInt64) {
        _ = unsafe unlink(temporaryPath(first))
        _ = unsafe unlink(temporaryPath(first) + "-lock")
    }

    /// Puts a rewritten segment in the place of the old file, and makes that durable.
    func replace(compacted first: UInt64) throws(EventLogError) {
        guard unsafe Glibc.rename(compactPath(first), segmentPath(first)) == 0 else {
            throw EventLogError.system("renaming", errno: errno, file: compactPath(first))
        }
        _ = unsafe unlink(segmentPath(first) + "-lock")
        try flush()
    }

    /// Removes what a crash left of a segment being rewritten, if anything.
    func remove(compacting first: UInt64) {
        _ = unsafe unlink(compactPath(first))
        _ = unsafe unlink(compactPath(first) + "-lock")
    }

    /// Removes what was received of a segment, if anything.
    func remove(incoming first: UInt64) {
        _ = unsafe unlink(incomingPath(first))
    }
}
