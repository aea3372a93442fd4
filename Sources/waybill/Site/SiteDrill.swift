import EventLog
import Glibc
import MailEvents
import MailModel
import MailProjections
import Projections

/// Rehearses a promotion on a copy of the site's log: takes the log over as a standby does, opens the
/// next epoch, loads the queue from nothing, replays every projection and compares it with the live
/// one. The site itself goes on; nothing is sent.
///
/// Concurrency: bound to the thread that runs it; it blocks.
struct SiteDrill {
    /// What came of it.
    struct Report: Sendable {
        /// Where the log ended that was rehearsed with.
        var position = Position(epoch: 0, sequence: 0, chainHash: [])
        /// Octets of batches, content and segments that were taken over and checked.
        var octets: UInt64 = 0
        var copyMilliseconds: Int64 = 0
        /// The epoch that was opened on the copy.
        var epoch: UInt32 = 0
        /// From opening the log until delivery could have begun.
        var openMilliseconds: Int64 = 0
        var queue = QueueCounts()
        var projections: [(name: String, isEqual: Bool)] = []
        /// What is wrong, in words.
        var findings: [String] = []
        var milliseconds: Int64 = 0

        var isWell: Bool { findings.isEmpty }
    }

    /// Octets of batches that are taken over at once.
    private static let batchOctets = 4 << 20
    /// Octets of a segment that are copied at once.
    private static let pieceOctets = 4 << 20

    let data: String
    /// Removed and made anew; removed at the end.
    let scratch: String
    /// Called with words and how far it is, out of how much.
    var progress: @Sendable (_ title: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }

    /// Octets that the copy takes.
    ///
    /// - Throws: When the log cannot be read.
    static func octets(of log: LogReader) throws -> UInt64 {
        try log.info().segments.reduce(0) { $0 + $1.fileBytes }
    }

    /// Where drills make their copies.
    static let place = ScratchPlace(prefix: ".drill-")

    /// Rehearses.
    ///
    /// - Throws: When there is no room, or a file cannot be read or written: nothing is shown then,
    ///   neither way.
    func run() throws -> Report {
        let began = SystemClock.monotonicMilliseconds()
        var report = Report()
        try BackupVerification.clear(scratch)
        try DataDirectory.create(scratch)
        defer { try? BackupVerification.clear(scratch) }
        do {
            let live = try LogReader.open(directory: DataDirectory.log(data))
            try checkRoom(for: live)
            try copy(live, &report)
            try open(&report)
            try compare(live, &report)
        } catch let error as EventLogError where error.code == .damaged {
            report.findings.append(error.description)
        }
        report.milliseconds = Self.milliseconds(since: began)
        return report
    }

    private func checkRoom(for live: LogReader) throws {
        let octets = try Self.octets(of: live)
        guard let free = FileSystem.freeBytes(of: scratch), free < octets + octets / 4 else {
            return
        }
        throw FileProblem(
            description: "\(scratch) has \(Human.size(Int(free))) free, and the copy needs"
                + " \(Human.size(Int(octets + octets / 4))): give another place with --scratch")
    }

    private static func milliseconds(since began: UInt64) -> Int64 {
        Int64(SystemClock.monotonicMilliseconds() - began)
    }

    /// The copy is thrown away: it may stand anywhere.
    private static var settings: EventLogConfiguration {
        var settings = EventLogConfiguration()
        settings.allowAnyFileSystem = true
        return settings
    }

    /// Takes the log over, with every check that a standby makes.
    private func copy(_ live: LogReader, _ report: inout Report) throws {
        let began = SystemClock.monotonicMilliseconds()
        let replica = try LogReplica(
            directory: DataDirectory.log(scratch), codec: MailEventCodec(),
            logID: try live.logID(), beginning: try takeStates(live),
            configuration: Self.settings)
        let end = try live.lastSequence()
        takeOver: while replica.position.sequence < end {
            switch try live.nextToShip(
                after: replica.position.sequence, octetsMax: Self.batchOctets)
            {
            case .atEnd: break takeOver
            case .file(let segment):
                let source = try live.source(ofSealed: segment.firstSequence)
                try Self.write(source, to: replica.incomingPath(segment.firstSequence))
                try replica.install(source.segment)
                report.octets += source.segment.octets
            case .batches(let first, let batches):
                try replica.append(batches, segmentFirst: first)
                report.octets += batches.reduce(0) { $0 + UInt64($1.octets) }
            }
            progress("taking over events", Int(replica.position.sequence), Int(end))
        }
        replica.close()
        report.position = replica.position
        report.copyMilliseconds = Self.milliseconds(since: began)
    }

    /// Takes the states over as of the cut of a pruned log, with every check of a standby.
    private func takeStates(_ live: LogReader) throws -> LogBeginning? {
        guard let record = live.pruned else { return nil }
        let (here, there) = (SiteStates(dataDirectory: scratch), SiteStates(dataDirectory: data))
        try here.prepare()
        for (number, base) in record.bases.enumerated() {
            progress("taking over states", number, record.bases.count)
            try here.store.receive(base, in: record, from: there.store)
        }
        let beginning = LogBeginning(record: record, epochs: try live.epochs())
        try here.install(beginning)
        return beginning
    }

    private static func write(_ source: SegmentSource, to path: String) throws {
        let file = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FileProblem.ofErrno() }
        defer { close(file) }
        var offset: UInt64 = 0
        while offset < source.segment.octets {
            let piece = try source.octets(at: offset, count: pieceOctets)
            var written = 0
            while written < piece.count {
                let count = unsafe piece.withUnsafeBytes {
                    unsafe Glibc.write(
                        file, $0.baseAddress?.advanced(by: written), piece.count - written)
                }
                guard count > 0 else { throw FileProblem.ofErrno() }
                written += count
            }
            offset += UInt64(piece.count)
        }
    }

    /// Opens the next epoch on the copy and loads the queue, as a promoted site does that has folded
    /// nothing yet.
    private func open(_ report: inout Report) throws {
        let began = SystemClock.monotonicMilliseconds()
        var settings = Self.settings
        settings.epochFloor = report.position.epoch + 1
        let log = try EventLog.open(
            directory: DataDirectory.log(scratch), codec: MailEventCodec(),
            configuration: settings)
        defer { log.close() }
        report.epoch = log.epoch
        let progress = progress
        let queue = try Queue.load(
            dataDirectory: scratch, log: log.reader,
            progress: {
                progress(
                    "loading the queue", Int($0.sequence - $0.from),
                    Int($0.through - $0.from + 1))
            })
        _ = try Suppression.load(dataDirectory: scratch, log: log.reader)
        report.queue = queue.state.counts
        report.openMilliseconds = Self.milliseconds(since: began)
    }

    private func compare(_ live: LogReader, _ report: inout Report) throws {
        guard report.position.sequence > 0 else { return }
        let log = try LogReader.open(directory: DataDirectory.log(scratch))
        let there = try live.end(ofBatchAt: report.position.sequence)
        guard there?.chainHash == report.position.chainHash else {
            report.findings.append(
                "the copy's chain is not the live log's at sequence \(report.position.sequence)")
            return
        }
        let comparison = ProjectionComparison(
            copy: (scratch, log), live: (data, live), through: report.position.sequence,
            progress: progress)
        let (lines, findings) = try comparison.run()
        report.projections = lines.map { ($0.name, $0.isEqual) }
        report.findings += findings
    }
}
