import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

@Suite("Latency histogram")
struct LatencyHistogramTests {
    @Test("Buckets lie side by side, and none is wider than a sixteenth of where it begins")
    func buckets() {
        var previous: Int64 = -1
        for bucket in 0..<LatencyHistogram.bucketCount {
            let first = previous + 1
            let last = LatencyHistogram.upperBound(ofBucket: bucket)
            #expect(LatencyHistogram.bucket(milliseconds: first) == bucket)
            #expect(LatencyHistogram.bucket(milliseconds: last) == bucket)
            #expect((last - first) * 16 <= max(first, 0))
            previous = last
        }
        #expect(previous >= Limits.latencyMillisecondsMaximum)
        #expect(LatencyHistogram.bucket(milliseconds: -5) == 0)
        #expect(LatencyHistogram.bucket(milliseconds: .max) == LatencyHistogram.bucketCount - 1)
    }

    @Test("Merged histograms are the histogram of all, in any order and through rows")
    func merge() {
        var random = SeededRandom(seed: 4)
        var whole = LatencyHistogram()
        var parts = [LatencyHistogram](repeating: LatencyHistogram(), count: 5)
        for _ in 0..<2000 {
            let value = Int64(random.below(1 << (1 + random.below(36))))
            let bucket = LatencyHistogram.bucket(milliseconds: value)
            whole.record(milliseconds: value, bucket: bucket)
            parts[random.below(5)].record(milliseconds: value, bucket: bucket)
        }
        parts.shuffle(using: &random)
        var merged = LatencyHistogram()
        for part in parts { merged += part }
        #expect(merged == whole)
        var row = RowWriter()
        whole.write(to: &row)
        var reader = RowReader(row.bytes)
        #expect(LatencyHistogram(&reader) == whole)
        #expect(reader.isIntact && reader.isAtEnd)
        #expect(LatencyHistogram().quantile(perMille: 500) == nil)
    }
}

@Suite("Names and numbers")
struct ByteTableTests {
    @Test("Texts come and go as in a dictionary")
    func dictionary() {
        var random = SeededRandom(seed: 9)
        var table = ByteTable()
        var expected: [[UInt8]: UInt32] = [:]
        for _ in 0..<20_000 {
            let text = Array("name\(random.below(300))".utf8)
            if random.oneIn(3) {
                if let number = expected.removeValue(forKey: text) { table.remove(number) }
            } else {
                let (number, isNew) = table.insert(text[...])
                #expect(isNew == (expected[text] == nil))
                if let known = expected[text] { #expect(known == number) }
                expected[text] = number
            }
            #expect(table.count == expected.count)
        }
        for (text, number) in expected { #expect(table.find(text[...]) == number) }
        #expect(Set(expected.values).count == expected.count)
        #expect(table.texts.count <= 300)
    }

    @Test("A name that nobody holds is forgotten, one that is held is not")
    func pool() {
        var pool = NamePool()
        let held = pool.number(of: Array("held".utf8)[...])
        pool.hold(held)
        _ = pool.number(of: Array("loose".utf8)[...])
        pool.collect()
        #expect(pool.count == 1)
        #expect(pool[held] == Array("held".utf8))
        pool.release(held)
        pool.hold(held)
        pool.collect()
        #expect(pool.count == 1)
        pool.release(held)
        pool.collect()
        #expect(pool.count == 0)
    }
}

@Suite("Space-Saving")
struct SpaceSavingTests {
    @Test("Counts are never too low, at most their error too high, and heavy names are there")
    func bounds() {
        var random = SeededRandom(seed: 3)
        var pool = NamePool()
        var top = SpaceSaving()
        var exact: [String: Int] = [:]
        let events = 20_000
        for _ in 0..<events {
            let name = "n\(min(random.below(400), random.below(400), random.below(400)))"
            exact[name, default: 0] += 1
            _ = top.count(pool.number(of: Array(name.utf8)[...]), places: 40, pool: &pool)
        }
        pool.collect()
        #expect(pool.count == 40)
        #expect(top.counts.reduce(0, +) == events)
        var there: Set<String> = []
        for index in top.names.indices {
            let name = String(decoding: pool[top.names[index]], as: UTF8.self)
            there.insert(name)
            let count = exact[name] ?? 0
            #expect(top.counts[index] >= count)
            #expect(top.counts[index] - top.errors[index] <= count)
        }
        for (name, count) in exact where count > events / 40 { #expect(there.contains(name)) }
    }
}

@Suite("Providers and replies")
struct StatisticsNamesTests {
    @Test(
        "A provider is the registered part of the host's name",
        arguments: [
            ("gmail-smtp-in.l.google.com", "google.com"),
            ("example-org.mail.protection.outlook.com", "outlook.com"),
            ("MX1.Example.ORG.", "example.org"), ("mx.mail.example.co.uk", "example.co.uk"),
            ("mx.example.de", "example.de"), ("mx.shop.co", "shop.co"), ("localhost", "localhost"),
            ("192.0.2.1", "192.0.2.1"), ("[192.0.2.1]", "[192.0.2.1]"),
            ("2001:db8::1", "2001:db8::1"), ("", ""), (".", ""),
        ])
    func provider(host: String, name: String) {
        #expect(ProviderName.name(ofHost: host) == name)
    }

    @Test(
        "Words that differ from reply to reply are one star",
        arguments: [
            (
                "<ben@example.net>: Recipient address rejected: Greylisted, see http://x.example/4f2a",
                "450 4.2.0 * Recipient address rejected: Greylisted, see *"
            ),
            ("no such user\n4a5b 6c7d - gsmtp", "450 4.2.0 no such user * - gsmtp"),
            ("", "450 4.2.0"),
        ])
    func reply(text: String, pattern: String) {
        var octets: [UInt8] = []
        ReplyText.write(
            code: 450, status: 4_002_000, text: Array(text.utf8)[...], to: &octets)
        #expect(String(decoding: octets, as: UTF8.self) == pattern)
    }

    @Test("A long reply is cut between characters")
    func long() {
        var octets: [UInt8] = []
        let text = String(repeating: "ü", count: 500)
        ReplyText.write(code: 550, status: 0, text: Array(text.utf8)[...], to: &octets)
        #expect(octets.count <= Limits.replyPatternOctetsMaximum)
        #expect(octets.count >= Limits.replyPatternOctetsMaximum - 1)
        #expect(String(validating: octets, as: UTF8.self) != nil)
    }
}

@Suite("Live messages")
struct LiveMessagesTests {
    @Test("Messages are there until their last recipient is final, and rows say the same")
    func table() {
        var random = SeededRandom(seed: 6)
        var live = LiveMessages()
        var expected: [UInt64: LiveMessages.Entry] = [:]
        var file: [UInt64: [UInt8]] = [:]
        var sequence: UInt64 = 0
        for step in 0..<6000 {
            sequence += UInt64(1 + random.below(5))
            let entry = LiveMessages.Entry(
                sequence: sequence, receivedAt: Int64(sequence) * 10, epoch: 1,
                open: UInt32(1 + random.below(3)))
            live.insert(entry)
            expected[sequence] = entry
            while expected.count > 300, let victim = expected.keys.randomElement(using: &random) {
                #expect(live.find(victim, epoch: 2, isFinal: true) == nil)
                let receivedAt = live.find(victim, epoch: 1, isFinal: true)
                #expect(receivedAt == Int64(victim) * 10)
                expected[victim]?.open -= 1
                if expected[victim]?.open == 0 { expected[victim] = nil }
            }
            guard step % 97 == 0 else { continue }
            for change in live.takeChanges(through: sequence) { file[change.block] = change.value }
            var rows: [UInt64: [UInt8]] = [:]
            live.forEachRow { rows[$0] = $1 }
            #expect(file == rows)
        }
        #expect(live.count == expected.count)
        var loaded = LiveMessages()
        live.forEachRow { block, value in
            let accepted = loaded.load(block: block, value: value)
            #expect(accepted)
        }
        for entry in expected.values {
            let receivedAt = loaded.find(entry.sequence, epoch: 1, isFinal: false)
            #expect(receivedAt == entry.receivedAt)
        }
    }
}
