internal import Glibc
internal import LMDB

/// A segment of the new log while it is written: many values in a commit.
///
/// Concurrency: bound to its owner.
final class RepairSegment {
    let first: UInt64
    private let path: String
    private let environment: LMDBEnvironment
    private let events: LMDBTable
    private let content: LMDBTable
    private let meta: LMDBTable
    private var pending: [(table: LMDBTable, key: UInt64, value: [UInt8])] = []
    private var pendingOctets = 0

    init(
        path: String, first: UInt64, configuration: EventLogConfiguration
    ) throws(EventLogError) {
        self.path = path
        self.first = first
        do throws(LMDBError) {
            environment = try LMDBEnvironment.open(
                path: path,
                options: LMDBOptions(
                    mapBytes: configuration.lmdbOptions.mapBytes,
                    maxReaders: configuration.readersMax, maxTables: 3,
                    flags: [.noSubdirectory]))
            events = try environment.openTable(Table.events)
            content = try environment.openTable(Table.content)
            meta = try environment.openTable(Table.meta)
        } catch {
            throw Self.failed(error, path)
        }
    }

    /// Bytes of the file that are in use or will be.
    func usedBytes() throws(EventLogError) -> Int {
        do throws(LMDBError) {
            return try environment.info().usedBytes + pendingOctets
        } catch {
            throw Self.failed(error, path)
        }
    }

    /// Puts a batch and its content blocks; `epochs` when it opens one. Commits when much is
    /// waiting, and then at most `most` octets and one batch.
    func put(
        _ value: [UInt8], key: UInt64, blocks: [(key: UInt64, value: [UInt8])],
        epochs: [EpochStart]?, most: Int
    ) throws(EventLogError) {
        for block in blocks {
            pending.append((content, block.key, block.value))
            pendingOctets += block.value.count
        }
        pending.append((events, key, value))
        pendingOctets += value.count
        if epochs != nil || pendingOctets >= min(most, EventLogLimits.repairCommitOctets) {
            try commit(epochs.map { [(SegmentMeta.Name.epochs, SegmentMeta.bytes(of: $0))] } ?? [])
        }
    }

    /// Ends the segment.
    func seal(
        _ seal: SegmentMeta.Seal, dropped: [ClosedRange<UInt64>]
    ) throws(EventLogError) {
        var records = [(SegmentMeta.Name.sealed, SegmentMeta.bytes(of: seal))]
        if !dropped.isEmpty {
            records.append((SegmentMeta.Name.dropped, SegmentMeta.bytes(of: dropped)))
        }
        try commit(records)
    }

    /// Where a writer of the segment ended in order.
    func end() throws(EventLogError) -> LogLock.OrderlyEnd {
        do throws(LMDBError) {
            return LogLock.OrderlyEnd(
                segment: first, transaction: try environment.info().lastTransaction)
        } catch {
            throw Self.failed(error, path)
        }
    }

    private func commit(_ records: [(SegmentMeta.Name, [UInt8])]) throws(EventLogError) {
        do throws(LMDBError) {
            try environment.write { (transaction) throws(LMDBError) in
                for (table, key, value) in pending {
                    try transaction.put(table, key: key, value: value, append: true)
                }
                for (name, value) in records {
                    try transaction.put(meta, key: name.key, value: value)
                }
            }
        } catch {
            throw Self.failed(error, path)
        }
        pending.removeAll(keepingCapacity: true)
        pendingOctets = 0
    }

    private static func failed(_ error: LMDBError, _ path: String) -> EventLogError {
        EventLogError(
            error.code == ENOSPC || error.code == EDQUOT ? .outOfSpace : .writeFailed,
            "the new segment could not be written: \(error)", file: path,
            hint: "Free some space or give another directory, then run the repair again.")
    }
}
