/// Checks a log from end to end: see ``LogReader/verify(codec:from:progress:)``.
///
/// Concurrency: bound to its owner.
struct LogVerifier<Codec: BatchCodec>: ~Copyable {
    let codec: Codec
    let files: SegmentFiles
    let reader = BatchReader()
    var report = VerifyReport()
    /// What the next batch must continue.
    var chain = ChainCheck()
    var logID: [UInt8]?
    /// Of the segment being looked at.
    var path = ""
    /// nil for a log that is whole.
    private var pruned: PruneRecord?
    /// The messages of this segment.
    var contents: ContentCheck?

    /// Called with the raw octets of each batch and its messages; false: the rest is not looked at.
    var pace: (Int) -> Bool = { _ in true }
    var isGivenUp = false

    /// Where the batches of this segment say that epochs begin.
    var epochsSeen: [EpochStart] = []

    init(codec: Codec, files: SegmentFiles) {
        self.codec = codec
        self.files = files
    }

    /// Checks everything from the batch that contains `from`.
    mutating func run(from: UInt64, progress: (VerifyProgress) -> Void) -> VerifyReport {
        do throws(EventLogError) {
            try files.refresh()
        } catch {
            note(error)
            return report
        }
        let all = files.firsts
        guard !all.isEmpty else {
            note(files.directory.path, nil, "there is no log here")
            return report
        }
        let start = max(0, (all.lastIndex { $0 <= max(from, 1) }) ?? 0)
        expectBeginning(from: from, isWhole: start == 0)
        for index in start..<all.count {
            path = files.directory.segmentPath(all[index])
            var state = VerifyProgress(
                file: path, segment: index - start + 1, segmentCount: all.count - start,
                sequence: all[index] - 1, damageCount: report.damageCount)
            progress(state)
            let next = index + 1 < all.count ? all[index + 1] : nil
            let before = (report, chain, logID)
            let follow: (UInt64, Int) -> Void = { sequence, damageCount in
                state.sequence = sequence
                state.damageCount = damageCount
                progress(state)
            }
            verifySegment(all[index], next: next, from: from, progress: follow)
            if next == nil, report.damageCount > before.0.damageCount,
                let cutOff = cutOffCommit(all[index])
            {
                // What the next start makes of it is what can be relied on.
                (report, chain, logID) = before
                verifySegment(
                    all[index], next: nil, from: from, leavingOut: cutOff.transaction,
                    progress: follow)
                noteCutOff(cutOff.finding)
            }
            report.segments += 1
        }
        report.position = chain.position
        return report
    }

    /// Says where the log must begin, when it is looked at from there.
    private mutating func expectBeginning(from: UInt64, isWhole: Bool) {
        do throws(EventLogError) {
            pruned = try files.directory.pruned()
        } catch {
            note(error)
            return
        }
        let first = pruned?.firstSequence ?? 1
        if isWhole, from <= first { chain.expect(first: first) }
    }

    /// Checks that a pruned log goes on where its record says.
    private mutating func checkCut(_ meta: SegmentMeta) {
        guard let pruned, meta.first <= pruned.firstSequence else { return }
        if let wrong = pruned.mismatch(meta) { note(path, meta.first...meta.first, wrong) }
    }

    /// Checks a rewritten segment that has not got its name yet.
    ///
    /// - Parameters:
    ///   - first: Its first sequence.
    ///   - path: Its temporary name.
    ///   - next: First sequence of the segment that follows it.
    /// - Returns: What was found.
    mutating func check(rewritten first: UInt64, at path: String, next: UInt64) -> VerifyReport {
        self.path = path
        verifySegment(first, next: next, from: first) { _, _ in }
        return report
    }

    private static var restoreHint: String {
        "Change and remove nothing here. Restore this file from a backup or from another site's "
            + "copy, then verify again."
    }

    /// Adds a damage; without a hint of its own the file is to be restored.
    mutating func note(
        _ file: String, _ sequences: ClosedRange<UInt64>?, _ what: String,
        hint: String? = nil
    ) {
        report.damageCount += 1
        guard report.damages.count < EventLogLimits.damagesListedMax else { return }
        report.damages.append(
            Damage(file: file, sequences: sequences, what: what, hint: hint ?? Self.restoreHint))
    }

    /// The last commit of a stopped writer, when the next start takes it back.
    private func cutOffCommit(_ first: UInt64) -> (transaction: UInt64, finding: String)? {
        let directory = files.directory.path
        guard !LogLock.isHeld(directory: directory),
            let file = try? SegmentFile(path: path, first: first),
            let commit = try? LastCommit(file),
            !commit.isEnd(LogLock.orderlyEnd(directory: directory)),
            case .cutOff(let finding) = commit.judge()
        else { return nil }
        return (commit.transaction, finding)
    }

    private mutating func noteCutOff(_ finding: String) {
        note(
            path, nil,
            "the last commit is not whole, the one before it is (\(finding)): as after a power "
                + "failure. Nobody has been told of it",
            hint: "Start the server, which takes it back, then verify again.")
    }

    /// Adds a damage that an error tells of.
    mutating func note(_ error: EventLogError) {
        note(
            error.file.isEmpty ? path : error.file, error.sequences, error.message,
            hint: Self.hint(error))
    }

    /// What is to be done about an error, where it is not to restore the file: a newer version's is as
    /// good as it can be.
    private static func hint(_ error: EventLogError) -> String? {
        error.code == .unsupported ? error.hint : nil
    }

    private mutating func verifySegment(
        _ first: UInt64, next: UInt64?, from: UInt64, leavingOut leftOut: UInt64? = nil,
        progress: (UInt64, Int) -> Void
    ) {
        contents = nil
        epochsSeen = []
        let damagesBefore = report.damageCount
        let file: SegmentFile
        let meta: SegmentMeta
        do throws(EventLogError) {
            // Opened anew: what a reader has open may not be what the name stands for now.
            file = try SegmentFile(path: path, first: first, leavingOut: leftOut)
            report.fileBytes += try file.pages.fileBytes()
            // The commit before one that was cut off has been looked at page by page.
            if leftOut == nil {
                do throws(EventLogError) { try file.pages.checkSize() } catch { note(error) }
            }
            meta = try file.meta()
        } catch {
            note(
                path, error.sequences ?? first...max(first, (next ?? first + 1) - 1), error.message,
                hint: Self.hint(error))
            chain.loseTrack(at: next)
            return
        }
        if let gap = chain.gap(before: first) {
            note(path, gap, "a segment is missing before this one")
            chain.loseTrack(at: first)
        }
        checkMeta(meta, next: next)
        let skipped = start(of: from, in: file)
        contents = ContentCheck(file, meta: meta, from: skipped ?? 0)
        if let audited = audit(file, skipping: skipped, progress: progress) {
            // A batch that was not there, or could not be read, at the segment's end.
            checkAgainstOlderMeta(file, newest: audited)
        } else {
            followLive(file, from: skipped ?? first, progress: progress)
        }
        report.contents += contents?.messages ?? 0
        checkEnd(meta, next: next)
        // What is missing has been said; what follows from it need not be. Read again: a writer may
        // have begun an epoch meanwhile.
        if report.damageCount == damagesBefore, let meta = try? file.meta() { checkEpochs(meta) }
    }

    /// First sequence of the stored value that contains `from`, when that is in this segment.
    private mutating func start(of from: UInt64, in file: SegmentFile) -> UInt64? {
        guard from > file.first else { return nil }
        do throws(EventLogError) {
            return try file.batches(floor: from)?.entry().key
        } catch {
            note(error)
            return nil
        }
    }

    private mutating func checkMeta(_ meta: SegmentMeta, next: UInt64?) {
        if let logID, logID != meta.logID {
            note(path, nil, "the segment belongs to another log")
        }
        logID = logID ?? meta.logID
        if chain.isOpening {
            checkCut(meta)
            chain.begin(meta)
        } else if chain.hash.map({ $0 != meta.previousHash }) ?? false {
            note(
                path, meta.first...meta.first,
                "the segment does not continue the chain of the one before it")
        }
        if next != nil, meta.seal == nil {
            note(path, nil, "the segment has no seal although another one follows")
        }
    }

    /// Checks the seal against what was read.
    private mutating func checkEnd(_ meta: SegmentMeta, next: UInt64?) {
        guard let seal = meta.seal else { return }
        if let gap = chain.gap(before: seal.lastSequence + 1) {
            note(path, gap, "these events are missing from the segment, its seal counts them")
            chain.loseTrack(at: seal.lastSequence + 1)
        } else if let hash = chain.hash, hash != seal.chainHash {
            note(
                path, seal.lastSequence...seal.lastSequence,
                "the segment's seal does not fit its last batch")
        }
        // Lost track within the segment: what follows is still known from the seal.
        chain.resume(after: seal)
        let successor = seal.lastSequence + 1
        if next == nil, (try? files.directory.list().temporaries.contains(successor)) != true,
            (try? files.directory.list().segments.contains(successor)) != true
        {
            note(
                files.directory.segmentPath(successor), successor...successor,
                "the segment is sealed and the one that must follow it is missing")
        }
    }
}
