import BenchmarkSupport
import WaybillTesting

/// What the command line asks for.
///
/// Concurrency: value.
struct YearOptions {
    /// What is done.
    enum Task: String {
        case make, read, sqlite
    }

    var task = Task.make
    /// The log's own directory.
    var directory = ""
    /// Events of the year that is made, or the most that are read.
    var events = Int.max
    var days = 365
    /// Of the traffic; the same seed gives the same log.
    var seed: UInt64 = 1
    /// Events of one append, which is one batch of the log.
    var batch = 300
    /// Each message gets some content.
    var hasContent = false
    /// The database that SQLite folds into; made anew.
    var database = ""
    /// SQLite is told the sums of each transaction and not every count.
    var addsUpFirst = false

    static let usage = """
        year-in-a-box make DIRECTORY --events N [--days 365] [--seed 1] [--batch 300] [--content]
        year-in-a-box read DIRECTORY [--events N]
        year-in-a-box sqlite DIRECTORY --database FILE [--events N] [--add-up-first]
        """

    /// Reads the arguments after the program's name.
    init(_ arguments: some Sequence<String>) throws(BenchmarkError) {
        var rest = Array(arguments)[...]
        guard let name = rest.popFirst(), let task = Task(rawValue: name),
            let directory = rest.popFirst(), !directory.hasPrefix("--")
        else { throw BenchmarkError(Self.usage) }
        self.task = task
        self.directory = directory
        while let argument = rest.popFirst() {
            switch argument {
            case "--content": hasContent = true
            case "--add-up-first": addsUpFirst = true
            case "--database": database = try Self.value(&rest, argument)
            case "--events": events = try Self.number(&rest, argument)
            case "--days": days = try Self.number(&rest, argument)
            case "--batch": batch = try Self.number(&rest, argument)
            case "--seed": seed = UInt64(try Self.number(&rest, argument))
            default: throw BenchmarkError("bad argument '\(argument)'\n\(Self.usage)")
            }
        }
        guard task != .make || events < .max, task != .sqlite || !database.isEmpty else {
            throw BenchmarkError(Self.usage)
        }
    }

    private static func value(
        _ rest: inout ArraySlice<String>, _ name: String
    ) throws(BenchmarkError) -> String {
        guard let text = rest.popFirst() else {
            throw BenchmarkError("\(name) lacks its value\n\(usage)")
        }
        return text
    }

    private static func number(
        _ rest: inout ArraySlice<String>, _ name: String
    ) throws(BenchmarkError) -> Int {
        guard let number = Int(try value(&rest, name)), number > 0 else {
            throw BenchmarkError("\(name) takes a number\n\(usage)")
        }
        return number
    }
}
