package import EventLog

/// An event of the tests: a time and a text, with a hash when it has content.
package struct TextEvent: Equatable, Sendable {
    package var time: Int64 = 0
    package var text: String
    /// Filled in from the append's place when true.
    package var wantsPlace = false
    package var place: UInt64 = 0
    /// 32 octets when content goes with it.
    package var contentHash: [UInt8] = []
    package var contentOctets = 0

    /// Creates an event.
    package init(
        time: Int64 = 0, text: String, wantsPlace: Bool = false, place: UInt64 = 0,
        contentHash: [UInt8] = [], contentOctets: Int = 0
    ) {
        self.time = time
        self.text = text
        self.wantsPlace = wantsPlace
        self.place = place
        self.contentHash = contentHash
        self.contentOctets = contentOctets
    }
}

/// A codec small enough to be seen through: lines "time|place|hash|octets|text".
package struct TextCodec: BatchCodec {
    /// A line that is none.
    package struct Malformed: Error {}

    /// Creates a codec.
    package init() {}

    package func resolve(
        _ event: inout TextEvent, epoch: UInt32, appendFirstSequence: UInt64, notBefore: Int64
    ) -> Int64 {
        if event.wantsPlace {
            event.place = appendFirstSequence
            event.wantsPlace = false
        }
        event.time = max(event.time, notBefore)
        return event.time
    }

    package func encode(
        _ events: [TextEvent], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8]
    ) {
        for event in events {
            let hash = event.contentHash.map { String($0) }.joined(separator: ",")
            bytes += Array(
                "\(event.time)|\(event.place)|\(hash)|\(event.contentOctets)|\(event.text)\n".utf8)
        }
    }

    package func encodeLost(
        count: Int, firstSequence: UInt64, epoch: UInt32, time: Int64, into bytes: inout [UInt8]
    ) {
        encode(
            Array(repeating: TextEvent(time: time, text: "lost"), count: count),
            firstSequence: firstSequence, epoch: epoch, firstTime: time, into: &bytes)
    }

    package func contentReferences(
        inBatch bytes: [UInt8], firstSequence: UInt64
    ) throws -> [ContentReference] {
        try Self.decode(bytes).enumerated().compactMap { index, event in
            event.contentHash.isEmpty
                ? nil
                : ContentReference(
                    sequence: firstSequence + UInt64(index), sizeOctets: event.contentOctets,
                    sha256: event.contentHash)
        }
    }

    /// The events of a batch.
    package static func decode(_ bytes: [UInt8]) throws -> [TextEvent] {
        try bytes.split(separator: UInt8(ascii: "\n")).map { line in
            let parts = String(decoding: line, as: UTF8.self)
                .split(separator: "|", maxSplits: 4, omittingEmptySubsequences: false)
            guard parts.count == 5, let time = Int64(parts[0]), let place = UInt64(parts[1]),
                let octets = Int(parts[3])
            else { throw Malformed() }
            return TextEvent(
                time: time, text: String(parts[4]), place: place,
                contentHash: parts[2].split(separator: ",").compactMap { UInt8($0) },
                contentOctets: octets)
        }
    }
}
