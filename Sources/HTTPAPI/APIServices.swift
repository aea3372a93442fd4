import EventLog
import Logging
import MailEvents
import MailModel
import NIOPosix
import Orders

/// What all requests share.
///
/// Concurrency: any thread; each part guards itself.
final class APIServices: Sendable {
    let configuration: APIConfiguration
    let log: any APILog
    let keys: APIKeyDirectory
    let readiness: Readiness
    let state: any ServerState
    let past: PastStatistics
    /// Takes what is asked of the queue and of suppressed addresses.
    let desk: OrderDesk
    let messages: any MessageIndexSource
    let site: any SiteControl
    /// Who answers commands on the control socket; nil where nobody does.
    let commands: CommandAnswers?
    let now: @Sendable () -> EventTime
    let logger: Logger
    let idempotency: IdempotencyTable
    let recentPieces = RecentPieces()
    let recall = RecallOnce()
    let memory: OctetBudget
    let bell: LogBell
    let streams: StreamPlaces
    /// Reads the log, which blocks.
    let readers: NIOThreadPool

    init(
        configuration: APIConfiguration, log: any APILog, keys: APIKeyDirectory,
        readiness: Readiness, state: any ServerState, folds: any LiveState,
        messages: any MessageIndexSource, site: any SiteControl = LoneSite(site: ""),
        commands: CommandAnswers? = nil, now: @escaping @Sendable () -> EventTime, logger: Logger
    ) {
        self.configuration = configuration
        self.log = log
        self.keys = keys
        self.readiness = readiness
        self.state = state
        past = PastStatistics(state: state)
        desk = OrderDesk(log: log, state: folds, now: now)
        self.messages = messages
        self.site = site
        self.commands = commands
        self.now = now
        self.logger = logger
        idempotency = IdempotencyTable()
        memory = OctetBudget(limit: APILimits.octetsInFlight)
        bell = LogBell()
        streams = StreamPlaces(limit: configuration.streams)
        readers = NIOThreadPool(numberOfThreads: APILimits.readerThreads)
    }

    /// The log's reader.
    ///
    /// - Throws: 503 while there is no log yet, with what to do.
    func existingLog() throws(Problem) -> LogReader {
        do throws(EventLogError) {
            return try log.reader
        } catch {
            throw Problem(withoutLog: error)
        }
    }

    /// Whether there is a log already: a standby has none before it has reached its primary.
    var hasLog: Bool { (try? log.reader) != nil }

    /// Runs what reads the log on a thread of its own kind; what goes wrong becomes a ``Problem``.
    func reading<Result: Sendable>(
        _ body: @escaping @Sendable (LogReader) throws -> Result
    ) async throws -> Result {
        let reader = try existingLog()
        do {
            return try await readers.runIfActive { try body(reader) }
        } catch let error as CancellationError {
            throw error
        } catch {
            let problem = Problem(reading: error)
            if problem.code == .damaged || problem.code == .internalError {
                logger.error("cannot read the log", metadata: ["error": "\(error)"])
            }
            throw problem
        }
    }
}
