import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

@Suite("A pruned log of mail")
struct PruningTests {
    /// Events in several sealed segments, and the first sequences of these.
    private func makeSite(_ seed: UInt64) async throws -> (HistorySite, [UInt64]) {
        let site = try HistorySite(seed: seed)
        for _ in 0..<4 {
            try await site.write(300)
            _ = try await site.log.seal()
        }
        try await site.write(100)
        return (site, try site.log.reader.info().segments.map(\.firstSequence))
    }

    private func prune(_ site: HistorySite, before sequence: UInt64) throws -> PruneReport? {
        var configuration = EventLogConfiguration()
        configuration.crashPoints = CrashPoints(nil)
        let pruning = LogPruning(
            site.log.reader, codec: MailEventCodec(), configuration: configuration)
        var limits = PruneLimits()
        limits.beforeSequence = sequence
        let maker = BaseMaker(
            registry: MailProjections.all, directory: site.projections, log: site.log.reader)
        return try pruning.run(try pruning.plan(limits, needed: nil)) { cut throws(EventLogError) in
            try maker.signOff(cut)
        }
    }

    private func digest(_ projection: AnyProjection, _ site: HistorySite) throws -> [UInt8] {
        var request = AsOfRequest(
            directory: site.projections, log: site.log.reader, through: .max,
            splitter: MailBatchSplitter())
        request.source = .log
        return try projection.state(request).digest
    }

    @Test("every projection is what it was, cut after cut, from the base and the log alone")
    func digests() async throws {
        let (site, firsts) = try await makeSite(3)
        let before = try MailProjections.all.all.map { try digest($0, site) }
        for first in [firsts[1], firsts[3]] {
            let record = try #require(try prune(site, before: first)).record
            #expect(record.bases.count == MailProjections.all.all.count)
            #expect(try MailProjections.all.all.map { try digest($0, site) } == before)
        }
        try await site.write(50)
        let after = try MailProjections.all.all.map { try digest($0, site) }
        #expect(after != before)
    }

    @Test("the queue, the suppressed addresses and the index load without a file as with one")
    func loads() async throws {
        let (site, firsts) = try await makeSite(4)
        let queue = try Queue.loadReadOnly(dataDirectory: site.directory.path, log: site.log.reader)
        _ = try prune(site, before: firsts[2])
        let later = try Queue.loadReadOnly(dataDirectory: site.directory.path, log: site.log.reader)
        #expect(later.state.digest() == queue.state.digest())
        #expect(later.report.replayed == (try site.log.reader.lastSequence()) + 1 - firsts[2])
        let (state, store, _) = try Queue.load(
            dataDirectory: site.directory.path, log: site.log.reader)
        #expect(state.digest() == queue.state.digest())
        withExtendedLifetime(store) {}
        #expect(
            try Suppression.load(
                dataDirectory: site.directory.path, log: site.log.reader
            ).state.digest()
                == (try Suppression.loadReadOnly(
                    dataDirectory: site.directory.path, log: site.log.reader
                ).state.digest()))
    }

    @Test("what is kept is found as before; what is gone is refused, and lists say where they end")
    func search() async throws {
        let (site, firsts) = try await makeSite(5)
        let model = try site.model()
        let first = firsts[2]
        _ = try prune(site, before: first)
        #expect(site.log.reader.firstSequence == first)
        for usesFile in [false, true] {
            if usesFile { try site.save(bits: 0) }
            var (search, setback) = try site.search(usesFile: usesFile)
            #expect(setback == nil)
            for message in model.messages {
                if message.sequence < first {
                    #expect(throws: EventLogError(.pruned, "")) { try search.trace(message) }
                } else {
                    #expect(try search.trace(message) == model.trace(message))
                }
            }
            var all = MessageQuery(MessageFilter(), limit: 10_000)
            let page = try search.find(all)
            #expect(page.isCut)
            #expect(page.messages.allSatisfy { $0.message.sequence >= first })
            let kept = model.messages.filter { $0.sequence >= first }
            #expect(Set(page.messages.map(\.message)) == Set(kept))
            // Each of them is found by what it has, and nothing that is gone leads anywhere.
            for message in model.messages {
                guard let mailbox = model.trace(message)?.outcomes.first?.mailbox else { continue }
                all.filter = MessageFilter()
                all.filter.recipient = mailbox
                let found = try search.find(all).messages.map(\.message)
                #expect(found.contains(message) == (message.sequence >= first))
            }
        }
    }
}
