import EventLog
import Logging
import MailEvents
import MailModel
import SMTPProtocol

/// Attempts and what comes of them.
extension DeliveryEngine {
    // MARK: Sending

    /// Sends a group over a connection, reading its message from the log first if need be.
    func send(
        _ group: DeliveryGroup, over connection: OutgoingConnection, of destination: Destination,
        now: Int64
    ) {
        if let stored = contents.use(group.message) {
            return connection.send(
                group, transaction(group, stored), contents.feed(stored), now: now)
        }
        connection.reserve(group)
        contents.read(group.message, while: { connection.isLoading }) { [self] result in
            // Much may have been suspended, suppressed or cancelled since the read began.
            guard let group = sifted(group) else {
                if case .success = result { contents.endUse(group.message) }
                connection.unreserve()
                return destination.connectionIsFree(connection)
            }
            // While it was read, another site may have got the right to send.
            if case .success = result, !log.mayDeliver {
                contents.endUse(group.message)
                connection.unreserve()
                destination.putBack(group)
                return destination.connectionIsFree(connection)
            }
            switch result {
            case .success(let stored):
                connection.send(
                    group, transaction(group, stored), contents.feed(stored), now: monotonic())
            case .failure(let error):
                connection.unreserve()
                attemptFailed([group], unreadable(group.message, error), of: destination)
                destination.connectionIsFree(connection)
            }
        }
    }

    private func transaction(
        _ group: DeliveryGroup, _ stored: ActiveMessage.Stored
    ) -> ClientTransaction {
        ClientTransaction(
            envelope: group.message.facts.envelope(group.recipients),
            prologue: prologue(group, stored), content: stored.content,
            followingOctets: stored.followingOctets, holdsEnd: mustAnnounce(group))
    }

    func prologue(
        _ group: DeliveryGroup, _ stored: ActiveMessage.Stored
    ) -> [UInt8] {
        let facts = group.message.facts
        return Prologue.render(
            id: facts.id, time: facts.receivedAt, received: stored.received,
            recipient: group.recipients.first?.mailbox, content: stored.content)
    }

    func unreadable(_ message: ActiveMessage, _ error: any Error) -> AttemptFailure {
        logger.error(
            "message cannot be read from the log",
            metadata: message.logged(["error": "\(error)"]))
        // What the log has given up will not come back; a damage may be put right.
        if (error as? EventLogError)?.code == .notFound {
            return .local(
                554, EnhancedStatusCode(5, 3, 0), "the content of the message is lost",
                class: .none)
        }
        return .local(
            451, EnhancedStatusCode(4, 3, 0), "the message cannot be read from the log",
            class: .none)
    }

    // MARK: Outcomes

    /// A transaction is over.
    func transactionFinished(
        _ group: DeliveryGroup, _ result: TransactionResult, over connection: OutgoingConnection,
        in destination: Destination
    ) {
        defer { contents.endUse(group.message) }
        guard let (group, all) = settled(group, result, connection, destination),
            let (group, outcomes) = unlessCancelled(group, all)
        else { return }
        let circumstances = OutcomePlan.Circumstances(
            peer: connection.peer,
            waitedMicroseconds: Int(connection.transactionBegan - group.readySince),
            connectingMicroseconds: connection.connectingMicroseconds,
            transactionMicroseconds: Int(monotonic() - connection.transactionBegan),
            passedDSN: result.passedDSN, announced: group.announced)
        let results = outcomes.map { outcome in
            OutcomePlan.Result(
                disposition: outcome.disposition, reply: outcome.reply,
                command: outcome.command.name, class: bounceClass(of: outcome),
                saidBy: outcome.isLocal ? .local : .remote)
        }
        let plan = OutcomePlan(
            message: group.message.facts, recipients: group.recipients, results: results,
            circumstances: circumstances, terms: terms(group))
        logAttempt(group, results, destination: destination, peer: connection.peer)
        record(plan, of: group, peer: connection.peer)
    }

    /// What of the result becomes events; the rest goes back to the destination in silence.
    private func settled(
        _ group: DeliveryGroup, _ result: TransactionResult, _ connection: OutgoingConnection,
        _ destination: Destination
    ) -> (DeliveryGroup, [RecipientOutcome])? {
        var group = group
        let recycling = TransactionRecycling(
            result: result, isFirstOnConnection: connection.transactionCount <= 1,
            silentRetries: group.silentRetries, isAnnounced: !group.announced.isEmpty)
        switch recycling {
        case .none:
            return (group, result.outcomes)
        case .all:
            group.silentRetries += 1
            putBack(group, to: destination)
            return nil
        case .nobody:
            // Stopped before anything was decided: the recipients stay as the log has them.
            activeRecipients -= group.recipients.count
            finished(group)
            return nil
        case .some(let again):
            var rest = group
            rest.recipients = again.map { group.recipients[$0] }
            rest.announced = []
            let repeated = Set(again)
            let decided = group.recipients.indices.filter { !repeated.contains($0) }
            group.recipients = decided.map { group.recipients[$0] }
            activeGroups += 1
            rest.message.groupCount += 1
            putBack(rest, to: destination)
            return (group, decided.map { result.outcomes[$0] })
        }
    }

    private func bounceClass(of outcome: RecipientOutcome) -> BounceClass {
        switch outcome.disposition {
        case .delivered: .none
        case .inDoubt: .badConnection
        case .transientFailure, .permanentFailure:
            classifier.classify(outcome.reply, command: outcome.command.name)
        }
    }

    /// Attempts for these groups came to nothing, for the same reason.
    func attemptFailed(
        _ groups: [DeliveryGroup], _ failure: AttemptFailure, of destination: Destination
    ) {
        let now = monotonic()
        for group in groups {
            let plan = OutcomePlan(
                message: group.message.facts, recipients: group.recipients, failure: failure,
                circumstances: OutcomePlan.Circumstances(
                    waitedMicroseconds: Int(now - group.readySince)),
                terms: terms(group))
            if logger.logLevel <= .debug {
                logger.debug(
                    "attempt failed",
                    metadata: group.message.logged([
                        "destination": "\(destination.key)", "reply": "\(failure.reply)",
                    ]))
            }
            record(plan, of: group, peer: failure.peer)
        }
    }

    func terms(_ group: DeliveryGroup) -> OutcomePlan.Terms {
        let facts = group.message.facts
        let schedule =
            policy.retry.rules.isEmpty
            ? policy.retry.standard
            : policy.retry.schedule(
                for: QueueName(
                    campaign: facts.campaign, tenant: facts.tenant,
                    domain: group.recipients[0].mailbox.domain))
        return OutcomePlan.Terms(
            schedule: schedule, notifications: policy.notifications, now: now(),
            random: randomUnit())
    }

    private func logAttempt(
        _ group: DeliveryGroup, _ results: [OutcomePlan.Result], destination: Destination,
        peer: DeliveryPeer?
    ) {
        guard logger.logLevel <= .debug else { return }
        for (recipient, result) in zip(group.recipients, results) {
            logger.debug(
                "attempt",
                metadata: group.message.logged([
                    "recipient": "\(recipient.mailbox)", "destination": "\(destination.key)",
                    "host": "\(peer?.host ?? "")", "outcome": "\(result.disposition)",
                    "reply": "\(result.reply)",
                ]))
        }
    }
}
