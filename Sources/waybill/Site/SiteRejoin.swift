import ConfigurationFile
import EventLog
import Glibc
import Logging
import MailEvents
import MailProjections
import NIOCore
import NIOPosix
import Projections
import Replication
import SmallFiles

/// Lets a site that was primary follow another one again, without copying what both have: finds where
/// the logs parted, exports what only this one has, reports it, and cuts it off.
struct SiteRejoin {
    let address: SiteAddress
    let configuration: WaybillConfiguration
    let desk: SiteDesk
    let logger: Logger

    /// Does it; what goes wrong is in the log and in the site's status, and the role stays.
    func run() async {
        let result = await OwnThread.result(name: "waybill-rejoin") { try rejoin() }
        switch result {
        case .success(let text):
            logger.notice(
                "rejoined", metadata: ["primary": "\(address)", "report": "\(text)"])
            desk.note(text)
        case .failure(let error):
            logger.error(
                "cannot rejoin", metadata: ["primary": "\(address)", "reason": "\(error)"])
            desk.note("cannot rejoin \(address): \(error)")
        }
    }

    private func rejoin() throws -> String {
        guard let settings = configuration.replication else {
            throw ReplicationError(.wrongRole, "no other sites are configured")
        }
        let tail = try DivergedTail(
            directory: DataDirectory.log(configuration.dataDirectory), codec: MailEventCodec(),
            configuration: configuration.log)
        let end = try tail.reader.lastSequence()
        let position = try tail.reader.end(ofBatchAt: end) ?? .beginning
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { group.shutdownGracefully { _ in } }
        let dialer = try LinkDialer(tls: settings.tls, group: group)
        var standing = SiteStanding(
            site: configuration.site, logID: try tail.reader.logID(), position: position,
            knownEpoch: desk.current.epoch, isPrimary: false)
        let answer = try dialer.ask(address, standing, wouldFollow: true)
        guard answer.knownEpoch >= desk.current.epoch else {
            throw ReplicationError(
                .fenced,
                "it knows epoch \(answer.knownEpoch) only, epoch \(desk.current.epoch) is open",
                hint: "Rejoin the site that opened it.")
        }
        var text = "the logs had not parted: nothing was cut off"
        if let refusal = answer.refusal {
            guard answer.isDiverged else { throw ReplicationError(.refused, refusal) }
            let common = try commonPoint(tail, end: position, answer.common) { position in
                standing.position = position
                return try dialer.ask(address, standing, wouldFollow: true).refusal == nil
            }
            text = try cut(tail, end: position, common: common)
        }
        try desk.record(
            SiteState(role: .standby, epoch: answer.knownEpoch, follows: "\(address)"))
        return text
    }

    /// Up to where both logs are the same: as the other site said, which goes by epochs; where both sites
    /// wrote in one epoch, by asking about ever fewer batches.
    private func commonPoint(
        _ tail: DivergedTail<MailEventCodec>, end: Position, _ said: Position?,
        isThere: (Position) throws -> Bool
    ) throws -> Position {
        if let said, try tail.holds(said) { return said }
        var common = Position.beginning
        var last = end.sequence
        while common.sequence < last {
            let middle = common.sequence + (last - common.sequence + 1) / 2
            guard let batch = try tail.reader.batch(containing: middle) else { break }
            if try isThere(batch.position) {
                common = batch.position
            } else {
                last = batch.firstSequence - 1
            }
        }
        guard common.sequence > 0 else {
            throw ReplicationError(
                .diverged, "no point was found up to which both logs are the same",
                hint: "Keep this data directory, and start a standby in an empty one.")
        }
        return common
    }

    /// Exports and cuts off what the other site does not have.
    ///
    /// - Returns: What it was, for people.
    private func cut(
        _ tail: DivergedTail<MailEventCodec>, end: Position, common: Position
    ) throws -> String {
        let report = try TailReport(tail.reader, after: common.sequence)
        let name = "e\(end.epoch)-\(common.sequence + 1)-\(end.sequence)"
        let folder = SalvageDirectory.path(configuration.dataDirectory)
        guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw FileProblem(
                description: "cannot create \(folder): \(FileProblem.ofErrno().description)")
        }
        let export = folder + "/" + name
        try tail.export(after: common, needing: report.firstContent, to: export)
        let text =
            "events \(common.sequence + 1) to \(end.sequence) were only here; \(report.summary); "
            + "exported to \(export)"
        try SmallFile.replace(
            SalvageDirectory.mark(export),
            with: "after \(common.sequence)\nsite \(configuration.site)\n")
        try SmallFile.replace(export + "/report.txt", with: text + "\n")
        try tail.cut(after: common)
        takeBackProjections(after: common.sequence)
        return text
    }

    /// What was folded of the events that are gone is not believed any more.
    private func takeBackProjections(after last: UInt64) {
        let cut = ProjectionCut(
            directory: DataDirectory.projections(configuration.dataDirectory))
        for outcome in cut.run(MailProjections.all, after: last) {
            logger.notice(
                "projection taken back behind the cut",
                metadata: [
                    "projection": "\(outcome.name)",
                    "begins_at": "\(outcome.sequence.map { "\($0)" } ?? "the log's beginning")",
                ])
        }
    }
}

/// Where a site keeps what it had to cut off.
enum SalvageDirectory {
    /// Below a data directory.
    static func path(_ dataDirectory: String) -> String { dataDirectory + "/salvage" }

    /// Says, in an export, behind which sequence its events were only there: lines `after N`,
    /// `site NAME`.
    static func mark(_ export: String) -> String { export + "/salvage" }
}
