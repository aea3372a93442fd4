import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

@testable import Delivery

/// Values that several suites use.
enum Fixture {
    static let start = EventTime(microseconds: 1_800_000_000_000_000)
    static let id = MessageID(epoch: 1, sequence: 77)

    static func received(
        reversePath: ReversePath = .mailbox(Mailbox(localPart: "ann", domain: "example.net")),
        recipients: Int = 1, supplied: SuppliedFields = [],
        returnContent: ReturnContent = .unspecified
    ) -> MessageReceived {
        MessageReceived(
            reversePath: reversePath, sizeOctets: 10,
            contentSHA256: [UInt8](repeating: 1, count: 32), recipientCount: recipients,
            tenant: "acme", campaign: "spring", returnContent: returnContent,
            session: IngressSession(
                listener: "in", serverName: "mx.example.net", transmissionType: .esmtp,
                clientAddress: "192.0.2.1", clientName: "client.example"),
            suppliedFields: supplied)
    }

    static func facts(
        reversePath: ReversePath = .mailbox(Mailbox(localPart: "ann", domain: "example.net"))
    ) -> MessageFacts {
        MessageFacts(id: id, receivedAt: start, received(reversePath: reversePath))
    }

    static func recipient(
        _ number: Int = 0, attempts: Int = 0, notify: NotifyOn = [],
        lastEventAt: EventTime = start
    ) -> RecipientState {
        var state = RecipientState(
            RecipientQueued(
                recipient: RecipientReference(
                    message: id, number: number,
                    mailbox: Mailbox(localPart: "r\(number)", domain: "example.org")),
                due: start, notify: notify), at: start)
        state.attempts = attempts
        state.lastEventAt = lastEventAt
        return state
    }

    static func result(
        _ disposition: RecipientOutcome.Disposition, _ code: UInt16, command: String = "dot"
    ) -> OutcomePlan.Result {
        OutcomePlan.Result(
            disposition: disposition, reply: Reply(code, nil, "text"), command: command,
            class: disposition == .delivered ? .none : .quotaIssues, saidBy: .remote)
    }

    static func terms(
        at now: EventTime = start.adding(seconds: 1), notifications: Bool = true
    ) -> OutcomePlan.Terms {
        OutcomePlan.Terms(
            schedule: RetrySchedule(), notifications: NotificationPolicy(enabled: notifications),
            now: now, random: 0.5)
    }
}
