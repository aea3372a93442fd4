internal import Glibc

/// An LMDB 0.9 file, read page by page with pread and without trusting a byte of it.
///
/// Why not through LMDB itself: a map answers a truncated file or a bad sector with SIGBUS, and
/// LMDB follows a damaged page wherever it points. Here both are errors with a page number. No
/// lock and no reader slot is needed either: see ``read(_:)``.
///
/// The layout is that of LMDB 0.9 on a 64-bit little-endian machine: lmdb's mdb.c, MDB_page,
/// MDB_node, MDB_meta, MDB_db.
///
/// Concurrency: may be shared.
final class PageFile: Sendable {
    let path: String
    let descriptor: Int32
    let pageBytes: Int
    /// The commit that is not looked at; nil: every one is.
    let leftOutTransaction: UInt64?
    /// Octets that the disk is taken not to give, for tests; nil: it is asked for all of them.
    let unreadable: Range<UInt64>?

    init(
        path: String, descriptor: Int32, pageBytes: Int, leftOutTransaction: UInt64? = nil,
        unreadable: Range<UInt64>? = nil
    ) {
        self.path = path
        self.descriptor = descriptor
        self.pageBytes = pageBytes
        self.leftOutTransaction = leftOutTransaction
        self.unreadable = unreadable
    }

    deinit { _ = close(descriptor) }

    /// Opens a file and finds its page size.
    static func open(path: String) throws(EventLogError) -> PageFile {
        let descriptor = try openDescriptor(path)
        // Until the page size is known, that of the machine is as good as any.
        let file = PageFile(path: path, descriptor: descriptor, pageBytes: usualPageBytes)
        let head = try file.bytes(at: 0, count: PageMeta.octets, orFewer: true)
        if let pageBytes = PageMeta.pageBytes(inPage: head), pageBytes != usualPageBytes {
            return file.with(pageBytes: pageBytes)
        }
        return file
    }

    /// Octets of a page where nothing tells another size.
    static let usualPageBytes = 4096

    /// Opens a file for reading.
    static func openDescriptor(_ path: String) throws(EventLogError) -> Int32 {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code = errno
            throw code == ENOENT
                ? EventLogError(.notFound, "there is no such segment", file: path)
                : EventLogError.system("opening the segment", errno: code, file: path)
        }
        return descriptor
    }

    /// The same file with pages of another size.
    func with(pageBytes: Int) -> PageFile {
        PageFile(
            path: path, descriptor: dup(descriptor), pageBytes: pageBytes,
            leftOutTransaction: leftOutTransaction, unreadable: unreadable)
    }

    /// The same file as if a commit had not been made.
    func leavingOut(transaction: UInt64) -> PageFile {
        PageFile(
            path: path, descriptor: dup(descriptor), pageBytes: pageBytes,
            leftOutTransaction: transaction)
    }

    /// Octets of the file now.
    func fileBytes() throws(EventLogError) -> UInt64 {
        var info = stat()
        guard unsafe fstat(descriptor, &info) == 0 else {
            throw EventLogError.system("asking for the size", errno: errno, file: path)
        }
        return UInt64(info.st_size)
    }

    /// Reads octets; fewer than asked for are an error unless `orFewer`.
    func bytes(
        at offset: UInt64, count: Int, orFewer: Bool = false
    ) throws(EventLogError) -> [UInt8] {
        if let unreadable, unreadable.overlaps(offset..<offset + UInt64(count)) {
            throw EventLogError.system("reading at octet \(offset)", errno: EIO, file: path)
        }
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let result = unsafe pread(
                    descriptor, buffer.baseAddress?.advanced(by: filled), count - filled,
                    off_t(offset) + off_t(filled))
                if result < 0, errno == EINTR { continue }
                if result < 0 { failure = errno }
                if result <= 0 { break }
                filled += result
            }
        }
        if failure != 0 {
            throw EventLogError.system("reading at octet \(offset)", errno: failure, file: path)
        }
        guard bytes.count == count || orFewer else {
            throw EventLogError.damaged(
                "the file ends at octet \(offset + UInt64(bytes.count)), inside of what it needs",
                file: path)
        }
        return bytes
    }

    /// Reads page `number` and checks that it is what it says.
    func page(_ number: UInt64, kind: Page.Kind, meta: PageMeta) throws(EventLogError) -> Page {
        guard number >= 2, number <= meta.lastPage else {
            throw damaged("a page refers to page \(number), which is outside of the file")
        }
        let bytes = try bytes(at: number * UInt64(pageBytes), count: pageBytes)
        guard let page = Page(bytes: bytes, number: number, kind: kind) else {
            throw damaged("page \(number) is not the \(kind) page that it must be")
        }
        return page
    }

    /// An error about this file.
    func damaged(_ message: String) -> EventLogError {
        EventLogError.damaged(message, file: path)
    }
}
