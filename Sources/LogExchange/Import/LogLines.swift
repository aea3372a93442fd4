import MailModel

/// Whose log is imported.
package enum ImportFormat: String, CaseIterable, Sendable {
    /// KumoMTA's log records, one JSON object a line.
    case kumomta
    /// Postfix's lines in a syslog file.
    case postfix
}

/// A line that could not be taken.
package struct RefusedLine: Equatable, Sendable {
    package var file: String
    /// From 1.
    package var line: Int
    package var why: String
}

/// The lines of several files as one sequence in the order of their times: a file is opened when
/// those that are open have come to its first line.
///
/// Concurrency: bound to its owner.
final class LogLines {
    /// One file and its next statement.
    private struct Source {
        var file: LineFile
        var syslog: SyslogReader
        var head: (time: EventTime, statement: SourceStatement)
    }

    /// A file whose turn has not come.
    private struct Waiting {
        var path: String
        var time: EventTime
    }

    let format: ImportFormat
    private let options: SyslogOptions
    private var waiting: [Waiting] = []
    private var open: [Source] = []
    /// Octets of files that have been read to their end.
    private var octetsOfClosed = 0
    private(set) var lines = 0
    private(set) var others = 0
    private(set) var refusedCount = 0
    /// The first ``ExchangeLimits/refusalsShown``.
    private(set) var refused: [RefusedLine] = []

    /// - Parameters:
    ///   - paths: the files; `-` alone is standard input.
    ///   - format: nil: as the first line of the first file that has one looks.
    ///   - options: for the times of syslog lines.
    /// - Throws: ``ImportFileError`` for a file that cannot be read.
    init(
        paths: [String], format: ImportFormat?, options: SyslogOptions
    ) throws(ImportFileError) {
        self.options = options
        var known = format
        // Standard input cannot be read twice: it is the only file, and is opened once.
        for path in paths where known == nil && path != "-" {
            known = try Self.guess(path)
        }
        if paths == ["-"] {
            let file = try LineFile(path: "-")
            self.format = known ?? .kumomta
            guard known != nil else {
                throw ImportFileError(
                    description: "say whose log standard input is: --format kumomta or postfix")
            }
            try start(file)
            return
        }
        self.format = known ?? .kumomta
        for path in paths { try look(at: path) }
        waiting.sort { $0.time > $1.time }
    }

    var octetsRead: Int { open.reduce(octetsOfClosed) { $0 + $1.file.octetsRead } }

    /// The next statement of all files; nil at the end.
    func next() throws(ImportFileError) -> (time: EventTime, statement: SourceStatement)? {
        while let first = waiting.last, open.count < ExchangeLimits.openFilesMax,
            open.allSatisfy({ first.time <= $0.head.time })
        {
            waiting.removeLast()
            try start(try LineFile(path: first.path))
        }
        guard var least = open.indices.first else { return nil }
        for index in open.indices where open[index].head.time < open[least].head.time {
            least = index
        }
        let head = open[least].head
        if let following = try advance(open[least].file, &open[least].syslog) {
            open[least].head = following
        } else {
            octetsOfClosed += open[least].file.octetsRead
            open.remove(at: least)
        }
        return head
    }

    private func start(_ file: LineFile) throws(ImportFileError) {
        var syslog = SyslogReader(options)
        guard let head = try advance(file, &syslog) else {
            octetsOfClosed += file.octetsRead
            return
        }
        open.append(Source(file: file, syslog: syslog, head: head))
    }

    /// Goes on to a file's next statement; nil at its end.
    private func advance(
        _ file: LineFile, _ syslog: inout SyslogReader
    ) throws(ImportFileError) -> (time: EventTime, statement: SourceStatement)? {
        while let line = try file.next() {
            lines += 1
            switch Self.parse(line, format, &syslog) {
            case .statement(let time, let statement): return (time, statement)
            case .other: others += 1
            case .refused(let why):
                refuse(RefusedLine(file: file.path, line: file.lineNumber, why: why))
            }
        }
        if file.isTruncated {
            refuse(
                RefusedLine(
                    file: file.path, line: file.lineNumber,
                    why: "the file ends in the middle of its compressed data"))
        }
        return nil
    }

    private func refuse(_ line: RefusedLine) {
        refusedCount += 1
        if refused.count < ExchangeLimits.refusalsShown { refused.append(line) }
    }

    /// Finds the time of a file's first statement; a file without one is read and counted here.
    private func look(at path: String) throws(ImportFileError) {
        let file = try LineFile(path: path)
        var syslog = SyslogReader(options)
        while let line = try file.next() {
            if case .statement(let time, _) = Self.parse(line, format, &syslog) {
                waiting.append(Waiting(path: path, time: time))
                return
            }
        }
        try start(try LineFile(path: path))
    }

    private static func parse(
        _ line: LineFile.Line, _ format: ImportFormat, _ syslog: inout SyslogReader
    ) -> ParsedLine {
        guard case .text(let bytes) = line else {
            return .refused("it is longer than \(ExchangeLimits.lineOctetsMax) octets")
        }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return .other }
        switch format {
        case .kumomta: return KumoLine.parse(bytes)
        case .postfix:
            guard let line = syslog.read(bytes) else {
                return .refused("it is no syslog line: no time, host and program")
            }
            return PostfixLine.parse(line)
        }
    }

    /// KumoMTA's lines are JSON objects, Postfix's are not; nil for a file without lines.
    private static func guess(_ path: String) throws(ImportFileError) -> ImportFormat? {
        let file = try LineFile(path: path)
        while let line = try file.next() {
            guard case .text(let bytes) = line, !bytes.isEmpty else { continue }
            return bytes.first == UInt8(ascii: "{") ? .kumomta : .postfix
        }
        return nil
    }
}
