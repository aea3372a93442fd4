import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

/// The suppressed addresses as plainly as they can be said.
private struct Model {
    var entries: [SuppressionEntry] = []

    mutating func apply(_ recorded: RecordedEvent) {
        let time = recorded.event.time
        entries.removeAll { $0.isOver(at: time) }
        switch recorded.event.fact {
        case .suppressed(let fact):
            let address = folded(fact.address)
            entries.removeAll { $0.address == address }
            if fact.expires.map({ $0 <= time }) ?? false { return }
            entries.append(
                SuppressionEntry(
                    sequence: recorded.sequence, since: time, address: address,
                    expires: fact.expires, reason: fact.reason, actor: fact.actor))
        case .unsuppressed(let fact):
            let address = folded(fact.address)
            entries.removeAll { $0.address == address }
        default: break
        }
    }

    func suppresses(_ mailbox: Mailbox, _ tenant: String, _ now: EventTime) -> Bool {
        entries.contains { entry in
            !entry.isOver(at: now) && entry.address.domain == mailbox.domain
                && ["", tenant].contains(entry.address.tenant)
                && ["", mailbox.localPart.lowercased()].contains(entry.address.localPart)
        }
    }

    private func folded(_ address: SuppressedAddress) -> SuppressedAddress {
        SuppressedAddress(
            tenant: address.tenant, localPart: address.localPart.lowercased(),
            domain: address.domain)
    }
}

/// Suppressions of a few addresses that come, go and end, among other events.
private struct Stream {
    var random: SeededRandom
    private var sequence: UInt64 = 0
    private(set) var time: Int64 = 1_000

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func next() -> RecordedEvent {
        sequence += 1
        time += Int64(random.below(30))
        let fact: Fact =
            switch random.below(5) {
            case 0, 1:
                .suppressed(
                    AddressSuppressed(
                        address: address(), reason: random.oneIn(2) ? "" : "asked",
                        actor: random.oneIn(2) ? "" : "cli",
                        expires: random.oneIn(2)
                            ? nil : EventTime(microseconds: time + Int64(random.below(400)) - 20)))
            case 2: .unsuppressed(AddressUnsuppressed(address: address()))
            default: .unknown(type: 99, message: nil)
            }
        return RecordedEvent(
            sequence: sequence, epoch: 1,
            event: Event(time: EventTime(microseconds: time), fact: fact))
    }

    mutating func tenant() -> String { ["", "acme", "other"][random.below(3)] }

    mutating func mailbox() -> Mailbox {
        Mailbox(
            localPart: ["ann", "ANN", "bob"][random.below(3)],
            domain: ["a.example", "b.example"][random.below(2)])
    }

    private mutating func address() -> SuppressedAddress {
        let mailbox = mailbox()
        return SuppressedAddress(
            tenant: tenant(), localPart: random.oneIn(4) ? "" : mailbox.localPart,
            domain: mailbox.domain)
    }
}

@Suite("Suppression")
struct SuppressionTests {
    private func all(_ suppression: Suppression) -> [SuppressionEntry] {
        var all: [SuppressionEntry] = []
        suppression.forEach { all.append($0) }
        return all
    }

    private func position(_ suppression: Suppression) -> Position {
        Position(
            epoch: 1, sequence: suppression.lastSequence,
            chainHash: [UInt8](repeating: 7, count: 32))
    }

    @Test("The fold is what the plain model says, event by event", arguments: 0..<8)
    func model(seed: Int) {
        var stream = Stream(seed: UInt64(seed))
        var suppression = Suppression()
        var model = Model()
        for _ in 0..<1500 {
            let event = stream.next()
            suppression.apply(event)
            model.apply(event)
            #expect(all(suppression) == model.entries)
            let mailbox = stream.mailbox()
            let tenant = stream.tenant()
            let now = EventTime(microseconds: stream.time + Int64(stream.random.below(300)))
            #expect(
                (suppression.entry(for: mailbox, tenant: tenant, at: now) != nil)
                    == model.suppresses(mailbox, tenant, now))
        }
    }

    @Test("Promise 3: the digest is the same whatever restarts and checkpoints", arguments: 0..<8)
    func digest(seed: Int) throws {
        var stream = Stream(seed: UInt64(seed) + 100)
        var plain = Suppression()
        var suppression = Suppression()
        var rows: [[UInt8]: [UInt8]] = [:]
        func write(_ suppression: inout Suppression) {
            let checkpoint = suppression.takeCheckpoint(at: position(suppression))
            if checkpoint.isWhole { rows = [:] }
            for change in checkpoint.changes {
                if change.value == nil { #expect(rows[change.key] != nil) }
                rows[change.key] = change.value
            }
        }
        func load() throws -> Suppression {
            var loaded = Suppression()
            for key in rows.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                let isTaken = loaded.load(ProjectionRow(key: key, value: rows[key] ?? []))
                try #require(isTaken)
            }
            return loaded
        }
        for _ in 0..<2000 {
            let event = stream.next()
            plain.apply(event)
            suppression.apply(event)
            suppression.apply(event)
            switch stream.random.below(60) {
            case 0, 1: write(&suppression)
            case 2:
                _ = suppression.takeCheckpoint(at: position(suppression))
                suppression.forgetChanges()
            case 3:
                write(&suppression)
                suppression = try load()
            default: break
            }
        }
        write(&suppression)
        #expect(suppression.digest() == plain.digest())
        #expect(try load().digest() == plain.digest())
        #expect(all(plain).count > 3)
    }

    @Test("A tenant's own address is found before everybody's, and a domain holds every mailbox")
    func order() throws {
        var suppression = Suppression()
        var sequence: UInt64 = 0
        func add(_ address: SuppressedAddress, _ reason: String) {
            sequence += 1
            suppression.apply(
                RecordedEvent(
                    sequence: sequence, epoch: 1,
                    event: Event(
                        time: EventTime(microseconds: 1),
                        fact: .suppressed(AddressSuppressed(address: address, reason: reason)))))
        }
        let ann = Mailbox(localPart: "Ann", domain: "a.example")
        let now = EventTime(microseconds: 5)
        func reason(_ tenant: String, _ mailbox: Mailbox) -> String? {
            suppression.entry(for: mailbox, tenant: tenant, at: now)?.reason
        }
        #expect(reason("acme", ann) == nil)
        add(SuppressedAddress(domain: "a.example"), "all of the domain")
        #expect(reason("acme", ann) == "all of the domain")
        add(SuppressedAddress(localPart: "ann", domain: "a.example"), "everybody's")
        add(SuppressedAddress(tenant: "acme", domain: "A.example"), "the tenant's domain")
        #expect(reason("acme", ann) == "the tenant's domain")
        add(
            SuppressedAddress(tenant: "acme", localPart: "ANN", domain: "a.example"), "the tenant's"
        )
        #expect(reason("acme", ann) == "the tenant's")
        #expect(reason("", ann) == "everybody's" && reason("other", ann) == "everybody's")
        let bob = Mailbox(localPart: "bob", domain: "a.example")
        #expect(reason("other", bob) == "all of the domain")
        #expect(reason("acme", Mailbox(localPart: "ann", domain: "b.example")) == nil)
    }

    @Test("A long reason is cut, and rows of any text can be read again; a cut row is refused")
    func rows() throws {
        for seed in 0..<6 as Range<UInt64> {
            var generator = EventGenerator(seed: seed)
            var suppression = Suppression()
            for event in generator.arbitraryEvents(2000, firstSequence: 1, epoch: 1) {
                suppression.apply(event)
            }
            var loaded = Suppression()
            suppression.forEachRow { row in
                let isTaken = loaded.load(row)
                #expect(isTaken)
                for length in 0..<row.value.count {
                    var other = Suppression()
                    let cut = ProjectionRow(key: row.key, value: Array(row.value[..<length]))
                    let isCutTaken = other.load(cut)
                    #expect(!isCutTaken)
                }
            }
            #expect(loaded.digest() == suppression.digest())
        }
        var suppression = Suppression()
        suppression.apply(
            RecordedEvent(
                sequence: 1, epoch: 1,
                event: Event(
                    time: EventTime(microseconds: 1),
                    fact: .suppressed(
                        AddressSuppressed(
                            address: SuppressedAddress(domain: "a.example"),
                            reason: String(repeating: "x", count: 5000))))))
        #expect(all(suppression).first?.reason.utf8.count == Limits.reasonOctetsMaximum)
    }

    @Test("Read from a log on disk, through a checkpoint or without, it is the same")
    func fromLog() async throws {
        let directory = try TemporaryDirectory()
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        let log = try EventLog.open(
            directory: directory.path + "/log", codec: MailEventCodec(),
            configuration: configuration)
        defer { log.close() }
        var stream = Stream(seed: 77)
        for round in 0..<60 {
            let events = (0..<(1 + round % 5)).map { _ in stream.next() }
            _ = try await log.append(events.map(\.event))
            guard round == 30 else { continue }
            var (suppression, store, _) = try Suppression.load(
                dataDirectory: directory.path, log: log.reader)
            let checkpoint = suppression.takeCheckpoint()
            try store.write(try #require(checkpoint))
            let again = suppression.takeCheckpoint()
            #expect(again == nil)
        }
        var plain = Suppression()
        try log.reader.forEachBatch(from: 1) { batch in
            for event in try batch.events() { plain.apply(event) }
            return true
        }
        let (loaded, report) = try Suppression.loadReadOnly(
            dataDirectory: directory.path, log: log.reader)
        #expect(report.checkpoint != nil)
        #expect(loaded.digest() == plain.digest())
        #expect(loaded.position == log.position)
    }
}
