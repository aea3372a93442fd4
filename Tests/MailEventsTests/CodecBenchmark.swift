import CZstd
import Foundation
import Glibc
import MailEvents
import MailModel
import Testing
import WaybillTesting

/// Prints how fast the codec is, in CPU time of one thread, and how compact its bytes are; asserts nothing about either.
///
/// `WAYBILL_BENCHMARK=1 swift test -c release -Xswiftc -enable-testing --filter CodecBenchmark`
@Suite(
    "Codec: speed and size", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["WAYBILL_BENCHMARK"] != nil))
struct CodecBenchmark {
    private let codec = MailEventCodec()

    @Test("Events a second and octets an event, by batch size", arguments: [3, 30, 300, 10_000])
    func batches(size: Int) throws {
        var generator = EventGenerator(seed: 1)
        let batches = (0..<max(1, 100_000 / size)).map { _ in generator.events(size) }
        let events = batches.map { $0.map(\.event) }
        let count = batches.count * size
        var encoded: [[UInt8]] = Array(repeating: [], count: batches.count)
        let encoding = best {
            for (index, batch) in batches.enumerated() {
                encoded[index].removeAll(keepingCapacity: true)
                codec.encode(
                    events[index], firstSequence: batch[0].sequence, epoch: 1,
                    firstTime: batch[0].event.time.microseconds, into: &encoded[index])
            }
        }
        var decoded = 0
        let decoding = try best {
            for (index, bytes) in encoded.enumerated() {
                decoded &+= try MailEventDecoder.decode(
                    bytes, firstSequence: batches[index][0].sequence, epoch: 1,
                    firstTime: batches[index][0].event.time.microseconds
                ).count
            }
        }
        var counter = Counter()
        let visiting = try best {
            for (index, bytes) in encoded.enumerated() {
                try MailEventDecoder.visit(
                    bytes, firstSequence: batches[index][0].sequence, epoch: 1,
                    firstTime: batches[index][0].event.time.microseconds, &counter)
            }
        }
        #expect(counter.delivered > 0)
        var resolved = events
        let resolving = best {
            for batch in resolved.indices {
                for index in resolved[batch].indices {
                    _ = codec.resolve(
                        &resolved[batch][index], epoch: 1, appendFirstSequence: 1, notBefore: 0)
                }
            }
        }
        var writer = JSONWriter()
        let json = best {
            for batch in batches {
                writer.removeAll()
                for event in batch { event.writeJSON(to: &writer) }
            }
        }
        let raw = encoded.reduce(0) { $0 + $1.count }
        let compressed = encoded.reduce(0) { $0 + compressedSize($1) }
        #expect(decoded > 0)
        print(
            "batches of \(size): encode \(rate(count, encoding)), decode \(rate(count, decoding)),",
            "visit \(rate(count, visiting)), resolve \(rate(count, resolving)), JSON \(rate(count, json)) M events/s;",
            "\(raw / count) octets an event, \(compressed / count) with zstd 3")
    }

    /// A fold of the simplest kind.
    private struct Counter: EventVisitor {
        var delivered = 0
        var octets = 0

        mutating func begin(_ texts: BatchTexts) {}

        mutating func visit(_ event: EventView) {
            if event.type == EventType.delivered.rawValue { delivered += 1 }
            octets &+= event.sizeOctets
        }
    }

    private func best(_ body: () throws -> Void) rethrows -> Duration {
        var best = Duration.seconds(1000)
        for _ in 0..<7 {
            let start = processorTime()
            try body()
            best = min(best, processorTime() - start)
        }
        return best
    }

    /// CPU time of the thread: other work on the machine does not count.
    private func processorTime() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    private func rate(_ count: Int, _ time: Duration) -> String {
        String(format: "%.2f", Double(count) / (time / .seconds(1)) / 1_000_000)
    }

    private func compressedSize(_ bytes: [UInt8]) -> Int {
        var target = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        return unsafe ZSTD_compress(&target, target.count, bytes, bytes.count, 3)
    }
}
