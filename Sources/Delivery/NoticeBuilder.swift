import EventLog
import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

/// Makes the events and contents of notifications (RFC 3464): each is a message of its own, with a
/// null reverse-path, that stands in the log beside the events it reports.
///
/// Concurrency: value.
struct NoticeBuilder: Sendable {
    /// Reporting-MTA, and the session of the notifications' `received` events.
    var hostName: String
    var session: IngressSession
    var policy: NotificationPolicy

    /// Creates a builder; the name of the listener of notifications is empty.
    init(hostName: String, policy: NotificationPolicy) {
        self.hostName = hostName
        self.policy = policy
        session = IngressSession(listener: "", serverName: hostName, transmissionType: .local)
    }

    /// Adds a notification's `received` and `queued` to what is to be appended.
    ///
    /// `content` is the message's content, nil when it could not be read; `prologue` are the fields
    /// put before it when it is sent. Without `mayReturnBody` only its header is returned.
    func add(
        _ notice: OutcomePlan.Notice, message: MessageFacts, prologue: [UInt8], content: [UInt8]?,
        mayReturnBody: Bool = true, peer: DeliveryPeer?, now: EventTime, to events: inout [Event],
        contents: inout [Content]
    ) {
        var notification = notification(
            notice, message: message, prologue: prologue, content: content, peer: peer, now: now)
        if !mayReturnBody { notification.returnContent = .headers }
        let rendered = notification.rendered()
        let index = events.count
        let received = MessageReceived(
            reversePath: .null, sizeOctets: rendered.content.count,
            contentSHA256: SHA256Functions.hash(rendered.content), recipientCount: 1,
            tenant: message.tenant, body: rendered.body, smtpUTF8: rendered.smtpUTF8,
            session: session, suppliedFields: .messageID, reportsOn: message.id)
        events.append(Event(time: now, fact: .received(received)))
        let reference = RecipientReference(
            message: .inThisAppend(at: index), number: 0, mailbox: notice.to,
            tenant: message.tenant)
        // RFC 3461 section 6.2: a notification never causes another.
        events.append(
            Event(
                time: now,
                fact: .queued(RecipientQueued(recipient: reference, due: now, notify: .never))))
        contents.append(Content(eventIndex: index, bytes: rendered.content))
    }

    /// Whether one of the notifications returns the whole of a message of which, being large, only the
    /// first piece is read otherwise.
    func returnsAllPieces(_ notices: [OutcomePlan.Notice], of message: MessageFacts) -> Bool {
        message.isInPieces && message.sizeOctets > ContentPiece.octets
            && message.sizeOctets <= policy.returnedOctetsMax && message.returnContent == .full
            && message.body != .binaryMIME
            && notices.contains { $0.recipients.contains { $0.action == .failed } }
    }

    private func notification(
        _ notice: OutcomePlan.Notice, message: MessageFacts, prologue: [UInt8], content: [UInt8]?,
        peer: DeliveryPeer?, now: EventTime
    ) -> DeliveryStatusNotification {
        var returned = content ?? []
        var returnContent = message.returnContent
        // Of a large message in pieces only the first is there, unless it is returned whole.
        let isTooLarge =
            max(returned.count, content == nil ? 0 : message.sizeOctets) > policy.returnedOctetsMax
            || (content != nil && returned.count < message.sizeOctets)
        if isTooLarge, returnContent != .headers {
            // Enough of the message for its header; the body is left out.
            returnContent = .headers
            returned = Array(returned.prefix(MessageLimits.headerOctets))
        }
        return DeliveryStatusNotification(
            reportingMTA: hostName, message: message.id, to: notice.to,
            envelopeID: message.envelopeID, arrival: message.receivedAt, time: now,
            returnContent: returnContent, body: message.body, smtpUTF8: message.smtpUTF8,
            prologue: content == nil ? [] : prologue, content: returned,
            returnedOctetsMax: policy.returnedOctetsMax,
            recipients: notice.recipients.map {
                RecipientStatus(
                    mailbox: $0.recipient.mailbox,
                    originalRecipient: $0.recipient.originalRecipient, action: $0.action,
                    reply: $0.reply, isLocal: $0.isLocal,
                    remoteMTA: $0.isLocal ? "" : peer?.host ?? "", lastAttempt: now,
                    willRetryUntil: $0.willRetryUntil)
            })
    }
}
