internal import Glibc

/// A directory that takes the segments that leave a log: a log of its own, from the first event that
/// was archived. It ends with an empty segment, as every log does, which the next segment that is
/// archived takes the place of.
///
/// At every moment it opens and verifies; what a crash leaves under temporary names the next run
/// removes.
///
/// Concurrency: bound to the thread that made it.
struct SegmentArchive<Codec: BatchCodec> {
    private let parent: LogDirectory
    private let directory: LogDirectory
    private let codec: Codec
    private let configuration: EventLogConfiguration

    /// An archive in a directory: its segments are in `log` under it.
    init(_ path: String, codec: Codec, configuration: EventLogConfiguration) {
        parent = LogDirectory(path)
        directory = LogDirectory(parent.path + "/log")
        self.codec = codec
        self.configuration = configuration
    }

    /// Copies segments, each one checked; those that are there already stay.
    ///
    /// - Parameters:
    ///   - firsts: Sealed segments that follow one another, from the oldest of the log.
    ///   - source: The log's directory.
    /// - Throws: `unsupported` when the archive is of another log, or would have a hole;
    ///   `outOfSpace`, `inaccessible`; `damaged` when a copy is not whole.
    func take(_ firsts: [UInt64], of source: LogDirectory) throws(EventLogError) {
        try parent.create()
        try directory.create()
        let lock = try LogLock(directory)
        defer { withExtendedLifetime(lock) {} }
        let listing = try directory.list()
        for first in listing.compacting { directory.remove(compacting: first) }
        for first in listing.temporaries where listing.segments.last.map({ $0 > first }) ?? true {
            directory.remove(temporary: first)
        }
        if listing.segments.isEmpty {
            if let record = try source.pruned() { try directory.write(record) }
        } else {
            try check(listing.segments, firsts, source)
        }
        for first in firsts {
            let file = try SegmentFile(path: source.segmentPath(first), first: first)
            let meta = try file.meta()
            guard let seal = meta.seal else { continue }
            if try !has(meta) { try copy(file, meta, seal) }
            try makeSuccessor(of: meta, seal)
        }
        try directory.flush()
    }

    /// Whether a sealed segment of this chain is there.
    private func has(_ meta: SegmentMeta) throws(EventLogError) -> Bool {
        guard try directory.list().segments.contains(meta.first) else { return false }
        let kept = try SegmentFile(
            path: directory.segmentPath(meta.first), first: meta.first
        ).meta()
        guard kept.logID == meta.logID, kept.previousHash == meta.previousHash,
            kept.seal == nil || kept.seal?.chainHash == meta.seal?.chainHash
        else {
            throw EventLogError(
                .unsupported, "the archive has another segment of this name",
                file: directory.segmentPath(meta.first), hint: "Give another directory.")
        }
        return kept.seal != nil
    }

    /// Checks that the archive is of this log, and that nothing is missing between them.
    private func check(
        _ segments: [UInt64], _ firsts: [UInt64], _ source: LogDirectory
    ) throws(EventLogError) {
        guard let last = segments.last, let first = firsts.first else { return }
        let kept = try SegmentFile(path: directory.segmentPath(last), first: last)
        let meta = try kept.meta()
        let opening = try SegmentFile(path: source.segmentPath(first), first: first).meta()
        guard meta.logID == opening.logID else {
            throw EventLogError(
                .unsupported, "the archive is of another log", file: kept.path,
                hint: "Give another directory.")
        }
        let end = meta.seal?.lastSequence ?? meta.previousSequence
        guard end + 1 >= first else {
            throw EventLogError(
                .unsupported,
                "the archive ends at \(end) and the log begins at \(first): the events between "
                    + "would be missing from it", file: kept.path, hint: "Give another directory.")
        }
        let lastEvent = try kept.end(flush: false).lastSequence
        guard meta.seal != nil || lastEvent < last else {
            throw EventLogError(
                .unsupported, "events were written to the archive", file: kept.path,
                hint: "Give another directory.")
        }
    }

    /// Makes the empty segment that follows a sealed one, if nothing does.
    private func makeSuccessor(
        of meta: SegmentMeta, _ seal: SegmentMeta.Seal
    ) throws(EventLogError) {
        let next = seal.lastSequence + 1
        let listing = try directory.list()
        guard !listing.segments.contains(next) else { return }
        if !listing.temporaries.contains(next) { try prepareSuccessor(of: meta, seal) }
        try directory.rename(temporary: next)
    }

    private func prepareSuccessor(
        of meta: SegmentMeta, _ seal: SegmentMeta.Seal
    ) throws(EventLogError) {
        var successor = SegmentMeta(
            logID: meta.logID, first: seal.lastSequence + 1, created: seal.time,
            position: Position(
                epoch: meta.epochs.last?.epoch ?? 1, sequence: seal.lastSequence,
                chainHash: seal.chainHash),
            epochs: meta.epochs)
        successor.origin = meta.origin
        try SegmentMaker.create(successor, in: directory, configuration: configuration)
    }

    /// Copies a segment under a temporary name, checks it, and gives it its name. The one that
    /// follows is there before, at least under its temporary name.
    private func copy(
        _ file: SegmentFile, _ meta: SegmentMeta, _ seal: SegmentMeta.Seal
    ) throws(EventLogError) {
        let next = seal.lastSequence + 1
        if try !directory.list().segments.contains(next) { try prepareSuccessor(of: meta, seal) }
        let path = directory.compactPath(meta.first)
        do throws(EventLogError) {
            try FileCopy.make(of: file.pages.descriptor, file.path, at: path)
            var verifier = LogVerifier(codec: codec, files: SegmentFiles(directory: directory))
            let report = verifier.check(rewritten: meta.first, at: path, next: next)
            if let damage = report.damages.first {
                throw EventLogError.damaged(
                    "the segment cannot be archived: \(damage.what)", file: file.path,
                    sequences: damage.sequences)
            }
            configuration.crashPoints.reach(.pruningCopied)
            try directory.replace(compacted: meta.first)
        } catch {
            directory.remove(compacting: meta.first)
            throw error
        }
    }
}
