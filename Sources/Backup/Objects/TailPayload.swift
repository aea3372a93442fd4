package import EventLog

/// What an object of the tail holds: batches side by side, all of one segment.
///
/// Concurrency: value.
package struct TailPayload: Hashable, Sendable {
    /// Where the segment begins that they stand in.
    package var segmentFirst: UInt64
    package var batches: [ShippedBatch]

    /// Creates a payload.
    package init(segmentFirst: UInt64, batches: [ShippedBatch]) {
        self.segmentFirst = segmentFirst
        self.batches = batches
    }

    /// As it stands in the object.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            12 + batches.reduce(0) { $0 + $1.octets + 8 + 12 * $1.blocks.count })
        Octets.append(segmentFirst, octets: 8, to: &bytes)
        Octets.append(UInt64(batches.count), octets: 4, to: &bytes)
        for batch in batches {
            Octets.append(UInt64(batch.value.count), octets: 4, to: &bytes)
            Octets.append(UInt64(batch.blocks.count), octets: 4, to: &bytes)
            bytes += batch.value
            for block in batch.blocks {
                Octets.append(block.key, octets: 8, to: &bytes)
                Octets.append(UInt64(block.value.count), octets: 4, to: &bytes)
                bytes += block.value
            }
        }
        return bytes
    }

    /// Reads a payload.
    ///
    /// - Returns: nil when it is malformed.
    init?(bytes: [UInt8]) {
        var cursor = Cursor(bytes: bytes)
        guard let segmentFirst = cursor.number(8), let count = cursor.number(4) else { return nil }
        var batches: [ShippedBatch] = []
        for _ in 0..<count {
            guard let octets = cursor.number(4), let blockCount = cursor.number(4),
                let value = cursor.octets(octets)
            else { return nil }
            var batch = ShippedBatch(value: value, blocks: [])
            for _ in 0..<blockCount {
                guard let key = cursor.number(8), let octets = cursor.number(4),
                    let block = cursor.octets(octets)
                else { return nil }
                batch.blocks.append(ShippedBatch.Block(key: key, value: block))
            }
            batches.append(batch)
        }
        guard cursor.isAtEnd, !batches.isEmpty else { return nil }
        self.init(segmentFirst: segmentFirst, batches: batches)
    }

    private struct Cursor {
        let bytes: [UInt8]
        var place = 0

        var isAtEnd: Bool { place == bytes.count }

        mutating func number(_ octets: Int) -> UInt64? {
            guard bytes.count - place >= octets else { return nil }
            defer { place += octets }
            return Octets.number(bytes, at: place, octets: octets)
        }

        mutating func octets(_ count: UInt64) -> [UInt8]? {
            guard count <= UInt64(bytes.count - place) else { return nil }
            defer { place += Int(count) }
            return Array(bytes[place..<place + Int(count)])
        }
    }
}
