import BenchmarkSupport
import Foundation

/// The load of a server beside which the log is measured: so many connections, each of which
/// appends again once its last append has been answered; and reading everything back.
///
/// Built with WAYBILL_BENCHMARKS=1; `tools/benchmarks --log` starts the servers and runs it. Prints
/// a JSON line when all connections are ready, and one at the end.
///
/// Concurrency: value; runs on the main thread, which stands for all connections.
@main
struct PeerLoad {
    private let options: PeerLoadOptions

    static func main() {
        do {
            let options = try PeerLoadOptions(CommandLine.arguments.dropFirst())
            try PeerLoad(options: options).run()
        } catch {
            FileHandle.standardError.write(Data("peer-load: \(error)\n".utf8))
            exit(1)
        }
    }

    private init(options: PeerLoadOptions) { self.options = options }

    private func run() throws {
        let peer = options.peer
        switch options.task {
        case .append:
            let records = try Records(path: options.records)
            try peer.prepare(connect(0))
            let connections = try (0..<options.connections).map(connect)
            let appending = Appending(
                peer: peer, records: records, connections: connections, seconds: options.seconds)
            try appending.warmUp()
            Output.line("{\"kind\":\"ready\"}")
            try measured(appending.run)
        case .fill:
            let records = try Records(path: options.records)
            let connection = try connect(0)
            try peer.prepare(connection)
            try measured { try fill(connection, records) }
        case .read:
            let connection = try connect(0)
            try measured { try peer.read(connection, count: options.count) }
        }
    }

    /// A connection that is ready to append.
    private func connect(_ number: Int) throws -> PeerConnection {
        let connection = try PeerConnection(options.address)
        try options.peer.greet(connection, number: number)
        return connection
    }

    /// Stores records quickly, many at a time: only to have something to read.
    private func fill(_ connection: PeerConnection, _ records: Records) throws -> PeerFigures {
        var figures = PeerFigures()
        var request: [UInt8] = []
        while figures.records < options.count {
            let some = min(500, options.count - figures.records)
            request.removeAll(keepingCapacity: true)
            let batch = (figures.records..<figures.records + some).map { records[$0] }
            options.peer.append(batch, connection, into: &request)
            try connection.send(request)
            var answers = options.peer.answers(toAppendsOf: some)
            while answers > 0 {
                try connection.receive()
                answers -= try options.peer.answers(connection)
            }
            figures.records += some
            figures.octets += batch.reduce(0) { $0 + $1.count }
        }
        return figures
    }

    private func measured(_ body: () throws -> PeerFigures) throws {
        let (start, cpu) = (Clock.seconds(), Clock.processSeconds())
        let figures = try body()
        let (seconds, used) = (Clock.seconds() - start, Clock.processSeconds() - cpu)
        Output.line(
            """
            {"kind":"\(options.task.rawValue)","connections":\(options.connections),\
            "events":\(figures.records),"octets":\(figures.octets),"seconds":\(seconds),\
            "client_cpu_seconds":\(used)}
            """)
    }
}
