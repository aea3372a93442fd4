import EventLog
import HTTPAPI
import MailEvents
import MailProjections
import Projections

/// One pruning of a data directory's log: by the server, or by a command on a stopped one's.
///
/// Concurrency: bound to the thread that uses it.
struct PruningWork {
    let reader: LogReader
    let dataDirectory: String
    var configuration = EventLogConfiguration()
    /// Empty: none. A relative one counts from the directory that this process runs in, as every path of
    /// the configuration and of a command does, and is noted in the log as an absolute one.
    var archive = ""
    /// The first event that something needs: a message that is not final, or one past the last event
    /// that the queue knows.
    let needed: () throws(EventLogError) -> UInt64
    var isStopped: () -> Bool = { false }

    /// Prunes, or says what would go.
    ///
    /// - Throws: As ``LogPruning``.
    func run(_ limits: PruneLimits, isDryRun: Bool) throws(EventLogError) -> PruneOutcome {
        let pruning = LogPruning(reader, codec: MailEventCodec(), configuration: configuration)
        let plan = try pruning.plan(limits, needed: try needed())
        // The next pruning may run elsewhere, and must not begin another archive there.
        let target = archive.isEmpty ? nil : TextFile.absolutePath(archive)
        let outcome = PruneOutcome(plan: plan, isDryRun: isDryRun, archive: target ?? "")
        guard !isDryRun, !plan.segments.isEmpty else { return outcome }
        let projections = DataDirectory.projections(dataDirectory)
        let maker = BaseMaker(
            registry: MailProjections.all, directory: projections, log: reader,
            isStopped: isStopped)
        _ = try pruning.run(plan, archive: target) {
            cut throws(EventLogError) in
            try maker.signOff(cut)
        }
        Self.tidy(reader, dataDirectory)
        return outcome
    }

    /// Removes what is of no use any more, or of a pruning that did not come to its end.
    static func tidy(_ reader: LogReader, _ dataDirectory: String) {
        BaseStore(directory: DataDirectory.projections(dataDirectory)).tidy(
            reader.pruned, registry: MailProjections.all)
    }
}
