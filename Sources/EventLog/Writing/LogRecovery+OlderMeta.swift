internal import Glibc

extension LogRecovery {
    /// Writes the older meta page of the last segment anew, when a write of it that failed has spoiled it.
    ///
    /// A commit writes its meta page over that of the commit before the last one. When the write fails,
    /// LMDB 0.9.24 (mdb_env_write_meta) writes the old transaction's number and last page back, beside the
    /// trees of the commit that failed: a page that contradicts itself, of a transaction that nobody needs. The
    /// other page is that of the last commit, which is whole. Only such a page is written: one that says that
    /// it is of the transaction before the sound one, while everything that the sound one refers to is there.
    /// After an end in order it is damage.
    ///
    /// - Parameter end: Where the last writer ended, if it did in order.
    /// - Throws: `writeFailed`, `outOfSpace`, `inaccessible` when it cannot be written.
    func mendOlderMeta(after end: LogLock.OrderlyEnd?) throws(EventLogError) {
        guard let first = try directory.list().segments.last, end?.segment != first else { return }
        let file = try SegmentFile(path: directory.segmentPath(first), first: first)
        let pages = file.pages
        let metas = try pages.metas()
        guard (metas.0 == nil) != (metas.1 == nil), let sound = metas.0 ?? metas.1,
            sound.transaction > 0
        else { return }
        let index = 1 - sound.index
        let spoiled = try pages.bytes(at: UInt64(index * pages.pageBytes), count: PageMeta.octets)
        guard PageMeta.pageBytes(inPage: spoiled) == pages.pageBytes,
            spoiled.integer(at: PageMeta.transactionOffset, as: UInt64.self)
                == sound.transaction - 1
        else { return }
        var inspection = CommitInspection(file: file, meta: sound)
        inspection.run()
        guard inspection.findings.isEmpty else { return }
        try pages.writeMeta(like: sound, at: index, transaction: sound.transaction - 1)
    }
}

extension PageFile {
    /// Writes a meta page that has the state of the other one, durably. May be repeated.
    ///
    /// - Parameters:
    ///   - meta: The other one.
    ///   - index: Of the page: 0 or 1.
    ///   - transaction: The number that it gets.
    /// - Throws: When it cannot be written.
    func writeMeta(
        like meta: PageMeta, at index: Int, transaction: UInt64
    ) throws(EventLogError) {
        var page = try bytes(at: UInt64(meta.index * pageBytes), count: pageBytes)
        page.store(integer: UInt64(index), at: 0)
        page.store(integer: transaction, at: PageMeta.transactionOffset)
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw EventLogError.system("opening the segment", errno: errno, file: path)
        }
        defer { _ = close(descriptor) }
        let written = unsafe pwrite(descriptor, page, page.count, off_t(index * pageBytes))
        guard written == page.count, fdatasync(descriptor) == 0 else {
            throw EventLogError.system("writing a meta page", errno: errno, file: path)
        }
    }
}
