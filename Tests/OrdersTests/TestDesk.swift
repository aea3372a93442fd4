import EventLog
import MailEvents
import MailModel
import MailProjections
import NIOCore
import NIOPosix
import Synchronization
import WaybillTesting

@testable import Orders

/// A desk on a log of its own, with folds that nobody delivers by.
///
/// Concurrency: any task.
final class TestDesk: Sendable {
    let directory: TemporaryDirectory
    let log: EventLog<MailEventCodec>
    let state: FollowedState
    let desk: OrderDesk
    private let clock: Clock

    /// A clock that tests move.
    final class Clock: Sendable {
        let microseconds = Atomic<Int64>(1_800_000_000_000_000)

        var now: EventTime {
            EventTime(microseconds: microseconds.load(ordering: .relaxed))
        }
    }

    init() throws {
        directory = try TemporaryDirectory()
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        log = try EventLog.open(
            directory: directory.path + "/log", codec: MailEventCodec(),
            configuration: configuration)
        state = FollowedState(
            queue: Queue(), suppression: Suppression(),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        try state.follow(log)
        let clock = Clock()
        self.clock = clock
        desk = OrderDesk(log: log, state: state, now: { clock.now })
    }

    deinit { log.close() }

    var now: EventTime { clock.now }

    func advance(seconds: Int64) {
        clock.microseconds.add(seconds * 1_000_000, ordering: .relaxed)
    }

    /// Accepts a message; returns its id once the folds have it.
    @discardableResult
    func accept(
        _ recipients: [String], tenant: String = "", campaign: String = ""
    ) async throws -> MessageID {
        var events = [
            Event(
                time: now,
                fact: .received(
                    MessageReceived(
                        reversePath: .null, sizeOctets: 1,
                        contentSHA256: [UInt8](repeating: 0, count: 32),
                        recipientCount: recipients.count, tenant: tenant, campaign: campaign,
                        session: IngressSession(
                            listener: "", serverName: "", transmissionType: .local))))
        ]
        for (number, recipient) in recipients.enumerated() {
            let parts = recipient.split(separator: "@")
            let reference = RecipientReference(
                message: .inThisAppend(at: 0), number: number,
                mailbox: Mailbox(localPart: String(parts[0]), domain: String(parts[1])),
                tenant: tenant, campaign: campaign)
            events.append(
                Event(
                    time: now,
                    fact: .queued(
                        RecipientQueued(recipient: reference, due: now.adding(seconds: 3600)))))
        }
        let receipt = try await log.append(events)
        let last = receipt.firstSequence + UInt64(events.count) - 1
        while await state.withQueue({ $0.lastSequence }) ?? .max < last { await Task.yield() }
        return MessageID(epoch: receipt.epoch, sequence: receipt.firstSequence)
    }

    func facts() throws -> [Fact] {
        var facts: [Fact] = []
        try log.reader.forEachBatch { batch in
            facts += try batch.events().map(\.event.fact)
            return true
        }
        return facts
    }

    func order(
        _ action: QueueOrder.Action, by giver: OrderGiver = OrderGiver(name: "cli"),
        _ change: (inout QueueOrder) -> Void
    ) async throws -> OrderResult {
        var order = QueueOrder(action, OrderScope())
        change(&order)
        return try await desk.carryOut(order, by: giver)
    }
}
