/// Finds out, before anything is mapped or written, what a log consists of and where it ends.
///
/// Refuses what does not fit together, with the file, the sequences and the command to run.
/// Looks at every segment's meta records and sizes, and at the last batch; everything else is
/// checked when it is read, or by ``LogReader/verify(codec:from:progress:)``.
struct LogRecovery {
    /// What is known of a log that may be written.
    struct State {
        var logID: [UInt8]
        var epochs: [EpochStart]
        /// Time of the last event; of the last segment's creation when that has no batch.
        var lastTime: Int64
        var position: Position
        /// First sequence of the last segment; nil for a log that does not exist yet.
        var lastSegment: UInt64?
        /// The last segment has its seal: the next one waits under its temporary name.
        var needsSuccessor: Bool
        /// The last commit was cut off and taken back.
        var undone: UndoneCommit?
    }

    let directory: LogDirectory

    /// Reads the log's state; nothing is changed.
    func state() throws(EventLogError) -> State? {
        let listed = try directory.list().segments
        let pruned = try directory.pruned()
        let firsts = listed.filter { $0 >= pruned?.firstSequence ?? 1 }
        var state: State?
        for (index, first) in firsts.enumerated() {
            let file = try SegmentFile(path: directory.segmentPath(first), first: first)
            try file.pages.checkSize()
            let meta = try file.meta()
            try checkJoint(meta, file: file.path, after: state, pruned)
            let isLast = index == firsts.count - 1
            guard isLast || meta.seal != nil else {
                throw EventLogError.damaged(
                    "the segment has no seal although another one follows", file: file.path)
            }
            var next = State(
                logID: meta.logID, epochs: meta.epochs, lastTime: meta.created,
                position: Position(
                    epoch: meta.epochs.last?.epoch ?? 1, sequence: meta.previousSequence,
                    chainHash: meta.previousHash),
                lastSegment: first, needsSuccessor: isLast && meta.seal != nil)
            if isLast {
                try followLastBatch(of: file, into: &next)
                try check(seal: meta.seal, fits: next.position, file: file.path)
            } else if let seal = meta.seal {
                next.position.sequence = seal.lastSequence
                next.position.chainHash = seal.chainHash
            }
            state = next
        }
        if let pruned, state == nil {
            throw EventLogError.damaged(
                "no segment is left of the log, whose first one was pruned", file: directory.path,
                sequences: pruned.firstSequence...pruned.firstSequence)
        }
        return state
    }

    /// Checks that a segment continues the one before it.
    private func checkJoint(
        _ meta: SegmentMeta, file: String, after state: State?, _ pruned: PruneRecord?
    ) throws(EventLogError) {
        guard let state else { return try checkBeginning(meta, file: file, pruned) }
        guard meta.logID == state.logID else {
            throw EventLogError(
                .unsupported, "the segment belongs to another log", file: file,
                hint: EventLogError.verifyHint(file: file))
        }
        let expected = state.position.sequence + 1
        guard meta.first == expected else {
            let low = min(expected, meta.first)
            let high = max(expected, meta.first) - 1
            throw EventLogError.damaged(
                "the segment begins at \(meta.first), the one before it ends at "
                    + "\(state.position.sequence): a segment is missing or does not belong here",
                file: file, sequences: low...max(low, high))
        }
        guard meta.previousHash == state.position.chainHash else {
            throw EventLogError.damaged(
                "the segment does not continue the chain of the one before it", file: file,
                sequences: meta.first...meta.first)
        }
    }

    /// Checks that the oldest segment is where the log begins: at 1, or where it was pruned.
    private func checkBeginning(
        _ meta: SegmentMeta, file: String, _ pruned: PruneRecord?
    ) throws(EventLogError) {
        let first = pruned?.firstSequence ?? 1
        guard meta.first == first else {
            throw EventLogError.damaged(
                "the log's oldest segment begins at \(meta.first): those before are missing",
                file: file, sequences: first...max(first, meta.first - 1))
        }
        guard let pruned else { return }
        if let wrong = pruned.mismatch(meta) {
            throw EventLogError.damaged(wrong, file: file, sequences: first...first)
        }
    }

    /// Verifies the last batch and its link, and moves the state to it.
    private func followLastBatch(
        of file: SegmentFile, into state: inout State
    ) throws(EventLogError) {
        guard let run = try file.batches(floor: .max) else { return }
        let reader = BatchReader()
        var batches = try reader.batches(of: run)
        guard let batch = batches.popLast() else { return }
        var previous = state.position
        let first = batch.firstSequence
        if batches.isEmpty, first > file.first {
            guard let run = try file.batches(floor: first - 1) else {
                throw EventLogError.damaged(
                    "the batches before \(first) are missing", file: file.path,
                    sequences: file.first...(first - 1))
            }
            batches = try reader.batches(of: run)
        }
        if let before = batches.last {
            previous = Position(
                epoch: before.epoch, sequence: before.lastSequence,
                chainHash: reader.chainHash(of: before))
        }
        guard batch.firstSequence == previous.sequence + 1,
            batch.header.previousHash == previous.chainHash
        else {
            throw EventLogError.damaged(
                "the last batch does not continue the chain", file: file.path,
                sequences: batch.firstSequence...batch.lastSequence)
        }
        state.position = Position(
            epoch: batch.epoch, sequence: batch.lastSequence,
            chainHash: reader.chainHash(of: batch))
        state.lastTime = batch.lastTime
    }

    private func check(
        seal: SegmentMeta.Seal?, fits position: Position, file: String
    ) throws(EventLogError) {
        guard let seal else { return }
        guard seal.lastSequence == position.sequence, seal.chainHash == position.chainHash else {
            throw EventLogError.damaged(
                "the segment's seal does not fit its last batch", file: file,
                sequences: position.sequence...max(position.sequence, seal.lastSequence))
        }
        let next = seal.lastSequence + 1
        guard try directory.list().temporaries.contains(next) else {
            throw EventLogError.damaged(
                "the segment is sealed and the one that must follow it is missing",
                file: directory.segmentPath(next), sequences: next...next)
        }
    }
}

extension PageFile {
    /// Checks, before the file is mapped, that both meta pages are sound and that the file is as
    /// long as they say. LMDB does not, and reading past the end of a map is a SIGBUS.
    func checkSize() throws(EventLogError) {
        let metas = try metas()
        guard let first = metas.0, let second = metas.1 else {
            throw damaged("meta page \(metas.0 == nil ? 0 : 1) is damaged or missing")
        }
        let newer = first.transaction > second.transaction ? first : second
        let older = first.transaction > second.transaction ? second : first
        guard newer.transaction - older.transaction == 1, older.lastPage <= newer.lastPage else {
            throw damaged(
                "the meta pages contradict each other (transactions \(older.transaction) and "
                    + "\(newer.transaction))")
        }
        let octets = try fileBytes()
        let present = octets / UInt64(pageBytes)
        guard present <= newer.lastPage else { return }
        // LMDB does not write pages that it gave back in the transaction that took them, so the
        // very last ones may be missing if they are free.
        let free =
            newer.lastPage - present < UInt64(EventLogLimits.missingPagesMax)
            ? try read { (snapshot) throws(EventLogError) in try snapshot.freePages() } : []
        guard !free.isEmpty, free.isSuperset(of: present...newer.lastPage) else {
            throw damaged(
                "the file was truncated: it has \(octets) octets and must have "
                    + "\((newer.lastPage + 1) * UInt64(pageBytes))")
        }
    }
}
