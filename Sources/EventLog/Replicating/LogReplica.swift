internal import Glibc
internal import LMDB

/// The writer of a standby's log: takes over batches and sealed segments that another site wrote,
/// octet for octet, and believes none of them before it has checked them.
///
/// What it does: checks each batch's checksum, its place in sequence, chain, epoch and time, and each
/// message against what its event says; commits durably; ends its segments where the other site's end.
///
/// What it never does: form a batch, leave out or change one, write behind a gap.
///
/// Concurrency: bound to one thread of its owner, which opens it too: LMDB wants its write transactions
/// on one thread. ``reader`` may be shared.
package final class LogReplica<Codec: BatchCodec> {
    let directory: LogDirectory
    let configuration: EventLogConfiguration
    let codec: Codec
    let durable: DurablePosition
    private let lock: LogLock
    var active: ActiveSegment
    var lastTime: Int64
    /// Set when the outcome of a commit is unknown: nothing is written any more.
    package internal(set) var poison: EventLogError?
    /// Where the reigns of this log begin, ascending.
    package internal(set) var epochs: [EpochStart]

    /// The 16 octets that all segments of this log carry.
    package let logID: [UInt8]
    /// Where the log ends.
    package internal(set) var position: Position
    /// Reads this log, up to what is durable.
    package let reader: LogReader

    /// Opens the log of a standby, making it if there is none.
    ///
    /// - Parameters:
    ///   - path: Holds the segments: `DATA/log`.
    ///   - codec: Says which content belongs to a batch.
    ///   - logID: Of the log that is taken over; nil: it must be there already.
    ///   - beginning: Where a log that is made here begins, because the other one was pruned; nil: with
    ///     the first event of all.
    ///   - configuration: Where the log stands, and its clocks.
    /// - Throws: `notFound` when there is no log and no id; `unsupported` when another log is there;
    ///   `locked` when another writer has it; `damaged` when its end does not verify.
    package init(
        directory path: String, codec: Codec, logID: [UInt8]?, beginning: LogBeginning? = nil,
        configuration: EventLogConfiguration = .init()
    ) throws(EventLogError) {
        let directory = LogDirectory(path)
        if let logID {
            try directory.create()
            guard logID.count == SegmentMeta.logIDOctets else {
                throw EventLogError(
                    .unsupported, "a log's id has \(SegmentMeta.logIDOctets) octets")
            }
        } else if try directory.list().segments.isEmpty {
            throw EventLogError(.notFound, "there is no log here", file: path)
        }
        if !configuration.allowAnyFileSystem,
            let name = FileSystem.unsuitableName(of: directory.path)
        {
            throw EventLogError(
                .unsupported, "the log cannot stand on \(name): it may lose what it acknowledged",
                file: directory.path, hint: "Use a local file system for the data directory.")
        }
        lock = try LogLock(directory)
        var settings = configuration
        if let logID { settings.makeLogID = { logID } }
        if logID != nil, try directory.list().segments.isEmpty {
            if let beginning {
                try directory.begin(beginning, configuration: settings)
            } else {
                try directory.forgetBeginning()
            }
        }
        let state = try LogRecovery(directory: directory).prepare(
            after: lock.orderlyEnd, configuration: settings)
        guard let last = state.lastSegment else {
            throw EventLogError(.notFound, "there is no segment", file: directory.path)
        }
        guard logID == nil || state.logID == logID else {
            throw EventLogError(
                .unsupported, "another log stands here than the one to be taken over",
                file: directory.path,
                hint: "Give an empty data directory, or that of a site that has held this log.")
        }
        let file = try SegmentFile(path: directory.segmentPath(last), first: last)
        active = try SegmentMaker.open(
            try file.meta(), in: directory, configuration: configuration)
        self.directory = directory
        self.configuration = settings
        self.codec = codec
        self.logID = state.logID
        epochs = state.epochs
        position = state.position
        durable = DurablePosition(state.position)
        let files = SegmentFiles(directory: directory)
        try files.refresh()
        reader = LogReader(files: files, durable: durable)
        // A segment without a batch has only the time when it was made, by this site's clock.
        if let record = reader.pruned, record.cut.sequence == state.position.sequence {
            lastTime = record.cutTime
        } else {
            lastTime = try reader.batch(containing: state.position.sequence)?.lastTime ?? .min
        }
    }

    /// Time of the last event, microseconds since the Unix epoch; nil when there is none.
    package var lastEventTime: Int64? { position.sequence > 0 ? lastTime : nil }

    /// First sequence of the segment that is written.
    package var activeFirst: UInt64 { active.first }

    /// Takes over batches; they are durable when this returns.
    ///
    /// - Parameters:
    ///   - batches: Side by side, from the first one behind ``position``.
    ///   - segmentFirst: Where the segment begins that they stand in at the other site.
    /// - Throws: `damaged` when something is not what it must be: nothing was written. `writeFailed`,
    ///   `outOfSpace`: nothing was written. `outcomeUnknown`: the process has to end.
    package func append(
        _ batches: [ShippedBatch], segmentFirst: UInt64
    ) throws(EventLogError) {
        if let poison { throw poison }
        guard !batches.isEmpty else { return }
        var check = ReplicaCheck(
            position: position, lastTime: lastTime, epochs: epochs, place: active.path)
        for batch in batches { try check.follow(batch, codec: codec) }
        if segmentFirst == position.sequence + 1, active.first < segmentFirst {
            try rotate()
        }
        try commit(batches, epochs: check.epochs == epochs ? nil : check.epochs)
        epochs = check.epochs
        lastTime = check.lastTime
        position = check.position
        durable.advance(to: position)
    }

    private func commit(
        _ batches: [ShippedBatch], epochs: [EpochStart]?
    ) throws(EventLogError) {
        let values = batches.map {
            (key: $0.value.integer(at: 24, as: UInt64.self), value: $0.value)
        }
        let blocks = batches.flatMap { $0.blocks.map { (key: $0.key, value: $0.value) } }
        let octets = batches.reduce(0) { $0 + $1.octets }
        configuration.crashPoints.reach(.beforeCommit)
        while true {
            do throws(CommitFailure) {
                try active.commit(values: values, blocks: blocks, epochs: epochs)
                configuration.crashPoints.reach(.afterCommit)
                return
            } catch .mapFull {
                do throws(CommitFailure) {
                    try active.grow(by: 2 * octets + (4 << 20))
                } catch {
                    throw judge(error)
                }
            } catch {
                throw judge(error)
            }
        }
    }

    func judge(_ failure: CommitFailure) -> EventLogError {
        let error = failure.judged(
            file: active.path, directory: directory, configuration: configuration)
        if error.code == .outcomeUnknown {
            poison = error
            configuration.fatal(error)
        }
        return error
    }

    /// Notes an orderly end, so that the next start need not look so closely.
    package func close() {
        guard poison == nil, let transaction = try? active.lastTransaction() else { return }
        active.giveRoomBack()
        lock.note(LogLock.OrderlyEnd(segment: active.first, transaction: transaction))
    }
}
