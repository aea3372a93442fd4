import BenchmarkSupport

/// Redis' protocol: an XADD a record; reading with XRANGE, 1,000 entries at a time.
///
/// Concurrency: value.
struct RedisPeer: Peer {
    func greet(_ connection: PeerConnection, number: Int) throws {}

    func prepare(_ connection: PeerConnection) throws {
        try connection.send(Array("*1\r\n$8\r\nFLUSHALL\r\n".utf8))
        while try answers(connection) == 0 { try connection.receive() }
    }

    func append(
        _ records: [ArraySlice<UInt8>], _ connection: PeerConnection, into request: inout [UInt8]
    ) {
        for record in records {
            request.append(contentsOf: Self.command)
            request.append(contentsOf: String(record.count).utf8)
            request.append(contentsOf: Self.end)
            request.append(contentsOf: record)
            request.append(contentsOf: Self.end)
        }
    }

    func answers(toAppendsOf count: Int) -> Int { count }

    func answers(_ connection: PeerConnection) throws -> Int {
        var count = 0
        while let length = connection.lineLength() {
            let line = connection.arrived[connection.taken..<connection.taken + length]
            var whole = length + 2
            switch line.first {
            case UInt8(ascii: "-"): throw BenchmarkError("Redis: \(line.text)")
            case UInt8(ascii: "$"): whole += line.dropFirst().number + 2
            default: break
            }
            if connection.waiting < whole { break }
            connection.taken += whole
            count += 1
        }
        return count
    }

    func read(_ connection: PeerConnection, count: Int) throws -> PeerFigures {
        var figures = PeerFigures()
        var from = Array("-".utf8)
        while figures.records < count {
            let some = min(1_000, count - figures.records)
            let command =
                "*6\r\n$6\r\nXRANGE\r\n$6\r\nevents\r\n$\(from.count)\r\n\(from[...].text)\r\n"
                + "$1\r\n+\r\n$5\r\nCOUNT\r\n$\(String(some).utf8.count)\r\n\(some)\r\n"
            try connection.send(Array(command.utf8))
            let entries = try length(connection, "*")
            if entries == 0 { break }
            for _ in 0..<entries {
                _ = try length(connection, "*")
                let name = try length(connection, "$")
                try connection.wait(for: name + 2)
                let end = connection.taken + name
                from = Array("(".utf8) + connection.arrived[connection.taken..<end]
                connection.taken = end + 2
                _ = try length(connection, "*")
                for isBody in [false, true] {
                    let octets = try length(connection, "$")
                    try connection.wait(for: octets + 2)
                    connection.taken += octets + 2
                    if isBody { figures.octets += octets }
                }
            }
            figures.records += entries
        }
        guard figures.records == count else {
            throw BenchmarkError("\(figures.records) of \(count) records were read")
        }
        return figures
    }

    /// The number after a sign that must be there.
    private func length(_ connection: PeerConnection, _ sign: Unicode.Scalar) throws -> Int {
        let line = try connection.line()
        guard line.first == UInt8(ascii: sign) else {
            throw BenchmarkError("Redis: \(line.text)")
        }
        return line.dropFirst().number
    }

    private static let command = Array(
        "*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\nb\r\n$".utf8)
    private static let end: [UInt8] = [13, 10]
}
