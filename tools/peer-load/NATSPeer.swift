import BenchmarkSupport

/// The protocol of NATS: JetStream's acknowledgement of each publish; reading with a push consumer
/// that acknowledges nothing, with flow control, as clients' ordered consumers do.
///
/// Concurrency: value.
struct NATSPeer: Peer {
    func greet(_ connection: PeerConnection, number: Int) throws {
        connection.name = Array("_INBOX.\(number)".utf8)
        let inbox = connection.name[...].text
        try connection.send(
            Array(
                ("CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"swift\",\"version\":\"1\","
                    + "\"protocol\":1,\"headers\":true,\"no_responders\":true}\r\n"
                    + "SUB \(inbox).* 1\r\nPING\r\n").utf8))
        while try connection.line().text != "PONG" {}
    }

    func prepare(_ connection: PeerConnection) throws {
        _ = try? ask("STREAM.DELETE.EVENTS", "", connection)
        try ask(
            "STREAM.CREATE.EVENTS",
            "{\"name\":\"EVENTS\",\"subjects\":[\"events\"],\"storage\":\"file\",\"num_replicas\":1}",
            connection)
    }

    func append(
        _ records: [ArraySlice<UInt8>], _ connection: PeerConnection, into request: inout [UInt8]
    ) {
        for record in records {
            request.append(contentsOf: Self.publish)
            request.append(contentsOf: connection.name)
            request.append(contentsOf: Self.acknowledgement)
            request.append(contentsOf: String(record.count).utf8)
            request.append(contentsOf: Self.end)
            request.append(contentsOf: record)
            request.append(contentsOf: Self.end)
        }
    }

    func answers(toAppendsOf count: Int) -> Int { count }

    func answers(_ connection: PeerConnection) throws -> Int {
        var count = 0
        while let frame = try NATSFrame(connection) {
            if frame.hasMessage {
                try Self.check(connection.arrived[frame.body])
                count += 1
            }
            connection.taken = frame.end
        }
        return count
    }

    func read(_ connection: PeerConnection, count: Int) throws -> PeerFigures {
        // A consumer sends only to a subject that is subscribed to by its very name; the first
        // messages may come before the answer.
        try connection.send(Array("SUB events-read 2\r\n".utf8))
        try send(
            "CONSUMER.CREATE.EVENTS",
            "{\"stream_name\":\"EVENTS\",\"config\":{\"deliver_subject\":\"events-read\","
                + "\"deliver_policy\":\"all\",\"ack_policy\":\"none\",\"replay_policy\":\"instant\","
                + "\"flow_control\":true,\"idle_heartbeat\":5000000000,\"mem_storage\":true}}",
            connection)
        var figures = PeerFigures()
        while figures.records < count {
            guard let frame = try NATSFrame(connection) else {
                try connection.receive()
                continue
            }
            let reply = connection.arrived[frame.reply]
            if reply.starts(with: Self.delivered) {
                figures.records += 1
                figures.octets += frame.body.count
            } else if reply.starts(with: Self.flowControl) {
                try connection.send(Array("PUB \(reply.text) 0\r\n\r\n".utf8))
            } else if !frame.body.isEmpty {
                try Self.check(connection.arrived[frame.body])
            }
            connection.taken = frame.end
        }
        return figures
    }

    /// Asks JetStream; the answer is a message.
    private func send(_ what: String, _ body: String, _ connection: PeerConnection) throws {
        let inbox = connection.name[...].text
        try connection.send(
            Array("PUB $JS.API.\(what) \(inbox).api \(body.utf8.count)\r\n\(body)\r\n".utf8))
    }

    /// Asks JetStream and waits for the answer, when no other message can come.
    private func ask(_ what: String, _ body: String, _ connection: PeerConnection) throws {
        try send(what, body, connection)
        while true {
            guard let frame = try NATSFrame(connection) else {
                try connection.receive()
                continue
            }
            defer { connection.taken = frame.end }
            if frame.hasMessage {
                try Self.check(connection.arrived[frame.body])
                return
            }
        }
    }

    private static func check(_ answer: ArraySlice<UInt8>) throws {
        // JetStream's errors are objects: {"error":{...}} or {"type":"...","error":{...}}.
        if answer.isEmpty || answer.count > 8 && answer.text.contains("\"error\"") {
            throw BenchmarkError("NATS: \(answer.text)")
        }
    }

    private static let publish = Array("PUB events ".utf8)
    private static let acknowledgement = Array(".ack ".utf8)
    private static let end: [UInt8] = [13, 10]
    private static let delivered = Array("$JS.ACK.".utf8)
    private static let flowControl = Array("$JS.FC.".utf8)
}
