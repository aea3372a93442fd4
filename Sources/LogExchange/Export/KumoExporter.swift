package import MailEvents
import MailModel

/// Events as KumoMTA's log records (https://docs.kumomta.com/reference/log_record/). What each member
/// is made from: docs/operations/log-export.md.
///
/// Concurrency: bound to its owner.
package struct KumoExporter: EventExporter {
    /// Begins a reply that the other end did not give, as KumoMTA does.
    static let internalReply = "KumoMTA internal: "

    private var contexts: MessageContexts
    private let nodeID: String
    private var writer = JSONWriter(capacity: 4_096)

    /// - Parameters:
    ///   - logID: 16 octets; in the form of a UUID it is the `nodeid`.
    ///   - contexts: finds the messages.
    package init(logID: [UInt8], contexts: MessageContexts) {
        self.contexts = contexts
        nodeID = Self.uuid(logID)
    }

    package var heading: [UInt8] { [] }

    package mutating func pass(_ event: RecordedEvent) { contexts.note(event) }

    package mutating func write(
        _ event: RecordedEvent, to bytes: inout [UInt8]
    ) throws -> Int {
        contexts.note(event)
        guard let record = try record(event) else { return 0 }
        writer.removeAll()
        write(record)
        writer.endLine()
        bytes += writer.bytes
        return 1
    }

    /// The record of an event; nil for an event of a type that KumoMTA has no record for.
    private mutating func record(_ event: RecordedEvent) throws -> KumoRecord? {
        var record = KumoRecord(time: event.event.time)
        switch event.event.fact {
        case .queued(let fact):
            try fill(&record, "Reception", fact.recipient)
            record.peerAddress = record.context?.received.session.clientAddress ?? ""
            record.peerName = record.context?.received.session.clientName ?? ""
            record.reply = Reply(250, nil, "")
        case .delivered(let fact):
            try fill(&record, "Delivery", fact.recipient)
            record.attempt(fact.attempt, saidBy: .remote)
        case .deferred(let fact):
            try fill(&record, "TransientFailure", fact.recipient)
            record.attempt(fact.attempt, saidBy: fact.saidBy)
            record.bounceClass = fact.class
        case .bounced(let fact):
            try fill(
                &record, fact.saidBy == .administrator ? "AdminBounce" : "Bounce", fact.recipient)
            record.attempt(fact.attempt, saidBy: fact.saidBy)
            record.bounceClass = fact.class
        case .expired(let fact):
            try fill(&record, "Expiration", fact.recipient)
            record.attempt(fact.attempt, saidBy: fact.saidBy)
            record.attempts = fact.attempt.number
            record.bounceClass = fact.class
        case .bouncedLater(let fact):
            try fill(&record, "OOB", fact.recipient)
            record.reply = DiagnosticText.reply(fact.text)
            record.bounceClass = fact.class
            record.peerName = fact.reporter
        case .complained(let fact):
            try fill(&record, "Feedback", fact.recipient)
            record.report = fact
        case .rejected(let fact): record.reject(fact)
        case .received, .attempted, .epochStarted, .configurationApplied, .suspended, .resumed,
            .rebound, .cancelled, .suppressed, .unsuppressed, .contentReceived, .lost, .unknown:
            return nil
        }
        return record
    }

    private mutating func fill(
        _ record: inout KumoRecord, _ type: String, _ reference: RecipientReference
    ) throws {
        record.type = type
        record.recipient = reference
        record.context = try contexts.context(of: reference.message)
    }

    /// 16 octets in the form of RFC 9562.
    static func uuid(_ octets: [UInt8]) -> String {
        var text = ""
        for (place, octet) in octets.prefix(16).enumerated() {
            if [4, 6, 8, 10].contains(place) { text += "-" }
            text += Hexadecimal.text(UInt64(octet), digits: 2)
        }
        return text
    }
}

extension KumoExporter {
    private mutating func write(_ record: KumoRecord) {
        let context = record.context
        writer.beginObject()
        writer.string(record.type, "type")
        writer.string(record.recipient.map(Self.id) ?? "", "id")
        writer.string(
            context?.received.reversePath.description ?? record.sender, "sender")
        writer.string(record.recipient?.mailbox.description ?? record.forwardPath, "recipient")
        writer.string(record.recipient?.queue.description ?? "", "queue")
        writer.string(record.site, "site")
        writer.number(context?.received.sizeOctets ?? 0, "size")
        write(record.reply, internal: record.isInternal, command: record.command)
        if record.peerAddress.isEmpty {
            writer.null("peer_address")
        } else {
            writer.beginObject("peer_address")
            writer.string(record.peerName, "name")
            writer.string(record.peerAddress, "addr")
            writer.endObject()
        }
        let created = context?.receivedAt ?? record.time
        writer.number(record.time.microseconds.flooredDivision(by: 1_000_000).quotient, "timestamp")
        writer.time(record.time, "event_time")
        writer.number(created.microseconds.flooredDivision(by: 1_000_000).quotient, "created")
        writer.time(created, "created_time")
        writer.number(record.attempts, "num_attempts")
        let name = record.bounceClass.name
        writer.string(name.isEmpty ? "Uncategorized" : name, "bounce_classification")
        writer.null("egress_pool")
        writer.null("egress_source")
        if record.sourceAddress.isEmpty {
            writer.null("source_address")
        } else {
            writer.beginObject("source_address")
            writer.string(Self.socketAddress(record.sourceAddress), "address")
            writer.endObject()
        }
        writeReport(record.report)
        writeMeta(record)
        writeHeaders(context)
        writer.textOrNull(record.peer == nil ? "" : "ESMTP", "delivery_protocol")
        writer.textOrNull(record.receptionProtocol, "reception_protocol")
        writer.string(nodeID, "nodeid")
        if let peer = record.peer, !peer.tlsVersion.isEmpty {
            if !peer.tlsCipher.isEmpty { writer.string(peer.tlsCipher, "tls_cipher") }
            writer.string(peer.tlsVersion, "tls_protocol_version")
        }
        writer.endObject()
    }

    private mutating func write(_ reply: Reply, internal isInternal: Bool, command: String?) {
        writer.beginObject("response")
        writer.number(reply.code, "code")
        if let status = reply.status {
            writer.beginObject("enhanced_code")
            writer.number(status.class, "class")
            writer.number(status.subject, "subject")
            writer.number(status.detail, "detail")
            writer.endObject()
        } else {
            writer.null("enhanced_code")
        }
        writer.string((isInternal ? Self.internalReply : "") + reply.text, "content")
        writer.textOrNull(command ?? "", "command")
        writer.endObject()
    }

    private mutating func writeReport(_ report: RecipientComplained?) {
        guard let report else { return writer.null("feedback_report") }
        writer.beginObject("feedback_report")
        writer.string(report.feedbackType, "feedback_type")
        writer.string(report.reporter, "user_agent")
        writer.string("1", "version")
        writer.beginArray("original_rcpto_to")
        writer.mailbox(report.recipient.mailbox)
        writer.endArray()
        writer.beginObject("extensions")
        writer.endObject()
        writer.null("original_message")
        writer.null("supplemental_trace")
        writer.endObject()
    }

    private mutating func writeMeta(_ record: KumoRecord) {
        writer.beginObject("meta")
        let reserved: Set = ["tenant", "campaign", "waybill_message_id"]
        for (name, value) in record.context?.received.metadata.pairs ?? []
        where !reserved.contains(name) {
            writer.key(name)
            writer.string(value)
        }
        if let recipient = record.recipient {
            if !recipient.tenant.isEmpty { writer.string(recipient.tenant, "tenant") }
            if !recipient.campaign.isEmpty { writer.string(recipient.campaign, "campaign") }
            writer.messageID(recipient.message, "waybill_message_id")
        }
        writer.endObject()
    }

    private mutating func writeHeaders(_ context: MessageContext?) {
        writer.beginObject("headers")
        if let id = context?.received.headerMessageID, !id.isEmpty {
            writer.string(id, "Message-ID")
        }
        writer.endObject()
    }

    /// 32 hexadecimal digits, the shape of KumoMTA's ids, one for each recipient: epoch, sequence of
    /// the message, number of the recipient.
    static func id(_ reference: RecipientReference) -> String {
        Hexadecimal.text(UInt64(reference.message.epoch), digits: 8)
            + Hexadecimal.text(reference.message.sequence, digits: 16)
            + Hexadecimal.text(UInt64(clamping: reference.number), digits: 8)
    }

    /// An IP address with the port that is not known.
    private static func socketAddress(_ address: String) -> String {
        address.utf8.contains(0x3A) ? "[\(address)]:0" : "\(address):0"
    }
}

extension JSONWriter {
    fileprivate mutating func textOrNull(_ value: String, _ key: StaticString) {
        if value.isEmpty { null(key) } else { string(value, key) }
    }
}
