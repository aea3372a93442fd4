import EventLog
import MailEvents
import MailModel
import MailProjections
import NIOCore

/// From the log and the schedule to the destinations.
extension DeliveryEngine {
    // MARK: What waits when delivery starts

    /// Schedules everything in the queue; what is overdue goes out at once, a bounded number in each
    /// turn of the event loop.
    func begin(_ queue: Queue, _ suppression: Suppression) {
        self.queue = queue
        self.suppression = suppression
        suspensionsRemoved = queue.suspensions.removals
        var entries: [DueHeap.Entry] = []
        entries.reserveCapacity(queue.counts.recipients)
        queue.forEachWaiting {
            guard queue.attempts.attempt(for: $0.message, $0.number) == nil else { return }
            entries.append(DueHeap.Entry(due: $0.due, message: $0.message, number: $0.number))
        }
        schedule = DueHeap(entries)
        takeOverOpenAttempts()
        runSchedule()
        let early = earlyNews ?? []
        earlyNews = nil
        for news in early {
            switch news {
            case .committed(let batch): committed(batch)
            case .acknowledged(let sequences): acknowledged(sequences)
            }
        }
    }

    // MARK: What is committed

    /// Takes in a batch of the log: new recipients, and outcomes that are durable now.
    func committed(_ batch: CommittedBatch<Event>) {
        guard earlyNews == nil else {
            earlyNews?.append(.committed(batch))
            return
        }
        guard batch.lastSequence > queue.lastSequence else { return }
        queue.apply(batch)
        suppression.apply(batch)
        var orders = BatchOrders()
        var fresh: FreshMessage?
        var contents = batch.contents[...]
        var provisional = batch.provisional[...]
        for (offset, event) in batch.events.enumerated() {
            let sequence = batch.firstSequence + UInt64(offset)
            switch event.fact {
            case .received(let received):
                settle(fresh, &provisional)
                while let first = contents.first, first.sequence < sequence {
                    contents.removeFirst()
                }
                let content = contents.first.flatMap { $0.sequence == sequence ? $0.bytes : nil }
                fresh = makeMessage(
                    MessageID(epoch: batch.epoch, sequence: sequence), at: event.time, received,
                    content: content)
            case .queued(let queued):
                if fresh?.message.facts.id == queued.recipient.message {
                    fresh?.recipients.append((RecipientState(queued, at: event.time), queued.due))
                } else {
                    schedule.push(
                        DueHeap.Entry(
                            due: queued.due, message: queued.recipient.message,
                            number: queued.recipient.number))
                }
            case .deferred(let deferred):
                postponed(deferred)
            case .bounced(let bounced) where bounced.saidBy.isDecision:
                // Not an outcome of an attempt: the recipient need not be under way.
                decidedFinal(bounced.recipient, &orders)
            case .delivered(let delivered) where delivered.attempt.isDecision:
                decidedFinal(delivered.recipient, &orders)
            case .delivered, .bounced, .expired:
                activeRecipients -= 1
            case .suspended, .suppressed, .rebound:
                orders.note(event.fact)
            case .attempted, .rejected, .epochStarted, .configurationApplied, .resumed,
                .cancelled, .unsuppressed, .complained, .bouncedLater, .contentReceived, .lost,
                .unknown:
                break
            }
        }
        settle(fresh, &provisional)
        carryOut(orders)
        pumpTouched()
        armScheduleTimer()
    }

    private func makeMessage(
        _ id: MessageID, at time: EventTime, _ received: MessageReceived, content: [UInt8]?
    ) -> FreshMessage {
        let message = ActiveMessage(facts: MessageFacts(id: id, receivedAt: time, received))
        if let content {
            contents.keep(
                ActiveMessage.Stored(received: received, content: content), of: message)
        }
        return FreshMessage(message: message)
    }

    /// Gives a fresh message to its destinations, or to the schedule when too much is under way.
    func enqueue(_ fresh: FreshMessage) {
        let message = fresh.message
        let now = now()
        var ready: [RecipientState] = []
        ready.reserveCapacity(fresh.recipients.count)
        let isFull = isStopping || activeGroups >= Limits.readyGroups
        for (recipient, due) in fresh.recipients {
            if comesInDoubt(recipient, of: message) { continue }
            if isFull || due > now {
                schedule.push(
                    DueHeap.Entry(due: due, message: message.facts.id, number: recipient.number))
            } else {
                ready.append(recipient)
            }
        }
        enqueue(admitted(ready, of: message), of: message)
        if message.groupCount == 0 { contents.release(message) }
    }

    // MARK: What is due

    /// Takes what is due from the schedule, as much as may be under way.
    func runSchedule() {
        isScheduleTurnPending = false
        guard !isStopping else { return }
        let turn = DueTurn(
            from: &schedule, queue: queue, dueBy: now(),
            groupsMax: min(Limits.groupsPerTurn, Limits.readyGroups - activeGroups))
        for queued in turn.messages {
            let message = ActiveMessage(facts: MessageFacts(queued))
            let recipients = queued.recipients.map {
                RecipientState($0, receivedAt: queued.receivedAt)
            }
            enqueue(admitted(recipients, of: message), of: message)
        }
        pumpTouched()
        armScheduleTimer()
    }

    /// Sees to it that ``runSchedule()`` is called when the next recipient is due.
    func armScheduleTimer() {
        guard !isStopping, !isScheduleTurnPending, let due = schedule.firstDue else { return }
        let now = now()
        if due <= now {
            // Full: outcomes call again.
            guard activeGroups < Limits.readyGroups else { return }
            isScheduleTurnPending = true
            eventLoop.assumeIsolated().execute { self.runSchedule() }
            return
        }
        if let armed = scheduleTimerDue, armed <= due, armed > now { return }
        scheduleTimer?.cancel()
        scheduleTimerDue = due
        scheduleTimer = eventLoop.assumeIsolated().scheduleTask(in: wait(until: due)) {
            self.scheduleTimerDue = nil
            self.runSchedule()
        }
    }

    // MARK: Into groups

    /// Recipients that may be sent to now, by destination.
    private func enqueue(_ recipients: [RecipientState], of message: ActiveMessage) {
        guard !recipients.isEmpty else { return }
        activeRecipients += recipients.count
        if recipients.count == 1 {
            return enqueueGroup(
                recipients, of: message, to: destination(of: recipients[0].mailbox.domain))
        }
        var groups: [ObjectIdentifier: Int] = [:]
        var parts: [(destination: Destination, recipients: [RecipientState])] = []
        for recipient in recipients {
            let destination = destination(of: recipient.mailbox.domain)
            if let index = groups[ObjectIdentifier(destination)] {
                parts[index].recipients.append(recipient)
            } else {
                groups[ObjectIdentifier(destination)] = parts.count
                parts.append((destination, [recipient]))
            }
        }
        for part in parts {
            let size = max(1, part.destination.route.recipientsPerTransactionMax)
            for start in stride(from: 0, to: part.recipients.count, by: size) {
                let end = min(start + size, part.recipients.count)
                enqueueGroup(
                    Array(part.recipients[start..<end]), of: message, to: part.destination)
            }
        }
    }

    private func enqueueGroup(
        _ recipients: [RecipientState], of message: ActiveMessage, to destination: Destination
    ) {
        activeGroups += 1
        message.groupCount += 1
        // What waits for the end of a backoff need not take memory meanwhile.
        if destination.isBackingOff { contents.release(message) }
        destination.enqueue(
            DeliveryGroup(message: message, recipients: recipients, readySince: monotonic()))
        touched(destination)
    }

    /// The destination of a domain's recipients.
    private func destination(of domain: String) -> Destination {
        if let destination = destinationOfDomain[domain], !destination.isForgotten {
            return destination
        }
        if destinationOfDomain.count >= Limits.rememberedDomains {
            destinationOfDomain.removeAll(keepingCapacity: true)
        }
        let key = policy.router.destination(for: domain)
        let destination =
            destinations[key]
            ?? Destination(engine: self, key: key, route: policy.router.route(for: domain))
        destinations[key] = destination
        destinationOfDomain[domain] = destination
        return destination
    }

    /// The group is done with, whatever became of it.
    func finished(_ group: DeliveryGroup) {
        activeGroups -= 1
        group.message.groupCount -= 1
        if group.message.groupCount == 0 { contents.release(group.message) }
        if schedule.firstDue != nil { armScheduleTimer() }
    }
}
