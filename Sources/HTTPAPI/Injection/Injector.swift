import EventLog
import MailEvents
import MailModel
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
        try await services.rememberRecentKeys()
        let key = IdempotencyTable.Key(tenant: plan.tenant, key: request.idempotencyKey)
        let time = services.now().microseconds / 1_000_000
        switch services.idempotency.begin(key, fingerprint: plan.fingerprint, now: time) {
        case .known(let receipt):
            return (plan, Taken(plan: plan, receipt: receipt, isRepeated: true))
        case .busy:
            throw Problem(.conflict, "A request with this idempotency key is being worked on.")
        case .different:
            throw Problem(.keyReused, "The idempotency key was used for another message.")
        case .new: break
        }
        do {
            let receipt = try await append(plan, session)
            services.idempotency.finish(key, receipt: receipt)
            return (plan, Taken(plan: plan, receipt: receipt, isRepeated: false))
        } catch {
            services.idempotency.abandon(key)
            throw error
        }
    }

    private func append(
        _ plan: InjectionPlan, _ session: IngressSession
    ) async throws(Problem) -> AppendReceipt {
        if case .failure(let error) = services.log.acceptance() {
            throw Problem(appending: error)
        }
        let (events, contents) = plan.append(session: session, time: services.now())
        do {
            return try await services.log.append(events, contents: contents)
        } catch {
            throw Problem(appending: error)
        }
    }
}
