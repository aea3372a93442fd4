/// Decides, for one destination, when to open a connection, what to send over which, and when to
/// let it go.
///
/// ```
///            connect            established            assign
/// (nothing) --------> opening ----------------> idle <--------> busy
///                        | failed                 | idle for long, or used up
///                        v                        v
///                     (nothing)                (quitting: the shell's alone)
/// ```
///
/// A destination that cannot be reached costs one attempt an interval, not one a message: what was
/// ready when the last connection failed is handed back as failed together, and what becomes ready
/// afterwards waits until the backoff is over, when a single connection tries again. A destination that
/// greets and then takes nothing, but says `421` (RFC 5321 section 3.8), is left alone as well; what is
/// ready waits, and fails together only when the connection that tries again fares no better.
///
/// Concurrency: value. Times are microseconds of a clock that never steps.
struct DestinationStateMachine<Item> {
    /// A connection of this destination: an index that is used again after the connection has ended.
    typealias ConnectionID = Int

    /// What the route allows.
    struct Bounds: Hashable, Sendable {
        var connectionsMax: Int
        var messagesPerConnectionMax: Int
        var idleMicroseconds: Int64
        var backoff: BackoffPolicy
    }

    /// One thing to do; asked for until there is nothing.
    enum Action {
        /// Open a connection; answer with ``connectionEstablished(_:now:)`` or
        /// ``connectionFailed(_:now:jitter:)``.
        case connect(ConnectionID)
        /// Send this over an idle connection; answer with
        /// ``transactionFinished(_:reusable:now:)`` or ``transactionRefused(_:now:jitter:)``.
        case send(Item, over: ConnectionID)
        /// Say QUIT; the connection does not count any more.
        case quit(ConnectionID)
        /// Nothing now.
        case wait
    }

    private enum Connection {
        case none
        case opening
        case idle(since: Int64, messages: Int)
        case busy(messages: Int)
    }

    private(set) var bounds: Bounds
    private(set) var ready = FairQueue<Item>()
    private var connections: [Connection] = []
    /// Idle connections, the one used last at the end: it is used again first, so that the others
    /// come to their idle end.
    private var idle: [ConnectionID] = []
    private(set) var openingCount = 0
    private(set) var busyCount = 0
    /// How many connections may exist: grows with each one established, shrinks when the
    /// destination refuses more than it has.
    private var window: Int
    /// Until then no further connection is tried, though there are some that work.
    private var crowdedUntil: Int64 = .min
    /// Failures to connect in a row, and connections over which the first transaction was refused.
    private(set) var failures = 0
    /// The last failure was a refusal: a connection that is established proves nothing.
    private var isRefusing = false
    /// Until then the destination is left alone.
    private(set) var backoffUntil: Int64?
    private(set) var isStopping = false
    /// Connections that are not to be used again.
    private var outdated: Set<ConnectionID> = []

    /// A destination not yet talked to.
    init(bounds: Bounds) {
        self.bounds = bounds
        window = min(Limits.initialConnections, bounds.connectionsMax)
    }

    /// Connections that can take mail now.
    var idleCount: Int { idle.count }
    /// Connections opening, idle or busy.
    var connectionCount: Int { openingCount + idle.count + busyCount }

    /// Whether nothing would be lost with this value: nothing is ready or open, and a backoff is long
    /// over.
    func isForgettable(now: Int64) -> Bool {
        guard ready.isEmpty, connectionCount == 0 else { return false }
        return backoffUntil.map { now >= $0 + Limits.forgetMicroseconds } ?? true
    }

    /// Whether the connection is not established yet.
    func isOpening(_ id: ConnectionID) -> Bool {
        if case .opening = connections[id] { true } else { false }
    }

    /// Applies changed bounds to what happens from now on.
    mutating func update(bounds: Bounds) {
        self.bounds = bounds
        window = min(max(window, 1), bounds.connectionsMax)
    }

    /// Forgets what was learned of the destination: it is another one now. The connections there are
    /// end as soon as they are not busy.
    mutating func renew() {
        for (id, connection) in connections.enumerated() {
            if case .none = connection { continue }
            outdated.insert(id)
        }
        window = min(Limits.initialConnections, bounds.connectionsMax)
        failures = 0
        isRefusing = false
        backoffUntil = nil
        crowdedUntil = .min
    }

    /// Somebody wants a try now: the time to leave the destination alone is over. What failed before
    /// still counts, so a single connection finds out.
    mutating func endBackoff() {
        backoffUntil = nil
        crowdedUntil = .min
    }

    /// Something to send.
    mutating func enqueue(_ item: Item, lane: FairQueue<Item>.Lane) {
        ready.append(item, lane: lane)
    }

    /// Something to send first: it was taken, and nothing came of it that counts.
    mutating func putBack(_ item: Item, lane: FairQueue<Item>.Lane) {
        ready.prepend(item, lane: lane)
    }

    /// Puts in the place of everything ready what `change` makes of it; nil takes it out.
    mutating func reviseReady(_ change: (Item) -> Item?) {
        ready.revise(change)
    }

    /// What to do next. `mayConnect` is false while there are as many connections in all as there
    /// may be.
    mutating func next(now: Int64, mayConnect: Bool) -> Action {
        if !outdated.isEmpty, let id = idle.first(where: outdated.contains) { return quit(id) }
        if let id = idle.last, case .idle(_, let messages) = connections[id] {
            if isStopping || messages >= bounds.messagesPerConnectionMax {
                return quit(id)
            }
            if let item = ready.popFirst() {
                idle.removeLast()
                connections[id] = .busy(messages: messages + 1)
                busyCount += 1
                return .send(item, over: id)
            }
            if let oldest = idle.first, case .idle(let since, _) = connections[oldest],
                now - since >= bounds.idleMicroseconds
            {
                return quit(oldest)
            }
            return .wait
        }
        guard mayConnect, wantsConnection(now: now) else { return .wait }
        openingCount += 1
        let id = freeID()
        connections[id] = .opening
        return .connect(id)
    }

    /// Whether a connection would be opened if there may be one.
    func wantsConnection(now: Int64) -> Bool {
        guard !isStopping, idle.isEmpty, ready.count > openingCount, now >= crowdedUntil else {
            return false
        }
        if let backoffUntil, now < backoffUntil { return false }
        // After a failure a single connection finds out whether the destination is back.
        return connectionCount < (failures > 0 ? 1 : window)
    }

    /// Closes the connection that was idle for longest, to make room for another destination.
    mutating func releaseIdle() -> ConnectionID? {
        guard let id = idle.first else { return nil }
        _ = quit(id)
        return id
    }

    /// When to ask ``next(now:mayConnect:)`` again though nothing has happened; nil: not for time's
    /// sake.
    var nextWake: Int64? {
        if let first = idle.first, case .idle(let since, _) = connections[first] {
            return since + bounds.idleMicroseconds
        }
        guard !ready.isEmpty else { return nil }
        if let backoffUntil { return backoffUntil }
        return connectionCount > 0 && crowdedUntil > .min ? crowdedUntil : nil
    }

    /// The connection can take mail.
    mutating func connectionEstablished(_ id: ConnectionID, now: Int64) {
        guard case .opening = connections[id] else {
            preconditionFailure("established a connection that is \(connections[id])")
        }
        openingCount -= 1
        connections[id] = .idle(since: now, messages: 0)
        idle.append(id)
        window = min(window + 1, bounds.connectionsMax)
        if !isRefusing { failures = 0 }
        backoffUntil = nil
    }

    /// No address of the destination gave a connection. Returns what failed with it: everything that
    /// is ready, unless other connections exist.
    ///
    /// `jitter` is anything from 0 to 1: it lengthens the backoff by up to a tenth.
    mutating func connectionFailed(_ id: ConnectionID, now: Int64, jitter: Double) -> [Item] {
        guard case .opening = connections[id] else {
            preconditionFailure("failed to open a connection that is \(connections[id])")
        }
        openingCount -= 1
        free(id)
        guard connectionCount == 0 else { return beCrowded(now: now) }
        backOff(now: now, jitter: jitter)
        return ready.removeAll()
    }

    private mutating func backOff(now: Int64, jitter: Double) {
        failures += 1
        window = min(Limits.initialConnections, bounds.connectionsMax)
        crowdedUntil = .min
        let wait = bounds.backoff.microseconds(afterFailures: failures)
        backoffUntil = now + wait + Int64(Double(wait) * 0.1 * jitter)
    }

    /// Another connection exists, so it is only this one that is too many.
    private mutating func beCrowded(now: Int64) -> [Item] {
        window = max(1, idle.count + busyCount)
        crowdedUntil = now + bounds.backoff.microseconds(afterFailures: 1) / 6
        return []
    }

    /// The destination does not exist, or never takes mail. Returns what is ready, unless other
    /// connections exist: they have been told otherwise. A later message finds out anew.
    mutating func connectionFailedForGood(_ id: ConnectionID, now: Int64) -> [Item] {
        guard case .opening = connections[id] else {
            preconditionFailure("failed to open a connection that is \(connections[id])")
        }
        openingCount -= 1
        free(id)
        guard connectionCount == 0 else { return beCrowded(now: now) }
        return ready.removeAll()
    }

    /// The transaction is over; `reusable`: the connection can take another.
    mutating func transactionFinished(_ id: ConnectionID, reusable: Bool, now: Int64) {
        guard case .busy(let messages) = connections[id] else {
            preconditionFailure("finished a transaction on a connection that is \(connections[id])")
        }
        busyCount -= 1
        if reusable {
            if isRefusing, !outdated.contains(id) {
                isRefusing = false
                failures = 0
            }
            connections[id] = .idle(since: now, messages: messages)
            idle.append(id)
        } else {
            free(id)
        }
    }

    /// The transaction is over and so is the connection: the server took nothing and said `421`. Where
    /// it is the connection's first one, it counts as a failure to connect. Returns what failed with
    /// it: nothing the first time, then everything that is ready, unless other connections exist.
    ///
    /// `jitter` as in ``connectionFailed(_:now:jitter:)``.
    mutating func transactionRefused(_ id: ConnectionID, now: Int64, jitter: Double) -> [Item] {
        guard case .busy(let messages) = connections[id] else {
            preconditionFailure("refused a transaction on a connection that is \(connections[id])")
        }
        busyCount -= 1
        let isOutdated = outdated.contains(id)
        free(id)
        // One that has carried mail has come to what the server allows a connection.
        guard messages <= 1, !isOutdated else { return [] }
        guard connectionCount == 0 else { return beCrowded(now: now) }
        isRefusing = true
        backOff(now: now, jitter: jitter)
        return failures > 1 ? ready.removeAll() : []
    }

    /// An idle connection has ended by itself.
    mutating func idleConnectionEnded(_ id: ConnectionID) {
        guard case .idle = connections[id] else {
            preconditionFailure("an idle connection ended that is \(connections[id])")
        }
        idle.removeAll { $0 == id }
        free(id)
    }

    /// Sends nothing more: idle connections end, busy ones finish. Returns what will not be sent.
    mutating func stop() -> [Item] {
        isStopping = true
        return ready.removeAll()
    }

    private mutating func quit(_ id: ConnectionID) -> Action {
        idle.removeAll { $0 == id }
        free(id)
        return .quit(id)
    }

    private mutating func free(_ id: ConnectionID) {
        connections[id] = .none
        outdated.remove(id)
    }

    private mutating func freeID() -> ConnectionID {
        let free = connections.firstIndex { if case .none = $0 { true } else { false } }
        if let free { return free }
        connections.append(.none)
        return connections.count - 1
    }
}
