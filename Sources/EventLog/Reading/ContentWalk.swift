/// The messages of a segment in the order of their sequences: each block is inflated once.
///
/// Concurrency: bound to its owner.
struct ContentWalk {
    private struct Current {
        var key: UInt64
        var block: ContentBlock
        var bytes: [UInt8]
        /// Of the next entry.
        var index = 0
        var offset = 0
    }

    private let file: SegmentFile
    /// First sequences of the blocks that were read.
    private(set) var seenBlocks: Set<UInt64> = []
    /// Messages that were passed over: no one asked for them. Taken by the caller.
    var strays: [UInt64] = []
    private var current: Current?
    private let start: UInt64

    /// Begins a walk.
    ///
    /// - Parameters:
    ///   - file: The segment.
    ///   - start: Messages before it are not looked at.
    init(_ file: SegmentFile, from start: UInt64 = 0) {
        self.file = file
        self.start = start
    }

    /// The content of a message; sequences ascend from call to call.
    ///
    /// - Parameters:
    ///   - sequence: Of its event.
    ///   - notBefore: A block that begins before it is none of its.
    ///   - reader: What checks and inflates.
    /// - Returns: nil when the segment has none.
    /// - Throws: `damaged` when the block cannot be read; the walk goes on behind it.
    mutating func content(
        of sequence: UInt64, notBefore: UInt64, reader: borrowing BatchReader
    ) throws(EventLogError) -> ArraySlice<UInt8>? {
        let isCovered = current.map { ($0.block.entries.last?.sequence ?? 0) >= sequence } ?? false
        if !isCovered {
            finish()
            guard let run = try file.contents(floor: sequence) else { return nil }
            let (key, value) = try run.entry()
            guard key >= notBefore, !seenBlocks.contains(key) else { return nil }
            seenBlocks.insert(key)
            let (block, bytes) = try reader.block(key: key, value: value, file: file.path)
            current = Current(key: key, block: block, bytes: bytes)
        }
        return next(sequence)
    }

    /// Passes over what is left of the current block.
    mutating func finish() {
        _ = next(.max)
        current = nil
    }

    private mutating func next(_ sequence: UInt64) -> ArraySlice<UInt8>? {
        guard var current else { return nil }
        defer { self.current = current }
        while current.index < current.block.entries.count {
            let entry = current.block.entries[current.index]
            guard entry.sequence <= sequence else { return nil }
            let range = current.offset..<current.offset + Int(entry.octets)
            current.index += 1
            current.offset = range.upperBound
            if entry.sequence == sequence { return current.bytes[range] }
            if entry.sequence >= start { strays.append(entry.sequence) }
        }
        return nil
    }
}
