import BenchmarkSupport

/// PostgreSQL's protocol 3: one INSERT, prepared, a transaction; reading with COPY in binary form.
///
/// Concurrency: value.
struct PostgreSQLPeer: Peer {
    func greet(_ connection: PeerConnection, number: Int) throws {
        var request: [UInt8] = []
        request.message(nil) { body in
            body.append(contentsOf: [0, 3, 0, 0])
            for text in ["user", "waybill", "database", "postgres", ""] { body.text(text) }
        }
        try connection.send(request)
        try untilReady(connection)
    }

    func prepare(_ connection: PeerConnection) throws {
        try query(
            """
            DROP TABLE IF EXISTS event;
            CREATE TABLE event (sequence bigserial PRIMARY KEY, body bytea NOT NULL)
            """, connection)
    }

    func append(
        _ records: [ArraySlice<UInt8>], _ connection: PeerConnection, into request: inout [UInt8]
    ) {
        if connection.name.isEmpty {
            connection.name = Array("s".utf8)
            request.message(UInt8(ascii: "P")) { body in
                body.text("s")
                body.text("INSERT INTO event (body) VALUES ($1)")
                body.append(contentsOf: [0, 0])
            }
        }
        for record in records {
            request.message(UInt8(ascii: "B")) { body in
                // No portal's name, the statement's name, one format (1: binary), one value.
                body.append(contentsOf: [0, UInt8(ascii: "s"), 0, 0, 1, 0, 1, 0, 1])
                body.bigEndian(record.count)
                body.append(contentsOf: record)
                body.append(contentsOf: [0, 0])
            }
            request.message(UInt8(ascii: "E")) { $0.append(contentsOf: [0, 0, 0, 0, 0]) }
        }
        request.message(UInt8(ascii: "S")) { _ in }
    }

    func answers(toAppendsOf count: Int) -> Int { 1 }

    func answers(_ connection: PeerConnection) throws -> Int {
        var ready = 0
        while connection.waiting >= 5 {
            let length = connection.messageLength
            if connection.waiting < length { break }
            if try isReady(connection, length) { ready += 1 }
            connection.taken += length
        }
        return ready
    }

    func read(_ connection: PeerConnection, count: Int) throws -> PeerFigures {
        var request: [UInt8] = []
        request.message(UInt8(ascii: "Q")) { body in
            body.text(
                """
                COPY (SELECT sequence, body FROM event ORDER BY sequence LIMIT \(count)) \
                TO STDOUT (FORMAT binary)
                """)
        }
        try connection.send(request)
        var figures = PeerFigures()
        while true {
            try connection.wait(for: 5)
            let length = connection.messageLength
            try connection.wait(for: length)
            switch connection.arrived[connection.taken] {
            case UInt8(ascii: "d"):
                // Two fields with 4 octets of length each, one of 8, after a count of 2.
                figures.octets += max(0, length - 5 - 18)
            case UInt8(ascii: "C"):
                // COPY and a number.
                let from = connection.taken + 10
                figures.records = connection.arrived[from..<connection.taken + length].number
            default: break
            }
            let isReady = try isReady(connection, length)
            connection.taken += length
            if isReady { break }
        }
        guard figures.records == count else {
            throw BenchmarkError("\(figures.records) of \(count) records were read")
        }
        return figures
    }

    private func query(_ text: String, _ connection: PeerConnection) throws {
        var request: [UInt8] = []
        request.message(UInt8(ascii: "Q")) { $0.text(text) }
        try connection.send(request)
        try untilReady(connection)
    }

    private func untilReady(_ connection: PeerConnection) throws {
        while try answers(connection) == 0 { try connection.receive() }
    }

    /// Whether the message at hand says that the server waits for a request.
    private func isReady(_ connection: PeerConnection, _ length: Int) throws -> Bool {
        let kind = connection.arrived[connection.taken]
        if kind == UInt8(ascii: "E") {
            let body = connection.arrived[connection.taken + 5..<connection.taken + length]
            throw BenchmarkError("PostgreSQL: " + body.text.replacing("\0", with: " "))
        }
        return kind == UInt8(ascii: "Z")
    }
}

extension PeerConnection {
    /// Octets of the message that begins with the next octet, which has 5 at least.
    fileprivate var messageLength: Int {
        1 + (1...4).reduce(0) { $0 << 8 | Int(arrived[taken + $1]) }
    }
}

extension [UInt8] {
    fileprivate mutating func bigEndian(_ number: Int) {
        for shift in [24, 16, 8, 0] { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    fileprivate mutating func text(_ text: String) {
        append(contentsOf: text.utf8)
        append(0)
    }

    /// A message with its kind, which the first of a connection lacks, and its length.
    fileprivate mutating func message(_ kind: UInt8?, _ body: (inout [UInt8]) -> Void) {
        if let kind { append(kind) }
        let start = count
        bigEndian(0)
        body(&self)
        let length = count - start
        for (index, shift) in [24, 16, 8, 0].enumerated() {
            self[start + index] = UInt8(truncatingIfNeeded: length >> shift)
        }
    }
}
