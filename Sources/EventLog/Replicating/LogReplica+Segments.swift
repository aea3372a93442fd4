internal import Glibc

extension LogReplica {
    /// Where a segment is put together that another site sends as a file. A later try begins anew; the
    /// next start of a writer removes it.
    ///
    /// - Parameter first: The segment's first sequence.
    /// - Returns: A path in the log's directory.
    package func incomingPath(_ first: UInt64) -> String { directory.incomingPath(first) }

    /// Makes what a writer adds next belong to an epoch that no batch here has, as after a restore: the
    /// log's last segment is an empty one of that epoch then.
    ///
    /// - Parameter epoch: Above every epoch of the log.
    /// - Throws: As ``append(_:segmentFirst:)``.
    package func begin(epoch: UInt32) throws(EventLogError) {
        if let poison { throw poison }
        guard epoch > position.epoch else {
            throw EventLogError(
                .unsupported,
                "the log has epoch \(position.epoch) already: \(epoch) is none to begin")
        }
        var opened = epochs.filter { $0.firstSequence <= position.sequence }
        opened.append(EpochStart(epoch: epoch, firstSequence: position.sequence + 1))
        if active.first <= position.sequence {
            try rotate(epochs: opened)
        } else {
            do throws(CommitFailure) {
                try active.commit(values: [], blocks: [], epochs: opened)
            } catch {
                throw judge(error)
            }
        }
        epochs = opened
    }

    /// Ends the segment that is written and goes on with the next one, as the other site did.
    func rotate(epochs opened: [EpochStart]? = nil) throws(EventLogError) {
        let next = try makeNext(after: position, epochs: opened ?? epochs)
        configuration.crashPoints.reach(.created)
        do throws(CommitFailure) {
            try active.seal(
                SegmentMeta.Seal(
                    lastSequence: position.sequence, chainHash: position.chainHash,
                    time: max(configuration.now(), lastTime)))
        } catch {
            let judged = judge(error)
            if poison == nil { directory.remove(temporary: next.first) }
            throw judged
        }
        configuration.crashPoints.reach(.sealed)
        try goOn(in: next)
    }

    /// Takes over a sealed segment that has been received whole as a file at ``incomingPath(_:)``: the
    /// one that is written here, or the one that follows when that is at its end.
    ///
    /// - Parameter segment: What the other site says of it.
    /// - Throws: `damaged` when it is not what it must be, `unsupported` when it does not belong here:
    ///   the log is as it was. `outcomeUnknown`: the process has to end.
    package func install(_ segment: SealedSegment) throws(EventLogError) {
        if let poison { throw poison }
        let first = segment.firstSequence
        let path = directory.incomingPath(first)
        let (meta, time) = try check(segment, at: path)
        if active.first < first, position.sequence + 1 == first { try rotate() }
        guard active.first == first else {
            throw EventLogError(
                .unsupported,
                "the segment begins at \(first), the one that is written here at \(active.first)",
                file: path, hint: "The sites' segments differ: begin with an empty data directory.")
        }
        let end = Position(
            epoch: meta.epochs.last?.epoch ?? 1, sequence: segment.lastSequence,
            chainHash: segment.chainHash)
        try LogDirectory.flush(file: path)
        // The successor first: a sealed segment without one would be taken for damage.
        let next = try makeNext(after: end, epochs: meta.epochs)
        configuration.crashPoints.reach(.created)
        guard unsafe Glibc.rename(path, directory.segmentPath(first)) == 0 else {
            let error = EventLogError.system("renaming", errno: errno, file: path)
            directory.remove(temporary: next.first)
            throw error
        }
        // From here on the log is another one. What follows poisons this writer, or cannot fail.
        _ = unsafe unlink(directory.segmentPath(first) + "-lock")
        configuration.crashPoints.reach(.sealed)
        try goOn(in: next)
        reader.files.forget(first)
        epochs = meta.epochs
        lastTime = time
        position = end
        durable.advance(to: position)
    }

    /// Makes the segment that follows a position, under its temporary name.
    private func makeNext(
        after position: Position, epochs: [EpochStart]
    ) throws(EventLogError) -> SegmentMeta {
        let meta = SegmentMeta(
            logID: logID, first: position.sequence + 1,
            created: max(configuration.now(), lastTime), position: position, epochs: epochs)
        try SegmentMaker.create(meta, in: directory, configuration: configuration)
        return meta
    }

    /// Gives the next segment its name and writes there from now on.
    ///
    /// - Throws: `outcomeUnknown`, and nothing else: this writer refuses everything from then on, and the
    ///   process has to end.
    private func goOn(in next: SegmentMeta) throws(EventLogError) {
        do throws(EventLogError) {
            try directory.rename(temporary: next.first)
            configuration.crashPoints.reach(.renamed)
            try directory.flush()
            active = try SegmentMaker.open(next, in: directory, configuration: configuration)
        } catch {
            let unknown = EventLogError(
                .outcomeUnknown, "the next segment could not be opened: \(error)",
                file: active.path,
                hint: "Check the disk, then start again: what is really there is read then.")
            poison = unknown
            configuration.fatal(unknown)
            throw unknown
        }
        // What was written is written, whether the directory can be listed now or not: a reader lists it
        // again when it misses an event.
        _ = try? reader.files.refresh()
    }

    /// Reads a received file from end to end: pages, chain, each message; it is the segment that was
    /// announced, and it continues what is here.
    ///
    /// - Returns: What it says of itself, and the time of its last event.
    private func check(
        _ segment: SealedSegment, at path: String
    ) throws(EventLogError) -> (SegmentMeta, lastTime: Int64) {
        let first = segment.firstSequence
        let file = try SegmentFile(path: path, first: first)
        let meta = try file.meta()
        guard meta.logID == logID else {
            throw EventLogError(.unsupported, "the segment belongs to another log", file: path)
        }
        guard let seal = meta.seal, seal.lastSequence == segment.lastSequence,
            seal.chainHash == segment.chainHash, segment.lastSequence >= position.sequence
        else { throw refused(path, first, "it is not the one that was announced") }
        var verifier = LogVerifier(codec: codec, files: SegmentFiles(directory: directory))
        let report = verifier.check(rewritten: first, at: path, next: segment.lastSequence + 1)
        if let damage = report.damages.first { throw refused(path, first, damage.what) }
        if position.sequence + 1 == first {
            guard meta.previousHash == position.chainHash else {
                throw refused(path, first, "it does not continue the chain")
            }
        } else {
            let run = try file.batches(floor: position.sequence)
            let batches = try run.map { (run) throws(EventLogError) in
                try BatchReader().batches(of: run)
            }
            guard let batch = batches?.first(where: { $0.lastSequence == position.sequence }),
                batch.position.chainHash == position.chainHash
            else { throw refused(path, first, "it does not continue the chain") }
        }
        return (meta, try file.lastEventTime() ?? lastTime)
    }

    private func refused(_ path: String, _ first: UInt64, _ what: String) -> EventLogError {
        EventLogError(
            .damaged, "the segment that the other site sent is refused: \(what)", file: path,
            sequences: first...first, hint: "Nothing was changed here; it is asked for again.")
    }
}
