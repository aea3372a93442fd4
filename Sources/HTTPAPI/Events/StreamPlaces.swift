import Synchronization

/// How many of something are open, at most a number.
///
/// Concurrency: any thread; one atomic number.
final class StreamPlaces: Sendable {
    private let limit: Int
    private let what: String
    private let taken = Atomic<Int>(0)

    /// `what` is named in the plural when there are too many.
    init(limit: Int, of what: String = "event streams") {
        self.limit = limit
        self.what = what
    }

    /// Open now.
    var count: Int { taken.load(ordering: .relaxed) }

    /// Takes a place, which is given back when the value goes; throws 503 when there is none.
    func enter() throws(Problem) -> Place {
        let place = Place(self)
        guard taken.add(1, ordering: .relaxed).newValue <= limit else {
            throw Problem(.overloaded, "There are too many \(what); try again.")
        }
        return place
    }

    /// One place.
    ///
    /// Concurrency: any thread.
    final class Place: Sendable {
        private let places: StreamPlaces

        init(_ places: StreamPlaces) { self.places = places }

        deinit { places.taken.subtract(1, ordering: .relaxed) }
    }
}
