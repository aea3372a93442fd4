import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

@Suite("Damage to the history's file")
struct HistoryDamageTests {
    @Test("Wherever an octet is flipped, an answer is right or there is none")
    func flipped() async throws {
        let site = try HistorySite()
        try await site.write(1500)
        try site.save()
        let model = try site.model()
        let wanted = (0..<8).map { model.messages[$0 * model.messages.count / 8] }
        let expected = wanted.map { model.trace($0) }
        let intact = try bytes(of: site.paths.live)
        var random = SeededRandom(seed: 2)
        var refused = 0
        for page in stride(from: 0, to: intact.count - 4095, by: 4096) {
            for _ in 0..<2 {
                var damaged = intact
                damaged[page + (random.oneIn(2) ? random.below(80) : random.below(4096))] ^= 0x04
                try overwrite(site.paths.live, damaged)
                var (search, setback) = try site.search()
                if setback != nil { refused += 1 }
                // A reading of the whole log has its own test.
                for (message, trace) in zip(wanted, expected) where setback == nil {
                    do {
                        let found = try search.trace(message)
                        #expect(found == trace, "page \(page / 4096)")
                    } catch {
                        // Of the file, whatever page it is: nobody is told that the log is damaged.
                        #expect((error as? ProjectionError)?.isDamage == true, "\(error)")
                        refused += 1
                    }
                }
            }
        }
        #expect(refused >= 5)
        try overwrite(site.paths.live, Array(intact[..<(intact.count / 2)]))
        var (cut, _) = try site.search()
        for (message, trace) in zip(wanted, expected) {
            if let found = try? cut.trace(message) { #expect(found == trace) }
        }
    }

    @Test("A file that is missing, empty, of another log or ahead of it is not used")
    func unusable() async throws {
        let site = try HistorySite()
        try await site.write(300)
        let model = try site.model()
        func expectRight() throws {
            var (search, setback) = try site.search()
            #expect(setback != nil)
            for message in model.messages {
                #expect(try search.trace(message) == model.trace(message))
            }
        }
        try expectRight()
        let other = try HistorySite(seed: 7)
        try await other.write(500)
        try other.save()
        site.paths.createDirectory()
        try overwrite(site.paths.live, try bytes(of: other.paths.live))
        try expectRight()
        try overwrite(site.paths.live, [])
        try expectRight()
    }

    @Test("A damaged file is found when it is opened for writing, and made again")
    func healed() async throws {
        let site = try HistorySite()
        try await site.write(1200)
        try site.save()
        let host = HostedProjection<SmallHistory>(
            directory: site.projections, log: site.log.reader, options: HostOptions())
        let intact = try bytes(of: site.paths.live)
        var random = SeededRandom(seed: 3)
        var found = 0
        for _ in 0..<60 {
            var damaged = intact
            damaged[8192 + random.below(intact.count - 8192)] ^= 0x10
            try overwrite(site.paths.live, damaged)
            if try host.open().setback != nil { found += 1 }
            host.detach()
        }
        // The rest were in free pages, or between what pages hold.
        #expect(found > 10)
        try overwrite(site.paths.live, intact)
        #expect(try host.open().setback == nil)
        let digest = host.digest()
        host.detach()
        try overwrite(site.paths.live, Array(intact[..<(intact.count - 4096)]))
        try site.save()
        var (search, setback) = try site.search()
        #expect(setback == nil)
        let model = try site.model()
        #expect(try search.trace(model.messages[5]) == model.trace(model.messages[5]))
        #expect(try host.open().setback == nil)
        #expect(host.digest() == digest)
        host.detach()
    }
}
