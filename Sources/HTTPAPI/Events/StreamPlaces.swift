import Synchronization

/// How many event streams are open.
///
/// Concurrency: any thread; one atomic number.
final class StreamPlaces: Sendable {
    private let limit: Int
    private let taken = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// Streams open now.
    var count: Int { taken.load(ordering: .relaxed) }

    /// Takes a place, which is given back when the value goes; throws 503 when there is none.
    func enter() throws(Problem) -> Place {
        let place = Place(self)
        guard taken.add(1, ordering: .relaxed).newValue <= limit else {
            throw Problem(.overloaded, "Too many event streams are open.")
        }
        return place
    }

    /// One stream's place.
    ///
    /// Concurrency: any thread.
    final class Place: Sendable {
        private let places: StreamPlaces

        init(_ places: StreamPlaces) { self.places = places }

        deinit { places.taken.subtract(1, ordering: .relaxed) }
    }
}
