import MailModel

extension RecordedEvent {
    /// One JSON object on one line, without a line end (schemas/events.md).
    ///
    /// The order of the members is fixed, and members without a value are left out.
    package var json: String {
        var writer = JSONWriter()
        writeJSON(to: &writer)
        return writer.text
    }

    /// Appends the object to what a writer has.
    package func writeJSON(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.number(sequence, "sequence")
        writer.number(epoch, "epoch")
        writer.time(event.time, "time")
        writer.string(event.fact.typeName, "type")
        if let messageID { writer.messageID(messageID, "message_id") }
        switch event.fact {
        case .received(let fact): fact.write(to: &writer)
        case .queued(let fact):
            fact.recipient.write(to: &writer)
            writer.time(fact.due, "due")
            writer.flags(fact.notify.names, "notify")
            writer.text(fact.originalRecipient, "original_recipient")
        case .deferred(let fact):
            fact.recipient.write(to: &writer)
            fact.attempt.write(to: &writer)
            writer.failure(fact.class, fact.saidBy)
            if fact.inDoubt { writer.bool(true, "in_doubt") }
            writer.time(fact.nextDue, "next_due")
        case .delivered(let fact):
            fact.recipient.write(to: &writer)
            fact.attempt.write(to: &writer)
        case .bounced(let fact):
            fact.recipient.write(to: &writer)
            fact.attempt.write(to: &writer)
            writer.failure(fact.class, fact.saidBy)
        case .expired(let fact):
            fact.recipient.write(to: &writer)
            fact.attempt.write(to: &writer)
            writer.failure(fact.class, fact.saidBy)
        case .attempted(let fact):
            fact.recipient.write(to: &writer)
            fact.attempt.write(to: &writer)
        case .rejected(let fact): fact.write(to: &writer)
        case .epochStarted(let fact):
            writer.number(fact.epoch, "started_epoch")
            writer.text(fact.site, "site")
            writer.text(fact.reason, "reason")
        case .configurationApplied(let fact):
            writer.text(fact.digest, "digest")
            writer.text(fact.version, "version")
        case .suspended, .resumed, .rebound, .cancelled, .suppressed, .unsuppressed, .complained,
            .bouncedLater:
            event.fact.writeControl(to: &writer)
        case .contentReceived(let fact):
            writer.number(fact.sizeOctets, "size")
            writer.hex(fact.contentSHA256, "content_sha256")
        case .lost: break
        case .unknown(let type, _): writer.number(type, "type_number")
        }
        writer.endObject()
    }
}

extension Fact {
    /// The wire name, for example `epoch_started`; `unknown` for a number without a name.
    package var typeName: String {
        switch self {
        case .received: "received"
        case .queued: "queued"
        case .deferred: "deferred"
        case .delivered: "delivered"
        case .bounced: "bounced"
        case .expired: "expired"
        case .attempted: "attempted"
        case .rejected: "rejected"
        case .epochStarted: "epoch_started"
        case .configurationApplied: "configuration_applied"
        case .suspended: "suspended"
        case .resumed: "resumed"
        case .rebound: "rebound"
        case .cancelled: "cancelled"
        case .suppressed: "suppressed"
        case .unsuppressed: "unsuppressed"
        case .complained: "complained"
        case .bouncedLater: "bounced_later"
        case .contentReceived: "content_received"
        case .lost: "lost"
        case .unknown(let type, _): EventType(rawValue: type)?.name ?? "unknown"
        }
    }
}

extension MessageReceived {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.text(tenant, "tenant")
        writer.text(campaign, "campaign")
        switch reversePath {
        case .null: writer.string("", "reverse_path")
        case .mailbox(let mailbox): writer.mailbox(mailbox, "reverse_path")
        }
        writer.number(sizeOctets, "size")
        writer.hex(contentSHA256, "content_sha256")
        if !contentPieces.isEmpty {
            writer.beginArray("content_pieces")
            for piece in contentPieces { writer.number(piece) }
            writer.endArray()
        }
        writer.number(recipientCount, "recipients")
        writer.string(body.keyword, "body")
        if smtpUTF8 { writer.bool(true, "smtputf8") }
        writer.text(returnContent.keyword, "ret")
        writer.text(envelopeID, "envid")
        writer.text(headerMessageID, "header_message_id")
        writer.flags(suppliedFields.names, "supplied_fields")
        if let reportsOn { writer.messageID(reportsOn, "reports_on") }
        writer.text(session.listener, "listener")
        writer.text(session.serverName, "server")
        writer.string(session.transmissionType.keyword, "protocol")
        writer.client(session.clientAddress, session.clientName)
        writer.text(session.identity, "identity")
        writer.text(session.sessionID, "session")
        writer.tls(session.tlsVersion, session.tlsCipher)
        writer.number(ackLevel, "ack_level")
        writer.text(idempotencyKey, "idempotency_key")
        let pairs = metadata.isEmpty ? [] : metadata.pairs
        if !pairs.isEmpty {
            writer.beginObject("metadata")
            for (name, value) in pairs {
                writer.key(name)
                writer.string(value)
            }
            writer.endObject()
        }
    }
}

extension RecipientReference {
    func write(to writer: inout JSONWriter) {
        writer.mailbox(mailbox, "recipient")
        writer.number(number, "recipient_number")
        writer.text(tenant, "tenant")
        writer.text(campaign, "campaign")
    }
}

extension Attempt {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.positive(number, "attempt")
        writer.reply(reply)
        writer.text(command, "command")
        if let peer {
            if !peer.host.isEmpty || !peer.address.isEmpty || peer.port > 0 {
                writer.beginObject("mx")
                writer.text(peer.host, "host")
                writer.text(peer.address, "address")
                writer.positive(peer.port, "port")
                writer.endObject()
            }
            writer.text(peer.sourceAddress, "source_address")
            writer.tls(peer.tlsVersion, peer.tlsCipher)
        }
        if waitedMicroseconds > 0 || connectingMicroseconds > 0 || transactionMicroseconds > 0 {
            writer.beginObject("timings")
            writer.positive(waitedMicroseconds, "waited_us")
            writer.positive(connectingMicroseconds, "connecting_us")
            writer.positive(transactionMicroseconds, "transaction_us")
            writer.endObject()
        }
    }
}

extension SessionRejected {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.text(listener, "listener")
        writer.client(clientAddress, clientName)
        writer.text(identity, "identity")
        writer.text(sessionID, "session")
        writer.text(command, "command")
        writer.text(reversePath, "reverse_path")
        writer.text(forwardPath, "forward_path")
        writer.reply(reply)
    }
}
