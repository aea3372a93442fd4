/// A recipient of whom something is still to come.
///
/// Concurrency: value.
struct TrafficRecipient: Sendable {
    /// Sequence of its `received`.
    var message: UInt64
    var receivedAt: Int64
    /// A random number that everything about the person follows from.
    var person: UInt64
    var domain: Int32
    var tenant: Int16
    var number: Int16
    var attempts: Int16
    /// Of a campaign that goes out in a burst.
    var isBulk: Bool
    var campaign: String
}

/// Recipients in places that are used again.
///
/// Concurrency: value.
struct TrafficRecipients: Sendable {
    private var places: [TrafficRecipient] = []
    private var free: [Int32] = []

    /// How many there are.
    var count: Int { places.count - free.count }

    subscript(place: Int32) -> TrafficRecipient {
        get { places[Int(place)] }
        set { places[Int(place)] = newValue }
    }

    /// Adds one and returns its place.
    mutating func add(_ recipient: TrafficRecipient) -> Int32 {
        if let place = free.popLast() {
            places[Int(place)] = recipient
            return place
        }
        places.append(recipient)
        return Int32(places.count - 1)
    }

    /// Nothing is to come for this one any more.
    mutating func remove(_ place: Int32) { free.append(place) }
}
