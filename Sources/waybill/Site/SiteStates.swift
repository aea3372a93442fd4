import EventLog
import MailEvents
import MailProjections
import Projections
import Replication

/// The bases of a data directory's projections, as another site sends and takes them.
///
/// Concurrency: value.
struct SiteStates: PrunedStates {
    let dataDirectory: String

    var store: BaseStore {
        BaseStore(directory: DataDirectory.projections(dataDirectory))
    }
    /// A log without events is made here, only to read the states with.
    private var scratch: String { dataDirectory + "/projections/base/reading" }

    func path(of base: PruneRecord.Base, in record: PruneRecord) -> String {
        store.path(of: base, in: record)
    }

    func prepare() throws {
        try DataDirectory.create(dataDirectory)
        try store.prepareToReceive()
        removeScratch()
    }

    func incomingPath(of base: PruneRecord.Base) -> String { store.incomingPath(of: base) }

    func install(_ beginning: LogBeginning) throws {
        try DataDirectory.create(scratch)
        defer { removeScratch() }
        let log = try LogReplica(
            directory: DataDirectory.log(scratch), codec: MailEventCodec(),
            logID: beginning.record.logID,
            beginning: beginning)
        defer { log.close() }
        try store.install(log.reader, registry: MailProjections.all)
    }

    private func removeScratch() { try? BackupVerification.clear(scratch) }
}
