import EventLog
import Hummingbird
import MailEvents
import MailModel

/// `POST /api/v1/log/prune`: removes the oldest segments, or says which would go.
///
/// Concurrency: value.
struct PruneRoute: Sendable {
    var services: APIServices

    var routes: [Route] {
        [Route(.post, "/api/v1/log/prune", .role(.admin)) { try await prune($0) }]
    }

    private func prune(_ call: APICall) async throws -> Response {
        guard try call.knownCaller().seesAll else {
            throw Problem(.forbidden, "The log is the whole server's.")
        }
        let notes = JSONObject.Notes()
        let object = try await OrderBody.object(call, services, notes)
        var request = PruneRequest()
        request.isDryRun = object.bool("dry_run") ?? false
        request.limits.keepSeconds = object.integer("keep_seconds", in: 0...Int64.max / 1_000_000)
        request.limits.keepOctets = object.integer("keep_octets", in: 0...Int64.max)
            .map { UInt64($0) }
        request.limits.beforeSequence = object.integer("before_sequence", in: 1...Int64.max)
            .map { UInt64($0) }
        request.limits.beforeTime = object.instant("before_time")?.microseconds
        object.finish()
        try notes.check(.invalidOrder)
        let outcome: PruneOutcome?
        do {
            outcome = try await services.state.prune(request)
        } catch let error as EventLogError {
            throw Problem(pruning: error)
        }
        guard let outcome else {
            throw Problem(.notReady, "The server is starting or stopping; try again.")
        }
        return .json { outcome.write(to: &$0) }
    }
}

extension Problem {
    /// What a client is told when nothing was pruned.
    init(pruning error: EventLogError) {
        self =
            switch error.code {
            case .outOfSpace: Problem(.outOfSpace, "There is no room for what must be kept.")
            case .closed: Problem(.notReady, "The server is stopping; try again.")
            case .damaged:
                Problem(
                    .damaged, "A part of the log does not verify; the operator has to look at it.")
            default: Problem(.notPruned, error.message)
            }
    }
}
