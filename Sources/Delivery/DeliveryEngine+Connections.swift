import MailEvents
import MailModel
import NIOCore
import Resolver
import SMTPProtocol

/// Connections: where to, how many, how long.
extension DeliveryEngine {
    // MARK: Where to

    /// Looks up the destination's addresses; `body` is called on the event loop, perhaps at once.
    func selectTargets(
        for destination: Destination, _ body: @escaping (MXSelection.Outcome) -> Void
    ) {
        let route = destination.route
        switch route.nextHop {
        case .mx:
            let domain = destination.key.domain
            resolver.mailHosts(of: domain, on: eventLoop).assumeIsolated().whenComplete { result in
                switch result {
                case .success(let answer):
                    body(
                        self.selection.select(
                            answer, domain: domain, route: route, using: &self.random))
                case .failure(let error):
                    body(.failed(Self.lookupFailure(domain, error)))
                }
            }
        case .smarthosts(let hosts):
            let lookups = hosts.map { resolver.addresses(of: $0.host, on: eventLoop) }
            EventLoopFuture.whenAllComplete(lookups, on: eventLoop).assumeIsolated().whenSuccess {
                results in
                // A host that cannot be looked up leaves the others.
                let answers = zip(hosts, results).map { host, result in
                    switch result {
                    case .success(let answer): (host, answer)
                    case .failure(let error):
                        (host, AddressAnswer(.temporaryFailure("\(error)"), ttlSeconds: 0))
                    }
                }
                body(self.selection.select(smarthosts: answers, route: route))
            }
        }
    }

    private static func lookupFailure(_ name: String, _ error: any Error) -> AttemptFailure {
        .local(
            451, EnhancedStatusCode(4, 4, 3), "cannot look up \(name): \(error)", class: .dnsFailure
        )
    }

    // MARK: How many

    /// Whether there may be one more connection.
    var mayConnect: Bool { connectionCount < policy.connectionsMax }

    /// The destination wants a connection when there may be one more; an idle one of another
    /// destination is ended for it.
    func waitInLine(_ destination: Destination) {
        destination.isInLine = true
        line.append(destination)
        for other in destinations.values where other !== destination && other.releaseIdle() {
            return
        }
    }

    /// There may be more connections now. One in line that does not want its connection any more
    /// leaves it to the next.
    func connectionFreed() {
        // A destination whose connection fails at once frees it again, within the call: the loop goes
        // on with the next one, and not the call, or a long line would be a deep one.
        guard !isFreeing else { return }
        isFreeing = true
        defer { isFreeing = false }
        while mayConnect, let destination = line.popFirst() {
            destination.isInLine = false
            destination.pump()
        }
    }

    /// A channel exists.
    func connectionAdded(_ connection: OutgoingConnection) {
        connections[ObjectIdentifier(connection)] = connection
        armSweep()
    }

    /// A channel exists no longer.
    func connectionRemoved(_ connection: OutgoingConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if connection.isEstablished {
            connectionCount -= 1
            connectionFreed()
        }
        completeIfDrained()
    }

    // MARK: How long

    /// Looks at the clock from time to time as long as there is something that may time out.
    func armSweep() {
        guard !isSweepScheduled else { return }
        isSweepScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: .microseconds(Limits.sweepMicroseconds)) {
            self.isSweepScheduled = false
            self.sweep()
        }
    }

    private func sweep() {
        let now = monotonic()
        for connection in Array(connections.values) where connection.deadline <= now {
            connection.timeOut()
        }
        var forgotten: [DestinationKey] = []
        for destination in Array(destinations.values) where destination.sweep(now: now) {
            forgotten.append(destination.key)
        }
        for key in forgotten { destinations[key] = nil }
        if !connections.isEmpty || !destinations.isEmpty { armSweep() }
    }

    // MARK: Destinations to look after

    /// The destination has something new to do.
    func touched(_ destination: Destination) {
        guard !destination.isTouched else { return }
        destination.isTouched = true
        touchedDestinations.append(destination)
    }

    /// Lets every destination with something new do it.
    func pumpTouched() {
        guard !touchedDestinations.isEmpty else { return }
        let destinations = touchedDestinations
        touchedDestinations.removeAll(keepingCapacity: true)
        for destination in destinations {
            destination.isTouched = false
            destination.pump()
        }
        armSweep()
    }
}
