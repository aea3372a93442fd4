import EventLog
import Glibc
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

private let directory = unsafe getenv("WAYBILL_QUEUE_BENCHMARK").map { unsafe String(cString: $0) }

/// One million queued messages: memory, time to load, time to replay.
///
/// `WAYBILL_QUEUE_BENCHMARK=/some/directory swift test -c release -Xswiftc -enable-testing
/// --filter QueueBenchmark`; the first run makes the log, later ones use it, so that memory is
/// measured in a fresh process.
@Suite("QueueBenchmark", .enabled(if: directory != nil), .serialized)
struct QueueBenchmark {
    private let messages = 1_000_000

    /// Resident memory in bytes.
    private func resident() -> Int {
        guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
        defer { unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 200)
        unsafe fgets(&line, 200, file)
        let words = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
        return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * 4096
    }

    private func timed<Result>(_ what: String, _ body: () throws -> Result) rethrows -> Result {
        let start = ContinuousClock.now
        let result = try body()
        print("\(what): \(ContinuousClock.now - start), resident \(resident() >> 20) MiB")
        return result
    }

    @Test("1: a log with one million queued messages, one in ten deferred once")
    func make() async throws {
        let path = try #require(directory)
        guard unsafe access(path + "/log", F_OK) != 0 else { return }
        let log = try EventLog.open(
            directory: path + "/log", codec: MailEventCodec(),
            configuration: EventLogConfiguration())
        var random = SeededRandom(seed: 1)
        let session = IngressSession(
            listener: "submission", serverName: "mta.example.com", transmissionType: .esmtpsa,
            clientAddress: "198.51.100.20", clientName: "app1.example.com", identity: "app1",
            sessionID: "s1")
        let peer = DeliveryPeer(
            host: "mx1.mail.example.net", address: "192.0.2.10", port: 25,
            sourceAddress: "198.51.100.7")
        var time: Int64 = 1_790_000_000_000_000
        for block in 0..<(messages / 1000) {
            var events: [Event] = []
            var deferrals: [Fact] = []
            for index in 0..<1000 {
                let number = block * 1000 + index
                time += 70
                let tenant = "tenant\(random.below(200))"
                let campaign = "campaign-2026-\(random.below(20_000))"
                let received = MessageReceived(
                    reversePath: .mailbox(
                        Mailbox(
                            localPart: "bounce+\(String(random.next(), radix: 36))",
                            domain: "mail.\(tenant).example.com")),
                    sizeOctets: 20_000 + random.below(40_000),
                    contentSHA256: (0..<4).flatMap { _ in
                        let word = random.next()
                        return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
                    }, recipientCount: 1, tenant: tenant, campaign: campaign,
                    body: .eightBitMIME, session: session)
                let recipient = RecipientReference(
                    message: .inThisAppend(at: events.count), number: 0,
                    mailbox: Mailbox(
                        localPart: "firstname.lastname\(number)",
                        domain: "domain\(min(random.below(50_000), random.below(50_000))).example"),
                    tenant: tenant, campaign: campaign)
                let now = EventTime(microseconds: time)
                if random.oneIn(10) {
                    var named = recipient
                    named.message = MessageID(
                        epoch: 1, sequence: log.position.sequence + 1 + UInt64(events.count))
                    deferrals.append(deferral(named, peer, time, random.next()))
                }
                events.append(Event(time: now, fact: .received(received)))
                events.append(
                    Event(
                        time: now,
                        fact: .queued(RecipientQueued(recipient: recipient, due: now))))
            }
            _ = try await log.append(events)
            _ = try await log.append(
                deferrals.map { Event(time: EventTime(microseconds: time), fact: $0) })
        }
        log.close()
    }

    private func deferral(
        _ recipient: RecipientReference, _ peer: DeliveryPeer, _ time: Int64, _ id: UInt64
    ) -> Fact {
        .deferred(
            DeliveryDeferred(
                recipient: recipient,
                attempt: Attempt(
                    number: 1,
                    reply: Reply(
                        451, EnhancedStatusCode(4, 7, 1),
                        "Greylisted, please try again in 300 seconds \(String(id, radix: 36))"),
                    command: "rcpt", peer: peer),
                class: .transientFailure, saidBy: .remote,
                nextDue: EventTime(microseconds: time + 900_000_000)))
    }

    @Test("2: load, from the log or from the checkpoint, and use")
    func load() throws {
        let path = try #require(directory)
        let log = try LogReader.open(directory: path + "/log")
        let before = resident()
        var (queue, store, report) = try timed("load") {
            try Queue.load(dataDirectory: path, log: log)
        }
        let used = resident() - before
        print(
            "checkpoint \(report.checkpoint ?? 0), replayed \(report.replayed), \(queue.counts),",
            "\(used / max(1, queue.counts.messages)) bytes a message")
        var rowBytes = 0
        queue.forEachRow { rowBytes += $0.value.count }
        print("\(rowBytes / max(1, queue.counts.messages)) bytes a row")
        if let checkpoint = timed("take", { queue.takeCheckpoint() }) {
            try timed("write \(checkpoint.changes.count) rows") { try store.write(checkpoint) }
        }
        var waiting = 0
        timed("forEachWaiting") { queue.forEachWaiting { waiting += $0.queue.domain.utf8.count } }
        timed("forEachMessage") { queue.forEachMessage { waiting += $0.recipients.count } }
        let digest = timed("digest") { queue.digest() }
        var random = SeededRandom(seed: 2)
        timed("200,000 messages by id") {
            for _ in 0..<200_000 {
                let id = MessageID(
                    epoch: 1, sequence: UInt64(random.below(Int(queue.lastSequence))))
                waiting += queue.message(id)?.recipients.count ?? 0
            }
        }
        print(waiting, digest.prefix(4))
    }

    @Test("3: the trace of one message, without an index")
    func trace() throws {
        let path = try #require(directory)
        let log = try LogReader.open(directory: path + "/log")
        let last = try log.lastSequence()
        let begin = ContinuousClock.now
        let trace = try MessageTrace.read(MessageID(epoch: 1, sequence: 2), from: log)
        let rate = Double(last) / ((ContinuousClock.now - begin) / .seconds(1))
        print("trace: \(Int(rate)) events a second, \(trace?.events.count ?? 0) events")
    }

    @Test("4: accepted and delivered at once: what the fold costs a message")
    func hotPath() {
        var generator = EventGenerator(seed: 5)
        let events = generator.events(1_000_000)
        var queue = Queue()
        let start = ContinuousClock.now
        for event in events { queue.apply(event) }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print("fold: \(Int(1_000_000 / seconds)) events a second, \(queue.counts)")
    }
}
