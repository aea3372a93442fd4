import EventLog
import MailEvents
import MailModel
import Testing
import WaybillTesting

@Suite("Codec: what is encoded is decoded")
struct RoundTripTests {
    let codec = MailEventCodec()

    private func encode(_ events: [RecordedEvent], firstTime: Int64? = nil) -> [UInt8] {
        var bytes: [UInt8] = []
        codec.encode(
            events.map(\.event), firstSequence: events.first?.sequence ?? 1,
            epoch: events.first?.epoch ?? 1,
            firstTime: firstTime ?? events.first?.event.time.microseconds ?? 0, into: &bytes)
        return bytes
    }

    private func decode(
        _ bytes: [UInt8], like events: [RecordedEvent], firstTime: Int64? = nil
    ) throws -> [RecordedEvent] {
        try MailEventDecoder.decode(
            bytes, firstSequence: events.first?.sequence ?? 1, epoch: events.first?.epoch ?? 1,
            firstTime: firstTime ?? events.first?.event.time.microseconds ?? 0)
    }

    @Test("A realistic stream comes back exactly, in batches of every size")
    func realistic() throws {
        var generator = EventGenerator(seed: 7)
        for size in [1, 2, 3, 30, 300, 2000] {
            let events = generator.events(size)
            #expect(events.count == size)
            #expect(try decode(encode(events), like: events) == events, "batches of \(size)")
        }
    }

    @Test("The realistic stream has every message event")
    func generatorCoverage() {
        var generator = EventGenerator(seed: 7)
        let names = Set(generator.events(60_000).map { $0.json.split(separator: "\"")[11] })
        #expect(
            names == [
                "received", "queued", "deferred", "delivered", "bounced", "expired", "attempted",
                "rejected", "epoch_started", "configuration_applied", "suspended", "resumed",
                "rebound",
                "cancelled", "suppressed", "unsuppressed", "complained", "bounced_later",
            ])
    }

    @Test("Events with extreme values come back exactly", arguments: 0..<200)
    func arbitrary(seed: Int) throws {
        var generator = EventGenerator(seed: UInt64(seed))
        let first = seed % 3 == 0 ? UInt64.max - 40 : UInt64(seed + 1)
        let events = generator.arbitraryEvents(40, firstSequence: first, epoch: 9)
        let bytes = encode(events)
        let decoded = try decode(bytes, like: events)
        #expect(decoded == events)
        // String equality is by canonical equivalence; bytes tell the spellings apart.
        #expect(encode(decoded) == bytes)
    }

    @Test("Events pass through resolve unchanged when there is nothing to resolve")
    func resolveLeavesAlone() throws {
        var generator = EventGenerator(seed: 3)
        var before = Int64.min
        for recorded in generator.events(2000) {
            var event = recorded.event
            before = codec.resolve(
                &event, epoch: 1, appendFirstSequence: recorded.sequence, notBefore: before)
            #expect(event == recorded.event)
        }
    }

    @Test("The bytes do not depend on the hash seed, nor on what was encoded before")
    func deterministic() {
        var generator = EventGenerator(seed: 11)
        let other = generator.events(5000)
        let events = generator.events(700)
        let expected = encode(events)
        for seed: UInt64 in [0, 1, 0xFFFF_FFFF_FFFF_FFFF] {
            let codec = MailEventCodec(hashSeed: seed)
            for _ in 0..<2 {
                var bytes: [UInt8] = [1, 2, 3]
                codec.encode(
                    events.map(\.event), firstSequence: events[0].sequence, epoch: 1,
                    firstTime: events[0].event.time.microseconds, into: &bytes)
                #expect(bytes == [1, 2, 3] + expected)
                bytes = []
                codec.encode(
                    other.map(\.event), firstSequence: 1, epoch: 1, firstTime: 0, into: &bytes)
            }
        }
    }

    @Test("A first time other than the first event's is no matter")
    func firstTime() throws {
        var generator = EventGenerator(seed: 12)
        let events = generator.events(10)
        for time in [Int64.min, -1, 0, Int64.max] {
            let bytes = encode(events, firstTime: time)
            #expect(try decode(bytes, like: events, firstTime: time) == events)
        }
    }

    @Test("An empty batch is no bytes, and no bytes are an empty batch")
    func empty() throws {
        #expect(encode([]) == [])
        #expect(try decode([], like: []) == [])
    }

    @Test("Equal sessions and peers of a batch are one object")
    func interning() throws {
        var generator = EventGenerator(seed: 5)
        let events = generator.events(1000)
        let decoded = try decode(encode(events), like: events)
        var sessions: [IngressSession] = []
        var peers: [DeliveryPeer] = []
        for event in decoded {
            if case .received(let fact) = event.event.fact { sessions.append(fact.session) }
            if case .delivered(let fact) = event.event.fact, let peer = fact.attempt.peer {
                peers.append(peer)
            }
        }
        #expect(sessions.count > 100 && peers.count > 100)
        for session in sessions {
            let first = try #require(sessions.first { $0 == session })
            #expect(first === session)
        }
        for peer in peers {
            let first = try #require(peers.first { $0 == peer })
            #expect(first === peer)
        }
    }

    @Test("The content references are those of the received events")
    func contentReferences() throws {
        var generator = EventGenerator(seed: 6)
        let events = generator.events(500)
        let expected = events.compactMap { recorded -> ContentReference? in
            guard case .received(let fact) = recorded.event.fact else { return nil }
            return ContentReference(
                sequence: recorded.sequence, sizeOctets: fact.sizeOctets,
                sha256: fact.contentSHA256)
        }
        #expect(expected.count > 100)
        let references = try codec.contentReferences(inBatch: encode(events), firstSequence: 1)
        #expect(references == expected)
    }

    @Test("A message without content, as of an imported log, has no content reference")
    func noContent() throws {
        var generator = EventGenerator(seed: 6)
        var events = generator.events(500)
        let all = try codec.contentReferences(inBatch: encode(events), firstSequence: 1)
        // Every second message loses its content.
        var isOdd = false
        for index in events.indices {
            guard case .received(var fact) = events[index].event.fact else { continue }
            isOdd.toggle()
            if isOdd { fact.contentSHA256 = ContentHash.none }
            events[index].event.fact = .received(fact)
        }
        let left = try codec.contentReferences(inBatch: encode(events), firstSequence: 1)
        #expect(left == all.enumerated().filter { $0.offset % 2 == 1 }.map(\.element))
    }

    @Test("Texts that a batch repeats are stored once")
    func stringTable() {
        var generator = EventGenerator(seed: 8)
        let events = generator.events(1000)
        let bytes = encode(events)
        let needle = Array("TLS_AES_128_GCM_SHA256".utf8)
        let places = bytes.indices.filter { bytes[$0...].starts(with: needle) }
        #expect(places.count == 1)
    }
}
