import BenchmarkSupport
import Glibc

/// Appends on many connections at once, one append a connection.
///
/// Concurrency: bound to the main thread.
struct Appending {
    let peer: any Peer
    let records: Records
    let connections: [PeerConnection]
    /// After so many seconds no further append is made.
    let seconds: Double

    /// One append on each: what a server prepares for a new connection is no part of the figures.
    func warmUp() throws {
        for connection in connections {
            var request: [UInt8] = []
            peer.append([records[0]], connection, into: &request)
            try connection.send(request)
        }
        for connection in connections {
            while try peer.answers(connection) == 0 { try connection.receive() }
        }
    }

    /// Until the time is over and all appends have been answered.
    func run() throws -> PeerFigures {
        let ready = try Readiness(connections.map(\.descriptor))
        let start = Clock.seconds()
        var figures = PeerFigures()
        var next = 0
        var underWay = 0
        var request: [UInt8] = []
        func append(_ connection: PeerConnection) throws {
            request.removeAll(keepingCapacity: true)
            let record = records[next]
            peer.append([record], connection, into: &request)
            try connection.send(request)
            figures.octets += record.count
            next += 1
            underWay += 1
        }
        for connection in connections { try append(connection) }
        while underWay > 0 {
            for index in try ready.wait() {
                let connection = connections[index]
                try connection.receive()
                let answers = try peer.answers(connection)
                if answers == 0 { continue }
                figures.records += answers
                underWay -= answers
                if Clock.seconds() - start < seconds { try append(connection) }
            }
        }
        return figures
    }
}
