package import NIOCore
import Synchronization

/// Asks the DNS through libunbound.
///
/// Answers are kept for their TTL, in a table by domain that is looked at on the caller's thread;
/// behind it libunbound keeps the records. What is not in the table goes to one thread of the
/// resolver's own, where lookups of the same name become one.
///
/// Concurrency: any thread.
package final class UnboundResolver: MailResolver {
    private struct Caches {
        var hosts: AnswerCache<MailHosts>
        var addresses: AnswerCache<AddressAnswer>
    }

    private let caches: Mutex<Caches>
    private let answerMinimumSeconds: Int
    private let lookups: LookupTable
    private let thread: UnboundThread

    /// Sets up libunbound; nothing is asked yet.
    ///
    /// - Throws: ``ResolverError`` when a file of the configuration cannot be read or a server's
    ///   address is malformed.
    package init(_ configuration: ResolverConfiguration) throws(ResolverError) {
        let capacity = configuration.cachedDomainsMaximum
        caches = Mutex(
            Caches(
                hosts: AnswerCache(capacity: capacity), addresses: AnswerCache(capacity: capacity)))
        answerMinimumSeconds = configuration.answerMinimumSeconds
        var families: [DNSQuestion.RecordType] = []
        if configuration.useIPv6 { families.append(.aaaa) }
        if configuration.useIPv4 { families.append(.a) }
        guard !families.isEmpty else {
            throw ResolverError(message: "DNS: neither IPv4 nor IPv6 is to be used")
        }
        let lookups = LookupTable(
            LookupMachine(
                families: families, hostsFile: HostsFile.load(configuration.hostsFile)))
        self.lookups = lookups
        thread = try UnboundThread(
            UnboundContext(configuration), timeoutSeconds: configuration.lookupTimeoutSeconds
        ) { worker, question, reply in
            lookups.received(reply, to: question, worker)
        }
    }

    deinit { thread.stop() }

    package func mailHosts(
        of domain: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<MailHosts> {
        if let answer = MailHosts(literal: domain) { return eventLoop.makeSucceededFuture(answer) }
        let now = MonotonicClock.milliseconds()
        // The name as given is tried first: nearly always it is in lookup form already.
        let known = caches.withLock { $0.hosts.answer(for: domain, now: now) }
        if let known { return eventLoop.makeSucceededFuture(known) }
        guard let name = DomainName.lookupForm(domain) else {
            return eventLoop.makeSucceededFuture(
                MailHosts(.noDomain, ttlSeconds: Limits.answerMaximumSeconds))
        }
        let promise = eventLoop.makePromise(of: MailHosts.self)
        let accepted = thread.submit { [weak self, lookups] worker in
            lookups.hosts(of: name, worker) { answer in
                let answer = self?.keep(answer, name) ?? answer
                promise.succeed(answer)
            }
        }
        if !accepted { promise.succeed(MailHosts(.temporaryFailure(Self.closed), ttlSeconds: 0)) }
        return promise.futureResult
    }

    package func addresses(
        of host: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<AddressAnswer> {
        if let answer = AddressAnswer(literal: host) {
            return eventLoop.makeSucceededFuture(answer)
        }
        let now = MonotonicClock.milliseconds()
        let known = caches.withLock { $0.addresses.answer(for: host, now: now) }
        if let known { return eventLoop.makeSucceededFuture(known) }
        guard let name = DomainName.lookupForm(host) else {
            return eventLoop.makeSucceededFuture(
                AddressAnswer(.noDomain, ttlSeconds: Limits.answerMaximumSeconds))
        }
        let promise = eventLoop.makePromise(of: AddressAnswer.self)
        let accepted = thread.submit { [weak self, lookups] worker in
            lookups.addresses(of: name, worker) { answer in
                let answer = self?.keep(answer, name) ?? answer
                promise.succeed(answer)
            }
        }
        if !accepted {
            promise.succeed(AddressAnswer(.temporaryFailure(Self.closed), ttlSeconds: 0))
        }
        return promise.futureResult
    }

    /// Ends the lookups under way as temporary failures and frees the library. Idempotent.
    package func close() { thread.stop() }

    private static let closed = "the resolver is closed"

    private func clamped(_ seconds: Int) -> Int {
        min(max(seconds, answerMinimumSeconds), Limits.answerMaximumSeconds)
    }

    private func keep(_ answer: MailHosts, _ name: String) -> MailHosts {
        var answer = answer
        answer.ttlSeconds = clamped(answer.ttlSeconds)
        let kept = answer
        let now = MonotonicClock.milliseconds()
        caches.withLock { $0.hosts.insert(kept, for: name, seconds: kept.ttlSeconds, now: now) }
        return answer
    }

    private func keep(_ answer: AddressAnswer, _ name: String) -> AddressAnswer {
        var answer = answer
        answer.ttlSeconds = clamped(answer.ttlSeconds)
        let kept = answer
        let now = MonotonicClock.milliseconds()
        caches.withLock { $0.addresses.insert(kept, for: name, seconds: kept.ttlSeconds, now: now) }
        return answer
    }
}

/// Who waits for which lookup.
///
/// Concurrency: the resolver's thread only.
final class LookupTable: @unchecked Sendable {
    // @unchecked because only the resolver's thread touches it after it is made.
    private var machine: LookupMachine
    private var waitingForHosts: [String: [(MailHosts) -> Void]] = [:]
    private var waitingForAddresses: [String: [(AddressAnswer) -> Void]] = [:]

    init(_ machine: LookupMachine) { self.machine = machine }

    /// Looks up a domain's hosts; joins a lookup that is under way.
    func hosts(of domain: String, _ worker: Worker, _ body: @escaping (MailHosts) -> Void) {
        waitingForHosts[domain, default: []].append(body)
        perform(machine.lookUpHosts(of: domain), worker)
    }

    /// Looks up a host's addresses; joins a lookup that is under way.
    func addresses(
        of host: String, _ worker: Worker, _ body: @escaping (AddressAnswer) -> Void
    ) {
        waitingForAddresses[host, default: []].append(body)
        perform(machine.lookUpAddresses(of: host), worker)
    }

    /// Takes a reply.
    func received(_ reply: DNSReply, to question: DNSQuestion, _ worker: Worker) {
        perform(machine.received(reply, to: question), worker)
    }

    private func perform(_ actions: [LookupMachine.Action], _ worker: Worker) {
        for action in actions {
            switch action {
            case .ask(let question): worker.ask(question)
            case .finishedHosts(let domain, let answer):
                for body in waitingForHosts.removeValue(forKey: domain) ?? [] { body(answer) }
            case .finishedAddresses(let host, let answer):
                for body in waitingForAddresses.removeValue(forKey: host) ?? [] { body(answer) }
            }
        }
    }
}
