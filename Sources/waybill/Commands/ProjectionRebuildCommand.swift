import ArgumentParser
import EventLog
import Glibc
import MailEvents
import MailModel
import MailProjections
import Projections

/// `waybill projection rebuild`: makes a projection anew from the log.
struct ProjectionRebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Make a projection anew from the log.",
        discussion: """
            The new file is built beside the one in use, which takes its place when it has reached
            the log's end, and is kept as NAME-vVERSION.mdb.previous. Several are built in one pass. A running server is asked to do
            it, and goes on accepting and delivering; on a stopped one's directory it is done here.
            An interrupted rebuild goes on where it was.

            Examples:
              waybill projection rebuild queue suppression statistics --data /var/lib/waybill
              waybill projection rebuild statistics --no-wait --data /var/lib/waybill
            """)

    @OptionGroup var options: ProjectionOptions

    @Flag(inversion: .prefixedNo, help: "Wait until a running server has done it.")
    var wait = true

    @Flag(help: "On a stopped server's directory: go on without events that are refused.")
    var skipRefused = false

    func validate() throws {
        guard !options.names.isEmpty else {
            throw ValidationError("say which projection: waybill projection rebuild NAME")
        }
    }

    func run() throws {
        let log = try options.data.openLog()
        let directory = try options.directory()
        let chosen = try options.chosen()
        guard try options.isServed() else {
            return try rebuild(chosen, directory: directory, log: log)
        }
        for projection in chosen {
            try projecting(projection.name) { try ask(projection, directory: directory) }
        }
    }

    // MARK: Here

    /// All of them in one pass over the log.
    private func rebuild(
        _ projections: [AnyProjection], directory: String, log: LogReader
    ) throws {
        // No server starts while this is held.
        let lock = try LogLock(directory: DataDirectory.log(try options.data.directory()))
        defer { withExtendedLifetime(lock) {} }
        let names = projections.map(\.name).joined(separator: ", ")
        let bar = ReplayBar(title: "rebuilding \(names)")
        let started = SystemClock.now()
        var outcomes: [ProjectionRebuild.Outcome] = []
        try projecting(names) {
            outcomes = try ProjectionRebuild.run(
                projections, directory: directory, log: log,
                options: HostOptions(
                    onRefusal: skipRefused ? .skip : .stop,
                    splitter: MailProjections.all.splitter)
            ) { bar.show($0) }
        }
        bar.finish()
        let microseconds = max(1, SystemClock.now().microseconds - started.microseconds)
        var failure: (any Error)?
        for (projection, outcome) in zip(projections, outcomes) {
            do {
                try projecting(projection.name) {
                    tell(projection, try outcome.get(), microseconds: microseconds)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func tell(_ projection: AnyProjection, _ state: AsOfState, microseconds: Int64) {
        let rate = Double(state.report.replayed) / Double(microseconds) * 1e6
        if options.data.json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.string(projection.name, "name")
            writer.string("rebuilt", "result")
            writer.number(state.sequence, "sequence")
            writer.hex(state.digest, "digest")
            writer.number(state.report.replayed, "replayed")
            writer.number(UInt64(rate), "events_per_second")
            writer.number(state.refused.list.count, "refused")
            writer.endObject()
            print(writer.text)
        } else {
            print(
                "\(projection.name): rebuilt through sequence \(state.sequence), "
                    + "\(state.report.replayed) events at \(Human.decimal(rate, places: 0))/s, digest "
                    + hex(state.digest))
            for refusal in state.refused.list {
                print("\(projection.name): in quarantine: \(refusal)")
            }
        }
    }

    // MARK: By the server

    private func ask(_ projection: AnyProjection, directory: String) throws {
        let requests = ProjectionRequests(directory: directory)
        let before = requests.read()?.all.first { $0.name == projection.name }?.rebuilds ?? 0
        guard requests.askForRebuild(of: projection.name) else {
            complain(
                "waybill: cannot write in \(directory); run this as the user that the server "
                    + "runs as")
            throw Exit.unavailable
        }
        guard wait else {
            return say(projection, "asked", "asked the server; see `waybill projection status`")
        }
        try waitUntilTaken(projection, requests)
        guard projection.keeper == .engine else {
            return say(
                projection, "asked",
                "the server writes its file anew, whole, with the next checkpoint")
        }
        let bar = ReplayBar(title: "rebuilding \(projection.name)")
        defer { bar.finish() }
        while true {
            guard try options.isServed() else {
                complain(
                    "waybill: the server has stopped; it goes on with the rebuild when it starts")
                throw Exit.temporary
            }
            if let status = requests.read()?.all.first(where: { $0.name == projection.name }) {
                if status.rebuilds > before {
                    return say(
                        projection, "rebuilt", "rebuilt; in use at sequence \(status.sequence)")
                }
                bar.show(
                    ReplayProgress(
                        sequence: min(status.rebuildSequence, status.logEnd), from: 1,
                        through: status.logEnd))
                if status.phase != .rebuilding, !requests.isAskedForRebuild(of: projection.name),
                    let setback = status.setbacks.last
                {
                    complain("waybill: projection \(projection.name): \(setback.text)")
                    throw Exit.found
                }
            }
            usleep(Self.pollMicroseconds)
        }
    }

    private func waitUntilTaken(
        _ projection: AnyProjection, _ requests: ProjectionRequests
    ) throws {
        var polls = 0
        while requests.isAskedForRebuild(of: projection.name) {
            polls += 1
            guard polls < Self.pollsUntilTaken, try options.isServed() else {
                complain(
                    "waybill: the server has not taken the request for \(projection.name) yet; it "
                        + "stays in the directory until it does. See its log.")
                throw Exit.temporary
            }
            usleep(Self.pollMicroseconds)
        }
    }

    private static let pollMicroseconds: UInt32 = 200_000
    /// Ten seconds; the server looks every second.
    private static let pollsUntilTaken = 50

    private func say(_ projection: AnyProjection, _ result: StaticString, _ words: String) {
        guard options.data.json else { return print("\(projection.name): \(words)") }
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(projection.name, "name")
        writer.string(result.description, "result")
        writer.endObject()
        print(writer.text)
    }
}
