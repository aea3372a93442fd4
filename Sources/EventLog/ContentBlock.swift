/// A block of messages as it stands in the table `content`: schemas/log-format.md.
///
/// Concurrency: value.
struct ContentBlock: Hashable, Sendable {
    /// A message of a block.
    struct Entry: Hashable, Sendable {
        var sequence: UInt64
        var octets: UInt64
    }

    static let headerOctets = 40
    static let entryOctets = 16
    private static let magic: [UInt8] = Array("WBC1".utf8)
    private static let version: UInt16 = 1

    var codec: FrameCodec
    /// Ascending by sequence.
    var entries: [Entry]
    /// Octets of the uncompressed block.
    var rawLength: UInt64

    /// Octets before the frame.
    var prefixOctets: Int { Self.headerOctets + entries.count * Self.entryOctets }

    /// Header and index as they stand on the disk, with a checksum of 0.
    var prefix: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(prefixOctets)
        bytes.append(integer: Self.version)
        bytes.append(integer: UInt16(Self.headerOctets))
        bytes.append(codec.rawValue)
        bytes.append(contentsOf: [0, 0, 0])
        bytes.append(integer: UInt32(0))
        bytes.append(integer: UInt64(0))
        bytes.append(integer: UInt32(entries.count))
        bytes.append(integer: UInt32(0))
        bytes.append(integer: rawLength)
        for entry in entries {
            bytes.append(integer: entry.sequence)
            bytes.append(integer: entry.octets)
        }
        return bytes
    }

    /// Creates a block's description.
    init(codec: FrameCodec, entries: [Entry], rawLength: UInt64) {
        self.codec = codec
        self.entries = entries
        self.rawLength = rawLength
    }

    /// Reads header and index.
    ///
    /// - Returns: nil when they are not of this version or contradict themselves.
    init?(value: [UInt8]) {
        guard value.count >= Self.headerOctets, value.starts(with: Self.magic),
            value.integer(at: 4) == Self.version,
            value.integer(at: 6) == UInt16(Self.headerOctets),
            let codec = FrameCodec(rawValue: value[8]), value[9...15].allSatisfy({ $0 == 0 })
        else { return nil }
        let count = Int(value.integer(at: 24, as: UInt32.self))
        guard count >= 1, value.integer(at: 28) == UInt32(0),
            count <= (value.count - Self.headerOctets) / Self.entryOctets
        else { return nil }
        self.codec = codec
        rawLength = value.integer(at: 32)
        entries = []
        entries.reserveCapacity(count)
        var total: UInt64 = 0
        var last: UInt64 = 0
        for index in 0..<count {
            let offset = Self.headerOctets + index * Self.entryOctets
            let entry = Entry(
                sequence: value.integer(at: offset), octets: value.integer(at: offset + 8))
            let (sum, overflow) = total.addingReportingOverflow(entry.octets)
            guard !overflow, entry.sequence > last else { return nil }
            total = sum
            last = entry.sequence
            entries.append(entry)
        }
        guard total == rawLength, rawLength <= EventLogLimits.inflatedOctetsMax else { return nil }
    }

    /// Where a message stands in the uncompressed block; nil when it is not in it.
    func range(of sequence: UInt64) -> Range<Int>? {
        var offset = 0
        for entry in entries {
            if entry.sequence == sequence { return offset..<offset + Int(entry.octets) }
            offset += Int(entry.octets)
        }
        return nil
    }
}
