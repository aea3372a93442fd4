extension LogRecovery {
    /// Makes the log ready for writing: creates it if it does not exist, completes a rotation
    /// that was cut off, removes what a crash left.
    func prepare(configuration: EventLogConfiguration) throws(EventLogError) -> State {
        var state = try state()
        if state == nil {
            state = try createLog(configuration: configuration)
        } else if state?.needsSuccessor == true, let position = state?.position {
            let next = position.sequence + 1
            try checkTemporary(next, follows: position, logID: state?.logID ?? [])
            try directory.rename(temporary: next)
            try directory.flush()
            state?.lastSegment = next
            state?.needsSuccessor = false
        }
        guard let state else {
            throw EventLogError(.notFound, "there is no log", file: directory.path)
        }
        for leftover in try directory.list().temporaries {
            directory.remove(temporary: leftover)
        }
        return state
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

    private func createLog(
        configuration: EventLogConfiguration
    ) throws(EventLogError) -> State {
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
