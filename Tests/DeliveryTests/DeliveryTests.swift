import MailEvents
import MailModel
import NIOCore
import Resolver
import SMTPProtocol
import SMTPTransport
import Synchronization
import Testing

@testable import Delivery

/// Delivery as a whole against a server on this machine, with the log on disk.
@Suite("Delivery", .serialized)
struct DeliveryTests {
    @Test("An accepted message is sent at once, with our Received before its content")
    func delivers() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let id = try await harness.submit(
                to: ["bob@example.org"], content: "Subject: dots\r\n\r\n.one\r\n..two\r\n")
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "delivered"])
            let message = try #require(mx.messages.first)
            #expect(message.mail == "ann@example.net" && message.recipients == ["bob@example.org"])
            #expect(message.content.hasPrefix("Received: from client.example ([192.0.2.1])"))
            #expect(message.content.hasSuffix("Subject: dots\r\n\r\n.one\r\n..two\r\n"))
            #expect(message.content.contains("id \(id)"))
            let delivered = try harness.facts {
                if case .delivered(let fact) = $0 { fact } else { nil }
            }
            let attempt = try #require(delivered.first).attempt
            #expect(attempt.number == 1 && attempt.reply.code == 250)
            #expect(attempt.reply.status?.description == "2.0.0" && attempt.command == "dot")
            #expect(attempt.peer?.host == "mx.example.org" && attempt.peer?.address == "127.0.0.1")
            #expect(attempt.peer?.port == mx.port && attempt.peer?.sourceAddress == "127.0.0.1")
            #expect(attempt.connectingMicroseconds > 0 && attempt.transactionMicroseconds > 0)
        }
    }

    @Test("A refused recipient bounces alone, and the sender gets one notification")
    func bounce() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .rcpt("no@example.org") = command {
                    .reply("550 5.1.1 nobody")
                } else {
                    nil
                }
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let id = try await harness.submit(to: ["yes@example.org", "no@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id, recipient: 0) == ["queued", "delivered"])
            #expect(try harness.names(of: id, recipient: 1) == ["queued", "bounced"])
            let notice = try #require(mx.messages.first { $0.mail.isEmpty })
            #expect(notice.recipients == ["ann@example.net"])
            #expect(notice.content.contains("nobody") && notice.content.contains("no@example.org"))
            #expect(notice.content.contains("Message-ID: <"))
            #expect(mx.messages.count == 2)
            // The notification stands in the log beside its cause: same batch, next to it.
            let events = try harness.events()
            let bounced = try #require(
                events.firstIndex { if case .bounced = $0.event.fact { true } else { false } })
            guard case .received(let received) = events[bounced + 1].event.fact else {
                Issue.record("\(events[bounced + 1])")
                return
            }
            #expect(received.reportsOn == id && received.reversePath == .null)
        }
    }

    @Test("A transient failure is tried again, reading the message back from the log")
    func retry() async throws {
        try await DeliveryHarness.run { harness in
            let attempts = Mutex(0)
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                guard case .rcpt = command else { return nil }
                let count = attempts.withLock {
                    $0 += 1
                    return $0
                }
                return count == 1 ? .reply("450 4.2.0 greylisted") : nil
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "deferred", "delivered"])
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            #expect(deferred.first?.attempt.reply.text == "greylisted")
            #expect(deferred.first?.attempt.command == "rcpt" && deferred.first?.inDoubt == false)
            let delivered = try harness.facts {
                if case .delivered(let fact) = $0 { fact } else { nil }
            }
            #expect(delivered.first?.attempt.number == 2)
            #expect(mx.messages.first?.content.hasSuffix("Hello.\r\n") == true)
        }
    }

    @Test("A connection lost after the final dot is recorded as in doubt, and tried again")
    func inDoubt() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                if case .dot = command, place.connection == 1 { .drop } else { nil }
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "deferred", "delivered"])
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            #expect(deferred.first?.inDoubt == true && deferred.first?.saidBy == .local)
            #expect(mx.messages.count == 2)
        }
    }

    @Test("A server that never answers the final dot times out, in doubt")
    func silence() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                if case .dot = command, place.connection == 1 { .silence } else { nil }
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.timeouts.finalDot = .milliseconds(200)
            try await harness.start(policy)
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "deferred", "delivered"])
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            #expect(deferred.first?.inDoubt == true)
        }
    }

    @Test(
        "The final dot has its own time, which begins with it: after much content, and after a pause",
        arguments: [false, true])
    func patience(isHeld: Bool) async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .dot = command {
                    .later("250 2.0.0 queued", .milliseconds(2_500))
                } else {
                    nil
                }
            }
            var policy =
                isHeld
                ? DeliveryHarness.holding(port: mx.port) : DeliveryHarness.policy(port: mx.port)
            policy.timeouts.dataBlock = .milliseconds(150)
            policy.timeouts.finalDot = .seconds(20)
            try await harness.start(policy)
            let line = String(repeating: "x", count: 70) + "\r\n"
            let id = try await harness.submit(
                to: ["bob@example.org"],
                content: "Subject: x\r\n\r\n" + String(repeating: line, count: isHeld ? 1 : 2_000))
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 1)
            let expected = ["queued"] + (isHeld ? ["attempted"] : []) + ["delivered"]
            #expect(try harness.story(of: id) == expected)
        }
    }

    @Test("Past its maximum age a message expires, and the sender is told")
    func expires() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .rcpt("bob@example.org") = command { .reply("452 4.2.2 full") } else { nil }
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.retry.standard.ageSecondsMax = 1
            try await harness.start(policy)
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "deferred", "expired"])
            #expect(mx.messages.first?.recipients == ["ann@example.net"])
            #expect(mx.messages.first?.content.contains("Action: failed") == true)
        }
    }

    @Test("Many messages share few connections, within every limit")
    func reuse() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(
                DeliveryHarness.policy(port: mx.port) {
                    $0.connectionsMax = 3
                    $0.messagesPerConnectionMax = 50
                })
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<400 {
                    group.addTask { try await harness.submit(to: ["r\(number)@example.org"]) }
                }
                try await group.waitForAll()
            }
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 400)
            #expect(Set(mx.messages.flatMap(\.recipients)).count == 400)
            let perConnection = Dictionary(grouping: mx.messages, by: \.connection).mapValues(
                \.count)
            #expect(perConnection.values.allSatisfy { $0 <= 50 })
            // A connection that says QUIT may still be there when the next one is made.
            #expect(mx.openMost <= 6 && mx.connections <= 20)
        }
    }

    @Test("Recipients of one destination travel together, in portions; too many go once more")
    func portions() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                if case .rcpt = command, place.recipients.count >= 3 {
                    .reply("452 4.5.3 too many recipients")
                } else {
                    nil
                }
            }
            try await harness.start(
                DeliveryHarness.policy(port: mx.port) { $0.recipientsPerTransactionMax = 4 })
            let id = try await harness.submit(to: (0..<10).map { "r\($0)@example.org" })
            try await harness.waitUntilEmpty()
            for number in 0..<10 {
                #expect(try harness.names(of: id, recipient: number) == ["queued", "delivered"])
            }
            #expect(mx.messages.flatMap(\.recipients).count == 10)
            #expect(mx.messages.allSatisfy { $0.recipients.count <= 3 })
        }
    }

    @Test("A server that is not there costs one attempt, and everything waiting is deferred by it")
    func dead() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            let port = mx.port
            await mx.close()
            try await harness.start(DeliveryHarness.policy(port: port))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { try harness.names(of: id).contains("deferred") }
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            let attempt = try #require(deferred.first).attempt
            #expect(attempt.command == "connect" && attempt.reply.status?.description == "4.4.1")
            #expect(attempt.reply.text.contains("refused") && deferred.first?.saidBy == .local)
            let snapshot = try #require(await harness.delivery?.snapshot())
            #expect(snapshot.destinations.first?.failures == 1)
            let back = try await ScriptedMX.start(group: harness.group, port: port)
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id).last == "delivered" && back.messages.count == 1)
        }
    }

    @Test("A greeting that turns us away defers in the server's words")
    func turnedAway() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                if case .connect = command, place.connection == 1 {
                    .replyThenDrop("554 5.7.1 not you")
                } else {
                    nil
                }
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "deferred", "delivered"])
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            #expect(deferred.first?.attempt.reply.text == "not you")
            #expect(deferred.first?.attempt.command == "greeting")
            #expect(deferred.first?.attempt.peer?.address == "127.0.0.1")
        }
    }

    @Test("The end of an idle connection is no failed attempt")
    func staleConnection() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                // The server leaves as the second transaction begins.
                if case .mail = command, place.transaction == 2 { .drop } else { nil }
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            for number in 0..<5 {
                let id = try await harness.submit(to: ["r\(number)@example.org"])
                try await harness.waitUntilEmpty()
                #expect(try harness.names(of: id) == ["queued", "delivered"])
            }
            #expect(mx.messages.count == 5 && mx.connections >= 5)
        }
    }

    @Test("A domain without mail, and one that does not exist, bounce at once")
    func noMail() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            var resolver = FixedResolver(mail: ["example.net": ["127.0.0.1"]])
            resolver.domains["null.example"] = MailHosts(.nullMX, ttlSeconds: 60)
            try await harness.start(DeliveryHarness.policy(port: mx.port), resolver: resolver)
            let id = try await harness.submit(to: ["a@null.example", "b@gone.example"])
            try await harness.waitUntilEmpty()
            let bounced = try harness.facts {
                if case .bounced(let fact) = $0 { fact } else { nil }
            }
            #expect(
                Set(bounced.map { $0.attempt.reply.status?.description }) == ["5.1.10", "5.1.2"])
            #expect(try harness.names(of: id) == ["queued", "bounced"])
            #expect(mx.messages.count == 2)
        }
    }

    @Test("A route may leave extensions alone that its servers get wrong")
    func extensionsTurnedOff() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            let policy = DeliveryHarness.policy(port: mx.port) {
                $0.extensions = ExtensionUse(pipelining: false, eightBit: .undeclared)
            }
            try await harness.start(policy)
            try await harness.submit(
                to: ["bob@example.org"], content: "Subject: x\r\n\r\nä\r\n", body: .eightBitMIME)
            try await harness.waitUntilEmpty()
            #expect(mx.messages.first?.content.hasSuffix("ä\r\n") == true)
            #expect(mx.commands.contains("MAIL FROM:<ann@example.net>"))
        }
    }

    @Test("A large message is sent whole, as fast as the other side takes it")
    func large() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let line = String(repeating: "x", count: 76) + "\r\n"
            let content = "Subject: large\r\n\r\n" + String(repeating: line, count: 40_000)
            try await harness.submit(to: ["bob@example.org"], content: content)
            try await harness.waitUntilEmpty()
            #expect(mx.messages.first?.content.hasSuffix(content) == true)
        }
    }

    @Test("Outcomes that cannot be recorded are kept: nothing is sent again meanwhile")
    func diskFull() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let log = try #require(harness.log)
            log.failuresToCome = 2
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { log.refusedAppends == 2 }
            #expect(mx.messages.count == 1)
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "delivered"])
            #expect(mx.messages.count == 1)
        }
    }
}
