import Logging
import MailModel
import NIOCore
import SMTPProtocol

/// One destination: does what its state machine decides.
///
/// Concurrency: bound to delivery's event loop.
final class Destination {
    let key: DestinationKey
    private(set) var route: Route
    private unowned let engine: DeliveryEngine
    private var machine: DestinationStateMachine<DeliveryGroup>
    /// By connection id: those opening, and those that the machine counts.
    private var connectors: [Int: Connector] = [:]
    private var isPumping = false
    private var mustPumpAgain = false
    /// Why the last connection failed.
    private(set) var lastFailure: Reply?
    /// Waits in the engine's line for a free connection.
    var isInLine = false
    /// Among the engine's destinations with something new to do.
    var isTouched = false
    /// No longer the destination of its domain.
    private(set) var isForgotten = false

    init(engine: DeliveryEngine, key: DestinationKey, route: Route) {
        self.engine = engine
        self.key = key
        self.route = route
        machine = DestinationStateMachine(bounds: engine.bounds(of: route))
    }

    // MARK: What the engine asks for

    /// A changed configuration. Connections made by the old one are not used for what comes, and its
    /// failures do not count, if it `leadsElsewhere`; ``pump()`` follows.
    func update(route: Route, leadsElsewhere: Bool) {
        self.route = route
        machine.update(bounds: engine.bounds(of: route))
        if leadsElsewhere { machine.renew() }
    }

    /// Something to send; ``pump()`` follows.
    func enqueue(_ group: DeliveryGroup) {
        machine.enqueue(group, lane: group.lane)
    }

    /// Puts in the place of every group that is ready what `change` makes of it; nil takes it out.
    /// `change` does not come back to this destination.
    func reviseReady(_ change: (DeliveryGroup) -> DeliveryGroup?) {
        machine.reviseReady(change)
    }

    /// Whether what becomes ready now must wait for the end of the backoff.
    var isBackingOff: Bool { machine.backoffUntil != nil && machine.failures > 0 }

    /// Does everything that can be done now.
    func pump() {
        mustPumpAgain = true
        guard !isPumping else { return }
        isPumping = true
        while mustPumpAgain {
            mustPumpAgain = false
            pumpOnce()
        }
        isPumping = false
        if !isInLine, !engine.mayConnect, machine.wantsConnection(now: engine.monotonic()) {
            engine.waitInLine(self)
        } else if !engine.line.isEmpty {
            // What is idle here, others wait for.
            _ = releaseIdle()
        }
    }

    private func pumpOnce() {
        let now = engine.monotonic()
        // Another site may be sending by now; this one is about to be stopped.
        guard machine.isStopping || engine.log.mayDeliver else { return }
        while true {
            switch machine.next(now: now, mayConnect: engine.mayConnect) {
            case .connect(let id):
                let connector = Connector(engine: engine, destination: self, id: id)
                connectors[id] = connector
                engine.connectionCount += 1
                connector.start()
            case .send(let group, let id):
                guard let connection = connectors[id]?.connection else {
                    preconditionFailure("no connection \(id)")
                }
                engine.send(group, over: connection, of: self, now: now)
            case .quit(let id):
                let connector = connectors.removeValue(forKey: id)
                connector?.connection?.quit()
            case .wait:
                return
            }
        }
    }

    /// Time has passed: ends what was idle for too long, ends a backoff. True when the destination
    /// can be forgotten.
    func sweep(now: Int64) -> Bool {
        if let wake = machine.nextWake, wake <= now { pump() }
        isForgotten = machine.isForgettable(now: now) && connectors.isEmpty
        return isForgotten
    }

    /// Does not leave it alone any longer.
    func endBackoff() { machine.endBackoff() }

    /// Whether time matters to it.
    var needsSweep: Bool { machine.nextWake != nil }

    /// Gives a connection that is idle to others.
    func releaseIdle() -> Bool {
        guard let id = machine.releaseIdle() else { return false }
        connectors.removeValue(forKey: id)?.connection?.quit()
        return true
    }

    /// Sends nothing more. Returns what was ready.
    func stop() -> [DeliveryGroup] {
        let groups = machine.stop()
        for connector in connectors.values where machine.isOpening(connector.id) {
            connector.cancel()
        }
        pump()
        return groups
    }

    /// Ends every connection at once.
    func cancel() {
        for connector in connectors.values { connector.cancel() }
    }

    // MARK: What connectors and connections say

    func connectionEstablished(_ connection: OutgoingConnection, by connector: Connector) {
        let failures = machine.failures
        machine.connectionEstablished(connector.id, now: engine.monotonic())
        noteRecovery(from: failures, connection)
        pump()
    }

    /// What failed before is forgotten, if it is over.
    private func noteRecovery(from failures: Int, _ connection: OutgoingConnection) {
        guard machine.failures == 0 else { return }
        lastFailure = nil
        guard failures > 0 else { return }
        engine.logger.info(
            "destination answers again",
            metadata: ["destination": "\(key)", "host": "\(connection.target.host)"])
    }

    func connectionFailed(_ connector: Connector, _ failure: AttemptFailure) {
        connectors[connector.id] = nil
        engine.connectionCount -= 1
        lastFailure = failure.reply
        let now = engine.monotonic()
        let failed: [DeliveryGroup]
        if failure.isPermanent {
            failed = machine.connectionFailedForGood(connector.id, now: now)
        } else {
            failed = machine.connectionFailed(
                connector.id, now: now, jitter: engine.randomUnit())
            noteBackoff("destination cannot be reached", failure.reply, failed.count, now: now)
        }
        engine.attemptFailed(failed, failure, of: self)
        engine.connectionFreed()
        pump()
    }

    /// Says that the destination is left alone, when it is.
    private func noteBackoff(_ what: Logger.Message, _ reply: Reply, _ failed: Int, now: Int64) {
        guard machine.connectionCount == 0, !engine.isStopping,
            let until = machine.backoffUntil, until > now
        else { return }
        engine.logger.info(
            what,
            metadata: [
                "destination": "\(key)", "reply": "\(reply)", "failures": "\(machine.failures)",
                "waiting": "\(failed)", "retry_in_seconds": "\((until - now) / 1_000_000)",
            ])
    }

    /// The transaction is over and the connection can take the next one.
    func connectionIsFree(_ connection: OutgoingConnection) {
        let failures = machine.failures
        machine.transactionFinished(connection.id, reusable: true, now: engine.monotonic())
        if failures > 0 { noteRecovery(from: failures, connection) }
        pump()
    }

    /// The transaction is over and so is the connection.
    func connectionIsLost(_ connection: OutgoingConnection) {
        connectors[connection.id] = nil
        machine.transactionFinished(connection.id, reusable: false, now: engine.monotonic())
        pump()
    }

    /// The transaction is over and so is the connection, by the server's `421`; nobody's mail was taken.
    func connectionIsRefused(_ connection: OutgoingConnection, _ refusal: SessionFailure) {
        connectors[connection.id] = nil
        let now = engine.monotonic()
        let failed = machine.transactionRefused(
            connection.id, now: now, jitter: engine.randomUnit())
        if machine.failures > 0 { lastFailure = refusal.reply }
        noteBackoff("destination refuses service", refusal.reply, failed.count, now: now)
        engine.attemptFailed(
            failed,
            .session(refusal, classifier: engine.classifier, peer: connection.peerOfFailure),
            of: self)
        pump()
    }

    func idleConnectionEnded(_ connection: OutgoingConnection) {
        connectors[connection.id] = nil
        machine.idleConnectionEnded(connection.id)
        pump()
    }

    /// Sends the group first; nothing has come of its last turn that counts.
    func putBack(_ group: DeliveryGroup) {
        machine.putBack(group, lane: group.lane)
    }

    // MARK: For operators

    func snapshot(wall: EventTime, now: Int64) -> DeliverySnapshot.Destination {
        DeliverySnapshot.Destination(
            key: key, readyGroups: machine.ready.count,
            openingConnections: machine.openingCount, idleConnections: machine.idleCount,
            busyConnections: machine.busyCount, failures: machine.failures,
            backoffUntil: machine.backoffUntil.map {
                EventTime(microseconds: wall.microseconds + $0 - now)
            },
            lastFailure: lastFailure)
    }
}
