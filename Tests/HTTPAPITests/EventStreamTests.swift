import EventLog
import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import NIOCore
import Synchronization
import Testing

@testable import HTTPAPI

@Suite("Event stream")
struct EventStreamTests {
    private static func message(campaign: String = "spring", recipients: Int = 1) -> String {
        let names = (0..<recipients).map { "\"r\($0)@example.net\"" }.joined(separator: ",")
        return """
            {"sender": "", "campaign": "\(campaign)", "recipients": [\(names)], \
            "content": "Subject: x\\n\\nx"}
            """
    }

    private static func sequences(_ text: String) -> [UInt64] {
        text.split(separator: "\n").compactMap { line in
            let json = (try? JSONParser.parse(Array(line.utf8))) ?? .null
            return ["caught_up", "heartbeat"].contains(json["type"].text)
                ? nil : UInt64(json["sequence"].text)
        }
    }

    @Test("NDJSON gives every event once, in order, then says that it has caught up")
    func lines() async throws {
        let api = try await TestAPI()
        for _ in 0..<3 { _ = try await api.inject(Self.message(recipients: 2)) }
        let answer = try await api.call(.get, "/api/v1/events", key: "read")
        #expect(answer.headers[.contentType] == "application/x-ndjson")
        #expect(Self.sequences(answer.text) == Array(1...9))
        let last = answer.text.split(separator: "\n").last.map(String.init) ?? ""
        #expect(last.hasPrefix("{\"type\":\"caught_up\",\"sequence\":9,"))
        let first = try #require(try api.events().first)
        #expect(answer.text.hasPrefix(first.json + "\n"))
    }

    @Test("From a sequence, a time, the end; by type, campaign, tenant and number")
    func selection() async throws {
        let api = try await TestAPI()
        _ = try await api.inject(Self.message(campaign: "a"))
        _ = try await api.inject(Self.message(campaign: "b"), key: "acme")
        for (query, expected) in [
            ("from=3", [3, 4]), ("from=5", []), ("from=end", []), ("campaign=b", [3, 4]),
            ("campaign=a", [1, 2]),
            ("tenant=acme", [3, 4]), ("tenant=", [1, 2]), ("type=received", [1, 3]),
            ("type=received,queued&limit=3", [1, 2, 3]), ("type=bounced", []),
            ("since=2027-01-15T08:00:00Z", [1, 2, 3, 4]), ("since=1800000000", [1, 2, 3, 4]),
            ("since=2027-01-15T08:00:00.000001Z", []), ("since=2028-01-01", []),
        ] as [(String, [UInt64])] {
            let answer = try await api.call(.get, "/api/v1/events?\(query)", key: "read")
            #expect(answer.status == 200, "\(query)")
            #expect(Self.sequences(answer.text) == expected, "\(query)")
        }
        for query in [
            "from=0", "from=x", "type=nonsense", "campain=a", "since=yesterday", "limit=0",
            "from=1&since=2026-01-01", "from=1&from=2", "format=xml", "from=6",
        ] {
            let answer = try await api.call(.get, "/api/v1/events?\(query)", key: "read")
            #expect(answer.status == 400, "\(query)")
        }
    }

    @Test("Pieces of any size give the same stream")
    func pieces() async throws {
        let api = try await TestAPI()
        _ = try await api.inject(Self.message(recipients: 2000))
        let answer = try await api.call(.get, "/api/v1/events", key: "read")
        #expect(answer.octets.count > APILimits.streamChunkOctets)
        #expect(Self.sequences(answer.text) == Array(1...2001))
    }

    @Test("Server-Sent Events carry the sequence as their id, and Last-Event-ID resumes behind it")
    func serverSent() async throws {
        let api = try await TestAPI()
        _ = try await api.inject(Self.message(recipients: 2))
        let answer = try await api.call(
            .get, "/api/v1/events?follow=false", key: "read",
            headers: ["Accept": "text/event-stream"])
        #expect(answer.headers[.contentType] == "text/event-stream")
        let blocks = answer.text.split(separator: "\n\n")
        #expect(blocks.count == 4)
        #expect(blocks[0].hasPrefix("id: 1\nevent: received\ndata: {\"sequence\":1,"))
        #expect(blocks[3].hasPrefix("id: 3\nevent: caught_up\ndata: {\"type\":\"caught_up\","))
        let rest = try await api.call(
            .get, "/api/v1/events?follow=false&since=2026-01-01", key: "read",
            headers: ["Accept": "text/event-stream", "Last-Event-ID": "2"])
        #expect(rest.text.hasPrefix("id: 3\nevent: queued\n"))
        let beyond = try await api.call(
            .get, "/api/v1/events", key: "read", headers: ["Last-Event-ID": "4"])
        #expect(beyond.status == 400)
    }

    @Test("A stream that follows gets what comes later, and ends when the server stops")
    func follows() async throws {
        let api = try await TestAPI()
        _ = try await api.inject(Self.message())
        let response = try await api.respond(.get, "/api/v1/events?follow=true", key: "read")
        let sink = TestSink()
        let stream = Task { try await response.body.write(sink) }
        try await eventually { sink.text.contains("caught_up") }
        _ = try await api.inject(Self.message())
        try await eventually { Self.sequences(sink.text) == [1, 2, 3, 4] }
        #expect(sink.text.components(of: "caught_up") == 1)
        #expect(api.services.streams.count == 1)
        api.services.bell.close()
        try await stream.value
    }

    @Test("A stream without news sends heartbeats that tell how far it has looked")
    func heartbeats() async throws {
        let api = try await TestAPI()
        _ = try await api.inject(Self.message())
        for format in [EventFormat.lines, .serverSent] {
            let sink = TestSink()
            let cursor = EventCursor(
                format: format, filter: EventFilter(types: ["bounced"]), next: 1)
            let services = api.services
            let stream = Task {
                var writer: any ResponseBodyWriter = sink
                var stream = EventStream(services: services, cursor: cursor, follows: true)
                stream.heartbeat = .milliseconds(20)
                try await stream.run(&writer)
            }
            let mark =
                format == .lines
                ? "{\"type\":\"heartbeat\",\"sequence\":2," : "id: 2\n: heartbeat\n\n"
            try await eventually { sink.text.contains(mark) }
            stream.cancel()
            _ = try? await stream.value
        }
    }

    @Test("A consumer that does not read holds one piece, and others go on")
    func backPressure() async throws {
        let api = try await TestAPI()
        for _ in 0..<4 { _ = try await api.inject(Self.message(recipients: 1000)) }
        let response = try await api.respond(.get, "/api/v1/events", key: "read")
        let slow = GatedSink()
        let stream = Task { try await response.body.write(slow) }
        try await eventually { slow.offered > 0 }
        let other = try await api.call(.get, "/api/v1/events", key: "read")
        #expect(Self.sequences(other.text).count == 4004)
        // Nothing more was read for the slow one meanwhile.
        #expect(slow.offered <= APILimits.streamChunkOctets + 1024)
        slow.open()
        try await stream.value
        #expect(Self.sequences(slow.text).count == 4004)
    }

    @Test("An export that the server's stop cuts off fails, so that it is not taken for the whole")
    func cutOff() async throws {
        let api = try await TestAPI()
        for _ in 0..<4 { _ = try await api.inject(Self.message(recipients: 1000)) }
        let response = try await api.respond(.get, "/api/v1/events?follow=false", key: "read")
        let slow = GatedSink()
        let stream = Task { try await response.body.write(slow) }
        try await eventually { slow.offered > 0 }
        api.services.bell.close()
        slow.open()
        await #expect(throws: Problem.self) { try await stream.value }
        #expect(Self.sequences(slow.text).first == 1)
        #expect(!slow.text.contains("caught_up"))
    }

    @Test("More streams than there are places are 503, and a place comes back")
    func places() async throws {
        let api = try await TestAPI { $0.streams = 1 }
        do {
            let held = try await api.respond(.get, "/api/v1/events", key: "read")
            let answer = try await api.call(.get, "/api/v1/events", key: "read")
            #expect(answer.status == 503)
            withExtendedLifetime(held) {}
        }
        #expect(try await api.call(.get, "/api/v1/events", key: "read").status == 200)
        #expect(try await api.call(.get, "/api/v1/events", key: "read").status == 200)
    }
}

/// Waits until a condition holds; fails after ten seconds.
func eventually(_ condition: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while try !condition() {
        try #require(ContinuousClock.now < deadline, "not within ten seconds")
        try await Task.sleep(for: .milliseconds(5))
    }
}

extension String {
    /// How often a text stands in it.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}

/// Takes nothing until it is opened.
final class GatedSink: ResponseBodyWriter, Sendable {
    private struct State {
        var isOpen = false
        var offered = 0
        var octets: [UInt8] = []
    }

    private let state = Mutex(State())

    var offered: Int { state.withLock { $0.offered } }
    var text: String { state.withLock { String(decoding: $0.octets, as: UTF8.self) } }

    func open() { state.withLock { $0.isOpen = true } }

    func write(_ buffer: ByteBuffer) async throws {
        state.withLock { $0.offered += buffer.readableBytes }
        while !state.withLock({ $0.isOpen }) { try await Task.sleep(for: .milliseconds(2)) }
        state.withLock { $0.octets += buffer.readableBytesView }
    }

    func finish(_: HTTPFields?) async throws {}
}
