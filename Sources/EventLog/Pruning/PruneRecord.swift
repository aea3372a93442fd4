/// What the file `pruned` of a log's directory says: that its oldest segments are gone on purpose.
/// schemas/log-format.md, "A pruned log".
///
/// Concurrency: value.
package struct PruneRecord: Hashable, Sendable {
    /// A projection's state as of the cut that was read back before anything was removed.
    package struct Base: Hashable, Sendable {
        package var name: String
        package var version: UInt32
        /// 32 octets: of the state.
        package var digest: [UInt8]

        /// Creates a base's entry.
        package init(name: String, version: UInt32, digest: [UInt8]) {
            self.name = name
            self.version = version
            self.digest = digest
        }
    }

    /// Octets before the archive's path.
    static let headOctets = 104
    static let magic: [UInt8] = Array("WBPR".utf8)
    static let version: UInt16 = 1
    static let digestOctets = 32

    /// 16 octets: the log's.
    package var logID: [UInt8]
    /// The last event that is gone: where the chain is taken up.
    package var cut: Position
    /// Time of that event, microseconds since the Unix epoch.
    package var cutTime: Int64
    /// When this was written.
    package var prunedAt: Int64
    /// The directory to which the segments were copied before; empty: to none.
    package var archive: String
    /// In the order of their names.
    package var bases: [Base]

    /// The first event that is there.
    package var firstSequence: UInt64 { cut.sequence + 1 }

    /// Creates a record.
    package init(
        logID: [UInt8], cut: Position, cutTime: Int64, prunedAt: Int64, archive: String = "",
        bases: [Base] = []
    ) {
        self.logID = logID
        self.cut = cut
        self.cutTime = cutTime
        self.prunedAt = prunedAt
        self.archive = archive
        self.bases = bases.sorted { $0.name < $1.name }
    }

    /// The base of a projection.
    package func base(_ name: String, version: UInt32) -> Base? {
        bases.first { $0.name == name && $0.version == version }
    }

    // MARK: Octets

    /// The file.
    package var bytes: [UInt8] {
        var bytes = Self.magic
        bytes.append(integer: Self.version)
        bytes.append(integer: UInt16(truncatingIfNeeded: bases.count))
        bytes.append(integer: UInt32(truncatingIfNeeded: archive.utf8.count))
        bytes.append(integer: UInt32(0))
        bytes.append(integer: UInt64(0))
        bytes += logID
        bytes.append(integer: cut.sequence)
        bytes += cut.chainHash
        bytes.append(integer: cut.epoch)
        bytes.append(integer: UInt32(0))
        bytes.append(integer: cutTime)
        bytes.append(integer: prunedAt)
        bytes += archive.utf8
        for base in bases {
            bytes.append(integer: base.version)
            bytes += base.digest
            bytes.append(UInt8(truncatingIfNeeded: base.name.utf8.count))
            bytes += base.name.utf8
        }
        let checksum = unsafe SHA256().checksum(ofValue: bytes.span.bytes)
        var field: [UInt8] = []
        field.append(integer: checksum)
        bytes.replaceSubrange(16..<24, with: field)
        return bytes
    }

    /// Reads the file; nil when it is damaged or of another version.
    package init?(bytes: [UInt8]) {
        guard bytes.count >= Self.headOctets, bytes.starts(with: Self.magic),
            bytes.integer(at: 4) == Self.version,
            unsafe SHA256().checksum(ofValue: bytes.span.bytes) == bytes.integer(at: 16)
        else { return nil }
        let count = Int(bytes.integer(at: 6, as: UInt16.self))
        let archiveOctets = Int(bytes.integer(at: 8, as: UInt32.self))
        logID = Array(bytes[24..<40])
        cut = Position(
            epoch: bytes.integer(at: 80), sequence: bytes.integer(at: 40),
            chainHash: Array(bytes[48..<80]))
        cutTime = bytes.integer(at: 88)
        prunedAt = bytes.integer(at: 96)
        var offset = Self.headOctets + archiveOctets
        guard offset <= bytes.count, (1..<1 << 62).contains(cut.sequence) else { return nil }
        archive = String(decoding: bytes[Self.headOctets..<offset], as: UTF8.self)
        bases = []
        for _ in 0..<count {
            let name = offset + 4 + Self.digestOctets + 1
            guard name <= bytes.count, name + Int(bytes[name - 1]) <= bytes.count else {
                return nil
            }
            let end = name + Int(bytes[name - 1])
            bases.append(
                Base(
                    name: String(decoding: bytes[name..<end], as: UTF8.self),
                    version: bytes.integer(at: offset),
                    digest: Array(bytes[(offset + 4)..<(name - 1)])))
            offset = end
        }
        guard offset == bytes.count else { return nil }
    }

    /// The version of a record that is whole and that this program does not know; nil for any other
    /// octets.
    static func unknownVersion(in bytes: [UInt8]) -> UInt16? {
        guard bytes.count >= headOctets, bytes.starts(with: magic),
            unsafe SHA256().checksum(ofValue: bytes.span.bytes) == bytes.integer(at: 16)
        else { return nil }
        let found: UInt16 = bytes.integer(at: 4)
        return found == version ? nil : found
    }

    /// The error for what is asked of events that are gone.
    ///
    /// - Parameter sequences: What was asked for.
    /// - Returns: An error of the code `pruned`.
    package func refusal(_ sequences: ClosedRange<UInt64>? = nil) -> EventLogError {
        EventLogError(
            .pruned,
            "the events before \(firstSequence) were removed from this log by pruning",
            sequences: sequences,
            hint: archive.isEmpty
                ? "The first event that is kept is \(firstSequence)."
                : "The first event that is kept is \(firstSequence); those before are in the "
                    + "archive \(archive).")
    }
}

extension PruneRecord {
    /// Why a segment is not the one that the log begins with; nil when it is.
    func mismatch(_ meta: SegmentMeta) -> String? {
        guard meta.logID == logID else {
            return "the record of what was pruned belongs to another log"
        }
        guard meta.first == firstSequence, meta.previousHash == cut.chainHash else {
            return "the segment does not continue the chain where the log was pruned"
        }
        return nil
    }
}
