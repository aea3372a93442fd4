import EventSchema
import Foundation
import MailEvents
import MailModel
import SwiftProtobuf

typealias EventBatch = Waybill_Log_V1_EventBatch

/// The columns of a batch made the plain way, with the code that protoc generates and a dictionary:
/// what our own codec is held against. It shares nothing with it.
struct ReferenceColumns {
    var batch = EventBatch()
    private var strings: [[UInt8]: UInt32] = [:]
    private var time: Int64
    private let epoch: UInt32

    static func batch(_ events: [RecordedEvent], firstTime: Int64) -> EventBatch {
        var columns = ReferenceColumns(time: firstTime, epoch: events.first?.epoch ?? 1)
        for event in events { columns.add(event) }
        columns.dropZeros()
        return columns.batch
    }

    private init(time: Int64, epoch: UInt32) {
        self.time = time
        self.epoch = epoch
    }

    mutating func text(_ text: String) -> UInt32 {
        let octets = Array(text.utf8)
        if octets.isEmpty { return 0 }
        if let known = strings[octets] { return known }
        batch.strings.append(.init(octets))
        strings[octets] = UInt32(batch.strings.count)
        return UInt32(batch.strings.count)
    }

    private mutating func add(_ event: RecordedEvent) {
        let now = event.event.time.microseconds
        batch.timeDelta.append(now &- time)
        time = now
        // The order in which texts are met is that of the fields of each message.
        var message = event.messageID
        switch event.event.fact {
        case .received(let fact):
            batch.type.append(1)
            message = nil
            add(fact, event.sequence)
        case .queued(let fact):
            batch.type.append(2)
            add(fact.recipient)
            batch.queued.dueDelay.append(fact.due.microseconds &- now)
            batch.queued.notify.append(UInt32(fact.notify.rawValue))
            batch.queued.originalRecipientString.append(text(fact.originalRecipient))
        case .deferred(let fact):
            batch.type.append(3)
            add(fact.recipient)
            add(fact.attempt)
            batch.deferred.nextDueDelay.append(fact.nextDue.microseconds &- now)
            batch.deferred.inDoubt.append(fact.inDoubt ? 1 : 0)
            add(fact.class, fact.saidBy)
        case .delivered(let fact):
            batch.type.append(4)
            add(fact.recipient)
            add(fact.attempt)
        case .bounced(let fact):
            batch.type.append(5)
            add(fact.recipient)
            add(fact.attempt)
            add(fact.class, fact.saidBy)
        case .expired(let fact):
            batch.type.append(6)
            add(fact.recipient)
            add(fact.attempt)
            add(fact.class, fact.saidBy)
        case .attempted(let fact):
            batch.type.append(7)
            add(fact.recipient)
            add(fact.attempt)
        case .rejected(let fact):
            batch.type.append(10)
            add(fact)
        case .epochStarted(let fact):
            batch.type.append(32)
            batch.epochStarted.epoch.append(fact.epoch)
            batch.epochStarted.siteString.append(text(fact.site))
            batch.epochStarted.reasonString.append(text(fact.reason))
        case .configurationApplied(let fact):
            batch.type.append(40)
            batch.configurationApplied.digestString.append(text(fact.digest))
            batch.configurationApplied.versionString.append(text(fact.version))
        case .suspended, .resumed, .rebound, .cancelled, .suppressed, .unsuppressed, .complained,
            .bouncedLater:
            addControl(event.event.fact, now: now)
        case .contentReceived(let fact):
            batch.type.append(44)
            batch.contentReceived.sizeOctets.append(UInt64(fact.sizeOctets))
            batch.contentReceived.contentSha256.append(contentsOf: fact.contentSHA256)
        case .lost:
            batch.type.append(43)
        case .unknown(let type, _):
            batch.type.append(type)
        }
        batch.messageBack.append(message.map { event.sequence &- $0.sequence } ?? 0)
        batch.messageEpochBack.append(message.map { epoch &- $0.epoch } ?? 0)
    }

    private mutating func add(_ fact: MessageReceived, _ sequence: UInt64) {
        var mailbox = ("", "")
        if case .mailbox(let path) = fact.reversePath { mailbox = (path.localPart, path.domain) }
        batch.received.reversePathLocalString.append(text(mailbox.0))
        batch.received.reversePathDomainString.append(text(mailbox.1))
        batch.received.sizeOctets.append(UInt64(fact.sizeOctets))
        batch.received.contentSha256.append(contentsOf: fact.contentSHA256)
        batch.received.recipientCount.append(UInt32(fact.recipientCount))
        batch.received.tenantString.append(text(fact.tenant))
        batch.received.campaignString.append(text(fact.campaign))
        batch.received.body.append(UInt32(fact.body.rawValue))
        batch.received.smtpUtf8.append(fact.smtpUTF8 ? 1 : 0)
        batch.received.returnContent.append(UInt32(fact.returnContent.rawValue))
        batch.received.envelopeIDString.append(text(fact.envelopeID))
        let session = fact.session
        batch.received.listenerString.append(text(session.listener))
        batch.received.serverNameString.append(text(session.serverName))
        batch.received.transmissionType.append(UInt32(session.transmissionType.rawValue))
        batch.received.clientAddressString.append(text(session.clientAddress))
        batch.received.clientNameString.append(text(session.clientName))
        batch.received.identityString.append(text(session.identity))
        batch.received.sessionString.append(text(session.sessionID))
        batch.received.tlsVersionString.append(text(session.tlsVersion))
        batch.received.tlsCipherString.append(text(session.tlsCipher))
        batch.received.ackLevel.append(UInt32(fact.ackLevel))
        batch.received.idempotencyKeyString.append(text(fact.idempotencyKey))
        batch.received.suppliedFields.append(UInt32(fact.suppliedFields.rawValue))
        batch.received.reportsOnBack.append(fact.reportsOn.map { sequence &- $0.sequence } ?? 0)
        batch.received.reportsOnEpochBack.append(fact.reportsOn.map { epoch &- $0.epoch } ?? 0)
        batch.received.headerMessageIDString.append(text(fact.headerMessageID))
        batch.received.metadataString.append(text(fact.metadata.stored))
        let pieces = fact.contentPieces.map { String(Int64(sequence) - Int64($0)) }
        batch.received.contentPiecesString.append(text(pieces.joined(separator: " ")))
    }

    private mutating func add(_ recipient: RecipientReference) {
        batch.recipient.number.append(UInt32(recipient.number))
        batch.recipient.localString.append(text(recipient.mailbox.localPart))
        batch.recipient.domainString.append(text(recipient.mailbox.domain))
        batch.recipient.tenantString.append(text(recipient.tenant))
        batch.recipient.campaignString.append(text(recipient.campaign))
    }

    private mutating func add(_ attempt: Attempt) {
        batch.attempt.number.append(UInt32(attempt.number))
        batch.attempt.replyCode.append(UInt32(attempt.reply.code))
        batch.attempt.enhancedStatus.append(status(attempt.reply))
        batch.attempt.replyTextString.append(text(attempt.reply.text))
        batch.attempt.mxHostString.append(text(attempt.peer?.host ?? ""))
        batch.attempt.mxAddressString.append(text(attempt.peer?.address ?? ""))
        batch.attempt.mxPort.append(UInt32(attempt.peer?.port ?? 0))
        batch.attempt.sourceAddressString.append(text(attempt.peer?.sourceAddress ?? ""))
        batch.attempt.tlsVersionString.append(text(attempt.peer?.tlsVersion ?? ""))
        batch.attempt.tlsCipherString.append(text(attempt.peer?.tlsCipher ?? ""))
        batch.attempt.waited.append(UInt64(attempt.waitedMicroseconds))
        batch.attempt.connecting.append(UInt64(attempt.connectingMicroseconds))
        batch.attempt.transaction.append(UInt64(attempt.transactionMicroseconds))
        batch.attempt.commandString.append(text(attempt.command))
    }

    private func status(_ reply: Reply) -> UInt32 {
        guard let status = reply.status else { return 0 }
        return UInt32(status.class) * 1_000_000 + UInt32(status.subject) * 1000
            + UInt32(status.detail)
    }

    private mutating func add(_ class: BounceClass, _ saidBy: SaidBy) {
        batch.failure.class.append(UInt32(`class`.rawValue))
        batch.failure.saidBy.append(UInt32(saidBy.rawValue))
    }

    private mutating func add(_ fact: SessionRejected) {
        batch.rejected.listenerString.append(text(fact.listener))
        batch.rejected.clientAddressString.append(text(fact.clientAddress))
        batch.rejected.clientNameString.append(text(fact.clientName))
        batch.rejected.identityString.append(text(fact.identity))
        batch.rejected.sessionString.append(text(fact.sessionID))
        batch.rejected.commandString.append(text(fact.command))
        batch.rejected.reversePathString.append(text(fact.reversePath))
        batch.rejected.forwardPathString.append(text(fact.forwardPath))
        batch.rejected.replyCode.append(UInt32(fact.reply.code))
        batch.rejected.enhancedStatus.append(status(fact.reply))
        batch.rejected.replyTextString.append(text(fact.reply.text))
    }
}
