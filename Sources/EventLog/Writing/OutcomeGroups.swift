/// The outcomes of a commit, collected for each observer.
///
/// Concurrency: bound to its owner.
struct OutcomeGroups {
    private var observers: [any AppendObserver] = []
    private var outcomes: [[AppendOutcome]] = []
    private var indices: [ObjectIdentifier: Int] = [:]
    private var last = -1

    /// Adds an outcome; an append without observer has nobody to tell.
    mutating func add(_ observer: (any AppendObserver)?, _ outcome: AppendOutcome) {
        guard let observer else { return }
        if last < 0 || observers[last] !== observer {
            let identifier = ObjectIdentifier(observer)
            if let known = indices[identifier] {
                last = known
            } else {
                last = observers.count
                indices[identifier] = last
                observers.append(observer)
                outcomes.append([])
            }
        }
        outcomes[last].append(outcome)
    }

    /// Tells every observer its outcomes, and forgets them.
    mutating func deliver() {
        for (observer, outcomes) in zip(observers, outcomes) {
            observer.appendsCompleted(outcomes)
        }
        observers.removeAll(keepingCapacity: true)
        outcomes.removeAll(keepingCapacity: true)
        indices.removeAll(keepingCapacity: true)
        last = -1
    }
}
