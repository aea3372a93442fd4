extension LogRecovery {
    /// Makes the log ready for writing: creates it if it does not exist, undoes a commit and
    /// completes a rotation that were cut off, removes what a crash left.
    ///
    /// - Parameters:
    ///   - end: Where the last writer ended, if it did in order.
    ///   - configuration: For what is created.
    /// - Returns: The log's state.
    /// - Throws: `damaged` when its end does not verify, with the file; `writeFailed` when what it
    ///   consists of cannot be flushed.
    func prepare(
        after end: LogLock.OrderlyEnd?, configuration: EventLogConfiguration
    ) throws(EventLogError) -> State {
        try settleEnd(after: end, faults: configuration.faults)
        try mendOlderMeta(after: end)
        let undone = try undoCutOffCommit(after: end)
        var state = try state()
        state?.undone = undone
        if let known = state { state?.lastTime = lastTime(of: known, now: configuration.now()) }
        if state == nil {
            state = try createLog(configuration: configuration)
        } else if state?.needsSuccessor == true, let position = state?.position {
            let next = position.sequence + 1
            try checkTemporary(next, follows: position, logID: state?.logID ?? [])
            try flushSealed(state?.lastSegment, faults: configuration.faults)
            try directory.rename(temporary: next)
            try directory.flush()
            state?.lastSegment = next
            state?.needsSuccessor = false
        }
        guard let state else {
            throw EventLogError(.notFound, "there is no log", file: directory.path)
        }
        let leftovers = try directory.list()
        try directory.finishPruning()
        for leftover in leftovers.temporaries { directory.remove(temporary: leftover) }
        for leftover in leftovers.compacting { directory.remove(compacting: leftover) }
        for leftover in leftovers.incoming { directory.remove(incoming: leftover) }
        return state
    }

    /// Undoes the last commit when a power failure cut it off. A writer that ended in order had
    /// flushed it: what is wrong with it then is damage, and said so by the checks that follow.
    private func undoCutOffCommit(
        after end: LogLock.OrderlyEnd?
    ) throws(EventLogError) -> UndoneCommit? {
        guard let first = try directory.list().segments.last else { return nil }
        let file = try SegmentFile(path: directory.segmentPath(first), first: first)
        guard let commit = try LastCommit(file) else { return nil }
        guard !commit.isEnd(end) else {
            if commit.knowsLess() {
                throw file.pages.damaged("the last commit knows less than the one before it")
            }
            return nil
        }
        switch commit.judge() {
        case .whole: return nil
        case .cutOff(let finding):
            try commit.undo()
            return UndoneCommit(file: file.path, finding: finding)
        case .damaged(let finding): throw file.pages.damaged(finding)
        }
    }

    /// Checks the segment that waits under its temporary name. It is complete: it was durable
    /// before the one before it got its seal.
    private func checkTemporary(
        _ first: UInt64, follows position: Position, logID: [UInt8]
    ) throws(EventLogError) {
        let file = try SegmentFile(path: directory.temporaryPath(first), first: first)
        try file.pages.checkSize()
        let meta = try file.meta()
        guard meta.logID == logID, meta.previousHash == position.chainHash else {
            throw EventLogError.damaged(
                "the segment does not continue the one before it", file: file.path,
                sequences: first...first)
        }
    }

    /// Refuses to begin an empty log where one was: the next segment of a log that lost its files may
    /// still be there under its temporary name. Only the first one is what a beginning leaves.
    private func checkNothingLost() throws(EventLogError) {
        guard let later = try directory.list().temporaries.first(where: { $0 > 1 }) else { return }
        throw EventLogError(
            .damaged,
            "the log's segments are missing: all that is left is the next one, as it was made",
            file: directory.temporaryPath(later), sequences: 1...(later - 1),
            hint: "Restore the segments from a backup or from another site's copy. To begin an "
                + "empty log all the same, use an empty data directory.")
    }

    private func createLog(
        configuration: EventLogConfiguration
    ) throws(EventLogError) -> State {
        try checkNothingLost()
        let position = Position(
            epoch: 1, sequence: 0, chainHash: [UInt8](repeating: 0, count: SHA256.octets))
        let meta = SegmentMeta(
            logID: configuration.makeLogID(), first: 1, created: configuration.now(),
            position: position, epochs: [EpochStart(epoch: 1, firstSequence: 1)])
        try SegmentMaker.create(meta, in: directory, configuration: configuration)
        try directory.rename(temporary: 1)
        try directory.flush()
        return State(
            logID: meta.logID, epochs: meta.epochs, lastTime: meta.created, position: position,
            lastSegment: 1, needsSuccessor: false)
    }
}
