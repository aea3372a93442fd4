import EventLog
import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

/// Turns a message at its end into what is appended for it: `received`, one `queued` for each
/// recipient, and the content.
///
/// Pure: time, digest and waiting are the caller's.
///
/// Concurrency: value.
struct AcceptMessage: Sendable {
    /// The rules of the listener and of reception that decide what is recorded.
    struct Rules: Sendable {
        var attribution: AttributionPolicy
        var headerScan: HeaderScanRules
        var receivedFields: Int
        var suppliesMissingFields: Bool
        /// What the listener asks for.
        var ackLevel: AckLevel
        /// What tenants ask for, by name.
        var tenantAckLevels: [String: AckLevel]

        init(listener: ListenerPolicy, configuration: ReceptionConfiguration) {
            attribution = listener.attribution
            headerScan = HeaderScanRules(
                tenantField: attribution.tenantField, campaignField: attribution.campaignField)
            receivedFields = configuration.receivedFields
            suppliesMissingFields = configuration.suppliesMissingFields
            ackLevel = listener.ackLevel
            tenantAckLevels = configuration.tenantAckLevels
        }
    }

    /// The events and the content, or the pieces of it that are not in the log already.
    struct Accepted: Sendable {
        var events: [Event]
        var contents: [Content]
        /// Pieces that others may name once they are durable; nil when there are none.
        var pieces: PendingPieces?
        /// What it waits for before it is acknowledged.
        var demand: StandbyDemand?

        /// Octets that are stored.
        var octets: Int { contents.reduce(0) { $0 + $1.bytes.count } }
    }

    var rules: Rules
    /// Whether the client may relay: only then may it name tenant and campaign.
    var mayRelay: Bool
    /// The tenant that the authenticated user is bound to; empty for none.
    var userTenant: String
    /// Who brought it, and how.
    var session: IngressSession
    /// When it was complete.
    var time: EventTime
    /// Standbys that follow now.
    var standbysPresent = 0
    /// Pieces that need not be stored again.
    var recent: RecentPieces

    /// What is appended, or the reply that refuses the message.
    ///
    /// The id in the `queued` events counts from the start of the append; the log's codec puts the
    /// real one in.
    ///
    /// - Parameters:
    ///   - message: What came.
    ///   - incoming: What is in the log of it already; nil: nothing.
    ///   - digest: SHA-256.
    /// - Returns: What to append, or the reply.
    func build(
        _ message: CompletedMessage, incoming: IncomingMessage? = nil,
        digest: ([UInt8]) -> [UInt8]
    ) -> Result<Accepted, Refusal> {
        let scan = incoming?.scan ?? HeaderScan(message.content, rules: rules.headerScan)
        if let problem = scan.problem {
            return .failure(Refusal(reply: ReceptionReplies.reply(to: problem)))
        }
        guard scan.receivedCount < rules.receivedFields else {
            return .failure(Refusal(reply: ReceptionReplies.loop))
        }
        if let field = unusableField(scan) {
            return .failure(Refusal(reply: ReceptionReplies.unusableName(in: field)))
        }
        if let incoming, !incoming.isInTime(time) {
            return .failure(Refusal(reply: ReceptionReplies.notRecorded))
        }
        let (tenant, campaign) = attribution(scan)
        let demand = rules.ackLevel(ofTenant: tenant).demand
        if let demand, demand.isHopeless(present: standbysPresent) {
            return .failure(Refusal(reply: ReceptionReplies.notReplicated))
        }
        let content = incoming == nil ? scan.stored(message.content) : message.content
        let whole = incoming?.finish(content)
        let facts = Facts(
            octets: whole?.octets ?? content.count, sha256: whole?.sha256 ?? digest(content),
            tenant: tenant, campaign: campaign, scan: scan, demand: demand)
        var events = events(of: message, facts)
        guard let runs = whole?.runs ?? runs(of: content) else {
            return .success(
                Accepted(
                    events: events, contents: [Content(eventIndex: 0, bytes: content)],
                    demand: demand))
        }
        var placement = PiecePlacement(recent, at: time)
        var places = runs.map { placement.place($0.octets, of: tenant, isShared: $0.isBody) }
        // Without content the append would be taken where new mail is refused.
        if placement.isEmpty, let last = runs.last {
            places[places.count - 1] = placement.place(
                last.octets, of: tenant, isShared: last.isBody, mustStore: true)
        }
        // Behind the others, so that the message has the id of the append's first.
        let first = events.count
        if case .received(var received) = events[0].fact {
            received.contentPieces =
                (incoming?.pieces ?? []) + placement.names(places, at: first)
            events[0].fact = .received(received)
        }
        let (pieces, contents) = placement.append(at: first)
        return .success(
            Accepted(
                events: events + pieces, contents: contents, pieces: placement.pending(at: first),
                demand: demand))
    }

    /// The pieces of a content that is in memory; nil when none of them could be another message's.
    private func runs(of content: [UInt8]) -> [PartCutter.Run]? {
        guard content.count >= ContentPiece.sharedOctets else { return nil }
        var cutter = PartCutter.pieces
        let runs = cutter.add(content) + cutter.finish()
        return runs.contains(where: \.isBody) ? runs : nil
    }

    /// What the events say besides the envelope.
    private struct Facts {
        var octets: Int
        var sha256: [UInt8]
        var tenant: String
        var campaign: String
        var scan: HeaderScan
        var demand: StandbyDemand?
    }

    /// `received` and `queued`.
    private func events(of message: CompletedMessage, _ facts: Facts) -> [Event] {
        let envelope = message.envelope
        var events: [Event] = []
        events.reserveCapacity(1 + envelope.recipients.count)
        let received = MessageReceived(
            reversePath: envelope.reversePath, sizeOctets: facts.octets,
            contentSHA256: facts.sha256, recipientCount: envelope.recipients.count,
            tenant: facts.tenant, campaign: facts.campaign, body: envelope.body,
            smtpUTF8: envelope.smtpUTF8, returnContent: envelope.returnContent,
            envelopeID: envelope.envelopeID, session: session,
            ackLevel: facts.demand?.promised(present: standbysPresent) ?? 0,
            suppliedFields: suppliedFields(facts.scan),
            headerMessageID: facts.scan.messageID ?? "")
        events.append(Event(time: time, fact: .received(received)))
        for (number, recipient) in envelope.recipients.enumerated() {
            let reference = RecipientReference(
                message: .inThisAppend(at: 0), number: number, mailbox: recipient.mailbox,
                tenant: facts.tenant, campaign: facts.campaign)
            let queued = RecipientQueued(
                recipient: reference, due: time, notify: recipient.notify,
                originalRecipient: recipient.originalRecipient)
            events.append(Event(time: time, fact: .queued(queued)))
        }
        return events
    }

    /// Tenant and campaign: the user's own tenant first, then what the header says if the client
    /// may say it, then the listener's.
    func attribution(_ scan: HeaderScan) -> (tenant: String, campaign: String) {
        let tenant =
            !userTenant.isEmpty
            ? userTenant : (isTrusted ? scan.tenant : nil) ?? rules.attribution.tenant
        let campaign = (isTrusted ? scan.campaign : nil) ?? rules.attribution.campaign
        return (tenant, campaign)
    }

    /// Whether the client may name tenant and campaign.
    private var isTrusted: Bool { mayRelay || rules.attribution.trustsEverybody }

    /// The field whose value would have counted, were it a name: without it the message would be
    /// attributed to somebody else.
    private func unusableField(_ scan: HeaderScan) -> String? {
        guard rules.attribution.refusesUnusableNames, isTrusted else { return nil }
        if scan.hasUnusableTenant, userTenant.isEmpty { return rules.attribution.tenantField }
        return scan.hasUnusableCampaign ? rules.attribution.campaignField : nil
    }

    private func suppliedFields(_ scan: HeaderScan) -> SuppliedFields {
        guard rules.suppliesMissingFields else { return [] }
        var fields: SuppliedFields = []
        if !scan.hasMessageID { fields.insert(.messageID) }
        if !scan.hasDate { fields.insert(.date) }
        return fields
    }
}

extension AcceptMessage.Rules {
    /// What must be true before a tenant's message is acknowledged here.
    func ackLevel(ofTenant tenant: String) -> AckLevel {
        tenantAckLevels[tenant].map(ackLevel.and) ?? ackLevel
    }
}

/// The reply that refuses a message.
struct Refusal: Error, Equatable {
    var reply: Reply
}
