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

    /// The events and the content, or its last piece, that goes with one of them.
    struct Accepted: Sendable {
        var events: [Event]
        var content: Content
        /// What it waits for before it is acknowledged.
        var demand: StandbyDemand?
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
        let envelope = message.envelope
        let content = incoming == nil ? scan.stored(message.content) : message.content
        let (octets, sha256) = incoming?.finish(content) ?? (content.count, digest(content))
        var events: [Event] = []
        events.reserveCapacity(1 + envelope.recipients.count)
        let received = MessageReceived(
            reversePath: envelope.reversePath, sizeOctets: octets,
            contentSHA256: sha256, recipientCount: envelope.recipients.count,
            tenant: tenant, campaign: campaign, body: envelope.body, smtpUTF8: envelope.smtpUTF8,
            returnContent: envelope.returnContent, envelopeID: envelope.envelopeID,
            session: session, ackLevel: demand?.promised(present: standbysPresent) ?? 0,
            suppliedFields: suppliedFields(scan),
            headerMessageID: scan.messageID ?? "")
        events.append(Event(time: time, fact: .received(received)))
        for (number, recipient) in envelope.recipients.enumerated() {
            let reference = RecipientReference(
                message: .inThisAppend(at: 0), number: number, mailbox: recipient.mailbox,
                tenant: tenant, campaign: campaign)
            let queued = RecipientQueued(
                recipient: reference, due: time, notify: recipient.notify,
                originalRecipient: recipient.originalRecipient)
            events.append(Event(time: time, fact: .queued(queued)))
        }
        let stored = ContentPiece.Stored(pieces: incoming?.pieces ?? [], rest: content)
        let (all, last) = stored.completed(events, at: time)
        return .success(Accepted(events: all, content: last, demand: demand))
    }

    /// Tenant and campaign: the user's own tenant first, then what the header says if the client
    /// may say it, then the listener's.
    private func attribution(_ scan: HeaderScan) -> (tenant: String, campaign: String) {
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
