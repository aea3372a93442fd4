import Projections

/// What is counted of a subject: a server, client, campaign, domain, provider or source address.
///
/// Each number is of events, but for ``octets``. What an event says twice is counted twice.
///
/// Concurrency: value.
package struct DeliveryCounters: Hashable, Sendable {
    /// Messages accepted.
    package var received = 0
    /// Octets of their content as stored, each message once.
    package var octets = 0
    /// Recipients queued.
    package var queued = 0
    /// Recipients delivered.
    package var delivered = 0
    /// Attempts that failed for now.
    package var deferred = 0
    /// Recipients that failed for good.
    package var bounced = 0
    /// Recipients given up because of age.
    package var expired = 0
    /// Attempts after a recipient's first.
    package var retries = 0
    /// Attempts whose reply to the final dot was lost.
    package var inDoubt = 0
    /// Commands refused at ingress.
    package var rejected = 0
    /// Complaints of recipients about what was delivered to them.
    package var complained = 0
    /// Deliveries that were returned afterwards.
    package var bouncedLater = 0

    /// Nothing counted.
    package init() {}

    /// Recipients that are final.
    package var final: Int { delivered &+ bounced &+ expired }
    /// Recipients queued that are not final; never below 0.
    package var waiting: Int { max(0, queued &- final) }
    /// Attempts whose outcome is known: delivered, deferred and bounced.
    package var attempts: Int { delivered &+ deferred &+ bounced }
    /// Delivered of all that are final, 0 to 1; nil when none is.
    package var deliveryRate: Double? { Self.ratio(delivered, final) }
    /// Bounced and expired of all that are final, 0 to 1; nil when none is.
    package var bounceRate: Double? { Self.ratio(bounced &+ expired, final) }
    /// Deferred of all attempts, 0 to 1; nil when there was none.
    package var deferralRate: Double? { Self.ratio(deferred, attempts) }
    /// Complaints for each delivery; nil when there was none. In a short span it may be over 1: a
    /// complaint counts when it comes.
    package var complaintRate: Double? { Self.ratio(complained, delivered) }

    private static func ratio(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? Double(part) / Double(whole) : nil
    }

    /// Whether nothing was counted.
    package var isZero: Bool {
        received | octets | queued | delivered | deferred | bounced | expired | retries | inDoubt
            | rejected | complained | bouncedLater == 0
    }

    /// Adds what another counted.
    package static func += (left: inout DeliveryCounters, right: DeliveryCounters) {
        left.received &+= right.received
        left.octets &+= right.octets
        left.queued &+= right.queued
        left.delivered &+= right.delivered
        left.deferred &+= right.deferred
        left.bounced &+= right.bounced
        left.expired &+= right.expired
        left.retries &+= right.retries
        left.inDoubt &+= right.inDoubt
        left.rejected &+= right.rejected
        left.complained &+= right.complained
        left.bouncedLater &+= right.bouncedLater
    }

    // MARK: Rows

    private static let fields = 12

    /// In the order of the bits of ``write(to:)``; a new one is added at the end.
    @inline(__always)
    private func forEach(_ body: (Int) -> Void) {
        body(received)
        body(octets)
        body(queued)
        body(delivered)
        body(deferred)
        body(bounced)
        body(expired)
        body(retries)
        body(inDoubt)
        body(rejected)
        body(complained)
        body(bouncedLater)
    }

    /// A bit for each number that is not zero (varint), then those numbers (varints).
    func write(to row: inout RowWriter) {
        var mask: UInt64 = 0
        var bit: UInt64 = 1
        forEach { number in
            if number != 0 { mask |= bit }
            bit <<= 1
        }
        // Put together first, so that the row grows once.
        var part = CountersOctets()
        part.append(mask)
        forEach { if $0 != 0 { part.append(UInt64(bitPattern: Int64($0))) } }
        row.write(raw: part.octets.span.extracting(0..<part.count))
    }

    /// Reads what ``write(to:)`` wrote.
    init(_ reader: inout RowReader) {
        let mask = reader.varint()
        if mask >> Self.fields != 0 { reader.fail() }
        func next(_ index: Int) -> Int {
            guard mask & 1 << index != 0 else { return 0 }
            let number = Int(truncatingIfNeeded: reader.varint())
            if number == 0 { reader.fail() }
            return number
        }
        received = next(0)
        octets = next(1)
        queued = next(2)
        delivered = next(3)
        deferred = next(4)
        bounced = next(5)
        expired = next(6)
        retries = next(7)
        inDoubt = next(8)
        rejected = next(9)
        complained = next(10)
        bouncedLater = next(11)
    }
}

/// Counters as octets of a row: up to two of the mask and ten of each number.
///
/// Concurrency: value.
private struct CountersOctets {
    var octets = InlineArray<122, UInt8>(repeating: 0)
    var count = 0

    @inline(__always)
    mutating func append(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            octets[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        octets[count] = UInt8(truncatingIfNeeded: rest)
        count += 1
    }
}
