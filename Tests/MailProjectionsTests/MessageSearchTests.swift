import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

@Suite("Messages by index")
struct MessageSearchTests {
    /// Filters made from what a log has, and some that match nothing.
    private func filters(_ model: HistoryModel, _ random: inout SeededRandom) -> [MessageFilter] {
        var filters = [MessageFilter()]
        let messages = model.messages
        for _ in 0..<12 {
            guard let trace = model.trace(messages[random.below(messages.count)]),
                let (event, fact) = trace.received
            else { continue }
            var filter = MessageFilter()
            let mailbox = trace.outcomes.first?.mailbox
            if random.oneIn(4) { filter.recipient = mailbox }
            if random.oneIn(4) { filter.sender = fact.reversePath }
            if random.oneIn(4) { filter.campaign = fact.campaign }
            if random.oneIn(4) { filter.tenant = fact.tenant }
            if random.oneIn(4) { filter.domain = mailbox?.domain }
            if random.oneIn(4) { filter.state = RecipientStanding.State.any(&random) }
            if random.oneIn(4) { filter.since = event.event.time }
            if random.oneIn(4) { filter.until = event.event.time }
            filters.append(filter)
        }
        var stranger = MessageFilter()
        stranger.recipient = Mailbox(localPart: "nobody", domain: "nowhere.example")
        return filters + [stranger]
    }

    @Test("A look-up is what a reading of the whole log gives", arguments: 1...6)
    func equalsModel(seed: Int) async throws {
        var random = SeededRandom(seed: UInt64(seed))
        let site = try HistorySite(seed: UInt64(seed))
        var isSaved = false
        for _ in 0..<3 {
            try await site.write(100 + random.below(400), batches: 1 + random.below(90))
            guard !random.oneIn(3) else { continue }
            try site.save()
            isSaved = true
        }
        // Some of it behind the file's checkpoint.
        try await site.write(random.below(150))
        let model = try site.model()
        for usesFile in [true, false] {
            var (search, setback) = try site.search(usesFile: usesFile)
            if usesFile, isSaved { #expect(setback == nil) }
            for message in model.messages {
                let through = random.oneIn(3) ? UInt64(random.below(900)) : .max
                let expected = model.trace(message, through: through)
                #expect(try search.trace(message, through: through) == expected)
            }
            for filter in filters(model, &random) {
                var query = MessageQuery(filter, limit: 1 + random.below(20))
                if random.oneIn(3) { query.through = UInt64(random.below(900)) }
                let expected = model.find(query)
                var found: [MessageTrace] = []
                while true {
                    let page = try search.find(query)
                    #expect(page.messages.count <= query.limit)
                    found += page.messages
                    guard let next = page.next else { break }
                    query.before = next
                }
                #expect(found == expected, "\(filter)")
            }
        }
    }

    @Test("What is no message is none: another sequence, another epoch, beyond the end")
    func unknown() async throws {
        let site = try HistorySite()
        try await site.write(200)
        try site.save()
        var (search, _) = try site.search()
        let messages = Set(try site.model().messages.map(\.sequence))
        for sequence in 1...220 as ClosedRange<UInt64> {
            let id = MessageID(epoch: 1, sequence: sequence)
            #expect((try search.trace(id) != nil) == messages.contains(sequence))
            #expect(try search.trace(MessageID(epoch: 2, sequence: sequence)) == nil)
        }
        #expect(try search.trace(MessageID(epoch: 1, sequence: .max)) == nil)
    }

    @Test("A page ends when enough was looked at, and the next one goes on there")
    func budget() async throws {
        let site = try HistorySite()
        try await site.write(600)
        try site.save()
        let model = try site.model()
        var (search, _) = try site.search()
        for tenant in [nil, model.trace(model.messages[3])?.received?.fact.tenant] {
            var filter = MessageFilter()
            filter.tenant = tenant
            filter.state = .bounced
            var query = MessageQuery(filter, limit: 3)
            query.examined = 10
            let expected = model.find(query)
            #expect(!expected.isEmpty)
            var found: [MessageTrace] = []
            var pages = 0
            while true {
                let page = try search.find(query)
                found += page.messages
                pages += 1
                guard let next = page.next else { break }
                #expect(next < query.before)
                query.before = next
            }
            #expect(found == expected)
            if tenant == nil { #expect(pages > expected.count / 3 + 3) }
        }
    }

    @Test("A page ends when its messages have too many events to be held together")
    func manyEvents() async throws {
        let site = try HistorySite()
        try await site.write(400)
        try site.save()
        var (search, _) = try site.search()
        var query = MessageQuery(MessageFilter(), limit: 1000)
        let expected = try site.model().find(query)
        query.events = 5
        var found: [MessageTrace] = []
        while true {
            let page = try search.find(query)
            #expect(page.messages.dropLast().reduce(0) { $0 + $1.events.count } < 5)
            found += page.messages
            guard let next = page.next else { break }
            query.before = next
        }
        #expect(found == expected)
    }

    @Test("A `queued` that stands apart from its `received` is found all the same")
    func apart() async throws {
        let site = try HistorySite()
        var generator = EventGenerator(seed: 5)
        let (events, contents) = generator.acceptance(recipients: 3)
        _ = try await site.log.append([events[0], events[1]], contents: contents)
        let id = MessageID(epoch: 1, sequence: 1)
        guard case .queued(var second) = events[2].fact, case .queued(var third) = events[3].fact
        else { return }
        second.recipient.message = id
        third.recipient.message = id
        try await site.write(150)
        _ = try await site.log.append([
            Event(time: generator.clock, fact: .queued(second))
        ])
        try await site.write(100)
        _ = try await site.log.append([Event(time: generator.clock, fact: .queued(third))])
        try site.save()
        let model = try site.model()
        var (search, _) = try site.search()
        #expect(try search.trace(id) == model.trace(id))
        #expect(try search.trace(id)?.events.count == 4)
        for mailbox in [second.recipient.mailbox, third.recipient.mailbox] {
            var filter = MessageFilter()
            filter.recipient = mailbox
            let page = try search.find(MessageQuery(filter, limit: 5))
            #expect(page.messages.map(\.message) == [id])
        }
    }

    @Test("Whatever a log may hold, a question does no harm")
    func hostile() async throws {
        for seed in 0..<6 as Range<UInt64> {
            let site = try HistorySite(seed: seed)
            var generator = EventGenerator(seed: seed)
            for _ in 0..<6 {
                let events = generator.arbitraryEvents(60, firstSequence: 1, epoch: 1)
                _ = try await site.log.append(events.map(\.event))
            }
            try site.save()
            let model = try site.model()
            var (search, setback) = try site.search()
            #expect(setback == nil)
            for message in model.messages {
                #expect(try search.trace(message) == model.trace(message), "seed \(seed)")
            }
            var random = SeededRandom(seed: seed)
            for filter in filters(model, &random) {
                _ = try search.find(MessageQuery(filter, limit: 50))
            }
        }
    }
}

extension CaseIterable where AllCases == [Self] {
    fileprivate static func any(_ random: inout SeededRandom) -> Self {
        allCases[random.below(allCases.count)]
    }
}
