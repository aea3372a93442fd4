import MailModel

extension EventReader {
    /// The fact of the current event; nil for a type that no ``Fact`` describes.
    ///
    /// `message` is the one that the event names, or its own position when it `isAboutNone`.
    mutating func fact(
        _ type: UInt32, _ message: MessageID, isAboutNone: Bool, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> Fact? {
        switch EventType(rawValue: type) {
        case .received: .received(try received(bytes))
        case .queued: .queued(try queued(message, bytes))
        case .deferred: .deferred(try deferred(message, bytes))
        case .delivered:
            .delivered(
                DeliverySucceeded(
                    recipient: try recipient(message, bytes), attempt: try attempt(bytes)))
        case .attempted:
            .attempted(
                DeliveryAttempted(
                    recipient: try recipient(message, bytes), attempt: try attempt(bytes)))
        case .bounced:
            .bounced(
                DeliveryBounced(
                    recipient: try recipient(message, bytes), attempt: try attempt(bytes),
                    class: try bounceClass(bytes), saidBy: try saidBy(bytes)))
        case .expired:
            .expired(
                DeliveryExpired(
                    recipient: try recipient(message, bytes), attempt: try attempt(bytes),
                    class: try bounceClass(bytes), saidBy: try saidBy(bytes)))
        case .rejected: .rejected(try rejected(bytes))
        case .epochStarted:
            .epochStarted(
                EpochStarted(
                    epoch: try columns.small(.epochStartedEpoch, bytes),
                    site: try text(.epochStartedSiteString, bytes),
                    reason: try text(.epochStartedReasonString, bytes)))
        case .configurationApplied:
            .configurationApplied(
                ConfigurationApplied(
                    digest: try text(.configurationAppliedDigestString, bytes),
                    version: try text(.configurationAppliedVersionString, bytes)))
        case .suspended: .suspended(try suspended(isAboutNone ? nil : message, bytes))
        case .resumed: .resumed(try order(isAboutNone ? nil : message, bytes))
        case .rebound: .rebound(try order(isAboutNone ? nil : message, bytes))
        case .cancelled: .cancelled(try order(isAboutNone ? nil : message, bytes))
        case .suppressed: .suppressed(try suppressed(isAboutNone ? nil : message, bytes))
        case .unsuppressed: .unsuppressed(try unsuppressed(isAboutNone ? nil : message, bytes))
        case .complained: .complained(try complained(message, bytes))
        case .bouncedLater: .bouncedLater(try bouncedLater(message, bytes))
        case .contentReceived:
            .contentReceived(
                ContentReceived(
                    sizeOctets: try columns.number(.contentReceivedSizeOctets, bytes),
                    contentSHA256: columns.hash(.contentReceivedContentSha256, bytes)))
        case .lost: .lost
        case .throttleSet, .sourceAdded, .sourceRemoved, .dictionaryAdded, nil: nil
        }
    }

    private mutating func received(
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> MessageReceived {
        let local = try columns.textNumber(.receivedReversePathLocalString, bytes)
        let domain = try columns.textNumber(.receivedReversePathDomainString, bytes)
        let back = try columns.large(.receivedReportsOnBack, bytes)
        let epochBack = try columns.small(.receivedReportsOnEpochBack, bytes)
        return MessageReceived(
            reversePath: local == 0 && domain == 0
                ? .null : .mailbox(Mailbox(recorded: text(local), text(domain))),
            sizeOctets: try columns.number(.receivedSizeOctets, bytes),
            contentSHA256: columns.hash(.receivedContentSha256, bytes),
            recipientCount: Int(try columns.small(.receivedRecipientCount, bytes)),
            tenant: try text(.receivedTenantString, bytes),
            campaign: try text(.receivedCampaignString, bytes),
            body: BodyType(rawValue: try byte(.receivedBody, bytes)) ?? .sevenBit,
            smtpUTF8: try columns.small(.receivedSmtpUtf8, bytes) != 0,
            returnContent: ReturnContent(rawValue: try byte(.receivedReturnContent, bytes))
                ?? .unspecified,
            envelopeID: try text(.receivedEnvelopeIdString, bytes),
            session: session(try sessionKey(bytes)),
            ackLevel: Int(try columns.small(.receivedAckLevel, bytes)),
            idempotencyKey: try text(.receivedIdempotencyKeyString, bytes),
            suppliedFields: SuppliedFields(
                rawValue: UInt8(
                    truncatingIfNeeded: try columns.small(.receivedSuppliedFields, bytes))),
            reportsOn: back == 0 && epochBack == 0
                ? nil : MessageID(epoch: epoch &- epochBack, sequence: sequence &- back),
            headerMessageID: try text(.receivedHeaderMessageIdString, bytes),
            metadata: MessageMetadata(stored: try text(.receivedMetadataString, bytes)),
            contentPieces: try pieces(bytes))
    }

    private mutating func pieces(_ bytes: Span<UInt8>) throws(BatchDecodingError) -> [UInt64] {
        let text = try text(.receivedContentPiecesString, bytes)
        guard let pieces = ContentPiece.sequences(text.utf8, from: sequence) else {
            throw columns.outOfRange(.receivedContentPiecesString)
        }
        return pieces
    }

    private mutating func sessionKey(
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> SessionKey {
        SessionKey(
            listener: try columns.textNumber(.receivedListenerString, bytes),
            serverName: try columns.textNumber(.receivedServerNameString, bytes),
            transmissionType: try byte(.receivedTransmissionType, bytes),
            clientAddress: try columns.textNumber(.receivedClientAddressString, bytes),
            clientName: try columns.textNumber(.receivedClientNameString, bytes),
            identity: try columns.textNumber(.receivedIdentityString, bytes),
            sessionID: try columns.textNumber(.receivedSessionString, bytes),
            tlsVersion: try columns.textNumber(.receivedTlsVersionString, bytes),
            tlsCipher: try columns.textNumber(.receivedTlsCipherString, bytes))
    }

    private mutating func queued(
        _ message: MessageID, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> RecipientQueued {
        RecipientQueued(
            recipient: try recipient(message, bytes),
            due: EventTime(microseconds: time &+ (try columns.signed(.queuedDueDelay, bytes))),
            notify: NotifyOn(
                rawValue: UInt8(truncatingIfNeeded: try columns.small(.queuedNotify, bytes))),
            originalRecipient: try text(.queuedOriginalRecipientString, bytes))
    }

    private mutating func deferred(
        _ message: MessageID, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> DeliveryDeferred {
        DeliveryDeferred(
            recipient: try recipient(message, bytes), attempt: try attempt(bytes),
            class: try bounceClass(bytes), saidBy: try saidBy(bytes),
            nextDue: EventTime(
                microseconds: time &+ (try columns.signed(.deferredNextDueDelay, bytes))),
            inDoubt: try columns.small(.deferredInDoubt, bytes) != 0)
    }

    @inline(__always)
    private mutating func recipient(
        _ message: MessageID, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> RecipientReference {
        RecipientReference(
            message: message, number: Int(try columns.small(.recipientNumber, bytes)),
            mailbox: Mailbox(
                recorded: try text(.recipientLocalString, bytes),
                try text(.recipientDomainString, bytes)),
            tenant: try text(.recipientTenantString, bytes),
            campaign: try text(.recipientCampaignString, bytes))
    }

    private mutating func attempt(
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> Attempt {
        let key = PeerKey(
            host: try columns.textNumber(.attemptMxHostString, bytes),
            address: try columns.textNumber(.attemptMxAddressString, bytes),
            port: try columns.small(.attemptMxPort, bytes),
            sourceAddress: try columns.textNumber(.attemptSourceAddressString, bytes),
            tlsVersion: try columns.textNumber(.attemptTlsVersionString, bytes),
            tlsCipher: try columns.textNumber(.attemptTlsCipherString, bytes))
        return Attempt(
            number: Int(try columns.small(.attemptNumber, bytes)),
            reply: Reply(
                try code(.attemptReplyCode, bytes), try status(.attemptEnhancedStatus, bytes),
                try text(.attemptReplyTextString, bytes)),
            command: try text(.attemptCommandString, bytes), peer: peer(key),
            waitedMicroseconds: try columns.number(.attemptWaited, bytes),
            connectingMicroseconds: try columns.number(.attemptConnecting, bytes),
            transactionMicroseconds: try columns.number(.attemptTransaction, bytes))
    }

    private mutating func rejected(
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> SessionRejected {
        SessionRejected(
            listener: try text(.rejectedListenerString, bytes),
            clientAddress: try text(.rejectedClientAddressString, bytes),
            clientName: try text(.rejectedClientNameString, bytes),
            identity: try text(.rejectedIdentityString, bytes),
            sessionID: try text(.rejectedSessionString, bytes),
            command: try text(.rejectedCommandString, bytes),
            reversePath: try text(.rejectedReversePathString, bytes),
            forwardPath: try text(.rejectedForwardPathString, bytes),
            reply: Reply(
                try code(.rejectedReplyCode, bytes), try status(.rejectedEnhancedStatus, bytes),
                try text(.rejectedReplyTextString, bytes)))
    }

    private mutating func bounceClass(
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> BounceClass {
        BounceClass(rawValue: try byte(.failureClass, bytes)) ?? .none
    }

    private mutating func saidBy(_ bytes: Span<UInt8>) throws(BatchDecodingError) -> SaidBy {
        SaidBy(rawValue: try byte(.failureSaidBy, bytes)) ?? .remote
    }

    private mutating func code(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> UInt16 {
        guard let code = UInt16(exactly: try columns.small(column, bytes)) else {
            throw columns.outOfRange(column)
        }
        return code
    }

    private mutating func status(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> EnhancedStatusCode? {
        let packed = try columns.small(column, bytes)
        guard packed < 256_000_000 else { throw columns.outOfRange(column) }
        return EnhancedStatusCode?(packed: packed)
    }

    /// The number of an enumeration: one that later versions may have added reads as 255.
    mutating func byte(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> UInt8 {
        UInt8(clamping: try columns.small(column, bytes))
    }
}

extension Mailbox {
    /// As it stands in the log, where the domain is in lower case already.
    init(recorded localPart: String, _ domain: String) {
        self.init(localPart: localPart, domain: "")
        self.domain = domain
    }
}
