import ArgumentParser
import Glibc
import HTTPAPI
import MailEvents

/// `waybill suppression import`.
struct SuppressionImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take a list: what is there already is left as it is.",
        discussion: """
            CSV with the columns address, tenant, reason, expires (a line of names may say which there
            are and in what order), or one JSON object a line with these members. A line that cannot be
            taken is named, and the others are taken: then the exit code is 1.
            Examples:
              waybill suppression import list.csv
              waybill suppression import --format ndjson --tenant acme - < list.ndjson
            """)

    /// How the list is written.
    enum ListFormat: String, CaseIterable, ExpressibleByArgument {
        case csv, ndjson
    }

    @Argument(help: "The file; - for standard input.") var file: String
    @OptionGroup var data: DataOptions
    @Option(help: "csv or ndjson. Default: by the file's name, else csv.") var format: ListFormat?
    @Option(help: "For lines that name no tenant. Default: for everybody's mail.")
    var tenant: String?
    @Flag(help: "Only say what would change.") var dryRun = false

    private var isJSON: Bool {
        format.map { $0 == .ndjson } ?? (file.hasSuffix(".ndjson") || file.hasSuffix(".jsonl"))
    }

    func run() async throws {
        let body = try FilePieces.body(of: file)
        var query: [(String, String)] = []
        if let tenant { query.append(("tenant", tenant)) }
        if dryRun { query.append(("dry_run", "true")) }
        var request = LocalRequest(
            .post, "/api/v1/suppressions" + PercentText.query(query), body: body)
        request.contentType = isJSON ? "application/x-ndjson" : "text/csv"
        let answer = try await ControlPoint.use(data) { point in
            try await ControlCall.answer(request, at: point)
        }
        if data.json {
            print(answer.json)
        } else {
            print(
                "\(answer["lines"].text) lines: \(answer["added"].text) added, "
                    + "\(answer["replaced"].text) changed, \(answer["unchanged"].text) there already,"
                    + " \(answer["refused"].text) refused"
                    + (answer["dry_run"].isTrue ? " (nothing was done)" : ""))
        }
        for error in answer["errors"].elements {
            complain("waybill: \(file):\(error["line"].text): \(error["detail"].text)")
        }
        if answer["refused"].number > 0 { throw Exit.found }
    }
}

/// A file or standard input, read as it is sent.
enum FilePieces {
    private static let pieceOctets = 65_536

    /// The pieces; complains and throws an exit code when the file cannot be opened.
    static func body(of path: String) throws -> LocalBody {
        let descriptor = path == "-" ? STDIN_FILENO : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            complain("waybill: cannot open \(path): \(FileProblem.ofErrno())")
            throw Exit.unavailable
        }
        // Closed by the end of the process.
        return LocalBody {
            var piece = [UInt8](repeating: 0, count: pieceOctets)
            while true {
                let count = unsafe piece.withUnsafeMutableBytes {
                    unsafe read(descriptor, $0.baseAddress, $0.count)
                }
                if count > 0 { return Array(piece[..<count]) }
                if count == 0 { return nil }
                guard errno == EINTR else { throw FileProblem.ofErrno() }
            }
        }
    }
}
