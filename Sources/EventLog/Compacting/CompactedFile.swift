internal import Glibc
internal import LMDB

/// A compacted segment while it is written, under its temporary name.
///
/// Concurrency: bound to the thread that made it.
final class CompactedFile {
    private typealias Entry = (key: UInt64, value: [UInt8])

    let path: String
    private let environment: LMDBEnvironment
    private let events: LMDBTable
    private let content: LMDBTable
    private let meta: LMDBTable
    private var groups: [Entry] = []
    private var blocks: [Entry] = []
    private var waitingOctets = 0
    private let room: (Int) throws(EventLogError) -> Void

    /// Makes an empty one; what stands there is replaced.
    ///
    /// - Parameters:
    ///   - path: Its temporary name.
    ///   - mapBytes: The most that it can grow to; takes nothing of the disk.
    ///   - room: Called with the octets that are written next; throws when the disk must not be filled
    ///     by these.
    /// - Throws: `outOfSpace`, `writeFailed`.
    init(
        path: String, mapBytes: Int, room: @escaping (Int) throws(EventLogError) -> Void = { _ in }
    ) throws(EventLogError) {
        self.path = path
        self.room = room
        _ = unsafe unlink(path)
        do throws(LMDBError) {
            environment = try LMDBEnvironment.open(
                path: path,
                options: LMDBOptions(
                    mapBytes: EventLogConfiguration.wholePages(mapBytes), maxReaders: 1,
                    // Nobody reads it before it is flushed, and nobody misses it.
                    maxTables: 3, flags: [.noSubdirectory, .noSync, .noLock]))
            events = try environment.openTable(Table.events, create: true, integerKeys: true)
            content = try environment.openTable(Table.content, create: true, integerKeys: true)
            meta = try environment.openTable(Table.meta, create: true)
        } catch {
            throw Self.failure(error, path)
        }
    }

    /// Adds a value of the table `events`.
    func put(group: (key: UInt64, value: [UInt8])) throws(EventLogError) {
        groups.append(group)
        try took(group.value.count)
    }

    /// Adds a content block.
    func put(block: (key: UInt64, value: [UInt8])) throws(EventLogError) {
        blocks.append(block)
        try took(block.value.count)
    }

    /// Writes the meta records and flushes everything.
    func finish(_ record: SegmentMeta) throws(EventLogError) {
        try commit()
        do throws(LMDBError) {
            try environment.write { (transaction) throws(LMDBError) in
                for (name, value) in record.entries {
                    try transaction.put(meta, key: name.key, value: value)
                }
            }
            try environment.sync()
        } catch {
            throw Self.failure(error, path)
        }
    }

    private func took(_ octets: Int) throws(EventLogError) {
        waitingOctets += octets
        if waitingOctets >= EventLogLimits.compactionTransactionOctets { try commit() }
    }

    private func commit() throws(EventLogError) {
        try room(waitingOctets)
        do throws(LMDBError) {
            try environment.write { (transaction) throws(LMDBError) in
                for (key, value) in groups {
                    try transaction.put(events, key: key, value: value, append: true)
                }
                for (key, value) in blocks {
                    try transaction.put(content, key: key, value: value, append: true)
                }
            }
            // Piece by piece: one large flush at the end would make the writer's wait for it.
            try environment.sync()
        } catch {
            throw Self.failure(error, path)
        }
        groups.removeAll(keepingCapacity: true)
        blocks.removeAll(keepingCapacity: true)
        waitingOctets = 0
    }

    private static func failure(_ error: LMDBError, _ path: String) -> EventLogError {
        EventLogError(
            error.code == ENOSPC || error.code == EDQUOT ? .outOfSpace : .writeFailed,
            "the segment could not be rewritten: \(error)", file: path,
            hint: "The segment is as it was; it is tried again later.")
    }
}
