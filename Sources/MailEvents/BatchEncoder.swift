import MailModel

/// Builds the bytes of one `EventBatch` after the other, keeping its memory between them.
///
/// Canonical: fields ascend, columns are packed, a column of zeros is left out, numbers have their
/// shortest form, each text stands once in order of first use. So equal events give equal bytes.
///
/// Concurrency: value; ``MailEventCodec`` guards the one it keeps.
struct BatchEncoder: ~Copyable {
    private var columns = InlineArray<100, ColumnBuffer> { _ in ColumnBuffer() }
    private var rows = InlineArray<14, Int>(repeating: 0)
    /// A bit for each column that has an entry other than zero.
    private var touched: UInt128 = 0
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
        if value != 0 { touched |= (1 as UInt128) << UInt128(column.rawValue) }
        columns[column.rawValue].append(value, row: row)
    }

    @inline(__always)
    mutating func put(_ column: BatchColumn, _ row: Int, signed value: Int64) {
        put(column, row, value.zigzag)
    }

    @inline(__always)
    mutating func put(_ column: BatchColumn, _ row: Int, _ value: Int) {
        put(column, row, UInt64(clamping: value))
    }

    @inline(__always)
    mutating func put(_ column: BatchColumn, _ row: Int, _ text: String) {
        put(column, row, strings.index(of: text))
    }

    mutating func put(_ column: BatchColumn, _ row: Int, octets: [UInt8]) {
        touched |= (1 as UInt128) << UInt128(column.rawValue)
        columns[column.rawValue].append(octets: octets, row: row)
    }

    /// The number of a text in the batch's table.
    @inline(__always)
    mutating func number(of text: String) -> UInt32 {
        UInt32(truncatingIfNeeded: strings.index(of: text))
    }

    private func write(into bytes: inout [UInt8]) {
        var lengths = InlineArray<14, Int>(repeating: 0)
        var total = strings.bytes.count
        var rest = touched
        while rest != 0 {
            let column = rest.trailingZeroBitCount
            rest &= rest - 1
            let length = columns[column].bytes.count
            // Field numbers of columns need two octets from 16 on, as do those of all messages.
            let octets =
                (Self.fields[column] < 16 ? 1 : 2) + UInt64(length).varintLength + length
            if length > 0 { lengths[Self.groups[column]] += octets }
            total += octets + 12
        }
        bytes.reserveCapacity(bytes.count + total)
        rest = touched
        var group = 0
        var ended = false
        while rest != 0 {
            let column = rest.trailingZeroBitCount
            rest &= rest - 1
            if columns[column].bytes.isEmpty { continue }
            if Self.groups[column] != group {
                if group == 0 {
                    bytes.append(contentsOf: strings.bytes)
                    ended = true
                }
                group = Self.groups[column]
                bytes.appendVarint(UInt64(group + 15) << 3 | 2)
                bytes.appendVarint(UInt64(lengths[group]))
            }
            bytes.appendVarint(UInt64(Self.fields[column]) << 3 | 2)
            bytes.appendVarint(UInt64(columns[column].bytes.count))
            bytes.append(contentsOf: columns[column].bytes)
        }
        if !ended { bytes.append(contentsOf: strings.bytes) }
    }

    /// The group of each column, and its field number there.
    private static let groups: [Int] = BatchColumn.allCases.map(\.group.rawValue)
    private static let fields: [UInt8] = BatchColumn.allCases.map { UInt8($0.field) }

    private mutating func removeAll() {
        while touched != 0 {
            columns[touched.trailingZeroBitCount].removeAll()
            touched &= touched - 1
        }
        rows = InlineArray(repeating: 0)
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
