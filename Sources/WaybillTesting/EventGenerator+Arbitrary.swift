package import MailEvents
import MailModel

extension EventGenerator {
    /// Events without rhyme or reason that a log may still hold: every type, extreme numbers,
    /// texts of every kind, times that jump. Not part of the stream of ``events(_:)``.
    package mutating func arbitraryEvents(
        _ count: Int, firstSequence: UInt64, epoch: UInt32
    ) -> [RecordedEvent] {
        (0..<UInt64(count)).map { index in
            if random.oneIn(20) { clock.microseconds = Int64(bitPattern: random.next()) }
            return RecordedEvent(
                sequence: firstSequence &+ index, epoch: epoch,
                event: Event(time: clock, fact: arbitraryFact(firstSequence &+ index, epoch)))
        }
    }

    private mutating func arbitraryFact(_ sequence: UInt64, _ epoch: UInt32) -> Fact {
        switch random.below(13) {
        case 0: .received(arbitraryReceived(sequence, epoch))
        case 1:
            .queued(
                RecipientQueued(
                    recipient: recipient(), due: time(),
                    notify: NotifyOn(rawValue: UInt8(random.below(256))),
                    originalRecipient: text()))
        case 2:
            .deferred(
                DeliveryDeferred(
                    recipient: recipient(), attempt: attempt(), class: bounceClass(),
                    saidBy: saidBy(), nextDue: time(), inDoubt: random.oneIn(2)))
        case 3: .delivered(DeliverySucceeded(recipient: recipient(), attempt: attempt()))
        case 4:
            .bounced(
                DeliveryBounced(
                    recipient: recipient(), attempt: attempt(), class: bounceClass(),
                    saidBy: saidBy()))
        case 5:
            .expired(
                DeliveryExpired(
                    recipient: recipient(), attempt: attempt(), class: bounceClass(),
                    saidBy: saidBy()))
        case 6: .attempted(DeliveryAttempted(recipient: recipient(), attempt: attempt()))
        case 7:
            .rejected(
                SessionRejected(
                    listener: text(), clientAddress: text(), clientName: text(), identity: text(),
                    sessionID: text(), command: text(), reversePath: text(), forwardPath: text(),
                    reply: reply()))
        case 8:
            .epochStarted(EpochStarted(epoch: UInt32(number32()), site: text(), reason: text()))
        case 9: .configurationApplied(ConfigurationApplied(digest: text(), version: text()))
        case 10, 11: arbitraryControl()
        default:
            .unknown(
                type: random.pick([0, 37, 38, 39, 41, 42, 63, 64, 200, .max]) ?? 0,
                message: random.oneIn(2) ? nil : message())
        }
    }

    private mutating func arbitraryReceived(_ sequence: UInt64, _ epoch: UInt32) -> MessageReceived
    {
        MessageReceived(
            reversePath: random.oneIn(3)
                ? .null : .mailbox(Mailbox(localPart: text() + "x", domain: text())),
            sizeOctets: number64(),
            contentSHA256: random.oneIn(4)
                ? Array(repeating: 0, count: 32) : (0..<32).map { _ in UInt8(random.below(256)) },
            recipientCount: number32(), tenant: text(), campaign: text(),
            body: BodyType(rawValue: UInt8(random.below(3))) ?? .sevenBit,
            smtpUTF8: random.oneIn(2),
            returnContent: ReturnContent(rawValue: UInt8(random.below(3))) ?? .unspecified,
            envelopeID: text(),
            session: IngressSession(
                listener: text(), serverName: text(),
                transmissionType: random.pick(TransmissionType.allCases) ?? .local,
                clientAddress: text(), clientName: text(), identity: text(), sessionID: text(),
                tlsVersion: text(), tlsCipher: text()),
            ackLevel: number32(), idempotencyKey: text(),
            suppliedFields: SuppliedFields(rawValue: UInt8(random.below(256))),
            reportsOn: random.oneIn(2) ? nil : message(), headerMessageID: text(),
            metadata: MessageMetadata(
                stored: random.oneIn(2) ? text() : [text(), text(), text()].joined(separator: "\0"))
        )
    }

    mutating func recipient() -> RecipientReference {
        RecipientReference(
            message: message(), number: number32(),
            mailbox: Mailbox(localPart: text(), domain: text()), tenant: text(), campaign: text())
    }

    mutating func message() -> MessageID {
        MessageID(epoch: UInt32(max(1, number32())), sequence: UInt64(number64()) &+ 2)
    }

    private mutating func attempt() -> Attempt {
        Attempt(
            number: number32(), reply: reply(), command: text(),
            peer: random.oneIn(3)
                ? nil
                : DeliveryPeer(
                    host: text(), address: text(), port: number32() | 1, sourceAddress: text(),
                    tlsVersion: text(), tlsCipher: text()),
            waitedMicroseconds: number64(), connectingMicroseconds: number64(),
            transactionMicroseconds: number64())
    }

    private mutating func reply() -> Reply {
        Reply(
            UInt16(truncatingIfNeeded: number32()),
            random.oneIn(2)
                ? nil
                : EnhancedStatusCode(
                    UInt8(random.below(255) + 1), UInt16(random.below(1000)),
                    UInt16(random.below(1000))), text())
    }

    mutating func bounceClass() -> BounceClass {
        random.pick(BounceClass.allCases) ?? .none
    }

    mutating func saidBy() -> SaidBy { SaidBy(rawValue: UInt8(random.below(5))) ?? .remote }

    mutating func time() -> EventTime {
        random.oneIn(3) ? clock : EventTime(microseconds: Int64(bitPattern: random.next()))
    }

    private mutating func number32() -> Int {
        Int(random.pick([0, 0, 1, 127, 128, 65_535, 65_536, Int(UInt32.max)]) ?? 0)
    }

    private mutating func number64() -> Int {
        random.pick([0, 0, 1, 127, 128, 16_384, 1 << 40, Int.max]) ?? 0
    }

    mutating func text() -> String {
        switch random.below(12) {
        case 0..<4: return ""
        case 4: return word()
        case 5: return "\"a b\\c\"\t\r\n\u{1}\u{7f}\u{0}\u{8}\u{c}\u{2028}/"
        case 6: return "j\u{fc}rgen\u{1F4EC}\u{4f60}\u{597d}"
        case 7: return "ju\u{308}rgen"
        case 8: return String(repeating: word(), count: 1 + random.below(60))
        case 9: return token(7)
        case 10: return token(8)
        default: return token(1 + random.below(40))
        }
    }
}
