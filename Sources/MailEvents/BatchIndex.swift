/// Where everything is in the bytes of a batch, after checking that it fits together: each column
/// has exactly one entry for each of its events. Values are checked when they are read.
///
/// Concurrency: value.
struct BatchIndex: ~Copyable {
    /// The columns' octets; an absent column is empty.
    var columns = InlineArray<100, WireReader> { _ in WireReader(position: 0, end: 0) }
    /// Octets of the string table's entries, in order.
    private(set) var strings: [Range<Int>] = []
    /// Entries that each group of columns has.
    private(set) var rows = InlineArray<14, Int>(repeating: 0)

    /// The types that the batch has events of.
    private(set) var types = EventTypes()

    /// How many events the batch has.
    var eventCount: Int { rows[ColumnGroup.batch.rawValue] }

    /// Reads the structure.
    init(_ bytes: Span<UInt8>) throws(BatchDecodingError) {
        var seen = InlineArray<14, Bool>(repeating: false)
        var input = WireReader(position: 0, end: bytes.count)
        while !input.isAtEnd {
            let start = input.position
            let (field, wireType) = try input.tag(bytes)
            if field <= 5 {
                guard wireType == 2 else {
                    throw BatchDecodingError(.malformedTag, offset: start)
                }
                if field == 5 {
                    strings.append(try input.octets(bytes))
                } else {
                    try take(column: Int(field) - 1, from: &input, bytes)
                }
            } else if let group = ColumnGroup(field: field) {
                guard wireType == 2 else {
                    throw BatchDecodingError(.malformedTag, offset: start)
                }
                guard !seen[group.rawValue] else {
                    throw BatchDecodingError(
                        .repeatedField, offset: start, field: "\(group)".snakeCased())
                }
                seen[group.rawValue] = true
                try read(group, in: try input.octets(bytes), bytes)
            } else {
                try input.skip(wireType: wireType, bytes)
            }
        }
        try count(bytes)
        try check(bytes)
    }

    private mutating func take(
        column: Int, from input: inout WireReader, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        let start = input.position
        let range = try input.octets(bytes, BatchColumn(rawValue: column))
        guard columns[column].end == 0 else {
            throw BatchDecodingError(.repeatedField, offset: start, BatchColumn(rawValue: column))
        }
        // An empty packed field is the same as none.
        if !range.isEmpty {
            columns[column] = WireReader(position: range.lowerBound, end: range.upperBound)
        }
    }

    private mutating func read(
        _ group: ColumnGroup, in range: Range<Int>, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        var input = WireReader(position: range.lowerBound, end: range.upperBound)
        let known = group.columns
        while !input.isAtEnd {
            let start = input.position
            let (field, wireType) = try input.tag(bytes)
            if field <= UInt64(known.count) {
                guard wireType == 2 else {
                    throw BatchDecodingError(.malformedTag, offset: start)
                }
                try take(column: known.lowerBound + Int(field) - 1, from: &input, bytes)
            } else {
                try input.skip(wireType: wireType, bytes)
            }
        }
    }

    /// Counts the events of each type.
    private mutating func count(_ bytes: Span<UInt8>) throws(BatchDecodingError) {
        var types = columns[BatchColumn.batchType.rawValue].copied()
        // Types up to 63 are counted in place; higher ones have no columns that we know.
        var perType = InlineArray<64, Int>(repeating: 0)
        var total = 0
        while !types.isAtEnd {
            let type = try types.varint(bytes, .batchType)
            total += 1
            if type < 64 { perType[Int(type)] += 1 }
        }
        guard total <= Limits.eventsPerBatchMax else {
            throw BatchDecodingError(.tooManyEvents, offset: types.end, .batchType)
        }
        rows[ColumnGroup.batch.rawValue] = total
        for type in perType.indices where perType[type] > 0 { self.types.insert(UInt32(type)) }
        for type in EventType.described where perType[Int(type.rawValue)] > 0 {
            for group in type.groups {
                rows[group.rawValue] += perType[Int(type.rawValue)]
            }
        }
    }

    /// Checks that each column that is there is complete.
    private func check(_ bytes: Span<UInt8>) throws(BatchDecodingError) {
        for group in ColumnGroup.all {
            let expected = rows[group.rawValue]
            for column in group.columns where columns[column].end > 0 {
                let range = columns[column].position..<columns[column].end
                let complete =
                    BatchColumn.isHash(column)
                    ? range.count == expected * 32
                    : bytes[range.upperBound - 1] < 0x80
                        && entries(in: range, bytes) == expected
                guard complete else {
                    throw BatchDecodingError(
                        .incompleteColumn, offset: range.lowerBound, BatchColumn(rawValue: column))
                }
            }
        }
    }

    /// Varints end with an octet below 128.
    private func entries(in range: Range<Int>, _ bytes: Span<UInt8>) -> Int {
        let column = bytes.extracting(range)
        var count = 0
        for position in column.indices { count += Int(~column[position] >> 7) }
        return count
    }
}
