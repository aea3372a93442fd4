import EventLog
import Logging
import MailEvents
import MailModel
import NIOCore
import Synchronization

/// What all sessions share.
///
/// Concurrency: any thread; each part guards itself.
final class ReceptionServices: Sendable {
    let log: any MessageLog
    let authenticator: Authenticator
    let memory: MemoryBudget
    let names: SessionNames
    let recentPieces = RecentPieces()
    let now: @Sendable () -> EventTime
    let logger: Logger
    /// Whether a line for each session is written; looked up once, because building its metadata
    /// costs more than the session's bookkeeping.
    let logsSessions: Bool
    let serverName: String
    private let admission: Mutex<Admission>

    init(
        configuration: ReceptionConfiguration, log: any MessageLog, authenticator: Authenticator,
        now: @escaping @Sendable () -> EventTime, logger: Logger
    ) {
        self.log = log
        self.authenticator = authenticator
        self.now = now
        self.logger = logger
        logsSessions = logger.logLevel <= .debug
        serverName = configuration.serverName
        memory = MemoryBudget(limit: configuration.messageOctetsInFlight)
        names = SessionNames(start: now())
        let sessions = SessionCeiling.sessions(
            configured: configuration.sessions, descriptors: SessionCeiling.descriptors)
        if sessions < configuration.sessions {
            logger.notice(
                "too few open files are allowed for the sessions configured (LimitNOFILE, ulimit -Hn)",
                metadata: ["configured": "\(configuration.sessions)", "sessions": "\(sessions)"])
        }
        admission = Mutex(Admission(configuration: configuration, sessions: sessions))
    }

    /// Sessions that are open, refused ones not counted.
    var openSessions: Int { admission.withLock { $0.open } }

    func admit(listener: Int, address: IPAddress?) -> Reply? {
        let now = NIODeadline.now().uptimeNanoseconds
        return admission.withLock { $0.admit(listener: listener, address: address, now: now) }
    }

    func release(listener: Int, address: IPAddress?) {
        admission.withLock { $0.release(listener: listener, address: address) }
    }
}
