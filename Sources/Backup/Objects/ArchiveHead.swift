package import EventLog

/// The record `epoch` of an archive: who writes there, and how far the archive goes.
///
/// Every change of it is conditional on what it was, so that of two writers one is refused.
///
/// Concurrency: value.
package struct ArchiveHead: Hashable, Sendable {
    /// A reign in this archive.
    package struct Line: Hashable, Sendable {
        package var epoch: UInt32
        /// Names the data directory that writes: 16 random octets.
        package var claim: [UInt8]
        /// Where the archive went on from: objects of earlier lines count up to here only.
        package var after: UInt64
        package var chainHash: [UInt8]
    }

    /// Names the archive: 16 random octets.
    package var archiveID: [UInt8]
    package var logID: [UInt8]
    /// Oldest first, epochs ascending; the last one writes.
    package var lines: [Line]
    /// How far the archive goes.
    package var position: Position
    /// When that was written, in microseconds since the Unix epoch.
    package var time: Int64

    /// The epoch that writes.
    package var epoch: UInt32 { lines.last?.epoch ?? 0 }

    /// The last sequence that an object of a writer of this epoch may hold; nil when it never wrote. A
    /// later writer may have begun further back than the next one did.
    func limit(ofEpoch epoch: UInt32) -> UInt64? {
        guard let index = lines.firstIndex(where: { $0.epoch == epoch }) else { return nil }
        return lines[(index + 1)...].map(\.after).min() ?? .max
    }

    /// As it stands in the object: lines of text, the last one a checksum of the others.
    var bytes: [UInt8] {
        var text = "waybill-archive 1\n"
        text += "archive \(Hex.text(archiveID))\nlog \(Hex.text(logID))\n"
        for line in lines {
            text += "line \(line.epoch) \(Hex.text(line.claim)) \(line.after)"
            text += " \(Hex.text(line.chainHash))\n"
        }
        text += "position \(position.epoch) \(position.sequence)"
        text += " \(Hex.text(position.chainHash))\ntime \(time)\n"
        return Array(text.utf8) + Array("sha256 \(Hex.text(Digest.of(text.utf8)))\n".utf8)
    }
}

extension ArchiveHead {
    /// Reads a record.
    ///
    /// - Returns: nil when it is not one of this version, or its checksum does not fit.
    init?(bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        var rows = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard rows.popLast() == "", let sum = rows.popLast(), rows.first == "waybill-archive 1"
        else { return nil }
        let rest = rows.map { $0 + "\n" }.joined()
        guard sum == "sha256 \(Hex.text(Digest.of(rest.utf8)))" else { return nil }
        var archive: [UInt8]?
        var log: [UInt8]?
        var lines: [Line] = []
        var position: Position?
        var time: Int64?
        for row in rows.dropFirst() {
            let words = row.split(separator: " ")
            switch (words.first, words.count) {
            case ("archive", 2): archive = Hex.bytes(words[1])
            case ("log", 2): log = Hex.bytes(words[1])
            case ("line", 5):
                guard let epoch = UInt32(words[1]), let claim = Hex.bytes(words[2]),
                    let after = UInt64(words[3]), let hash = Hex.bytes(words[4])
                else { return nil }
                lines.append(Line(epoch: epoch, claim: claim, after: after, chainHash: hash))
            case ("position", 4):
                guard let epoch = UInt32(words[1]), let sequence = UInt64(words[2]),
                    let hash = Hex.bytes(words[3])
                else { return nil }
                position = Position(epoch: epoch, sequence: sequence, chainHash: hash)
            case ("time", 2): time = Int64(words[1])
            default: return nil
            }
        }
        guard let archive, let log, log.count == 16, let position, let time, !lines.isEmpty
        else { return nil }
        self.init(
            archiveID: archive, logID: log, lines: lines, position: position, time: time)
    }
}
