import EventLog
import MailEvents
import Synchronization

@testable import HTTPAPI

/// A real log whose refusals a test can order.
///
/// Concurrency: any thread.
final class TestLog: APILog {
    private let log: EventLog<MailEventCodec>
    private let orders = Mutex<(acceptance: EventLogError?, append: EventLogError?)>((nil, nil))

    init(directory: String, gate: StandbyGate? = nil) throws {
        var configuration = EventLogConfiguration()
        configuration.gate = gate
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        log = try EventLog.open(
            directory: directory, codec: MailEventCodec(), configuration: configuration)
    }

    var reader: LogReader { log.reader }

    /// New messages are refused with this error; nil: they are taken again.
    func refuseMessages(_ error: EventLogError?) { orders.withLock { $0.acceptance = error } }

    /// Appends fail with this error.
    func failAppends(_ error: EventLogError?) { orders.withLock { $0.append = error } }

    func append(
        _ events: [Event], contents: [Content]
    ) async throws(EventLogError) -> AppendReceipt {
        try await append(events, contents: contents, demand: nil, retraction: nil)
    }

    func append(
        _ events: [Event], contents: [Content], demand: StandbyDemand?,
        retraction: Append<Event>.Retraction?
    ) async throws(EventLogError) -> AppendReceipt {
        if let error = orders.withLock({ $0.append }) { throw error }
        return try await log.append(
            events, contents: contents, demand: demand, retraction: retraction)
    }

    var standbysPresent: Int { log.standbysPresent }

    func standbys(having sequence: UInt64) -> Int { log.standbys(having: sequence) }

    func seal() async throws(EventLogError) -> UInt64? { try await log.seal() }

    func acceptance() -> Result<Void, EventLogError> {
        orders.withLock { $0.acceptance }.map { .failure($0) } ?? .success(())
    }

    func follow(_ follower: any LogFollower<Event>) -> UInt64 { log.follow(follower) }

    func unfollow(_ follower: any LogFollower<Event>) { log.unfollow(follower) }

    func close() { log.close() }
}
