import CLinux
import ConfigurationFile
import EventLog
import HTTPAPI
import Logging
import MailEvents
import MailProjections
import Orders
import Projections

/// Prunes the log of a running server, by its configuration and when it is asked to, on a thread of
/// its own that gives way to others.
///
/// Concurrency: any thread.
final class PruningService: Sendable {
    private typealias Answer = @Sendable (Result<PruneOutcome, EventLogError>) -> Void

    private struct State {
        var isStopping = false
        var isRunning = true
        var asked: [(request: PruneRequest, answer: Answer)] = []
        var totals = PruneTotals()
        /// The reason that was told last.
        var told: EventLogError?
    }

    /// Milliseconds between two looks by the configuration, and before the first one.
    private static let intervalMilliseconds = 60_000
    private static let firstMilliseconds = 2_000

    private let state = Monitor(State())
    private let stopping = Stopping()
    private let reader: LogReader
    private let desk: SiteDesk
    private let logger: Logger
    private let configuration: WaybillConfiguration
    private let backup: BackupService?

    private init(
        _ configuration: WaybillConfiguration, _ reader: LogReader, _ desk: SiteDesk,
        _ backup: BackupService?, _ logger: Logger
    ) {
        self.configuration = configuration
        self.backup = backup
        self.desk = desk
        self.reader = reader
        self.logger = logger
    }

    /// Starts.
    ///
    /// - Parameters:
    ///   - configuration: Of the server.
    ///   - log: Its log.
    ///   - folds: Whose queue says which messages are not final.
    ///   - desk: Knows what standbys still need.
    ///   - backup: Knows what is archived; nil: nothing is to be.
    ///   - logger: Where it tells.
    /// - Returns: What prunes until it is stopped.
    /// - Throws: When the system gives no thread.
    static func start(
        _ configuration: WaybillConfiguration, _ log: EventLog<MailEventCodec>,
        _ folds: LiveFolds, desk: SiteDesk, backup: BackupService?, logger: Logger
    ) throws(EventLogError) -> PruningService {
        let service = PruningService(configuration, log.reader, desk, backup, logger)
        let started = OwnThread.start(name: "waybill-prune") {
            waybill_nice_thread(10)
            service.run(folds)
        }
        guard started else {
            throw EventLogError(.inaccessible, "the system gives no thread for pruning")
        }
        return service
    }

    /// Prunes now.
    ///
    /// - Throws: As ``LogPruning``; `unsupported` when neither the request nor the configuration says
    ///   what is to be kept.
    func prune(_ request: PruneRequest) async throws -> PruneOutcome {
        try await withCheckedContinuation { continuation in
            let isTaken = state.withLock { state in
                guard state.isRunning, !state.isStopping else { return false }
                state.asked.append((request, { continuation.resume(returning: $0) }))
                return true
            }
            if isTaken {
                state.broadcast()
            } else {
                continuation.resume(
                    returning: Result<PruneOutcome, EventLogError>.failure(Self.closed))
            }
        }.get()
    }

    /// What was done since the start.
    var totals: PruneTotals {
        var totals = state.withLock { $0.totals }
        totals.firstSequence = reader.firstSequence
        return totals
    }

    /// Gives up what it does, and returns when the thread has ended.
    func stop() {
        stopping.begin()
        state.withLock { $0.isStopping = true }
        state.broadcast()
        state.wait(while: { $0.isRunning }, then: { _ in })
    }

    private static var closed: EventLogError {
        EventLogError(.closed, "the server is stopping")
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func run(_ folds: LiveFolds) {
        var pause = Self.firstMilliseconds
        while !isStopping {
            _ = state.wait(milliseconds: pause) { $0.asked.isEmpty && !$0.isStopping }
            pause = Self.intervalMilliseconds
            let asked = state.withLock { state in
                defer { state.asked = [] }
                return state.asked
            }
            for (request, answer) in asked { answer(self.answer(request, folds)) }
            guard asked.isEmpty, !configuration.pruning.isOff, !isStopping else { continue }
            if case .failure(let error) = answer(PruneRequest(), folds) { tell(error) }
        }
        let left = state.withLock { state in
            state.isRunning = false
            defer { state.asked = [] }
            return state.asked
        }
        for (_, answer) in left { answer(.failure(Self.closed)) }
        state.broadcast()
    }

    private func answer(
        _ request: PruneRequest, _ folds: LiveFolds
    ) -> Result<PruneOutcome, EventLogError> {
        do throws(EventLogError) {
            let limits = request.limits.isOff ? configuration.pruning : request.limits
            guard !limits.isOff else {
                throw EventLogError(
                    .unsupported,
                    "nothing says what is to be kept: neither the request nor the"
                        + " configuration (event_retention, event_retention_bytes)")
            }
            let work = PruningWork(
                reader: reader, dataDirectory: configuration.dataDirectory,
                configuration: configuration.log, archive: configuration.pruneArchive,
                needed: { () throws(EventLogError) in try self.needed(folds) },
                isStopped: { self.isStopping })
            let outcome = try work.run(limits, isDryRun: request.isDryRun)
            if !request.isDryRun { note(outcome) }
            return .success(outcome)
        } catch {
            state.withLock { $0.totals.failures = 1 }
            return .failure(error)
        }
    }

    private func needed(_ folds: LiveFolds) throws(EventLogError) -> UInt64 {
        let needed = stopping.wait { await folds.withQueue { $0.firstNeeded } }
        guard let needed else {
            throw EventLogError(
                .closed, "which messages wait for delivery cannot be told at the moment")
        }
        // An archive that lacks a segment can never go on.
        let unarchived = backup.map { $0.archivedSequence + 1 } ?? .max
        return min(needed, unarchived, try desk.firstNeeded(in: reader) ?? .max)
    }

    private func note(_ outcome: PruneOutcome) {
        state.withLock { state in
            state.told = nil
            state.totals.failures = 0
            state.totals.segments += outcome.plan.segments.count
            state.totals.octets += outcome.plan.octets
        }
        for segment in outcome.plan.segments {
            logger.info(
                "segment pruned",
                metadata: [
                    "file": "\(segment.path)", "last_sequence": "\(segment.lastSequence)",
                    "octets": "\(segment.fileBytes)", "archive": "\(outcome.archive)",
                ])
        }
    }

    /// Tells of a failure, once until the reason changes.
    private func tell(_ error: EventLogError) {
        guard error.code != .closed else { return }
        let isNew = state.withLock { state in
            defer { state.told = error }
            return state.told?.description != error.description
        }
        if isNew { logger.error("log not pruned", metadata: ["reason": "\(error)"]) }
    }
}
