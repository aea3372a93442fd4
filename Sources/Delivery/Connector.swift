import MailModel
import NIOCore
import Resolver
import SMTPProtocol
import SMTPTransport

/// Opens one connection for a destination: looks up where to, tries one address after the other.
///
/// Lives as long as the connection that it opened.
///
/// Concurrency: bound to delivery's event loop.
final class Connector {
    private let engine: DeliveryEngine
    let destination: Destination
    let id: Int
    private let route: Route
    private var targets: [DeliveryTarget] = []
    private var nextTarget = 0
    private var failure: AttemptFailure?
    private var everyHostRefusesForGood = true
    /// The way to the domain leads back here.
    private var isLoop = false
    private var isCancelled = false
    /// The connection being tried, or the one that was opened.
    private(set) var connection: OutgoingConnection?

    init(engine: DeliveryEngine, destination: Destination, id: Int) {
        self.engine = engine
        self.destination = destination
        self.id = id
        route = destination.route
    }

    /// Begins.
    func start() {
        engine.selectTargets(for: destination) { [self] outcome in
            guard !isCancelled else { return finish() }
            switch outcome {
            case .failed(let failure):
                self.failure = failure
                finish()
            case .targets(let targets):
                self.targets = engine.hosts.sorted(targets, now: engine.monotonic())
                tryNext()
            }
        }
    }

    /// Gives up.
    func cancel() {
        isCancelled = true
        connection?.cancel(reason: "delivery is stopping")
    }

    private func tryNext() {
        guard !isCancelled, nextTarget < targets.count else { return finish() }
        let target = targets[nextTarget]
        nextTarget += 1
        let inClear =
            route.tls == .opportunistic
            && engine.hosts.isTLSBroken(target.host, now: engine.monotonic())
        dial(target, inClear: inClear)
    }

    private func dial(_ target: DeliveryTarget, inClear: Bool) {
        let source = source(for: target)
        let address: SocketAddress
        let sourceAddress: SocketAddress?
        do {
            address = try target.address.socketAddress(port: target.port)
            sourceAddress = try source.map { try SocketAddress(ipAddress: $0, port: 0) }
        } catch {
            return connectFailed(target, reason: "\(error)")
        }
        let made = NIOLoopBoundBox<OutgoingConnection?>(nil, eventLoop: engine.eventLoop)
        let connection = OutgoingConnection(
            engine: engine, owner: self, target: target,
            session: ClientSession(
                configuration: engine.sessionConfiguration(route, inClear: inClear)),
            tlsContext: route.tls == .required ? engine.verifyingTLS : engine.opportunisticTLS,
            now: engine.monotonic())
        made.value = connection
        let future = engine.dialer.connect(
            to: address, from: sourceAddress,
            timeout: .microseconds(engine.policy.timeouts.connect.microseconds),
            on: engine.eventLoop
        ) { _ in
            guard let handler = made.value else {
                throw ChannelError.inappropriateOperationForState
            }
            return handler
        }
        self.connection = connection
        future.assumeIsolated().whenFailure { [self] error in
            guard connection === self.connection else { return }
            connectFailed(target, reason: Dialer.describe(error))
        }
    }

    /// Our own end's address, if the route says.
    private func source(for target: DeliveryTarget) -> String? {
        target.address.isIPv6 ? route.sourceIPv6 : route.sourceIPv4
    }

    private func connectFailed(_ target: DeliveryTarget, reason: String) {
        connection = nil
        engine.hosts.addressFailed(target, now: engine.monotonic())
        everyHostRefusesForGood = false
        failure = .local(
            451, EnhancedStatusCode(4, 4, 1),
            "cannot connect to \(target.host)[\(target.address)]:\(target.port)"
                + (source(for: target).map { " from \($0)" } ?? "") + ": \(reason)",
            class: .noAnswerFromHost)
        tryNext()
    }

    // MARK: What the connection says

    /// Whether an MX host's address turns out to be this machine, where this server listens: whatever the
    /// name says, what is sent there comes back (RFC 5321 section 5.1). Then it is over.
    func loopsBack(_ target: DeliveryTarget, from sourceAddress: String) -> Bool {
        guard case .mx = route.nextHop, IPAddress(sourceAddress) == target.address,
            engine.policy.listens(at: target.address, port: target.port)
        else { return false }
        connection = nil
        isLoop = true
        failure = .local(
            554, EnhancedStatusCode(5, 4, 6),
            "\(target.host)[\(target.address)]:\(target.port) is this server: mail for the domain loops "
                + "back to this host",
            class: .routingErrors)
        finish()
        return true
    }

    /// It can take mail.
    func connected(_ connection: OutgoingConnection) {
        engine.hosts.addressWorked(connection.target)
        destination.connectionEstablished(connection, by: self)
    }

    /// Its channel is gone.
    func connectionRemoved(_ connection: OutgoingConnection) {
        if connection === self.connection, connection.isEstablished { self.connection = nil }
    }

    /// It ended before it could take mail.
    func failed(_ target: DeliveryTarget, _ sessionFailure: SessionFailure) {
        guard let connection else { return }
        self.connection = nil
        guard !isCancelled else { return finish() }
        let now = engine.monotonic()
        if sessionFailure.kind == .tlsHandshake, route.tls == .opportunistic {
            // RFC 7435: encryption that cannot be had is no reason not to send.
            engine.hosts.handshakeFailed(target.host, now: now)
            return dial(target, inClear: true)
        }
        engine.hosts.addressFailed(target, now: now)
        let failure = AttemptFailure.session(
            sessionFailure, classifier: engine.classifier, peer: connection.peerOfFailure)
        everyHostRefusesForGood = everyHostRefusesForGood && failure.isPermanent
        self.failure = failure
        tryNext()
    }

    private func finish() {
        let stopped = AttemptFailure.local(
            451, EnhancedStatusCode(4, 3, 2), "delivery is stopping", class: .none)
        var failure = failure ?? stopped
        if !targets.isEmpty {
            // A smarthost that refuses for good has been given by the operator, and stands for the
            // domains of everybody: mail must not bounce for that.
            let isRefused = if case .mx = route.nextHop { everyHostRefusesForGood } else { false }
            failure.isPermanent = isLoop || isRefused
        }
        destination.connectionFailed(self, failure)
    }
}
