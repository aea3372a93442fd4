import BenchmarkSupport

/// What the command line asks for.
///
/// Concurrency: value.
struct BenchmarkOptions {
    /// Where the files go; made. The files of a case are removed after it.
    var directory = ""
    /// The most that the appends of one case take.
    var seconds = 1.2
    /// Events made for a stream: a case also ends when they are used up.
    var events = 400_000
    /// Numbers of concurrent appenders.
    var appenders = [1, 10, 100, 1_000]
    /// Names of ``Workload/Kind``.
    var streams = Workload.Kind.allCases
    /// Of the generator; the same seed gives the same events.
    var seed: UInt64 = 7
    /// Instead of measuring, the file that the records of a `single` stream are written to.
    var records: String?
    /// Instead of comparing, what is measured of a log that is there; `directory` is the log's own.
    var grown: GrownLog.Task?
    /// SQLite goes before the log, not after it.
    var sqliteFirst = false

    static let usage = """
        log-benchmark DIRECTORY [--seconds 1.2] [--events 400000] [--appenders 1,10,100,1000]
                      [--streams events,single,content] [--seed 7] [--sqlite-first]
        log-benchmark DIRECTORY --records FILE [--events 400000] [--seed 7]
        log-benchmark LOG --grown write [--events 400000] [--appenders 1,100]
        log-benchmark LOG --grown read
        log-benchmark LOG --grown random [--events 10000]
        """

    /// Reads the arguments after the program's name.
    init(_ arguments: some Sequence<String>) throws(BenchmarkError) {
        var rest = Array(arguments)[...]
        func bad(_ argument: String) -> BenchmarkError {
            BenchmarkError("bad or incomplete argument '\(argument)'\n\(Self.usage)")
        }
        while let argument = rest.popFirst() {
            if argument == "--sqlite-first" {
                sqliteFirst = true
                continue
            }
            guard argument.hasPrefix("--") else {
                directory = argument
                continue
            }
            guard let text = rest.popFirst() else { throw bad(argument) }
            let parts = text.split(separator: ",").map(String.init)
            switch argument {
            case "--seconds": seconds = try Self.parsed(Double(text), bad(argument))
            case "--events": events = try Self.parsed(Int(text), bad(argument))
            case "--seed": seed = try Self.parsed(UInt64(text), bad(argument))
            case "--records": records = text
            case "--grown":
                grown = try Self.parsed(GrownLog.Task(rawValue: text), bad(argument))
            case "--appenders":
                appenders = []
                for part in parts { appenders.append(try Self.parsed(Int(part), bad(argument))) }
            case "--streams":
                streams = []
                for part in parts {
                    streams.append(try Self.parsed(Workload.Kind(rawValue: part), bad(argument)))
                }
            default: throw bad(argument)
            }
        }
        guard !directory.isEmpty, seconds > 0, events > 0, appenders.allSatisfy({ $0 > 0 }) else {
            throw BenchmarkError(Self.usage)
        }
    }

    private static func parsed<Value>(
        _ value: Value?, _ error: @autoclosure () -> BenchmarkError
    ) throws(BenchmarkError) -> Value {
        guard let value else { throw error() }
        return value
    }
}
