import EventLog
import HTTPAPI
import MailEvents
import MailModel
import MessageFormat
import SmallFiles

/// Queues anew, at the primary, what waited in an export of another site's tail.
///
/// Each message becomes an ordinary one, with the metadata `salvaged_from`: the other site's name and the
/// id that the message had there. A recipient that is in doubt there is so here too, and held. A message
/// whose `salvaged_from` is in the log already is passed over, and so is one that stands in this log
/// itself: an export may have been cut off by a site that only lagged behind.
struct SalvageRun: Sendable {
    let log: EventLog<MailEventCodec>
    private let recent = RecentPieces()

    private static let provenance = "salvaged_from"
    private static let markOctets: Int64 = 4_096

    /// Queues an export's messages.
    ///
    /// - Parameters:
    ///   - directory: The export.
    ///   - isDryRun: Change nothing.
    /// - Returns: What was queued, or would be.
    /// - Throws: When the export is none, or nothing can be appended.
    func run(_ directory: String, isDryRun: Bool) async throws -> SalvageOutcome {
        let (after, site) = try Self.mark(directory)
        let export = try LogReader.open(directory: directory + "/log")
        guard try export.logID() == log.reader.logID() else {
            throw SiteRefusal("\(directory) is of another log.")
        }
        let report = try TailReport(export, after: after)
        let known = try salvaged(after: after)
        // Logs are the same up to where they part, and never again behind it.
        let hasCommon = try isHere(after + 1, export)
        var outcome = SalvageOutcome()
        outcome.messages = report.messages.count
        outcome.finished = report.finished
        outcome.deliveredElsewhere = report.deliveredElsewhere.count
        for message in report.messages where !message.waiting.isEmpty {
            let origin = "\(site) \(message.id)"
            guard !known.contains(origin),
                try !hasCommon || !isHere(message.id.sequence, export)
            else {
                outcome.already += 1
                continue
            }
            guard let whole = try content(of: message, export, after: after) else {
                outcome.withoutContent += 1
                continue
            }
            outcome.queued += 1
            outcome.recipients += message.waiting.count
            guard !isDryRun else { continue }
            try await queue(message, whole, from: origin)
        }
        return outcome
    }

    /// Whether an event of the export stands in this log too, with the same history before it.
    private func isHere(
        _ sequence: UInt64, _ export: LogReader
    ) throws(EventLogError) -> Bool {
        // What was pruned here is told by the first event that is kept.
        let told = max(sequence, log.reader.firstSequence)
        guard try export.lastSequence() >= told, try log.reader.lastSequence() >= told,
            let theirs = try export.batch(containing: told),
            let ours = try log.reader.batch(containing: told)
        else { return false }
        return theirs.position == ours.position
    }

    /// Queues one message.
    private func queue(
        _ message: TailReport.Message, _ whole: [UInt8], from origin: String
    ) async throws {
        let events = Self.events(message, from: origin)
        guard whole.count > ContentPiece.octets else {
            _ = try await log.append(events, contents: [Content(eventIndex: 0, bytes: whole)])
            return
        }
        let runs = ContentRuns(
            whole, runOctets: ContentPiece.octets, bodyOctets: ContentPiece.sharedOctets)
        let stored = try await ContentPiece.storeAhead(
            runs.lazy.map { ($0.octets, $0.isBody) }, recent: recent, tenant: message.fact.tenant,
            now: SystemClock.now
        ) { (events, contents) async throws(EventLogError) in
            try await log.append(events, contents: contents)
        }
        guard stored.isInTime(SystemClock.now()) else {
            throw SiteRefusal("Storing \(message.id) took too long: give the order again.")
        }
        let (all, contents) = stored.completed(events, at: SystemClock.now())
        _ = try await log.append(all, contents: contents)
    }

    /// A message's content. Pieces that came before the logs parted are in this site's log, too, under
    /// the same sequences; the export has them as long as it is kept.
    private func content(
        of message: TailReport.Message, _ export: LogReader, after last: UInt64
    ) throws(EventLogError) -> [UInt8]? {
        let whole = try message.fact.content(at: message.id.sequence) {
            (event) throws(EventLogError) in
            if let content = try export.content(of: event) { return content }
            return event > last ? nil : try log.reader.content(of: event)
        }
        guard let whole, !message.fact.contentPieces.isEmpty else { return whole }
        var digest = RunningDigest()
        digest.add(whole)
        return digest.finish() == message.fact.contentSHA256 ? whole : nil
    }

    /// What an export says of itself.
    private static func mark(_ directory: String) throws -> (after: UInt64, site: String) {
        let path = SalvageDirectory.mark(directory)
        guard SmallFile.exists(path) else {
            throw SiteRefusal(
                "\(directory) is no export: expected a directory that waybill site rejoin made below "
                    + "salvage/.")
        }
        let lines = try SmallFile.read(path, octetsMax: markOctets).text.split(separator: "\n")
        func value(_ name: String) -> Substring? {
            lines.first { $0.hasPrefix(name + " ") }?.dropFirst(name.count + 1)
        }
        guard let after = value("after").flatMap({ UInt64($0) }), let site = value("site") else {
            throw SiteRefusal("\(path) is damaged: expected lines after N and site NAME.")
        }
        return (after, String(site))
    }

    /// Where messages of this log were salvaged from. Only what was written since the logs parted can
    /// be.
    private func salvaged(after sequence: UInt64) throws -> Set<String> {
        var known: Set<String> = []
        try log.reader.forEachBatch(from: sequence + 1) { batch in
            for event in try batch.events() {
                guard case .received(let fact) = event.event.fact, !fact.metadata.isEmpty else {
                    continue
                }
                for pair in fact.metadata.pairs where pair.name == Self.provenance {
                    known.insert(pair.value)
                }
            }
            return true
        }
        return known
    }

    private static func events(_ message: TailReport.Message, from origin: String) -> [Event] {
        let now = SystemClock.now()
        var received = message.fact
        received.recipientCount = message.waiting.count
        received.contentPieces = []
        received.ackLevel = 0
        received.metadata = MessageMetadata(
            received.metadata.pairs.filter { $0.name != provenance } + [(provenance, origin)])
        var events = [Event(time: now, fact: .received(received))]
        for (number, old) in message.waiting.enumerated() {
            var queued = old
            queued.recipient.message = .inThisAppend(at: 0)
            queued.recipient.number = number
            queued.due = now
            events.append(Event(time: now, fact: .queued(queued)))
        }
        // What is in doubt stays so: delivery here holds those that come with an announced attempt.
        for (number, old) in message.waiting.enumerated() {
            guard var attempted = message.announced[old.recipient.number] else { continue }
            attempted.recipient.message = .inThisAppend(at: 0)
            attempted.recipient.number = number
            events.append(Event(time: now, fact: .attempted(attempted)))
        }
        return events
    }
}
