import EventLog
import Synchronization
import Testing

@testable import Projections

@Suite("A pass for several projections")
struct FoldPassTests {
    /// Something went wrong with one projection.
    private struct Broken: Error {}

    /// What each projection was handed: the last events of batches.
    ///
    /// Concurrency: any thread.
    private final class Handed: Sendable {
        private let lasts = Mutex<[String: [UInt64]]>([:])

        func note(_ host: any ProjectionHost, _ batch: StoredBatch) {
            lasts.withLock { $0[host.paths.name, default: []].append(batch.lastSequence) }
        }

        subscript(name: String) -> [UInt64] { lasts.withLock { $0[name] ?? [] } }
    }

    private func site() async throws -> WordSite {
        let site = try WordSite()
        // About twenty words in a batch: some ten chunks.
        try await site.chatter(13_000)
        return site
    }

    private func hosts(_ site: WordSite) throws -> [any ProjectionHost] {
        try site.registry.all.map { definition in
            let host = definition.host(
                directory: site.projections, log: site.log.reader,
                options: HostOptions(splitter: site.registry.splitter))
            _ = try host.open()
            return host
        }
    }

    @Test("Each applies every batch in order, and what all have applied is told in order")
    func everything() async throws {
        let site = try await site()
        let hosts = try hosts(site)
        let handed = Handed()
        var told: [UInt64] = []
        var pass = FoldPass(log: site.log.reader) { sequence in
            // Nobody is behind what is told.
            #expect(hosts.allSatisfy { $0.sequence >= sequence })
            told.append(sequence)
            return true
        } failed: { _, error in
            Issue.record("\(error)")
        }
        pass.apply = { host, batch in
            handed.note(host, batch)
            try host.apply(batch)
        }
        #expect(try pass.run(hosts, through: 13_000))
        #expect(hosts.map(\.sequence) == [13_000, 13_000])
        #expect(handed["words"] == handed["journal"])
        #expect(handed["words"] == handed["words"].sorted())
        #expect(told == told.sorted() && told.last == 13_000 && told.count > 5)
        for host in hosts {
            #expect(host.digest().digest == (try site.replayed(host.paths.name)))
        }
    }

    @Test("One that cannot go on takes no further part, and the others are not held up")
    func oneFails() async throws {
        let site = try await site()
        let hosts = try hosts(site)
        let handed = Handed()
        var failures: [String] = []
        var pass = FoldPass(log: site.log.reader) { _ in
            true
        } failed: { host, error in
            #expect(error is Broken)
            failures.append(host.paths.name)
        }
        pass.apply = { host, batch in
            handed.note(host, batch)
            if host.paths.name == "words", batch.lastSequence > 4000 { throw Broken() }
            try host.apply(batch)
        }
        #expect(try pass.run(hosts, through: 13_000))
        #expect(failures == ["words"])
        let journal = try #require(hosts.first { $0.paths.name == "journal" })
        let words = try #require(hosts.first { $0.paths.name == "words" })
        #expect(journal.sequence == 13_000)
        #expect(words.sequence <= 4000 && words.sequence > 3900)
        #expect(handed["words"].filter { $0 > 4000 }.count == 1)
    }

    @Test("What is thrown after a batch or a chunk is a failure of that projection too")
    func allFail() async throws {
        let site = try await site()
        let hosts = try hosts(site)
        var failures: Set<String> = []
        var pass = FoldPass(log: site.log.reader) { _ in
            true
        } failed: { host, _ in
            failures.insert(host.paths.name)
        }
        pass.applied = { if $0.paths.name == "words", $0.sequence > 2000 { throw Broken() } }
        pass.appliedChunk = { if $0.paths.name == "journal" { throw Broken() } }
        #expect(try pass.run(hosts, through: 13_000))
        #expect(failures == ["words", "journal"])
        #expect(hosts.allSatisfy { $0.sequence < 4000 })
    }

    @Test("A pass that is ended applies nothing more once it has returned")
    func ended() async throws {
        let site = try await site()
        let hosts = try hosts(site)
        let handed = Handed()
        var pass = FoldPass(log: site.log.reader) {
            $0 < 3000
        } failed: { _, error in
            Issue.record("\(error)")
        }
        pass.apply = { host, batch in
            handed.note(host, batch)
            try host.apply(batch)
        }
        #expect(try pass.run(hosts, through: 13_000) == false)
        let before = (handed["words"].count, handed["journal"].count)
        try await Task.sleep(for: .milliseconds(50))
        #expect(handed["words"].count == before.0 && handed["journal"].count == before.1)
        // At most a few chunks further than was told.
        #expect(hosts.allSatisfy { $0.sequence >= 2000 && $0.sequence < 13_000 })
    }
}
