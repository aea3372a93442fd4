import EventLog
import MailEvents
import MailModel
import Testing
import WaybillTesting

@Suite("Codec: resolving events of an append")
struct ResolveTests {
    let codec = MailEventCodec()

    private func recipient(_ message: MessageID) -> RecipientReference {
        RecipientReference(
            message: message, number: 0, mailbox: Mailbox(localPart: "a", domain: "b.example"))
    }

    private func resolved(_ fact: Fact, notBefore: Int64 = 0, time: Int64 = 50) -> Event {
        var event = Event(time: EventTime(microseconds: time), fact: fact)
        let returned = codec.resolve(
            &event, epoch: 3, appendFirstSequence: 100, notBefore: notBefore)
        #expect(returned == event.time.microseconds)
        return event
    }

    @Test("Ids that count from the start of the append become positions")
    func relative() {
        let attempt = Attempt(number: 1, reply: Reply(250, nil, "ok"), command: "dot")
        let id = MessageID(epoch: 3, sequence: 107)
        let given = recipient(.inThisAppend(at: 7))
        let facts: [(Fact, Fact)] = [
            (
                .queued(RecipientQueued(recipient: given, due: EventTime(microseconds: 1))),
                .queued(RecipientQueued(recipient: recipient(id), due: EventTime(microseconds: 1)))
            ),
            (
                .delivered(DeliverySucceeded(recipient: given, attempt: attempt)),
                .delivered(DeliverySucceeded(recipient: recipient(id), attempt: attempt))
            ),
            (
                .attempted(DeliveryAttempted(recipient: given, attempt: attempt)),
                .attempted(DeliveryAttempted(recipient: recipient(id), attempt: attempt))
            ),
            (
                .bounced(
                    DeliveryBounced(
                        recipient: given, attempt: attempt, class: .none, saidBy: .local)
                ),
                .bounced(
                    DeliveryBounced(
                        recipient: recipient(id), attempt: attempt, class: .none, saidBy: .local))
            ),
            (
                .cancelled(
                    ControlOrder(selector: RecipientSelector(message: .inThisAppend(at: 7)))),
                .cancelled(ControlOrder(selector: RecipientSelector(message: id)))
            ),
            (
                .complained(RecipientComplained(recipient: given, feedbackType: "abuse")),
                .complained(RecipientComplained(recipient: recipient(id), feedbackType: "abuse"))
            ),
            (
                .unknown(type: 99, message: .inThisAppend(at: 7)),
                .unknown(type: 99, message: id)
            ),
        ]
        for (fact, expected) in facts { #expect(resolved(fact).fact == expected) }
    }

    @Test("The message a notification reports on may be in the same append")
    func reportsOn() {
        var fact = received()
        fact.reportsOn = .inThisAppend(at: 2)
        guard case .received(let result) = resolved(.received(fact)).fact else { return }
        #expect(result.reportsOn == MessageID(epoch: 3, sequence: 102))
        fact.reportsOn = MessageID(epoch: 1, sequence: 2)
        #expect(resolved(.received(fact)).fact == .received(fact))
    }

    @Test("A time before the last one written is raised to it, due times stay")
    func clamped() {
        let fact = Fact.queued(
            RecipientQueued(
                recipient: recipient(MessageID(epoch: 1, sequence: 1)),
                due: EventTime(microseconds: 60)))
        #expect(resolved(fact, notBefore: 80).time.microseconds == 80)
        #expect(resolved(fact, notBefore: 80).fact == fact)
        #expect(resolved(fact, notBefore: 50).time.microseconds == 50)
        #expect(resolved(fact, notBefore: -1).time.microseconds == 50)
    }

    @Test("An end at the event's own time stays an end: zero microseconds later would mean never")
    func ends() {
        let order = ControlOrder(selector: RecipientSelector(domain: "b.example"))
        let address = SuppressedAddress(domain: "b.example")
        func end(_ fact: Fact) -> Int64? {
            switch resolved(fact, notBefore: 80).fact {
            case .suspended(let fact): fact.until?.microseconds
            case .suppressed(let fact): fact.expires?.microseconds
            default: nil
            }
        }
        for (given, expected) in [(80, 81), (79, 79), (90, 90)] as [(Int64, Int64)] {
            let time = EventTime(microseconds: given)
            #expect(end(.suspended(DeliverySuspended(order: order, until: time))) == expected)
            #expect(
                end(.suppressed(AddressSuppressed(address: address, expires: time))) == expected)
        }
        #expect(end(.suspended(DeliverySuspended(order: order))) == nil)
        #expect(end(.suppressed(AddressSuppressed(address: address))) == nil)
    }

    @Test("Followers see what readers will decode, also of values that no column holds")
    func storable() throws {
        var odd = received()
        odd.sizeOctets = -1
        odd.contentSHA256 = [1, 2]
        odd.recipientCount = -5
        odd.ackLevel = 1 << 40
        odd.reversePath = .mailbox(Mailbox(localPart: "", domain: ""))
        let peer = DeliveryPeer(host: "", address: "", port: 0, sourceAddress: "")
        let attempt = Attempt(
            number: -1, reply: Reply(250, EnhancedStatusCode(0, 0, 0), ""), command: "",
            peer: peer, waitedMicroseconds: -7, connectingMicroseconds: -7,
            transactionMicroseconds: -7)
        var other = attempt
        other.reply.status = EnhancedStatusCode(5, 4000, 7)
        other.peer = DeliveryPeer(host: "h", address: "", port: -3, sourceAddress: "")
        var one = recipient(MessageID(epoch: 3, sequence: 100))
        one.number = -1
        let events = [
            resolved(.received(odd)),
            resolved(.delivered(DeliverySucceeded(recipient: one, attempt: attempt))),
            resolved(.attempted(DeliveryAttempted(recipient: one, attempt: other))),
            resolved(.unknown(type: 2, message: nil)),
        ]
        var bytes: [UInt8] = []
        codec.encode(events, firstSequence: 100, epoch: 3, firstTime: 50, into: &bytes)
        let decoded = try MailEventDecoder.decode(
            bytes, firstSequence: 100, epoch: 3, firstTime: 50)
        #expect(decoded.map(\.event) == events)
        #expect(events[3].fact == .unknown(type: 0, message: nil))
    }

    private func received() -> MessageReceived {
        MessageReceived(
            reversePath: .null, sizeOctets: 1, contentSHA256: Array(repeating: 1, count: 32),
            recipientCount: 1,
            session: IngressSession(listener: "l", serverName: "s", transmissionType: .local))
    }
}
