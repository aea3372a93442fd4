import Backup
import EventLog
import Glibc
import HTTPAPI
import MailEvents
import MailModel

/// Proves a backup: reads every object, restores the log to a scratch directory, replays all
/// projections and compares their digests with the live node's at the same sequence.
///
/// Concurrency: bound to the thread that runs it; it blocks.
struct BackupVerification {
    /// What was found.
    struct Report {
        var check = ArchiveCheck.Report()
        var restore: RestoreReport?
        /// A projection's name and digest, and whether the live node has the same.
        var projections: [ProjectionComparison.Line] = []
        /// What is wrong, each with the object or the projection it is about.
        var findings: [String] = []
        var milliseconds: Int64 = 0

        var isWell: Bool { findings.isEmpty }

        /// For metrics and for the next command that asks.
        var figures: BackupFigures.Verification {
            BackupFigures.Verification(
                time: SystemClock.now().microseconds, isWell: isWell,
                sequence: restore?.position.sequence ?? 0, milliseconds: milliseconds,
                finding: findings.first ?? "")
        }
    }

    let archive: Archive
    /// Removed and made anew; removed at the end.
    let scratch: String
    /// The live node's data directory and log; nil: there is none to compare with.
    let live: (data: String, log: LogReader)?
    /// Called with words and how far it is, out of how much.
    var progress: @Sendable (_ title: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }

    /// Verifies.
    ///
    /// - Throws: When the storage cannot be reached, the key is wrong, or there is no room: nothing is
    ///   proved then, neither way.
    func run() throws -> Report {
        let started = SystemClock.now().microseconds
        var report = Report()
        report.check = try ArchiveCheck.run(archive) { progress("reading objects", $0, $1) }
        report.findings = report.check.findings.map { "\($0.object): \($0.what)" }
        try Self.clear(scratch)
        defer { try? Self.clear(scratch) }
        do {
            do {
                report.restore = try restore()
            } catch let error as ArchiveError {
                // The server removes batches whose segment it has archived: once more, then.
                guard error.code == .notFound else { throw error }
                try Self.clear(scratch)
                report.restore = try restore()
            }
            try compare(&report)
        } catch let error as ArchiveError where error.code == .damaged {
            report.findings.append(error.description)
        } catch let error as EventLogError where error.code == .damaged {
            report.findings.append(error.description)
        }
        report.milliseconds = (SystemClock.now().microseconds - started) / 1000
        return report
    }

    private func restore() throws -> RestoreReport {
        try DataDirectory.create(scratch)
        let restore = LogRestore(
            archive, codec: MailEventCodec(), to: .latest, configuration: Self.settings,
            shorten: MailShortening.shorten)
        restore.progress = { progress("restoring", $0.objects, $0.objectCount) }
        return try restore.run(into: DataDirectory.log(scratch))
    }

    /// The restored log is thrown away: it may stand anywhere.
    private static var settings: EventLogConfiguration {
        var settings = EventLogConfiguration()
        settings.allowAnyFileSystem = true
        return settings
    }

    private func compare(_ report: inout Report) throws {
        guard let restored = report.restore, restored.position.sequence > 0 else { return }
        let log = try LogReader.open(directory: DataDirectory.log(scratch))
        if let live { try compareChains(restored, live.log, &report) }
        let comparison = ProjectionComparison(
            copy: (scratch, log), live: live, through: restored.position.sequence,
            progress: progress)
        let (projections, findings) = try comparison.run()
        report.projections += projections
        report.findings += findings
    }

    private func compareChains(
        _ restored: RestoreReport, _ log: LogReader, _ report: inout Report
    ) throws {
        let position = restored.position
        let batch = try log.batch(containing: position.sequence)
        guard let batch, batch.lastSequence == position.sequence,
            batch.position.chainHash == position.chainHash
        else {
            report.findings.append(
                "the backup's history is not the live log's: their chains differ at sequence"
                    + " \(position.sequence)")
            return
        }
    }

    /// Removes what a verification or a restore made: the log, the projections and what goes with them.
    static func clear(_ directory: String) throws(FileProblem) {
        let folders = [
            "log", "projections/base/making", "projections/base", "projections", "backup",
            "configuration",
        ]
        for folder in folders {
            let path = directory + "/" + folder
            guard let handle = unsafe opendir(path) else { continue }
            while let entry = unsafe readdir(handle) {
                let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { _ = unsafe unlink(path + "/" + name) }
            }
            unsafe _ = closedir(handle)
            _ = unsafe rmdir(path)
        }
        guard unsafe rmdir(directory) == 0 || errno == ENOENT else {
            throw FileProblem(
                description: "cannot clear \(directory): \(FileProblem.ofErrno().description)")
        }
    }
}
