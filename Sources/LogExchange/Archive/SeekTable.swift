/// The table of frames at the end of a file in Zstandard's seekable format, version 0.1.0
/// (contrib/seekable_format/zstd_seekable_compression_format.md of facebook/zstd).
///
/// The table stands in a skippable frame, which every Zstandard decoder passes over. It is written
/// without the optional checksums: the frames have their own.
///
/// Concurrency: value.
package struct SeekTable: Equatable, Sendable {
    /// One frame of the file.
    package struct Entry: Equatable, Sendable {
        /// Octets in the file.
        package var compressed: UInt32
        /// Octets that it inflates to; 0 for a skippable frame.
        package var raw: UInt32

        package init(compressed: UInt32, raw: UInt32) {
            self.compressed = compressed
            self.raw = raw
        }
    }

    /// Octets at the table's end, which say how many entries it has.
    package static let footerOctets = 9
    /// Frames of one file: ZSTD_SEEKABLE_MAXFRAMES, what readers take.
    package static let framesMax = 0x800_0000
    /// Of the skippable frame: Skippable_Magic_Number.
    static let skippableMagic: UInt32 = 0x184D_2A5E
    /// The last octets of the file: Seekable_Magic_Number.
    static let magic: UInt32 = 0x8F92_EAB1
    private static let checksumFlag: UInt8 = 0x80

    /// In the order of the file, the table itself not counted.
    package var entries: [Entry]

    /// Creates a table.
    package init(_ entries: [Entry] = []) { self.entries = entries }

    /// Octets of the frames before the table.
    package var framesOctets: UInt64 { entries.reduce(0) { $0 + UInt64($1.compressed) } }

    /// Octets of the table's own frame.
    package var octets: Int { 8 + entries.count * 8 + Self.footerOctets }

    /// The table's frame.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(octets)
        bytes.append(little: Self.skippableMagic)
        bytes.append(little: UInt32(octets - 8))
        for entry in entries {
            bytes.append(little: entry.compressed)
            bytes.append(little: entry.raw)
        }
        bytes.append(little: UInt32(entries.count))
        bytes.append(0)
        bytes.append(little: Self.magic)
        return bytes
    }

    /// Octets of the whole table, given the last ``footerOctets`` of a file; nil when they are no
    /// table's end.
    package static func octets(footer: [UInt8]) -> Int? {
        guard footer.count == footerOctets, footer.little(at: 5) == magic else { return nil }
        let count = Int(footer.little(at: 0))
        guard count <= framesMax, footer[4] & 0x7C == 0 else { return nil }
        return 8 + count * (footer[4] & checksumFlag == 0 ? 8 : 12) + footerOctets
    }

    /// Reads a table's frame; nil when it contradicts itself.
    package init?(bytes: [UInt8]) {
        guard bytes.count >= 8 + Self.footerOctets,
            Self.octets(footer: Array(bytes.suffix(Self.footerOctets))) == bytes.count,
            bytes.little(at: 0) == Self.skippableMagic,
            Int(bytes.little(at: 4)) == bytes.count - 8
        else { return nil }
        let width = bytes[bytes.count - 5] & Self.checksumFlag == 0 ? 8 : 12
        entries = stride(from: 8, to: bytes.count - Self.footerOctets, by: width).map {
            Entry(compressed: bytes.little(at: $0), raw: bytes.little(at: $0 + 4))
        }
    }
}

extension [UInt8] {
    mutating func append(little number: UInt32) {
        for shift in [0, 8, 16, 24] { append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
    }

    /// The number at an offset from which four octets must be there.
    func little(at offset: Int) -> UInt32 {
        self[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
