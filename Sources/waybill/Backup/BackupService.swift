import Backup
import CLinux
import ConfigurationFile
import EventLog
import HTTPAPI
import Logging
import MailEvents
import MailModel
import Synchronization

/// Archives the log of a running server, continuously, and verifies the archive now and then.
///
/// One thread archives: it waits for a batch, then puts what has gathered, at most once an interval.
/// Another one verifies. Neither is waited for by mail: while the storage does not answer, the server
/// goes on, and says so in its log and metrics.
///
/// Concurrency: any thread.
final class BackupService: Sendable {
    private struct State {
        var isStopping = false
        var isArchiving = false
        var figures: BackupFigures
    }

    private let settings: BackupSettings
    private let folder: BackupFolder
    private let log: LogReader
    private let epoch: @Sendable () -> UInt32
    private let site: @Sendable (Bool) -> SiteFiles
    private let logger: Logger
    private let state: Monitor<State>
    /// Milliseconds before a failure is tried again, at most.
    private static let retryMilliseconds = 30_000
    /// Milliseconds that the last events may take to be archived when the server stops.
    private static let stopMilliseconds = 15_000
    /// Milliseconds between two looks at the configuration's files.
    private static let siteMilliseconds: UInt64 = 600_000

    private init(
        _ settings: BackupSettings, _ configuration: WaybillConfiguration,
        inForce: @escaping @Sendable () -> WaybillConfiguration,
        configurationFile: String?, _ log: EventLog<MailEventCodec>, logger: Logger
    ) {
        self.settings = settings
        folder = BackupFolder(data: configuration.dataDirectory)
        self.log = log.reader
        epoch = { log.position.epoch }
        site = { withSecrets in
            SiteGathering.files(
                inForce(), file: configurationFile, withSecrets: withSecrets)
        }
        self.logger = logger
        var figures = BackupFigures(destination: settings.destination)
        figures.verification = folder.verification
        state = Monitor(State(figures: figures))
    }

    /// Starts to archive.
    ///
    /// - Parameters:
    ///   - configuration: Of the server.
    ///   - inForce: With what it has read again of it since: what is kept a copy of.
    ///   - configurationFile: Where it was read from.
    ///   - log: Its log, whose opening events are durable.
    ///   - logger: Where it tells.
    /// - Returns: nil when the configuration wants none.
    /// - Throws: When the system gives no thread.
    static func start(
        _ configuration: WaybillConfiguration,
        inForce: @escaping @Sendable () -> WaybillConfiguration, configurationFile: String?,
        _ log: EventLog<MailEventCodec>, logger: Logger
    ) throws -> BackupService? {
        guard let settings = configuration.backup else { return nil }
        let service = BackupService(
            settings, configuration, inForce: inForce, configurationFile: configurationFile, log,
            logger: logger)
        service.state.withLock { $0.isArchiving = true }
        try service.startThread("waybill-backup") { service in
            service.archiveUntilStopped()
            service.state.withLock { $0.isArchiving = false }
            service.state.broadcast()
        }
        if settings.verifyMilliseconds > 0 {
            try service.startThread("waybill-verify") { $0.verifyUntilStopped() }
        }
        return service
    }

    private func startThread(
        _ name: String, _ body: @escaping @Sendable (BackupService) -> Void
    ) throws {
        guard OwnThread.start(name: name, { [self] in body(self) }) else {
            throw EventLogError(.inaccessible, "the system gives no thread for the backup")
        }
    }

    /// How it stands.
    var figures: BackupFigures {
        var figures = state.withLock { $0.figures }
        guard let sequence = figures.sequence, let last = try? log.lastSequence(),
            last > sequence
        else { return figures }
        figures.lagEvents = last - sequence
        if let oldest = try? log.batch(containing: sequence + 1) {
            let age = SystemClock.now().microseconds - oldest.firstTime
            figures.lagMilliseconds = max(0, age / 1000)
        }
        return figures
    }

    /// Archives what is there, if the storage answers in time. A verification under way is given up:
    /// nothing waits for it, and what it made is removed by the next one.
    func stop() {
        state.withLock { $0.isStopping = true }
        state.broadcast()
        if !state.wait(milliseconds: Self.stopMilliseconds, while: { $0.isArchiving }) {
            logger.warning("stopped before everything was archived: the storage does not answer")
        }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Waits; returns whether it is over.
    private func pause(_ milliseconds: Int) -> Bool {
        state.wait(milliseconds: milliseconds) { !$0.isStopping }
    }

    // MARK: - Archiving

    private func archiveUntilStopped() {
        var wait = 500
        while true {
            do {
                try archiveUntilStoppedOrFailed()
                return
            } catch {
                note(error)
            }
            if pause(wait) { return }
            wait = min(2 * wait, Self.retryMilliseconds)
        }
    }

    /// One claim, and everything that is archived under it.
    private func archiveUntilStoppedOrFailed() throws {
        guard let lock = try folder.lock() else {
            throw ArchiveError(
                .fenced, "another process archives this data directory: a `waybill backup create`")
        }
        defer { withExtendedLifetime(lock) {} }
        let place = try BackupPlace(settings, creates: true)
        let archive = Archive(store: place.store, logID: try log.logID(), key: place.key)
        let writer = try ArchiveWriter(
            archive, log: log, identity: folder.identity(epoch: epoch()))
        logger.info(
            "archiving",
            metadata: [
                "to": "\(place.store.place)", "sequence": "\(writer.position.sequence)",
                "encrypted": "\(place.key != nil)",
            ])
        var siteLooked: UInt64 = 0
        while true {
            let started = SystemClock.monotonicMilliseconds()
            try ship(writer)
            if siteLooked == 0 || started - siteLooked >= Self.siteMilliseconds {
                try writer.archive(site(place.key != nil))
                siteLooked = started
            }
            if isStopping { return try ship(writer) }
            let took = Int(SystemClock.monotonicMilliseconds() - started)
            if took < settings.intervalMilliseconds {
                _ = pause(settings.intervalMilliseconds - took)
            }
            while !isStopping,
                try !log.waitForBatch(
                    after: writer.position.sequence, timeoutMilliseconds: 200)
            { if try writer.hasSealedSegment() { break } }
        }
    }

    private func ship(_ writer: ArchiveWriter) throws {
        while true {
            let step = try writer.step()
            note(writer.position.sequence)
            switch step {
            case .atEnd: return
            case .archived: break
            case .segment(let first, let last, let octets):
                logger.info(
                    "segment archived",
                    metadata: [
                        "first": "\(first)", "last": "\(last)", "octets": "\(octets)",
                    ])
                try writer.removeCovered(before: first)
            }
        }
    }

    /// How far the archive goes, as far as this process knows; 0 before it has claimed it.
    var archivedSequence: UInt64 { state.withLock { $0.figures.sequence ?? 0 } }

    private func note(_ sequence: UInt64) {
        let isBack = state.withLock { state in
            state.figures.sequence = sequence
            defer { state.figures.problem = "" }
            return !state.figures.problem.isEmpty
        }
        if isBack { logger.notice("the backup works again", metadata: ["sequence": "\(sequence)"]) }
    }

    private func note(_ error: any Error) {
        let text = "\(error)"
        let isNew = state.withLock { state in
            state.figures.failures += 1
            defer { state.figures.problem = text }
            return state.figures.problem != text
        }
        if isNew { logger.error("not archived", metadata: ["reason": "\(text)"]) }
    }

    // MARK: - Verifying

    private func verifyUntilStopped() {
        waybill_nice_thread(10)
        while true {
            let last = state.withLock { $0.figures.verification?.time } ?? 0
            let due =
                (last - SystemClock.now().microseconds) / 1000 + Int64(settings.verifyMilliseconds)
            // Not at the very start, when everything else is.
            if pause(Int(max(min(10_000, Int64(settings.verifyMilliseconds)), due))) { return }
            verify()
        }
    }

    private func verify() {
        let sequence = state.withLock { $0.figures.sequence }
        guard sequence != nil else { return }
        do {
            let place = try BackupPlace(settings, creates: false)
            let archive = Archive(store: place.store, logID: try log.logID(), key: place.key)
            let parent =
                settings.scratchDirectory.isEmpty ? folder.data : settings.scratchDirectory
            let verification = BackupVerification(
                archive: archive, scratch: parent + "/.backup-verify",
                live: (folder.data, log))
            let report = try verification.run()
            note(report.figures)
            for finding in report.findings {
                logger.error("the backup is damaged", metadata: ["finding": "\(finding)"])
            }
            if report.isWell {
                logger.info(
                    "backup verified",
                    metadata: [
                        "sequence": "\(report.figures.sequence)",
                        "milliseconds": "\(report.milliseconds)",
                    ])
            }
        } catch {
            logger.error("the backup could not be verified", metadata: ["reason": "\(error)"])
            note(
                BackupFigures.Verification(
                    time: SystemClock.now().microseconds, isWell: false, sequence: 0,
                    milliseconds: 0, finding: "\(error)"))
        }
    }

    private func note(_ verification: BackupFigures.Verification) {
        state.withLock { $0.figures.verification = verification }
        do {
            try folder.note(verification)
        } catch {
            logger.error("not noted", metadata: ["reason": "\(error)"])
        }
    }
}
