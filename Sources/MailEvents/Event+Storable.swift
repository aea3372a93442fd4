import MailModel

// What the columns cannot hold is put right before the log's followers see the events, so that they
// see exactly what a reader will decode. It does not happen with events that the server makes.

extension Event {
    /// Resolves relative ids and brings every value into the range of its column.
    mutating func makeStorable(epoch: UInt32, appendFirst: UInt64) {
        switch fact {
        case .received(var fact) where !fact.isStorable || fact.reportsOn?.isRelative == true:
            fact.makeStorable()
            fact.contentPieces = fact.contentPieces.map {
                ContentPiece.resolved($0, appendFirst: appendFirst)
            }
            fact.reportsOn = fact.reportsOn?.resolved(epoch: epoch, appendFirst: appendFirst)
            self.fact = .received(fact)
        case .queued(var fact) where !fact.recipient.isFinal:
            fact.recipient.makeFinal(epoch: epoch, appendFirst: appendFirst)
            self.fact = .queued(fact)
        case .deferred(var fact) where !fact.recipient.isFinal || !fact.attempt.isStorable:
            fact.recipient.makeFinal(epoch: epoch, appendFirst: appendFirst)
            fact.attempt.makeStorable()
            self.fact = .deferred(fact)
        case .delivered(var fact) where !fact.recipient.isFinal || !fact.attempt.isStorable:
            fact.recipient.makeFinal(epoch: epoch, appendFirst: appendFirst)
            fact.attempt.makeStorable()
            self.fact = .delivered(fact)
        case .bounced(var fact) where !fact.recipient.isFinal || !fact.attempt.isStorable:
            fact.recipient.makeFinal(epoch: epoch, appendFirst: appendFirst)
            fact.attempt.makeStorable()
            self.fact = .bounced(fact)
        case .expired(var fact) where !fact.recipient.isFinal || !fact.attempt.isStorable:
            fact.recipient.makeFinal(epoch: epoch, appendFirst: appendFirst)
            fact.attempt.makeStorable()
            self.fact = .expired(fact)
        case .attempted(var fact) where !fact.recipient.isFinal || !fact.attempt.isStorable:
            fact.recipient.makeFinal(epoch: epoch, appendFirst: appendFirst)
            fact.attempt.makeStorable()
            self.fact = .attempted(fact)
        case .rejected(var fact) where !fact.reply.isStorable:
            fact.reply.makeStorable()
            self.fact = .rejected(fact)
        case .suspended(var fact) where fact.until == time || fact.order.isRelative:
            fact.order.resolve(epoch: epoch, appendFirst: appendFirst)
            if fact.until == time { fact.until = time.nextMicrosecond }
            self.fact = .suspended(fact)
        case .resumed(var order) where order.isRelative:
            order.resolve(epoch: epoch, appendFirst: appendFirst)
            self.fact = .resumed(order)
        case .rebound(var order) where order.isRelative:
            order.resolve(epoch: epoch, appendFirst: appendFirst)
            self.fact = .rebound(order)
        case .cancelled(var order) where order.isRelative:
            order.resolve(epoch: epoch, appendFirst: appendFirst)
            self.fact = .cancelled(order)
        default: makeOtherStorable(epoch: epoch, appendFirst: appendFirst)
        }
    }

    private mutating func makeOtherStorable(epoch: UInt32, appendFirst: UInt64) {
        switch fact {
        case .suppressed(var fact) where fact.expires == time || fact.message?.isRelative == true:
            fact.message = fact.message?.resolved(epoch: epoch, appendFirst: appendFirst)
            if fact.expires == time { fact.expires = time.nextMicrosecond }
            self.fact = .suppressed(fact)
        case .unsuppressed(var fact) where fact.message?.isRelative == true:
            fact.message = fact.message?.resolved(epoch: epoch, appendFirst: appendFirst)
            self.fact = .unsuppressed(fact)
        case .complained(var fact) where !fact.recipient.isFinal:
            fact.recipient.makeFinal(epoch: epoch, appendFirst: appendFirst)
            self.fact = .complained(fact)
        case .bouncedLater(var fact) where !fact.recipient.isFinal:
            fact.recipient.makeFinal(epoch: epoch, appendFirst: appendFirst)
            self.fact = .bouncedLater(fact)
        case .contentReceived(var fact) where !fact.isStorable:
            fact.makeStorable()
            self.fact = .contentReceived(fact)
        case .unknown(let type, let message):
            self.fact = .unknown(
                type: Fact.isDescribed(type: type) ? 0 : type,
                message: message?.resolved(epoch: epoch, appendFirst: appendFirst))
        case .received, .queued, .deferred, .delivered, .bounced, .expired, .attempted,
            .rejected, .epochStarted, .configurationApplied, .suspended, .resumed, .rebound,
            .cancelled, .suppressed, .unsuppressed, .complained, .bouncedLater, .contentReceived,
            .lost:
            break
        }
    }
}

extension Fact {
    /// Whether the number is that of a type with its own case, which ``unknown(type:message:)``
    /// must not claim.
    static func isDescribed(type: UInt32) -> Bool {
        EventType(rawValue: type)?.isDescribed ?? false
    }
}

extension MessageReceived {
    fileprivate var isStorable: Bool {
        contentSHA256.count == 32 && sizeOctets >= 0 && UInt32(exactly: recipientCount) != nil
            && UInt32(exactly: ackLevel) != nil && !hasEmptyMailbox
            && !contentPieces.contains(where: ContentPiece.isRelative)
    }

    private var hasEmptyMailbox: Bool {
        guard case .mailbox(let mailbox) = reversePath else { return false }
        return mailbox.localPart.isEmpty && mailbox.domain.isEmpty
    }

    fileprivate mutating func makeStorable() {
        if contentSHA256.count != 32 {
            contentSHA256 = Array((contentSHA256 + Array(repeating: 0, count: 32)).prefix(32))
        }
        sizeOctets = max(0, sizeOctets)
        recipientCount = recipientCount.clampedToUInt32
        ackLevel = ackLevel.clampedToUInt32
        if hasEmptyMailbox { reversePath = .null }
    }
}

extension ContentReceived {
    fileprivate var isStorable: Bool { contentSHA256.count == 32 && sizeOctets >= 0 }

    fileprivate mutating func makeStorable() {
        contentSHA256 = Array((contentSHA256 + Array(repeating: 0, count: 32)).prefix(32))
        sizeOctets = max(0, sizeOctets)
    }
}

extension RecipientReference {
    fileprivate var isFinal: Bool { !message.isRelative && UInt32(exactly: number) != nil }

    fileprivate mutating func makeFinal(epoch: UInt32, appendFirst: UInt64) {
        message = message.resolved(epoch: epoch, appendFirst: appendFirst)
        number = number.clampedToUInt32
    }
}

extension ControlOrder {
    fileprivate var isRelative: Bool { selector.message?.isRelative == true }

    fileprivate mutating func resolve(epoch: UInt32, appendFirst: UInt64) {
        selector.message = selector.message?.resolved(epoch: epoch, appendFirst: appendFirst)
    }
}

extension EventTime {
    /// What stands for an end at the event's own time, because zero microseconds later means never.
    fileprivate var nextMicrosecond: EventTime { EventTime(microseconds: microseconds &+ 1) }
}

extension Attempt {
    fileprivate var isStorable: Bool {
        UInt32(exactly: number) != nil && reply.isStorable && waitedMicroseconds >= 0
            && connectingMicroseconds >= 0 && transactionMicroseconds >= 0
            && peer?.isStorable ?? true
    }

    fileprivate mutating func makeStorable() {
        number = number.clampedToUInt32
        reply.makeStorable()
        waitedMicroseconds = max(0, waitedMicroseconds)
        connectingMicroseconds = max(0, connectingMicroseconds)
        transactionMicroseconds = max(0, transactionMicroseconds)
        if let peer, !peer.isStorable { self.peer = peer.storable }
    }
}

extension DeliveryPeer {
    fileprivate var isStorable: Bool {
        UInt32(exactly: port) != nil && (port > 0 || !host.isEmpty || !address.isEmpty)
    }

    fileprivate var storable: DeliveryPeer? {
        let peer = DeliveryPeer(
            host: host, address: address, port: port.clampedToUInt32, sourceAddress: sourceAddress,
            tlsVersion: tlsVersion, tlsCipher: tlsCipher)
        let texts = [host, address, sourceAddress, tlsVersion, tlsCipher]
        return peer.port == 0 && texts.allSatisfy(\.isEmpty) ? nil : peer
    }
}

extension Reply {
    fileprivate var isStorable: Bool {
        guard let status else { return true }
        return status.subject <= 999 && status.detail <= 999
            && (status.class > 0 || status.subject > 0 || status.detail > 0)
    }

    fileprivate mutating func makeStorable() {
        guard let code = status, !isStorable else { return }
        let subject = min(code.subject, 999)
        let detail = min(code.detail, 999)
        status =
            code.class == 0 && subject == 0 && detail == 0
            ? nil : EnhancedStatusCode(code.class, subject, detail)
    }
}

extension Int {
    /// The nearest number that 32 unsigned bits hold.
    fileprivate var clampedToUInt32: Int { Int(UInt32(clamping: self)) }
}
