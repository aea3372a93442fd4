/// Answers by name, each until its time is over; bounded.
///
/// Two generations: what is used moves to the young one, and when that is full the old one is
/// dropped. So the names unused for longest go, without a list to keep.
///
/// Concurrency: value.
struct AnswerCache<Answer: Sendable>: Sendable {
    private struct Entry {
        var answer: Answer
        var expires: Int64
    }

    private let capacity: Int
    private var young: [String: Entry] = [:]
    private var old: [String: Entry] = [:]

    /// Creates a cache for so many names; 0 keeps nothing.
    init(capacity: Int) { self.capacity = capacity }

    /// Names in the cache, expired ones included.
    var count: Int { young.count + old.count }

    /// The answer if it still holds; `now` in monotonic milliseconds.
    mutating func answer(for name: String, now: Int64) -> Answer? {
        if let entry = young[name] { return entry.expires > now ? entry.answer : nil }
        guard let entry = old.removeValue(forKey: name), entry.expires > now else { return nil }
        store(entry, name)
        return entry.answer
    }

    /// Keeps an answer for so many seconds.
    mutating func insert(_ answer: Answer, for name: String, seconds: Int, now: Int64) {
        guard capacity > 0, seconds > 0 else { return }
        old[name] = nil
        store(Entry(answer: answer, expires: now + Int64(seconds) * 1000), name)
    }

    private mutating func store(_ entry: Entry, _ name: String) {
        if young.count >= max(1, capacity / 2), young[name] == nil {
            old = young
            young = [:]
        }
        young[name] = entry
    }
}
