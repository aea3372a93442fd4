import EventLog
import Projections

/// Events of the tests: words.
struct WordCodec: BatchCodec {
    func resolve(
        _ event: inout String, epoch: UInt32, appendFirstSequence: UInt64, notBefore: Int64
    ) -> Int64 { max(notBefore, Self.time(of: event) ?? notBefore) }

    /// `word@5` was said five seconds after the beginning of time.
    static func time(of word: String) -> Int64? {
        word.split(separator: "@").dropFirst().last.flatMap { Int64($0) }.map { $0 * 1_000_000 }
    }

    func encode(
        _ events: [String], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8]
    ) {
        bytes += Array(events.joined(separator: "\n").utf8)
    }

    func encodeLost(
        count: Int, firstSequence: UInt64, epoch: UInt32, time: Int64, into bytes: inout [UInt8]
    ) {}

    func contentReferences(
        inBatch bytes: [UInt8], firstSequence: UInt64
    ) throws -> [ContentReference] { [] }
}

/// Takes batches of words apart.
struct WordSplitter: BatchSplitter {
    func split(_ batch: StoredBatch) throws -> [StoredBatch] {
        var time = batch.firstTime
        return batch.bytes.split(separator: UInt8(ascii: "\n")).enumerated().map { index, word in
            var part = batch
            time = max(time, WordCodec.time(of: String(decoding: word, as: UTF8.self)) ?? time)
            part.bytes = Array(word)
            part.header.firstSequence = batch.firstSequence + UInt64(index)
            part.header.lastSequence = part.header.firstSequence
            (part.header.firstTime, part.header.lastTime) = (time, time)
            part.header.rawLength = UInt64(word.count)
            return part
        }
    }
}

/// How often each word was said: `-word` takes it out again.
struct WordCount: Projection {
    static let name = "words"
    static let version: UInt32 = 3

    var counts: [String: UInt64] = [:]
    var last: UInt64 = 0
    private var changed: Set<String> = []
    private var isWhole = true

    init() {}

    mutating func apply(_ batch: StoredBatch) throws {
        for (index, word) in batch.bytes.split(separator: UInt8(ascii: "\n")).enumerated()
        where batch.firstSequence + UInt64(index) > last {
            last = batch.firstSequence + UInt64(index)
            say(String(decoding: word, as: UTF8.self))
        }
    }

    private mutating func say(_ word: String) {
        if word.hasPrefix("-") {
            counts[String(word.dropFirst())] = nil
            changed.insert(String(word.dropFirst()))
        } else {
            counts[word, default: 0] += 1
            changed.insert(word)
        }
    }

    mutating func load(_ row: ProjectionRow) -> Bool {
        var reader = RowReader(row.value)
        let number = reader.varint()
        if row.key == [0xFF] {
            last = number
            isWhole = false
        } else {
            counts[String(decoding: row.key, as: UTF8.self)] = number
        }
        return reader.isIntact && reader.isAtEnd
    }

    func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows {
        for word in counts.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            try body(ProjectionRow(key: Array(word.utf8), value: value(word) ?? []))
        }
        try body(ProjectionRow(key: [0xFF], value: lastRow))
    }

    private func value(_ word: String) -> [UInt8]? {
        counts[word].map { count in
            var row = RowWriter()
            row.write(varint: count)
            return row.bytes
        }
    }

    private var lastRow: [UInt8] {
        var row = RowWriter()
        row.write(varint: last)
        return row.bytes
    }

    mutating func takeCheckpoint(at position: Position) -> Checkpoint {
        let words = isWhole ? Set(counts.keys) : changed
        let changes = words.map { ProjectionChange(key: Array($0.utf8), value: value($0)) }
        defer {
            changed = []
            isWhole = false
        }
        return Checkpoint(
            position: position, changes: changes + [ProjectionChange(key: [0xFF], value: lastRow)],
            isWhole: isWhole)
    }

    mutating func forgetChanges() { isWhole = true }
}
