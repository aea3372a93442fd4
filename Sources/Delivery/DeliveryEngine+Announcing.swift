import EventLog
import Logging
import MailEvents
import MailModel
import SMTPProtocol

/// Intents: what is written before the final dot of mail that is held when it comes to be in doubt.
extension DeliveryEngine {
    /// Whether any of a group's recipients is to be announced.
    func mustAnnounce(_ group: DeliveryGroup) -> Bool {
        guard hasHoldingQueues else { return false }
        return group.recipients.contains { holdsDoubt($0, of: group.message.facts) }
    }

    private func holdsDoubt(_ recipient: RecipientState, of message: MessageFacts) -> Bool {
        let queue = QueueName(
            campaign: message.campaign, tenant: message.tenant, domain: recipient.mailbox.domain)
        return policy.doubt.terms(for: queue).mode == .hold
    }

    /// Appends the intent to send to those of a group's recipients that the server has accepted and
    /// whose queue holds. The connection is told when it may go on.
    ///
    /// - Parameters:
    ///   - goAhead: What the server said last, and to what.
    ///   - accepted: Indices of the recipients that the server will answer for.
    ///   - group: In a transaction that has come to the end of its content.
    ///   - connection: Waits.
    /// - Returns: The numbers of the recipients that were announced, and by which token the answer will
    ///   come; nil when there is nothing to announce.
    func announce(
        _ goAhead: (reply: Reply, command: String), _ accepted: [Int], of group: DeliveryGroup,
        over connection: OutgoingConnection
    ) -> (token: UInt64, numbers: Set<Int>)? {
        let message = group.message.facts
        let recipients = accepted.map { group.recipients[$0] }.filter {
            holdsDoubt($0, of: message)
        }
        guard !recipients.isEmpty else { return nil }
        let now = now()
        let events = recipients.map { recipient in
            let attempt = Attempt(
                number: recipient.attempts + 1, reply: goAhead.reply, command: goAhead.command,
                peer: connection.peer,
                waitedMicroseconds: Int(connection.transactionBegan - group.readySince),
                connectingMicroseconds: connection.connectingMicroseconds,
                transactionMicroseconds: Int(monotonic() - connection.transactionBegan))
            let fact = DeliveryAttempted(recipient: message.reference(recipient), attempt: attempt)
            return Event(time: now, fact: .attempted(fact))
        }
        let token = announcements.token()
        announcing[token] = connection
        announcements.append(events, token: token, demand: policy.doubt.demand)
        return (token, Set(recipients.map(\.number)))
    }

    /// Intents are durable, or have failed.
    func announced(_ answers: [Announcements.Answer]) {
        for answer in answers {
            guard let connection = announcing.removeValue(forKey: answer.token) else { continue }
            switch answer.result {
            case .success where !mayFinish():
                announcementTotals.withheld += 1
                connection.withhold(
                    Reply(421, EnhancedStatusCode(4, 3, 2), "another site has taken over"),
                    answer.token)
            case .success(let durability):
                announcementTotals.count(durability)
                connection.release(answer.token)
            case .failure(let error):
                announcementTotals.withheld += 1
                let metadata: Logger.Metadata = [
                    "reason": "\(error)", "host": "\(connection.target.host)",
                ]
                logger.warning(
                    "not sent: the intent could not be recorded as it has to be",
                    metadata: connection.sentMessage?.logged(metadata) ?? metadata)
                connection.withhold(
                    Reply(
                        451, EnhancedStatusCode(4, 3, 0),
                        "not sent, for the intent could not be recorded: \(error.message)"),
                    answer.token)
            }
        }
    }

    /// The connection does not wait for an answer any more.
    func announcementForgotten(_ token: UInt64) { announcing[token] = nil }
}
