import Testing

@testable import Resolver

@Suite("Answer cache")
struct AnswerCacheTests {
    @Test("An answer holds for its seconds and not a millisecond longer")
    func expiry() {
        var cache = AnswerCache<Int>(capacity: 10)
        cache.insert(7, for: "a", seconds: 2, now: 1000)
        #expect(cache.answer(for: "a", now: 2999) == 7)
        #expect(cache.answer(for: "a", now: 3000) == nil)
        #expect(cache.answer(for: "b", now: 1000) == nil)
    }

    @Test("It stays within its capacity, and what is used survives")
    func bounded() {
        var cache = AnswerCache<Int>(capacity: 100)
        cache.insert(-1, for: "used", seconds: 1000, now: 0)
        for number in 0..<10_000 {
            cache.insert(number, for: "n\(number)", seconds: 1000, now: 0)
            #expect(cache.answer(for: "used", now: 0) == -1)
            #expect(cache.count <= 100)
        }
        #expect(cache.answer(for: "n9999", now: 0) == 9999)
        #expect(cache.answer(for: "n0", now: 0) == nil)
    }

    @Test("Capacity 0 keeps nothing")
    func none() {
        var cache = AnswerCache<Int>(capacity: 0)
        cache.insert(1, for: "a", seconds: 10, now: 0)
        #expect(cache.answer(for: "a", now: 0) == nil)
    }

    @Test("A newer answer replaces the one in the old generation")
    func replaced() {
        var cache = AnswerCache<Int>(capacity: 4)
        cache.insert(1, for: "a", seconds: 10, now: 0)
        cache.insert(2, for: "b", seconds: 10, now: 0)
        cache.insert(3, for: "c", seconds: 10, now: 0)
        cache.insert(4, for: "a", seconds: 10, now: 0)
        #expect(cache.answer(for: "a", now: 0) == 4)
    }
}
