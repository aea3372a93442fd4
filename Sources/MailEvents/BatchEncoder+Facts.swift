import MailModel

extension BatchEncoder {
    /// Puts a fact into its columns.
    ///
    /// - Returns: the event type's number.
    mutating func encode(_ fact: Fact, row: Int) -> UInt64 {
        switch fact {
        case .received(let fact):
            encode(fact)
            reference(nil, row: row)
            return UInt64(EventType.received.rawValue)
        case .queued(let fact):
            encode(fact.recipient, row: row)
            let entry = begin(.queued)
            put(.queuedDueDelay, entry, signed: fact.due.microseconds &- time)
            put(.queuedNotify, entry, UInt64(fact.notify.rawValue))
            put(.queuedOriginalRecipientString, entry, fact.originalRecipient)
            return UInt64(EventType.queued.rawValue)
        case .deferred(let fact):
            encode(fact.recipient, row: row)
            encode(fact.attempt)
            let entry = begin(.deferred)
            put(.deferredNextDueDelay, entry, signed: fact.nextDue.microseconds &- time)
            put(.deferredInDoubt, entry, fact.inDoubt ? 1 : 0)
            encode(fact.class, fact.saidBy)
            return UInt64(EventType.deferred.rawValue)
        case .delivered(let fact):
            encode(fact.recipient, row: row)
            encode(fact.attempt)
            return UInt64(EventType.delivered.rawValue)
        case .bounced(let fact):
            encode(fact.recipient, row: row)
            encode(fact.attempt)
            encode(fact.class, fact.saidBy)
            return UInt64(EventType.bounced.rawValue)
        case .expired(let fact):
            encode(fact.recipient, row: row)
            encode(fact.attempt)
            encode(fact.class, fact.saidBy)
            return UInt64(EventType.expired.rawValue)
        case .attempted(let fact):
            encode(fact.recipient, row: row)
            encode(fact.attempt)
            return UInt64(EventType.attempted.rawValue)
        case .rejected, .epochStarted, .configurationApplied, .suspended, .resumed, .rebound,
            .cancelled, .suppressed, .unsuppressed, .complained, .bouncedLater, .contentReceived,
            .lost, .unknown:
            return encodeOther(fact, row: row)
        }
    }

    private mutating func encodeOther(_ fact: Fact, row: Int) -> UInt64 {
        switch fact {
        case .rejected(let fact):
            reference(nil, row: row)
            encode(fact)
            return UInt64(EventType.rejected.rawValue)
        case .epochStarted(let fact):
            reference(nil, row: row)
            let entry = begin(.epochStarted)
            put(.epochStartedEpoch, entry, UInt64(fact.epoch))
            put(.epochStartedSiteString, entry, fact.site)
            put(.epochStartedReasonString, entry, fact.reason)
            return UInt64(EventType.epochStarted.rawValue)
        case .configurationApplied(let fact):
            reference(nil, row: row)
            let entry = begin(.configurationApplied)
            put(.configurationAppliedDigestString, entry, fact.digest)
            put(.configurationAppliedVersionString, entry, fact.version)
            return UInt64(EventType.configurationApplied.rawValue)
        case .contentReceived(let fact):
            reference(nil, row: row)
            let entry = begin(.contentReceived)
            put(.contentReceivedSizeOctets, entry, fact.sizeOctets)
            put(.contentReceivedContentSha256, entry, octets: fact.contentSHA256)
            return UInt64(EventType.contentReceived.rawValue)
        case .lost:
            reference(nil, row: row)
            return UInt64(EventType.lost.rawValue)
        case .unknown(let type, let message):
            reference(message, row: row)
            return Fact.isDescribed(type: type) ? 0 : UInt64(type)
        case .suspended, .resumed, .rebound, .cancelled, .suppressed, .unsuppressed, .complained,
            .bouncedLater:
            return encodeControl(fact, row: row)
        case .received, .queued, .deferred, .delivered, .bounced, .expired, .attempted:
            preconditionFailure("not another fact: \(fact)")
        }
    }

    /// The two columns that say which message the event is about.
    @inline(__always)
    mutating func reference(_ message: MessageID?, row: Int) {
        put(.batchMessageBack, row, message.map { sequence &- $0.sequence } ?? 0)
        put(.batchMessageEpochBack, row, UInt64(message.map { epoch &- $0.epoch } ?? 0))
    }

    private mutating func encode(_ fact: MessageReceived) {
        let row = begin(.received)
        if case .mailbox(let mailbox) = fact.reversePath {
            put(.receivedReversePathLocalString, row, mailbox.localPart)
            put(.receivedReversePathDomainString, row, mailbox.domain)
        } else {
            put(.receivedReversePathLocalString, row, 0 as UInt64)
            put(.receivedReversePathDomainString, row, 0 as UInt64)
        }
        put(.receivedSizeOctets, row, fact.sizeOctets)
        put(.receivedContentSha256, row, octets: fact.contentSHA256)
        put(.receivedRecipientCount, row, fact.recipientCount)
        put(.receivedTenantString, row, fact.tenant)
        put(.receivedCampaignString, row, fact.campaign)
        put(.receivedBody, row, UInt64(fact.body.rawValue))
        put(.receivedSmtpUtf8, row, fact.smtpUTF8 ? 1 : 0)
        put(.receivedReturnContent, row, UInt64(fact.returnContent.rawValue))
        put(.receivedEnvelopeIdString, row, fact.envelopeID)
        encode(fact.session, row: row)
        put(.receivedAckLevel, row, fact.ackLevel)
        put(.receivedIdempotencyKeyString, row, fact.idempotencyKey)
        put(.receivedSuppliedFields, row, UInt64(fact.suppliedFields.rawValue))
        put(.receivedReportsOnBack, row, fact.reportsOn.map { sequence &- $0.sequence } ?? 0)
        put(.receivedReportsOnEpochBack, row, UInt64(fact.reportsOn.map { epoch &- $0.epoch } ?? 0))
        put(.receivedHeaderMessageIdString, row, fact.headerMessageID)
        put(.receivedMetadataString, row, fact.metadata.stored)
        put(
            .receivedContentPiecesString, row,
            ContentPiece.text(fact.contentPieces, from: sequence))
    }

    private mutating func encode(_ session: IngressSession, row: Int) {
        let numbers = sessions.value(of: session) ?? numbers(of: session)
        put(.receivedListenerString, row, UInt64(numbers.listener))
        put(.receivedTransmissionType, row, UInt64(session.transmissionType.rawValue))
        put(.receivedClientAddressString, row, UInt64(numbers.clientAddress))
        put(.receivedClientNameString, row, UInt64(numbers.clientName))
        put(.receivedIdentityString, row, UInt64(numbers.identity))
        put(.receivedSessionString, row, UInt64(numbers.sessionID))
        put(.receivedTlsVersionString, row, UInt64(numbers.tlsVersion))
        put(.receivedTlsCipherString, row, UInt64(numbers.tlsCipher))
        put(.receivedServerNameString, row, UInt64(numbers.serverName))
    }

    private mutating func numbers(of session: IngressSession) -> SessionNumbers {
        let numbers = SessionNumbers(
            listener: number(of: session.listener), serverName: number(of: session.serverName),
            clientAddress: number(of: session.clientAddress),
            clientName: number(of: session.clientName), identity: number(of: session.identity),
            sessionID: number(of: session.sessionID), tlsVersion: number(of: session.tlsVersion),
            tlsCipher: number(of: session.tlsCipher))
        sessions.remember(numbers, of: session)
        return numbers
    }

    @inline(__always)
    private mutating func encode(_ recipient: RecipientReference, row: Int) {
        reference(recipient.message, row: row)
        let entry = begin(.recipient)
        put(.recipientNumber, entry, recipient.number)
        put(.recipientLocalString, entry, recipient.mailbox.localPart)
        put(.recipientDomainString, entry, recipient.mailbox.domain)
        put(.recipientTenantString, entry, recipient.tenant)
        put(.recipientCampaignString, entry, recipient.campaign)
    }

    private mutating func encode(_ attempt: Attempt) {
        let row = begin(.attempt)
        put(.attemptNumber, row, attempt.number)
        put(.attemptReplyCode, row, UInt64(attempt.reply.code))
        put(.attemptEnhancedStatus, row, attempt.reply.status.packed)
        put(.attemptReplyTextString, row, attempt.reply.text)
        let peer = attempt.peer.map { peers.value(of: $0) ?? numbers(of: $0) } ?? PeerNumbers()
        put(.attemptMxHostString, row, UInt64(peer.host))
        put(.attemptMxAddressString, row, UInt64(peer.address))
        put(.attemptMxPort, row, attempt.peer?.port ?? 0)
        put(.attemptSourceAddressString, row, UInt64(peer.sourceAddress))
        put(.attemptTlsVersionString, row, UInt64(peer.tlsVersion))
        put(.attemptTlsCipherString, row, UInt64(peer.tlsCipher))
        put(.attemptWaited, row, attempt.waitedMicroseconds)
        put(.attemptConnecting, row, attempt.connectingMicroseconds)
        put(.attemptTransaction, row, attempt.transactionMicroseconds)
        put(.attemptCommandString, row, attempt.command)
    }

    private mutating func numbers(of peer: DeliveryPeer) -> PeerNumbers {
        let numbers = PeerNumbers(
            host: number(of: peer.host), address: number(of: peer.address),
            sourceAddress: number(of: peer.sourceAddress), tlsVersion: number(of: peer.tlsVersion),
            tlsCipher: number(of: peer.tlsCipher))
        peers.remember(numbers, of: peer)
        return numbers
    }

    private mutating func encode(_ class: BounceClass, _ saidBy: SaidBy) {
        let row = begin(.failure)
        put(.failureClass, row, UInt64(`class`.rawValue))
        put(.failureSaidBy, row, UInt64(saidBy.rawValue))
    }

    private mutating func encode(_ fact: SessionRejected) {
        let row = begin(.rejected)
        put(.rejectedListenerString, row, fact.listener)
        put(.rejectedClientAddressString, row, fact.clientAddress)
        put(.rejectedClientNameString, row, fact.clientName)
        put(.rejectedIdentityString, row, fact.identity)
        put(.rejectedSessionString, row, fact.sessionID)
        put(.rejectedCommandString, row, fact.command)
        put(.rejectedReversePathString, row, fact.reversePath)
        put(.rejectedForwardPathString, row, fact.forwardPath)
        put(.rejectedReplyCode, row, UInt64(fact.reply.code))
        put(.rejectedEnhancedStatus, row, fact.reply.status.packed)
        put(.rejectedReplyTextString, row, fact.reply.text)
    }
}

extension EnhancedStatusCode? {
    /// class * 1,000,000 + subject * 1,000 + detail; zero for none.
    var packed: UInt64 {
        guard let code = self else { return 0 }
        return UInt64(code.class) * 1_000_000 + UInt64(code.subject) * 1000 + UInt64(code.detail)
    }

    /// The code of a packed number; nil for zero.
    init(packed: UInt32) {
        guard packed > 0 else {
            self = nil
            return
        }
        self = EnhancedStatusCode(
            UInt8(truncatingIfNeeded: packed / 1_000_000), UInt16(packed / 1000 % 1000),
            UInt16(packed % 1000))
    }
}
