import ArgumentParser
import EventLog
import MailModel
import MailProjections
import Projections

/// Asks for messages by the index that the server keeps. Where there is none that can be used, the
/// whole log is read instead, and that is said.
///
/// `body` may run again, after damage was found in the middle of it.
func searching<Result>(
    _ log: LogReader, _ data: DataOptions, _ body: (inout MessageSearch) throws -> Result
) throws -> Result {
    let directory = DataDirectory.projections(try data.directory())
    do {
        return try search(log, directory, usesFile: true, body)
    } catch let error as ProjectionError where error.isDamage {
        complain("waybill: the index of messages is no good: \(error). The whole log is read.")
        return try search(log, directory, usesFile: false, body)
    } catch let refusal as RefusedEvent {
        complain(
            "waybill: the index of messages stops before \(refusal). Look at the event with "
                + "`waybill log cat --from \(refusal.first) --to \(refusal.last)`; to let the "
                + "server pass over it, name history in server.skip_refused_events and restart.")
        throw Exit.found
    }
}

private func search<Result>(
    _ log: LogReader, _ directory: String, usesFile: Bool,
    _ body: (inout MessageSearch) throws -> Result
) throws -> Result {
    let bar = ReplayBar(title: "reading the log")
    defer { bar.finish() }
    let (index, setback) = try HistoryIndex.open(
        directory: directory, log: log, usesFile: usesFile
    ) { bar.show($0) }
    bar.finish()
    if let setback {
        complain(
            "waybill: there is no index of messages that can be used (\(setback)): the whole log "
                + "was read. A running server makes one; `waybill projection rebuild history` too.")
    }
    var search = MessageSearch(log: log, index: index)
    return try body(&search)
}

/// Which part of a list of messages is shown.
struct MessagePageOptions: ParsableArguments {
    @Option(help: "Show at most so many messages.") var limit = 50

    @Option(
        help: "Go on behind an earlier page, which has named this number.")
    var after: UInt64?

    @Option(help: "As it was after this sequence, or at this time.")
    var at: LogPoint?

    @Option(help: "table, json, ndjson or csv. Default: table, with --json ndjson.")
    var format: OutputFormat?

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit is at least 1") }
    }

    /// The question for a page.
    func query(_ filter: MessageFilter, in log: LogReader) throws -> MessageQuery {
        var query = MessageQuery(filter, limit: limit)
        query.before = after ?? .max
        query.through = try at?.sequence(in: log) ?? .max
        return query
    }

    /// Prints a page, and what to say for the next one: on standard error unless in a table.
    func show(_ listing: Listing, _ page: MessagePage, first: UInt64 = 1, json: Bool) {
        let format = format ?? (json ? .ndjson : .table)
        put(listing.text(format, empty: "no message"))
        if let next = page.next {
            let hint = "more may come before: --after \(next)"
            if format == .table { put(hint + "\n") } else { complain("waybill: \(hint)") }
        }
        page.complainWhereCut(first: first)
    }
}

extension MessagePage {
    /// Says on standard error where older messages may have been passed over; `first` is the first event
    /// that is kept.
    func complainWhereCut(first: UInt64) {
        guard isCut else { return }
        complain(
            first > 1
                ? "waybill: the events before \(first) were pruned; messages of before are not"
                    + " looked for"
                : "waybill: messages older than the index, which goes back 400 days, are not"
                    + " looked for")
    }
}

/// A mailbox as an argument.
struct MailboxArgument: ExpressibleByArgument {
    let mailbox: Mailbox

    init?(argument: String) {
        guard let at = argument.lastIndex(of: "@"), at != argument.startIndex else { return nil }
        let domain = argument[argument.index(after: at)...]
        guard !domain.isEmpty else { return nil }
        mailbox = Mailbox(localPart: String(argument[..<at]), domain: String(domain))
    }
}
