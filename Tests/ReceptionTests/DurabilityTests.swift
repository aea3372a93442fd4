import EventLog
import Logging
import MailEvents
import MailModel
import NIOPosix
import Reception
import Testing
import WaybillTesting

@Suite("Reception on the real log")
struct DurabilityTests {
    private func open(_ path: String) throws -> EventLog<MailEventCodec> {
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        return try EventLog.open(
            directory: path, codec: MailEventCodec(), configuration: configuration)
    }

    private func start(_ log: any MessageLog) async throws -> Reception {
        var listener = ListenerPolicy(name: "mx", host: "127.0.0.1", port: 0)
        listener.relayNetworks = [IPNetwork("127.0.0.0/8")].compactMap { $0 }
        return try await Reception.start(
            configuration: ReceptionConfiguration(
                serverName: "mx.example.org", listeners: [listener]),
            log: log, group: MultiThreadedEventLoopGroup.singleton,
            now: { EventTime(microseconds: 1_700_000_000_000_000) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("every id that was said with 250 is in the log when it is opened again, with its content")
    func everyAnswerIsDurable() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/log"
        let log = try open(path)
        let reception = try await start(log)
        let port = reception.listeners[0].port
        let answers = try await withThrowingTaskGroup { group in
            for session in 0..<5 {
                group.addTask { try await deliver(10, port: port, session: session) }
            }
            var answers: [MessageID: String] = [:]
            for try await some in group { answers.merge(some) { $1 } }
            return answers
        }
        #expect(answers.count == 50)
        await reception.stop(limitSeconds: 5)
        log.close()

        let reader = try LogReader.open(directory: path)
        var received: Set<MessageID> = []
        var queued: [MessageID: Int] = [:]
        try reader.forEachBatch { batch in
            let events = try MailEventDecoder.decode(
                batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
                firstTime: batch.firstTime)
            for event in events {
                guard let id = event.messageID else { continue }
                switch event.event.fact {
                case .received: received.insert(id)
                case .queued: queued[id, default: 0] += 1
                default: break
                }
            }
            return true
        }
        #expect(reader.verify(codec: MailEventCodec()).isIntact)
        #expect(received == Set(answers.keys))
        #expect(answers.keys.allSatisfy { queued[$0] == 1 })
        for (id, text) in answers {
            let content = try reader.content(of: id.sequence)
            #expect(content.map { String(decoding: $0, as: UTF8.self) } == text)
        }
    }

    @Test("a log that closes under a session answers 421, and nothing was promised")
    func closedLog() async throws {
        let directory = try TemporaryDirectory()
        let log = try open(directory.path + "/log")
        let reception = try await start(log)
        let client = try await SMTPTestClient.connect(port: reception.listeners[0].port)
        try await client.ask("EHLO client.example.net", 250)
        try await client.beginContent()
        log.close()
        try await client.send("\nhello\n.\n")
        try await client.expect(421)
        await client.close()
        await reception.stop(limitSeconds: 1)
    }
}

/// Delivers so many messages in one session; the contents by the ids that were answered.
private func deliver(_ count: Int, port: Int, session: Int) async throws -> [MessageID: String] {
    let client = try await SMTPTestClient.connect(port: port)
    try await client.ask("EHLO client.example.net", 250)
    var answers: [MessageID: String] = [:]
    for number in 0..<count {
        let content = "Subject: \(session)-\(number)\n\nhello\n"
        let reply = try await client.deliver(content: content)
        let id = try #require(MessageID(String(reply.dropLast().split(separator: " ").last ?? "")))
        answers[id] = content.replacing("\n", with: "\r\n")
    }
    try await client.ask("QUIT", 221)
    return answers
}
