import EventLog
import Foundation
import MailEvents
import MailModel
import WaybillTesting

/// The logs in replay/logs/: written once by the version that their name says, and read by every
/// version since.
///
/// A new one is made with `WAYBILL_RECORD=NAME swift test --filter GoldenLogTests`; one that exists
/// is never made again.
enum GoldenLogs {
    static var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "replay/logs")
    }

    /// The names of those that are there.
    static var names: [String] {
        let found = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (found ?? []).filter { $0.hasPrefix("v") }.sorted()
    }

    /// Writes a log, reign after reign, and closes it.
    static func record(_ name: String, to directory: String) async throws {
        var generator = EventGenerator(seed: 2026)
        generator.clock = EventTime(microseconds: 1_795_254_000_000_000)
        for epoch: UInt32 in 1...2 {
            var configuration = EventLogConfiguration()
            // Small segments, so that there are several.
            configuration.segmentBytesMax = 96 << 10
            configuration.startsNewEpoch = epoch == 2
            configuration.allowAnyFileSystem = true
            configuration.freeBytes = { _ in .max }
            configuration.now = { 1_795_254_000_000_000 }
            configuration.makeLogID = { Array(0..<16) }
            let log = try EventLog.open(
                directory: directory, codec: MailEventCodec(), configuration: configuration)
            var writer = GoldenWriter(log: log, generator: generator, epoch: epoch)
            switch name {
            case "v1-odd": try await writer.odd()
            case "v1-control": try await writer.control()
            default: try await writer.basic()
            }
            log.close()
            generator = writer.generator
        }
        if name == "v2-compacted" || name == "v2-pruned" { try compact(directory) }
        if name == "v2-pruned" { try prune(directory) }
    }

    /// Removes all sealed segments but one.
    private static func prune(_ directory: String) throws {
        var configuration = EventLogConfiguration()
        configuration.now = { 1_795_254_000_000_000 }
        let pruning = LogPruning(
            try LogReader.open(directory: directory), codec: MailEventCodec(),
            configuration: configuration)
        let segments = try LogReader.open(directory: directory).info().segments
        var limits = PruneLimits()
        limits.beforeSequence = segments.dropLast(2).last?.lastSequence.advanced(by: 1)
        _ = try pruning.run(try pruning.plan(limits, needed: nil)) { cut throws(EventLogError) in
            [
                PruneRecord.Base(
                    name: "example", version: 1, digest: Array(cut.position.chainHash.reversed()))
            ]
        }
    }

    /// Compacts the sealed segments; two of three messages lose their content.
    private static func compact(_ directory: String) throws {
        var configuration = EventLogConfiguration()
        configuration.now = { 1_795_254_000_000_000 }
        configuration.freeBytes = { _ in .max }
        var options = CompactionOptions()
        options.octetsPerSecond = 0
        options.contentRetentionSeconds = 0
        options.needed = { messages in
            Set(messages.enumerated().filter { $0.offset % 3 == 0 }.map(\.element))
        }
        let compaction = LogCompaction(
            directory: directory, codec: MailEventCodec(), configuration: configuration,
            options: options)
        for first in try compaction.segments() { _ = try compaction.run(first) }
    }
}

/// Appends what a golden log holds.
struct GoldenWriter {
    let log: EventLog<MailEventCodec>
    var generator: EventGenerator
    let epoch: UInt32

    private mutating func append(_ facts: [Fact]) async throws {
        generator.tick()
        let time = generator.clock
        _ = try await log.append(facts.map { Event(time: time, fact: $0) })
    }

    private mutating func start() async throws {
        try await append([
            .epochStarted(
                EpochStarted(
                    epoch: epoch, site: "vienna", reason: epoch == 1 ? "created" : "promoted")),
            .configurationApplied(
                ConfigurationApplied(digest: String(repeating: "5a", count: 32), version: "0.1.0")),
        ])
    }

    /// Messages from acceptance to their final states, one notification among them.
    mutating func basic() async throws {
        try await start()
        var waiting: [RecipientReference] = []
        for number in 0..<40 {
            let accepted = generator.acceptance(recipients: number % 13 == 0 ? 3 : 1)
            let receipt = try await log.append(accepted.events, contents: accepted.contents)
            for event in accepted.events {
                guard case .queued(let fact) = event.fact else { continue }
                var recipient = fact.recipient
                recipient.message = recipient.message.resolved(
                    epoch: receipt.epoch, appendFirst: receipt.firstSequence)
                waiting.append(recipient)
            }
        }
        let doubtful = waiting.removeFirst()
        generator.tick()
        try await append([.deferred(generator.deferral(doubtful, number: 1))])
        try await append([.delivered(success(doubtful))])
        let bounced = waiting.removeFirst()
        try await bounceAndNotify(bounced)
        for recipient in waiting {
            var number = 1
            while true {
                generator.tick()
                let fact = generator.outcome(of: recipient, attempt: number)
                try await append([fact])
                guard case .deferred = fact else { break }
                number += 1
            }
        }
    }

    private mutating func success(_ recipient: RecipientReference) -> DeliverySucceeded {
        while true {
            if case .delivered(let fact) = generator.outcome(of: recipient, attempt: 2) {
                return fact
            }
        }
    }

    /// A bounce and its notification in one append.
    private mutating func bounceAndNotify(_ recipient: RecipientReference) async throws {
        let notification = generator.acceptance()
        var events = [
            Event(
                time: generator.clock, fact: .bounced(generator.bounce(recipient, number: 1)))
        ]
        for event in notification.events {
            var event = event
            switch event.fact {
            case .received(var fact):
                fact.reversePath = .null
                fact.reportsOn = recipient.message
                event.fact = .received(fact)
            case .queued(var fact):
                fact.recipient.message = .inThisAppend(at: 1)
                event.fact = .queued(fact)
            default: break
            }
            events.append(event)
        }
        let contents = notification.contents.map { Content(eventIndex: 1, bytes: $0.bytes) }
        _ = try await log.append(events, contents: contents)
    }

    /// Every order, suppression and report, with ends and without, in batches with other events and
    /// alone.
    mutating func control() async throws {
        try await start()
        for round in 0..<60 {
            let accepted = generator.acceptance(recipients: 1 + round % 2)
            let receipt = try await log.append(accepted.events, contents: accepted.contents)
            var recipients: [RecipientReference] = []
            for event in accepted.events {
                guard case .queued(let fact) = event.fact else { continue }
                var recipient = fact.recipient
                recipient.message = recipient.message.resolved(
                    epoch: receipt.epoch, appendFirst: receipt.firstSequence)
                recipients.append(recipient)
            }
            let controls = recipients.map { generator.control(about: $0) }
            if round % 3 == 0 {
                for fact in controls { try await append([fact]) }
                try await append(recipients.map { generator.outcome(of: $0, attempt: 1) })
            } else if round % 3 == 1 {
                let outcomes = recipients.map { generator.outcome(of: $0, attempt: 1) }
                try await append(outcomes + controls)
            } else {
                let order = ControlOrder(
                    selector: RecipientSelector(message: recipients[0].message), reason: "recalled",
                    actor: "cli")
                try await append(
                    [.cancelled(order)]
                        + recipients.map {
                            .bounced(DeliveryBounced(cancelling: $0, reason: order.reason))
                        })
            }
        }
        // Everything at its zero.
        let order = ControlOrder(selector: RecipientSelector())
        try await append([
            .suspended(DeliverySuspended(order: order)), .resumed(order), .rebound(order),
            .cancelled(order),
        ])
    }

    /// Values at the edges, texts of every kind, types that no version knows.
    mutating func odd() async throws {
        try await start()
        for round in 0..<30 {
            let events = generator.arbitraryEvents(
                12, firstSequence: UInt64(round + 1) * 1000, epoch: 5)
            let facts = events.map(\.event.fact).filter {
                if case .received = $0 { false } else { true }
            }
            generator.clock = EventTime(
                microseconds: 1_795_254_000_000_000 + Int64(epoch) * 60_000_000
                    + Int64(round) * 1000)
            try await append(facts)
            let accepted = generator.acceptance()
            _ = try await log.append(accepted.events, contents: accepted.contents)
        }
    }
}
