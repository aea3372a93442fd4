internal import Glibc
internal import LMDB

/// How a commit failed.
enum CommitFailure: Error {
    /// The segment has no room for it. Nothing was written.
    case mapFull
    /// Nothing was written, the segment is as it was, and the next commit may succeed.
    case nothingWritten(LMDBError)
    /// Whether it is on the disk can be told only by reading it again, in another process.
    case unknown(LMDBError)
}

/// The segment that is written.
///
/// Concurrency: bound to the writer thread (after having been opened on another one).
final class ActiveSegment {
    let path: String
    let first: UInt64
    let created: Int64
    private let environment: LMDBEnvironment
    private let events: LMDBTable
    private let content: LMDBTable
    private let meta: LMDBTable
    private let faults: StorageFaults?
    private let crashPoints: CrashPoints
    private var room: RoomAhead

    /// Opens a segment that ``SegmentFile`` has found sound.
    init(
        path: String, meta: SegmentMeta, configuration: EventLogConfiguration
    ) throws(LMDBError) {
        self.path = path
        first = meta.first
        created = meta.created
        faults = configuration.faults
        crashPoints = configuration.crashPoints
        let directory = String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex))
        room = RoomAhead(path: path) { configuration.freeBytes(directory) }
        environment = try LMDBEnvironment.open(
            path: path, options: configuration.lmdbOptions)
        try environment.checkReaders()
        events = try environment.openTable(Table.events)
        content = try environment.openTable(Table.content)
        self.meta = try environment.openTable(Table.meta)
        // The last commit of a killed process may be in the kernel's memory only.
        try environment.sync()
    }

    /// Writes a new segment without batches to `path`, durably but for the directory's entry.
    static func create(
        path: String, meta: SegmentMeta, configuration: EventLogConfiguration
    ) throws(LMDBError) {
        var options = configuration.lmdbOptions
        // The commits that make the tables need no answer soon; LMDB's own order of flushes does.
        options.flags.remove(.noSync)
        let environment = try LMDBEnvironment.open(path: path, options: options)
        _ = try environment.openTable(Table.events, create: true, integerKeys: true)
        _ = try environment.openTable(Table.content, create: true, integerKeys: true)
        let table = try environment.openTable(Table.meta, create: true)
        try environment.write { (transaction) throws(LMDBError) in
            for (name, value) in meta.entries {
                try transaction.put(table, key: name.key, value: value)
            }
        }
    }

    /// Bytes of the file in use.
    func usedBytes() throws(LMDBError) -> Int { try environment.info().usedBytes }

    /// Whether it was made so many seconds ago. One that says it was made long after now, and after the
    /// last event, counts as old: the record is damaged, and would keep the segment open for ever.
    func isOld(at now: Int64, lastTime: Int64, secondsMax: Int64) -> Bool {
        UncheckedTime.isTooFarAhead(created, of: max(now, lastTime))
            || now.subtractingClamping(created) >= secondsMax.multipliedClamping(by: 1_000_000)
    }

    /// The number of the last commit.
    func lastTransaction() throws(LMDBError) -> UInt64 { try environment.info().lastTransaction }

    /// Commits a batch; `epochs` when it opens a new one.
    func commit<Event>(
        _ batch: FormedBatch<Event>, epochs: [EpochStart]?
    ) throws(CommitFailure) {
        try commit(
            values: [(batch.committed.firstSequence, batch.value)], blocks: batch.blocks,
            epochs: epochs)
    }

    /// Commits batches, each with its first sequence, and content blocks, both ascending; `epochs`
    /// when they open a new one.
    func commit(
        values: [(key: UInt64, value: [UInt8])], blocks: [(key: UInt64, value: [UInt8])],
        epochs: [EpochStart]?
    ) throws(CommitFailure) {
        if let used = try? usedBytes() {
            let octets =
                values.reduce(0) { $0 + $1.value.count } + blocks.reduce(0) { $0 + $1.value.count }
            room.provide(behind: used, for: octets)
        }
        try transaction(fault: faults?.beforeCommit()) { (transaction) throws(LMDBError) in
            for (key, value) in blocks {
                try transaction.put(content, key: key, value: value, append: true)
            }
            for (key, value) in values {
                try transaction.put(events, key: key, value: value, append: true)
            }
            if let epochs {
                try transaction.put(
                    meta, key: SegmentMeta.Name.epochs.key,
                    value: SegmentMeta.bytes(of: epochs))
            }
        }
    }

    /// Ends the segment: nothing is written to it afterwards.
    func seal(_ seal: SegmentMeta.Seal) throws(CommitFailure) {
        // Before, so that a sealed segment has none, whenever the process is killed.
        giveRoomBack()
        do {
            try putSeal(seal)
        } catch .mapFull {
            // The batch that did not fit may have left no page for the seal.
            try grow(by: 1 << 20)
            try putSeal(seal)
        }
    }

    /// Cuts off what stands ready behind the segment's end, when nothing more is to be written.
    func giveRoomBack() {
        if let used = try? usedBytes() { room.giveBack(behind: used) }
    }

    private func putSeal(_ seal: SegmentMeta.Seal) throws(CommitFailure) {
        try transaction(fault: nil) { (transaction) throws(LMDBError) in
            try transaction.put(
                meta, key: SegmentMeta.Name.sealed.key, value: SegmentMeta.bytes(of: seal))
        }
    }

    /// Makes the map larger, for one batch that is larger than a whole segment.
    func grow(by bytes: Int) throws(CommitFailure) {
        do {
            let grown = try environment.info().mapBytes + bytes
            try environment.setMapBytes(EventLogConfiguration.wholePages(grown))
        } catch {
            throw .nothingWritten(error)
        }
    }

    /// Runs a write transaction and judges its failure.
    ///
    /// One flush for the pages and the meta page together, so LMDB is told not to flush (by itself
    /// it flushes the pages, then the meta page). What mdb_txn_commit of LMDB 0.9.24 does then, and
    /// what its failure means:
    ///
    /// 1. The trees' records and the free list: MAP_FULL and the like. Nothing was written.
    /// 2. mdb_page_flush, pwrite and writev to pages that no meta page refers to: ENOSPC, EIO; a
    ///    short write, as on a disk that fills up, is EIO too. The old state is intact.
    /// 3. mdb_env_write_meta, pwrite: the new meta page may or may not be written. LMDB refuses
    ///    every later transaction with MDB_PANIC.
    ///
    /// After it mdb_env_sync, fdatasync: the kernel may have dropped pages it could not write, and
    /// says so only once. Never retried. Until it has returned, any part of the commit may be on
    /// the disk, and ``LastCommit`` finds out which after a power failure.
    private func transaction(
        fault: StorageFaults.Fault?,
        _ body: (borrowing LMDBWriteTransaction) throws(LMDBError) -> Void
    ) throws(CommitFailure) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            try body(transaction)
            if let fault {
                try meet(fault, transaction)
            } else {
                try transaction.commit()
                crashPoints.reach(.written)
                try environment.sync()
            }
        } catch {
            if error.isMapFull { throw .mapFull }
            if error.isPanic { throw .unknown(error) }
            if Self.syncOperations.contains(error.operation) { throw .unknown(error) }
            if error.operation == "mdb_txn_commit" {
                do {
                    _ = try environment.beginWrite()
                } catch let next {
                    if next.isPanic { throw .unknown(error) }
                }
            }
            throw .nothingWritten(error)
        }
    }

    private static let syncOperation = "fdatasync (injected)"
    private static let syncOperations = [syncOperation, "mdb_env_sync"]

    /// Does what a test wants to happen instead of a commit.
    private func meet(
        _ fault: StorageFaults.Fault, _ transaction: consuming LMDBWriteTransaction
    ) throws(LMDBError) {
        switch fault {
        case .write(let errno): throw LMDBError(code: errno, operation: "mdb_txn_commit")
        case .mapFull: throw LMDBError.mapFull
        case .sync(let errno): throw LMDBError(code: errno, operation: Self.syncOperation)
        case .meta(let errno):
            try transaction.commit()
            throw LMDBError(code: errno, operation: Self.syncOperation)
        }
    }
}

extension EventLogConfiguration {
    /// How a segment is opened for writing: no write map, and flushed by ``ActiveSegment``.
    var lmdbOptions: LMDBOptions {
        let most = batchOctetsMax + 2 * EventLogLimits.appendOctetsMax
        let bytes = mapBytes > 0 ? mapBytes : max(2 * segmentBytesMax, segmentBytesMax + most)
        return LMDBOptions(
            mapBytes: Self.wholePages(bytes), maxReaders: readersMax, maxTables: 3,
            flags: [.noSubdirectory, .noSync])
    }

    /// So many bytes, raised to a multiple of every page size there is.
    static func wholePages(_ bytes: Int) -> Int {
        let page = 65_536
        return (bytes + page - 1) / page * page
    }
}
