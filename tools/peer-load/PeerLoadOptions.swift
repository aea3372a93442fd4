import BenchmarkSupport

/// What the command line asks for.
///
/// Concurrency: value.
struct PeerLoadOptions {
    /// What is done.
    enum Task: String {
        case append, fill, read
    }

    let peer: any Peer
    let task: Task
    let address: PeerConnection.Address
    /// The file of records, as `log-benchmark --records` writes it.
    var records = ""
    /// Connections that append.
    var connections = 1
    /// After so many seconds no further append is made.
    var seconds = 1.2
    /// Records that are filled in, or read.
    var count = 1_000_000

    static let usage = """
        peer-load postgresql|redis|nats append PORT|SOCKET --records FILE [--connections 1]
                                               [--seconds 1.2]
        peer-load postgresql|redis|nats fill PORT|SOCKET --records FILE [--count 1000000]
        peer-load postgresql|redis|nats read PORT|SOCKET [--count 1000000]
        What is in the table, the stream of that name, is gone after append and fill.
        """

    /// Reads the arguments after the program's name.
    init(_ arguments: some Sequence<String>) throws(BenchmarkError) {
        var rest = Array(arguments)[...]
        guard let name = rest.popFirst(), let peer = Self.peers[name],
            let task = rest.popFirst().flatMap(Task.init(rawValue:)), let place = rest.popFirst()
        else { throw BenchmarkError(Self.usage) }
        self.peer = peer
        self.task = task
        address = UInt16(place).map { .port($0) } ?? .path(place)
        while let argument = rest.popFirst() {
            let text = rest.popFirst() ?? ""
            switch argument {
            case "--records": records = text
            case "--connections": connections = Int(text) ?? 0
            case "--seconds": seconds = Double(text) ?? 0
            case "--count": count = Int(text) ?? 0
            default: throw BenchmarkError("bad argument '\(argument)'\n\(Self.usage)")
            }
        }
        guard connections > 0, seconds > 0, count > 0 else { throw BenchmarkError(Self.usage) }
    }

    private static let peers: [String: any Peer] = [
        "postgresql": PostgreSQLPeer(), "redis": RedisPeer(), "nats": NATSPeer(),
    ]
}
