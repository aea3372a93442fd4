import EventLog
import MailModel
import NIOCore

/// The sessions of one event loop: finds the one that waits for an append, and ends those that
/// have waited for too long.
///
/// A session has a slot; what it hands out (tokens of appends and password checks) carries the
/// slot's generation, so an answer that comes after the session has gone finds nobody. One commit
/// costs one `execute`; one sweep over a plain array replaces a timer for each session.
///
/// Concurrency: bound to its event loop, but for ``appendsCompleted(_:)``, which comes from the
/// log's writer thread and only hops.
// @unchecked because the mutable state is touched on the event loop alone (checked by
// preconditions where it is entered); the type crosses threads as the observer of appends.
final class SessionTable: AppendObserver, @unchecked Sendable {
    private struct Slot {
        var session: SessionHandler?
        var generation: UInt32 = 0
    }

    let eventLoop: any EventLoop
    let digest: ContentDigest
    var rejections: RejectionSampler
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var deadlines: [UInt64] = []
    private var sweep: RepeatedTask?
    private(set) var isStopping = false
    private var emptied: EventLoopPromise<Void>?

    init(eventLoop: any EventLoop, digest: ContentDigest, rejections: RejectionSampler) {
        self.eventLoop = eventLoop
        self.digest = digest
        self.rejections = rejections
    }

    /// Sessions that are there.
    var count: Int { slots.count - free.count }

    // MARK: Sessions

    func add(_ session: SessionHandler) -> Int {
        eventLoop.preconditionInEventLoop()
        guard let slot = free.popLast() else {
            slots.append(Slot(session: session))
            deadlines.append(.max)
            return slots.count - 1
        }
        slots[slot].session = session
        return slot
    }

    func remove(_ slot: Int) {
        slots[slot].session = nil
        slots[slot].generation &+= 1
        deadlines[slot] = .max
        free.append(slot)
        if count == 0 { emptied?.succeed() }
    }

    /// Names the session in this slot to whoever answers later.
    func token(_ slot: Int) -> UInt64 { UInt64(slots[slot].generation) << 32 | UInt64(slot) }

    /// What was handed out before is answered to nobody from now on.
    func forgetTokens(_ slot: Int) { slots[slot].generation &+= 1 }

    func session(_ token: UInt64) -> SessionHandler? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < slots.count, slots[slot].generation == UInt32(token >> 32) else { return nil }
        return slots[slot].session
    }

    // MARK: Appends

    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        eventLoop.execute { self.answer(outcomes) }
    }

    private func answer(_ outcomes: [AppendOutcome]) {
        for outcome in outcomes { session(outcome.token)?.appended(outcome.result) }
    }

    // MARK: Deadlines

    func setDeadline(_ slot: Int, _ deadline: UInt64) { deadlines[slot] = deadline }

    func startSweeping(every interval: TimeAmount) {
        sweep = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            self.sweepOnce(now: NIODeadline.now().uptimeNanoseconds)
        }
    }

    private func sweepOnce(now: UInt64) {
        for slot in deadlines.indices where deadlines[slot] <= now {
            deadlines[slot] = .max
            slots[slot].session?.deadlinePassed()
        }
    }

    // MARK: Stopping

    /// Asks every session to end; the future is completed when all have gone.
    func stop() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        let promise = emptied ?? eventLoop.makePromise(of: Void.self)
        emptied = promise
        isStopping = true
        for slot in slots.indices { slots[slot].session?.stop() }
        if count == 0 { promise.succeed() }
        return promise.futureResult
    }

    /// Ends every session now, whatever it does.
    func cutOff() {
        for slot in slots.indices { slots[slot].session?.cutOff() }
    }

    func stopSweeping() {
        sweep?.cancel()
        sweep = nil
    }
}
