import MailModel

extension MailEventDecoder {
    /// Shows the events of a batch to a visitor, in order.
    ///
    /// The structure of the whole batch is checked before the visitor sees anything, but values only
    /// as they are read: when this throws, the visitor may have seen the events before the damage.
    package static func visit<Visitor: EventVisitor & ~Copyable>(
        _ bytes: [UInt8], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        _ visitor: inout Visitor
    ) throws(BatchDecodingError) {
        let input = bytes.span
        let index = try BatchIndex(input)
        let count = index.eventCount
        let fields = Visitor.fields
        visitor.begin(BatchTexts(bytes: bytes, ranges: index.strings))
        guard visitor.wants(index.types) else { return }
        var columns = ColumnReader(index)
        var sequence = firstSequence
        var time = firstTime
        for _ in 0..<count {
            var view = EventView()
            view.type = try columns.small(.batchType, input)
            time &+= try columns.signed(.batchTimeDelta, input)
            view.time = time
            view.sequence = sequence
            let back = try columns.large(.batchMessageBack, input)
            let epochBack = try columns.small(.batchMessageEpochBack, input)
            try columns.read(
                &view, fields, epoch: epoch, back: back, epochBack: epochBack, input)
            visitor.visit(view)
            sequence &+= 1
        }
    }
}

extension ColumnReader {
    /// Reads what the event's type has, of the parts that are wanted.
    @inline(__always)
    fileprivate mutating func read(
        _ view: inout EventView, _ fields: EventFields, epoch: UInt32, back: UInt64,
        epochBack: UInt32, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        let message = MessageID(epoch: epoch &- epochBack, sequence: view.sequence &- back)
        switch EventType(rawValue: view.type) {
        case .received:
            view.message = MessageID(epoch: epoch, sequence: view.sequence)
            try readReceived(&view, fields, epoch: epoch, bytes)
        case .queued:
            try readRecipient(&view, fields, message, bytes)
            guard fields.contains(.schedule) else { return }
            view.due = view.time &+ (try signed(.queuedDueDelay, bytes))
            view.notify = try small(.queuedNotify, bytes)
            view.originalRecipientText = try textNumber(.queuedOriginalRecipientString, bytes)
        case .delivered, .attempted:
            try readRecipient(&view, fields, message, bytes)
            try readAttempt(&view, fields, bytes)
        case .deferred:
            try readRecipient(&view, fields, message, bytes)
            try readAttempt(&view, fields, bytes)
            if fields.contains(.schedule) {
                view.due = view.time &+ (try signed(.deferredNextDueDelay, bytes))
            }
            guard fields.contains(.failure) else { return }
            try readFailure(&view, bytes)
            view.inDoubt = try small(.deferredInDoubt, bytes) != 0
        case .bounced, .expired:
            try readRecipient(&view, fields, message, bytes)
            try readAttempt(&view, fields, bytes)
            if fields.contains(.failure) { try readFailure(&view, bytes) }
        case .rejected:
            view.identityText = try textNumber(.rejectedIdentityString, bytes)
            view.replyCode = try small(.rejectedReplyCode, bytes)
            view.enhancedStatus = try small(.rejectedEnhancedStatus, bytes)
        case .contentReceived:
            view.sizeOctets = try number(.contentReceivedSizeOctets, bytes)
        case .epochStarted, .configurationApplied, .lost: break
        case .suspended, .resumed, .rebound, .cancelled:
            view.message = back == 0 && epochBack == 0 ? nil : message
            try readControl(&view, bytes)
        case .suppressed, .unsuppressed:
            view.message = back == 0 && epochBack == 0 ? nil : message
            try readAddress(&view, bytes)
        case .complained, .bouncedLater:
            try readFeedback(&view, message, bytes)
        case .throttleSet, .sourceAdded, .sourceRemoved, .dictionaryAdded, nil:
            view.message = back == 0 && epochBack == 0 ? nil : message
        }
    }

    @inline(__always)
    private mutating func readReceived(
        _ view: inout EventView, _ fields: EventFields, epoch: UInt32, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        if fields.contains(.sender) {
            view.localText = try textNumber(.receivedReversePathLocalString, bytes)
            view.domainText = try textNumber(.receivedReversePathDomainString, bytes)
        }
        if fields.contains(.message) {
            view.tenantText = try textNumber(.receivedTenantString, bytes)
            view.campaignText = try textNumber(.receivedCampaignString, bytes)
            view.sizeOctets = try number(.receivedSizeOctets, bytes)
            view.recipientCount = try small(.receivedRecipientCount, bytes)
        }
        if fields.contains(.envelope) {
            view.body = try small(.receivedBody, bytes)
            view.returnContent = try small(.receivedReturnContent, bytes)
            view.smtpUTF8 = try small(.receivedSmtpUtf8, bytes) != 0
            view.envelopeIDText = try textNumber(.receivedEnvelopeIdString, bytes)
            view.contentPiecesText = try textNumber(.receivedContentPiecesString, bytes)
        }
        if fields.contains(.identity) {
            view.identityText = try textNumber(.receivedIdentityString, bytes)
        }
        guard fields.contains(.report) else { return }
        let back = try large(.receivedReportsOnBack, bytes)
        let epochBack = try small(.receivedReportsOnEpochBack, bytes)
        if back != 0 || epochBack != 0 {
            view.reportsOn = MessageID(
                epoch: epoch &- epochBack, sequence: view.sequence &- back)
        }
    }

    @inline(__always)
    private mutating func readRecipient(
        _ view: inout EventView, _ fields: EventFields, _ message: MessageID,
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        view.message = message
        if fields.contains(.recipientNumber) {
            view.recipientNumber = try small(.recipientNumber, bytes)
        }
        if fields.contains(.recipientLocal) {
            view.localText = try textNumber(.recipientLocalString, bytes)
        }
        if fields.contains(.recipientDomain) {
            view.domainText = try textNumber(.recipientDomainString, bytes)
        }
        guard fields.contains(.recipientOwners) else { return }
        view.tenantText = try textNumber(.recipientTenantString, bytes)
        view.campaignText = try textNumber(.recipientCampaignString, bytes)
    }

    @inline(__always)
    private mutating func readAttempt(
        _ view: inout EventView, _ fields: EventFields, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        if fields.contains(.attempt) {
            view.attempt = try small(.attemptNumber, bytes)
            view.replyCode = try small(.attemptReplyCode, bytes)
            view.enhancedStatus = try small(.attemptEnhancedStatus, bytes)
            view.replyText = try textNumber(.attemptReplyTextString, bytes)
            view.mxHostText = try textNumber(.attemptMxHostString, bytes)
            view.sourceAddressText = try textNumber(.attemptSourceAddressString, bytes)
        }
        if fields.contains(.attemptDetail) { try readAttemptDetail(&view, bytes) }
        guard fields.contains(.timings) else { return }
        view.waitedMicroseconds = try number(.attemptWaited, bytes)
        view.transactionMicroseconds = try number(.attemptTransaction, bytes)
    }

    @inline(__always)
    private mutating func readAttemptDetail(
        _ view: inout EventView, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        guard view.replyCode <= UInt32(UInt16.max) else { throw outOfRange(.attemptReplyCode) }
        guard view.enhancedStatus < 256_000_000 else { throw outOfRange(.attemptEnhancedStatus) }
        view.mxAddressText = try textNumber(.attemptMxAddressString, bytes)
        view.mxPort = try small(.attemptMxPort, bytes)
        let version = try textNumber(.attemptTlsVersionString, bytes)
        let cipher = try textNumber(.attemptTlsCipherString, bytes)
        view.commandText = try textNumber(.attemptCommandString, bytes)
        view.hasPeer =
            view.mxHostText | view.mxAddressText | view.mxPort | view.sourceAddressText | version
            | cipher != 0
    }

    @inline(__always)
    private mutating func readFailure(
        _ view: inout EventView, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        view.bounceClass = try small(.failureClass, bytes)
        view.saidBy = try small(.failureSaidBy, bytes)
    }

    private mutating func readControl(
        _ view: inout EventView, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        view.campaignText = try textNumber(.controlCampaignString, bytes)
        view.tenantText = try textNumber(.controlTenantString, bytes)
        view.domainText = try textNumber(.controlDomainString, bytes)
        let until = try signed(.controlUntilDelay, bytes)
        guard view.type == EventType.suspended.rawValue, until != 0 else { return }
        view.until = view.time &+ until
    }

    private mutating func readAddress(
        _ view: inout EventView, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        view.tenantText = try textNumber(.addressTenantString, bytes)
        view.localText = try textNumber(.addressLocalString, bytes)
        view.domainText = try textNumber(.addressDomainString, bytes)
        let expires = try signed(.addressExpiresDelay, bytes)
        guard view.type == EventType.suppressed.rawValue, expires != 0 else { return }
        view.until = view.time &+ expires
    }

    private mutating func readFeedback(
        _ view: inout EventView, _ message: MessageID, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        view.message = message
        view.recipientNumber = try small(.feedbackNumber, bytes)
        view.localText = try textNumber(.feedbackLocalString, bytes)
        view.domainText = try textNumber(.feedbackDomainString, bytes)
        view.tenantText = try textNumber(.feedbackTenantString, bytes)
        view.campaignText = try textNumber(.feedbackCampaignString, bytes)
        let type = try textNumber(.feedbackFeedbackTypeString, bytes)
        let bounceClass = try small(.feedbackClass, bytes)
        let saidBy = try small(.feedbackSaidBy, bytes)
        view.mxHostText = try textNumber(.feedbackMxHostString, bytes)
        view.sourceAddressText = try textNumber(.feedbackSourceAddressString, bytes)
        if view.type == EventType.complained.rawValue {
            view.feedbackTypeText = type
        } else {
            view.bounceClass = bounceClass
            view.saidBy = saidBy
        }
    }
}
