import EventLog
import MailEvents
import MailModel
import MessageFormat
import Orders

/// Takes responsibility for the messages of a request.
///
/// Concurrency: value; any thread.
struct Injector: Sendable {
    /// What was taken, and where it stands in the log.
    struct Taken: Sendable {
        var plan: InjectionPlan
        var receipt: AppendReceipt
        /// The same request had been taken before.
        var isRepeated: Bool
    }

    var services: APIServices

    /// Appends the messages of a request and waits until they are durable: only then does this
    /// return, and only then may the client be told so (RFC 5321 section 6.1 asks the same of
    /// `250`).
    ///
    /// Returns nil for the receipt's part when every recipient was refused.
    func inject(
        _ request: InjectionRequest, by caller: Caller, _ call: APICall, share: OctetBudget.Share
    ) async throws -> (plan: InjectionPlan, taken: Taken?) {
        let planner = InjectionPlanner(
            callerTenant: caller.tenant, messageOctets: services.configuration.messageOctets,
            suppliesMissingFields: services.configuration.suppliesMissingFields)
        let plan = try planner.plan(request) { octets throws(Problem) in try share.take(octets) }
        guard !plan.messages.isEmpty else { return (plan, nil) }
        let isTLS = services.configuration.tls != nil
        let tls = isTLS ? await call.context.tlsVersion() : ""
        let session = IngressSession(
            listener: "http", serverName: services.configuration.serverName,
            transmissionType: .http, clientAddress: call.context.clientAddress,
            identity: caller.name, tlsVersion: tls)
        guard !request.idempotencyKey.isEmpty else {
            let receipt = try await append(plan, session)
            return (plan, Taken(plan: plan, receipt: receipt, isRepeated: false))
        }
        // A key belongs to a tenant, and the log is read back by tenant after a restart.
        let tenants = plan.tenants
        guard let tenant = tenants.first, tenants.count == 1 else {
            throw Problem(
                .invalidMessage,
                "An idempotency key is one tenant's, and the messages are of several: send one"
                    + " request a tenant, or leave the key out.")
        }
        try await services.rememberRecentKeys()
        let key = IdempotencyTable.Key(tenant: tenant, key: request.idempotencyKey)
        let time = services.now().microseconds / 1_000_000
        switch services.idempotency.begin(key, fingerprint: plan.fingerprint, now: time) {
        case .known(let receipt):
            let receipt = try withStandbys(of: plan, receipt)
            return (plan, Taken(plan: plan, receipt: receipt, isRepeated: true))
        case .busy:
            throw Problem(.conflict, "A request with this idempotency key is being worked on.")
        case .different:
            throw Problem(.keyReused, "The idempotency key was used for another message.")
        case .new: break
        }
        do {
            let receipt = try await append(plan, session) { receipt in
                // It stands in the log for good: the same request again must not put it there twice.
                services.idempotency.finish(key, receipt: receipt)
            }
            services.idempotency.finish(key, receipt: receipt)
            return (plan, Taken(plan: plan, receipt: receipt, isRepeated: false))
        } catch {
            services.idempotency.abandon(key)
            throw error
        }
    }

    /// What a request asks for: the server's level, its own and those of the tenants of all its
    /// messages together, which are one append.
    private func demand(of plan: InjectionPlan) -> StandbyDemand? {
        let configuration = services.configuration
        let level = configuration.ackLevel.and(plan.request.ackLevel)
        return plan.tenants.reduce(level) { level, tenant in
            level.and(configuration.tenantAckLevels[tenant] ?? .local)
        }.demand
    }

    /// A request that was recorded before, and not on enough standbys then, may be now.
    private func withStandbys(
        of plan: InjectionPlan, _ receipt: AppendReceipt
    ) throws(Problem) -> AppendReceipt {
        var receipt = receipt
        guard let demand = demand(of: plan) else {
            receipt.durability = .here
            return receipt
        }
        let last = receipt.firstSequence + UInt64(plan.eventCount) - 1
        let isThere = services.log.standbys(having: last) >= demand.standbys
        guard isThere || demand.whenAway == .accept else {
            throw Problem(appending: EventLogError(.notReplicated, "not yet"))
        }
        receipt.durability = isThere ? .replicated(standbys: demand.standbys) : .degraded
        return receipt
    }

    /// Large contents go to the log piece by piece, so that nobody else waits for them.
    private func storingAhead(_ plan: InjectionPlan) async throws(Problem) -> InjectionPlan {
        var plan = plan
        for index in plan.messages.indices
        where plan.messages[index].content.count > ContentPiece.octets {
            let stored: ContentPiece.Stored
            do throws(EventLogError) {
                let runs = ContentRuns(pieces: plan.messages[index].content)
                plan.messages[index].content = []
                stored = try await ContentPiece.storeAhead(
                    runs.lazy.map { ($0.octets, $0.isBody) }, recent: services.recentPieces,
                    tenant: plan.messages[index].tenant, now: services.now
                ) { (events, contents) async throws(EventLogError) in
                    try await services.log.append(events, contents: contents)
                }
            } catch {
                throw Problem(appending: error)
            }
            guard stored.isInTime(services.now()) else {
                throw Problem(.notRecorded, "Storing the message took too long; try again.")
            }
            plan.messages[index].pieces = stored.pieces
            plan.messages[index].content = stored.rest
        }
        return plan
    }

    private func append(
        _ plan: InjectionPlan, _ session: IngressSession,
        recordedOnly: (AppendReceipt) -> Void = { _ in }
    ) async throws(Problem) -> AppendReceipt {
        if case .failure(let error) = services.log.acceptance() {
            throw Problem(appending: error)
        }
        // Which takes its time: what follows is asked for afterwards.
        let plan = try await storingAhead(plan)
        let demand = demand(of: plan)
        let present = services.log.standbysPresent
        if let demand, demand.isHopeless(present: present) {
            throw Problem(
                .notReplicated,
                "\(demand.standbys) standby(s) must have the message before it is answered for, and"
                    + " \(present) follow(s); nothing was recorded.")
        }
        let whole = plan.append(
            session: session, time: services.now(),
            ackLevel: demand?.promised(present: present) ?? 0, recent: services.recentPieces)
        do {
            let retraction = demand.map { _ in
                Append.takingBack(whole.events, now: services.now)
            }
            let receipt = try await services.log.append(
                whole.events, contents: whole.contents, demand: demand, retraction: retraction)
            whole.pieces.durable(receipt, in: services.recentPieces)
            return receipt
        } catch {
            if error.code == .notReplicated, let sequences = error.sequences {
                recordedOnly(
                    AppendReceipt(
                        epoch: (try? services.log.reader)?.durablePosition?.epoch ?? 0,
                        firstSequence: sequences.lowerBound))
            }
            throw Problem(appending: error)
        }
    }
}
