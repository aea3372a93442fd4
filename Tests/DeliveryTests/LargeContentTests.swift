import MailEvents
import MailModel
import NIOCore
import Testing

@testable import Delivery

@Suite("Large contents are sent piece by piece")
struct LargeContentTests {
    private static let body =
        "Subject: large\r\n\r\n"
        + (0..<40_000).map { "\($0) line of a large message\r\n" }.joined()

    /// The same, of a message that is sent as a whole.
    private static let smallBody =
        "Subject: not so large\r\n\r\n"
        + (0..<15_000).map { "\($0) line of a message\r\n" }.joined()

    /// What the first event says of which something is said.
    private static func first<Value>(
        in harness: DeliveryHarness, _ read: @escaping (Fact) -> Value?
    ) async throws -> Value {
        var found: Value?
        try await harness.wait {
            found = try harness.events().lazy.compactMap { read($0.event.fact) }.first
            return found != nil
        }
        return try #require(found)
    }

    @Test(
        "What arrives is the whole content, wherever it was cut, by DATA and by BDAT",
        arguments: [false, true])
    func whole(isChunked: Bool) async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(
                group: harness.group,
                extensions: ["PIPELINING", "8BITMIME"] + (isChunked ? ["CHUNKING"] : []))
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.readMemoryOctets = 1 << 20
            try await harness.start(policy)
            for pieces in [[1000], [300_000, 1, 2, 200_000], Array(repeating: 50_000, count: 11)] {
                try await harness.submit(
                    to: ["a@example.org", "b@example.net"], content: Self.body, pieces: pieces)
            }
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 6)
            #expect(mx.messages.allSatisfy { $0.content.hasSuffix(Self.body) })
            let snapshot = try #require(await harness.delivery?.snapshot())
            #expect(snapshot.readOctets == 0 && snapshot.waitingReads == 0)
        }
    }

    @Test("A piece that cannot be read defers the message: the server never sees an end of it")
    func unreadable() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let log = try #require(harness.log)
            log.unreadable = [2]
            try await harness.submit(
                to: ["a@example.org"], content: Self.body, pieces: [100_000, 100_000, 100_000])
            let deferred = try await Self.first(in: harness) { fact in
                if case .deferred(let fact) = fact { fact } else { nil }
            }
            #expect(deferred.attempt.reply.code == 451)
            #expect(deferred.attempt.reply.status == EnhancedStatusCode(4, 3, 0))
            #expect(!deferred.inDoubt)
            #expect(mx.messages.isEmpty)
            log.unreadable = []
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 1)
            #expect(mx.messages[0].content.hasSuffix(Self.body))
        }
    }

    @Test("A piece that the log has given up bounces the message, and no end of it is sent")
    func givenUp() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try #require(harness.log).givenUp = [3]
            try await harness.submit(
                to: ["a@example.org"], content: Self.body, pieces: [100_000, 100_000, 100_000])
            let bounced = try await Self.first(in: harness) { fact in
                if case .bounced(let fact) = fact { fact } else { nil }
            }
            #expect(bounced.attempt.reply.code == 554)
            #expect(bounced.attempt.reply.status == EnhancedStatusCode(5, 3, 0))
            #expect(bounced.saidBy == .local)
            #expect(mx.messages.allSatisfy { $0.mail.isEmpty })
        }
    }

    @Test(
        "A server that does not read for a while gets every octet once", arguments: [false, true])
    func slow(isChunked: Bool) async throws {
        // More than the system keeps of a connection that nobody reads: delivery and the server share
        // one event loop, so while one of them writes, the other one cannot read.
        let body =
            "Subject: slow\r\n\r\n"
            + (0..<16_000).map { "\($0) " + String(repeating: "x", count: 980) + "\r\n" }.joined()
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(
                group: harness.group,
                extensions: ["PIPELINING", "8BITMIME"] + (isChunked ? ["CHUNKING"] : []))
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.submit(to: ["a@example.org"], content: body)
            try await harness.waitUntilEmpty()
            #expect(mx.messages.map { $0.content.hasSuffix(body) } == [true])
            #expect(mx.messages[0].content.utf8.count < body.utf8.count + 1000)
        }
    }

    @Test("A server that goes away in the middle of it ends the reading too")
    func refused() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                guard case .data = command, place.connection == 1 else { return nil }
                return .replyThenDrop("354 go ahead")
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.submit(
                to: ["a@example.org"], content: Self.body, pieces: [10, 200_000])
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 1 && mx.connections >= 2)
            let snapshot = try #require(await harness.delivery?.snapshot())
            #expect(snapshot.readOctets == 0 && snapshot.waitingReads == 0)
        }
    }

    @Test("A content in pieces that is not large is put together, and is what any other is")
    func small() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group, extensions: ["PIPELINING"])
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            for pieces in [[1000], [300_000, 1, 2, 100_000]] {
                // ASCII, whatever was announced: it can be sent to a server without 8BITMIME.
                try await harness.submit(
                    to: ["a@example.org"], content: Self.smallBody, body: .eightBitMIME,
                    pieces: pieces)
            }
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 2)
            #expect(mx.messages.allSatisfy { $0.content.hasSuffix(Self.smallBody) })
        }
    }

    @Test("Pieces that are not as long together as the message says defer it")
    func doesNotFit() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let log = try #require(harness.log)
            log.shortened = [1]
            try await harness.submit(
                to: ["a@example.org"], content: Self.smallBody, pieces: [100_000])
            let deferred = try await Self.first(in: harness) { fact in
                if case .deferred(let fact) = fact { fact } else { nil }
            }
            #expect(deferred.attempt.reply.code == 451)
            log.shortened = []
            try await harness.waitUntilEmpty()
            #expect(mx.messages.map { $0.content.hasSuffix(Self.smallBody) } == [true])
        }
    }

    /// The notification about a message of which the only recipient is refused.
    private static func notice(
        returnedOctetsMax: Int, unreadable: Set<UInt64> = []
    ) async throws -> String {
        var content = ""
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .rcpt("bob@example.org") = command {
                    .reply("550 5.1.1 nobody")
                } else {
                    nil
                }
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.notifications.returnedOctetsMax = returnedOctetsMax
            try await harness.start(policy)
            try #require(harness.log).unreadable = unreadable
            try await harness.submit(
                to: ["bob@example.org"], content: body, returnContent: .full,
                pieces: [300_000, 300_000, 300_000])
            try await harness.waitUntilEmpty()
            let notices = mx.messages.filter(\.mail.isEmpty)
            #expect(notices.count == 1 && notices.first?.recipients == ["ann@example.net"])
            content = notices.first?.content ?? ""
            let snapshot = try #require(await harness.delivery?.snapshot())
            #expect(snapshot.readOctets == 0 && snapshot.waitingReads == 0)
        }
        return content
    }

    @Test("RFC 3461 4.3: a large content is returned whole where the policy allows as much")
    func returned() async throws {
        let whole = try await Self.notice(returnedOctetsMax: 2 << 20)
        #expect(whole.utf8.count > Self.body.utf8.count)
        #expect(whole.contains("Content-Type: message/rfc822\r\n"))
        let end = String(decoding: whole.utf8.suffix(200), as: UTF8.self)
        #expect(end.contains("39999 line of a large message\r\n"))
    }

    @Test(
        "A large content that may not be returned, or cannot be read, is returned by its header",
        arguments: [(1 << 20, []), (2 << 20, [2])] as [(Int, Set<UInt64>)])
    func headerReturned(returnedOctetsMax: Int, unreadable: Set<UInt64>) async throws {
        let cut = try await Self.notice(
            returnedOctetsMax: returnedOctetsMax, unreadable: unreadable)
        #expect(cut.utf8.count < 10_000)
        #expect(cut.contains("text/rfc822-headers") && cut.contains("Subject: large"))
    }

    @Test("8-bit content in pieces is not offered to a server without 8BITMIME")
    func eightBit() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group, extensions: ["PIPELINING"])
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.submit(
                to: ["a@example.org"], content: Self.body, body: .eightBitMIME, pieces: [1000])
            let bounced = try await Self.first(in: harness) { fact in
                if case .bounced(let fact) = fact { fact } else { nil }
            }
            #expect(bounced.attempt.reply.status == EnhancedStatusCode(5, 6, 3))
        }
    }
}
