/// Judges the last commit of a segment whose writer did not end in order, and undoes it when a
/// power failure cut it off.
///
/// A commit writes its pages and then its meta page, and flushes both with one call
/// (``ActiveSegment``). Until that call returns nobody has been told, and a power failure may have
/// let any part of it reach the disk: the meta page without the pages that it refers to, too. The
/// commit before was whole on the disk before this one began, and LMDB overwrites none of its
/// pages: what the older meta page refers to is what was there before. docs/decisions/0015.
///
/// Concurrency: value; only while nobody else writes the segment.
struct LastCommit {
    /// What the last commit is.
    enum Judgement: Equatable {
        /// Nothing of it is missing, or nothing tells that there is.
        case whole
        /// It is not whole, the one before it is.
        case cutOff(finding: String)
        /// Neither is whole, and they do not lack the same: more than a power failure was at work.
        case damaged(finding: String)
    }

    private let file: SegmentFile
    private let newest: PageMeta
    private let older: PageMeta

    /// Reads the two meta pages.
    ///
    /// - Returns: nil when they are not those of two commits side by side; the checks that follow
    ///   say what is wrong with the file then.
    init?(_ file: SegmentFile) throws(EventLogError) {
        let metas = try file.pages.metas()
        guard let newest = PageFile.newest(metas),
            let older = newest.index == 0 ? metas.1 : metas.0,
            newest.transaction == older.transaction + 1, older.transaction > 0
        else { return nil }
        self.file = file
        self.newest = newest
        self.older = older
    }

    /// The transaction that made it.
    var transaction: UInt64 { newest.transaction }

    /// Whether it is the one with which a writer ended in order, and so was flushed.
    func isEnd(_ end: LogLock.OrderlyEnd?) -> Bool {
        end == LogLock.OrderlyEnd(segment: file.first, transaction: newest.transaction)
    }

    /// Looks at every page that the last commit refers to.
    func judge() -> Judgement {
        var inspection = CommitInspection(file: file, meta: newest)
        inspection.run()
        var before = CommitInspection(file: file, meta: older)
        if inspection.findings.isEmpty {
            return knowsLess()
                ? .cutOff(finding: "it knows less than the commit before") : .whole
        }
        before.run()
        let known = before.findings
        guard let finding = inspection.findings.first(where: { !known.contains($0) }) else {
            return .whole
        }
        return known.isEmpty ? .cutOff(finding: finding) : .damaged(finding: finding)
    }

    /// Whether the last commit's tables end before those of the commit before: stale pages can form
    /// an older state that is whole by itself.
    func knowsLess() -> Bool {
        var last = CommitInspection(file: file, meta: newest)
        var before = CommitInspection(file: file, meta: older)
        last.readEnd()
        before.readEnd()
        return last.findings.isEmpty && before.findings.isEmpty && !last.end.continues(before.end)
    }

    /// Makes the commit before the last one again: the next commit takes the place of the one that
    /// was cut off. Durable when this returns; may be repeated.
    func undo() throws(EventLogError) {
        try file.pages.writeMeta(
            like: older, at: newest.index, transaction: older.transaction - 1)
    }
}

/// A commit that was taken back when the log was opened.
///
/// Concurrency: value.
package struct UndoneCommit: Hashable, Sendable {
    /// The segment.
    package var file: String
    /// What was not whole.
    package var finding: String
}
