import MailModel

/// Builds the bytes of one `EventBatch` after the other, keeping its memory between them.
///
/// Canonical: fields ascend, columns are packed, a column of zeros is left out, numbers have their
/// shortest form, each text stands once in order of first use. So equal events give equal bytes.
///
/// Concurrency: value; ``MailEventCodec`` guards the one it keeps.
struct BatchEncoder {
    private var columns = InlineArray<72, ColumnBuffer>(repeating: ColumnBuffer())
    private var rows = InlineArray<10, Int>(repeating: 0)
    private var strings: StringTable
    var sessions = IdentityCache<SessionNumbers>(empty: SessionNumbers())
    var peers = IdentityCache<PeerNumbers>(empty: PeerNumbers())
    /// Epoch of the batch being encoded.
    private(set) var epoch: UInt32 = 0
    /// Sequence of the event being encoded.
    private(set) var sequence: UInt64 = 0
    /// Time of the event being encoded, in microseconds.
    private(set) var time: Int64 = 0

    /// Creates an encoder; the seed is that of the hash table.
    init(seed: UInt64) { strings = StringTable(seed: seed) }

    /// Appends the batch to `bytes`.
    mutating func encode(
        _ events: [Event], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8]
    ) {
        self.epoch = epoch
        sequence = firstSequence
        time = firstTime
        for index in events.indices {
            let row = begin(.batch)
            let now = events[index].time.microseconds
            put(.batchTimeDelta, row, signed: now &- time)
            time = now
            put(.batchType, row, encode(events[index].fact, row: row))
            sequence &+= 1
        }
        write(into: &bytes)
        removeAll()
    }

    /// The entry number of the next event in a group.
    @inline(__always)
    mutating func begin(_ group: ColumnGroup) -> Int {
        let row = rows[group.rawValue]
        rows[group.rawValue] = row + 1
        return row
    }

    @inline(__always)
    mutating func put(_ column: BatchColumn, _ row: Int, _ value: UInt64) {
        columns[column.rawValue].append(value, row: row)
    }

    @inline(__always)
    mutating func put(_ column: BatchColumn, _ row: Int, signed value: Int64) {
        columns[column.rawValue].append(value.zigzag, row: row)
    }

    @inline(__always)
    mutating func put(_ column: BatchColumn, _ row: Int, _ value: Int) {
        columns[column.rawValue].append(UInt64(clamping: value), row: row)
    }

    @inline(__always)
    mutating func put(_ column: BatchColumn, _ row: Int, _ text: String) {
        columns[column.rawValue].append(strings.index(of: text), row: row)
    }

    mutating func put(_ column: BatchColumn, _ row: Int, octets: [UInt8]) {
        columns[column.rawValue].append(octets: octets, row: row)
    }

    /// The number of a text in the batch's table.
    @inline(__always)
    mutating func number(of text: String) -> UInt32 {
        UInt32(truncatingIfNeeded: strings.index(of: text))
    }

    private func write(into bytes: inout [UInt8]) {
        var total = strings.bytes.count
        var lengths = InlineArray<10, Int>(repeating: 0)
        for group in ColumnGroup.allCases where rows[group.rawValue] > 0 {
            let length = octets(of: group)
            lengths[group.rawValue] = length
            if group == .batch {
                total += length
            } else if length > 0 {
                total += (group.field << 3).varintLength + UInt64(length).varintLength + length
            }
        }
        bytes.reserveCapacity(bytes.count + total)
        writeColumns(of: .batch, into: &bytes)
        bytes.append(contentsOf: strings.bytes)
        for group in ColumnGroup.allCases where group != .batch && lengths[group.rawValue] > 0 {
            bytes.appendVarint(group.field << 3 | 2)
            bytes.appendVarint(UInt64(lengths[group.rawValue]))
            writeColumns(of: group, into: &bytes)
        }
    }

    private func octets(of group: ColumnGroup) -> Int {
        let range = group.columns
        var octets = 0
        for column in range where !columns[column].bytes.isEmpty {
            let length = columns[column].bytes.count
            let field = UInt64(column - range.lowerBound) + 1
            octets += (field << 3).varintLength + UInt64(length).varintLength + length
        }
        return octets
    }

    private func writeColumns(of group: ColumnGroup, into bytes: inout [UInt8]) {
        let range = group.columns
        for column in range where !columns[column].bytes.isEmpty {
            bytes.appendVarint((UInt64(column - range.lowerBound) + 1) << 3 | 2)
            bytes.appendVarint(UInt64(columns[column].bytes.count))
            bytes.append(contentsOf: columns[column].bytes)
        }
    }

    private mutating func removeAll() {
        for group in ColumnGroup.allCases where rows[group.rawValue] > 0 {
            for column in group.columns { columns[column].removeAll() }
            rows[group.rawValue] = 0
        }
        strings.removeAll()
        sessions.removeAll()
        peers.removeAll()
    }
}

/// The string numbers of an ``IngressSession`` in the batch being encoded.
struct SessionNumbers {
    var listener: UInt32 = 0
    var serverName: UInt32 = 0
    var clientAddress: UInt32 = 0
    var clientName: UInt32 = 0
    var identity: UInt32 = 0
    var sessionID: UInt32 = 0
    var tlsVersion: UInt32 = 0
    var tlsCipher: UInt32 = 0
}

/// The string numbers of a ``DeliveryPeer`` in the batch being encoded.
struct PeerNumbers {
    var host: UInt32 = 0
    var address: UInt32 = 0
    var sourceAddress: UInt32 = 0
    var tlsVersion: UInt32 = 0
    var tlsCipher: UInt32 = 0
}
