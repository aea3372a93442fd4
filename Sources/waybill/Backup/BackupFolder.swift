import Backup
import EventLog
import Glibc
import HTTPAPI
import MailEvents
import MailModel
import SmallFiles

/// What a data directory knows of its backup: `DATA/backup`.
///
/// `claim` names the data directory as a writer of an archive; `restored` says which archive it was
/// restored from; `verified` what the last verification came to; `lock` is held by the process that
/// archives.
///
/// Concurrency: value; calls block.
struct BackupFolder {
    let data: String

    private var path: String { data + "/backup" }
    private var claimPath: String { path + "/claim" }
    private var restoredPath: String { path + "/restored" }
    private var verifiedPath: String { path + "/verified" }

    /// The folder of a data directory.
    init(data: String) { self.data = data }

    private func make() throws {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw FileProblem(
                description: "cannot create \(path): \(FileProblem.ofErrno().description)")
        }
    }

    /// Who writes: made when it is asked for first.
    func identity(epoch: UInt32) throws -> ArchiveWriter.Identity {
        try make()
        var claim = value("claim", in: claimPath).flatMap { Hex.bytes($0) }
        if claim?.count != 16 {
            let made = SystemRandom.octets(16)
            try SmallFile.replace(claimPath, with: "claim \(Hex.text(made))\n")
            claim = made
        }
        return ArchiveWriter.Identity(
            claim: claim ?? [], epoch: epoch,
            restoredFrom: value("archive", in: restoredPath).flatMap { Hex.bytes($0) })
    }

    /// Notes where the log of this data directory comes from.
    func note(_ report: RestoreReport, place: String) throws {
        try make()
        try SmallFile.replace(
            restoredPath,
            with: """
                archive \(Hex.text(report.archiveID))
                log \(Hex.text(report.logID))
                sequence \(report.position.sequence)
                epoch \(report.nextEpoch)
                from \(place)

                """)
    }

    /// Where the log of this data directory was restored from, in words.
    ///
    /// - Parameter epoch: That a writer begins.
    /// - Returns: nil when the log was not restored, or another epoch was its first one afterwards.
    func origin(epoch: UInt32) -> String? {
        guard value("epoch", in: restoredPath) == String(epoch),
            let place = value("from", in: restoredPath),
            let sequence = value("sequence", in: restoredPath)
        else { return nil }
        return "restored from \(place) to sequence \(sequence)"
    }

    /// What the last verification came to.
    var verification: BackupFigures.Verification? {
        guard let time = value("time", in: verifiedPath).flatMap({ Int64($0) }),
            let sequence = value("sequence", in: verifiedPath).flatMap({ UInt64($0) }),
            let milliseconds = value("milliseconds", in: verifiedPath).flatMap({ Int64($0) })
        else { return nil }
        return BackupFigures.Verification(
            time: time, isWell: value("well", in: verifiedPath) == "yes", sequence: sequence,
            milliseconds: milliseconds, finding: value("finding", in: verifiedPath) ?? "")
    }

    /// Notes what a verification came to.
    func note(_ verification: BackupFigures.Verification) throws {
        try make()
        let finding = verification.finding.replacing("\n", with: " ")
        try SmallFile.replace(
            verifiedPath,
            with: """
                time \(verification.time)
                well \(verification.isWell ? "yes" : "no")
                sequence \(verification.sequence)
                milliseconds \(verification.milliseconds)
                finding \(finding)

                """)
    }

    /// The rest of the line that begins with a word; nil when there is none.
    private func value(_ word: String, in file: String) -> String? {
        guard let (text, _) = try? SmallFile.read(file, octetsMax: 65_536) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(word + " ") {
            return String(line.dropFirst(word.utf8.count + 1))
        }
        return nil
    }

    /// Takes the lock of the process that archives; nil when another one has it.
    func lock() throws -> BackupLock? {
        try make()
        return try BackupLock(path + "/lock")
    }
}

/// The lock of the process that archives: held as long as this is.
struct BackupLock: ~Copyable {
    private let descriptor: Int32

    /// nil when another process has it.
    fileprivate init?(_ path: String) throws(FileProblem) {
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .ofErrno() }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }
}
