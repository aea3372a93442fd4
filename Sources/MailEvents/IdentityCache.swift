/// Remembers the string numbers of objects already encoded in this batch, by identity.
///
/// Direct-mapped: a collision only costs the look-up of the strings. The events of the batch keep
/// their objects alive, so an identity means the same object until ``removeAll()``.
///
/// Concurrency: value.
struct IdentityCache<Value> {
    private struct Slot {
        var batch: UInt32 = 0
        var identity: UInt = 0
        var value: Value
    }

    private var slots: [Slot]
    private var batch: UInt32 = 1

    /// Creates an empty cache; `empty` fills the unused slots.
    init(empty: Value) {
        slots = Array(repeating: Slot(value: empty), count: 256)
    }

    /// What was remembered of the object in this batch.
    @inline(__always)
    func value(of object: AnyObject) -> Value? {
        let identity = UInt(bitPattern: ObjectIdentifier(object))
        let slot = Self.slot(identity)
        guard slots[slot].batch == batch, slots[slot].identity == identity else { return nil }
        return slots[slot].value
    }

    /// Remembers.
    mutating func remember(_ value: Value, of object: AnyObject) {
        let identity = UInt(bitPattern: ObjectIdentifier(object))
        slots[Self.slot(identity)] = Slot(batch: batch, identity: identity, value: value)
    }

    /// Begins a new batch.
    mutating func removeAll() {
        batch &+= 1
        if batch == 0 {
            for slot in slots.indices { slots[slot].batch = 0 }
            batch = 1
        }
    }

    /// Objects lie 16 octets apart at least; a multiplication spreads the rest.
    @inline(__always)
    private static func slot(_ identity: UInt) -> Int {
        Int(truncatingIfNeeded: (UInt64(identity) &* 0x9E37_79B9_7F4A_7C15) >> 56)
    }
}
