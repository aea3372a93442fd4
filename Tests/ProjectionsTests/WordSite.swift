import EventLog
import Synchronization
import Testing
import WaybillTesting

@testable import Projections

/// A data directory with a log of words, and a runner of two projections of it.
///
/// Concurrency: bound to one test.
final class WordSite {
    let directory: TemporaryDirectory
    let log: EventLog<WordCodec>
    let notices = Notices()
    /// Of the runner; moved by the test.
    let clock = Atomic<UInt64>(0)
    var random: SeededRandom
    var snapshots = SnapshotPolicy.none
    var configuration: RunnerConfiguration

    var projections: String { directory.path + "/projections" }

    init(seed: UInt64 = 1) throws {
        directory = try TemporaryDirectory()
        random = SeededRandom(seed: seed)
        var log = EventLogConfiguration()
        log.allowAnyFileSystem = true
        log.freeBytesFloor = 0
        log.now = { 0 }
        self.log = try EventLog.open(
            directory: directory.path + "/log", codec: WordCodec(), configuration: log)
        configuration = RunnerConfiguration(directory: directory.path + "/projections")
        configuration.checkpointMilliseconds = 1
        let notices = notices
        configuration.notify = { notices.add($0) }
    }

    deinit { log.close() }

    var registry: ProjectionRegistry {
        ProjectionRegistry(
            [
                AnyProjection(WordCount.self, snapshots: snapshots),
                AnyProjection(Journal.self, snapshots: snapshots),
            ], splitter: WordSplitter())
    }

    func paths(_ name: String) throws -> ProjectionPaths {
        try #require(registry[name]).paths(in: projections)
    }

    func say(_ words: [String]) async throws { _ = try await log.append(words) }

    /// Says so many words in batches of any size.
    func chatter(_ count: Int) async throws {
        var left = count
        while left > 0 {
            let size = min(left, 1 + random.below(40))
            try await say(
                (0..<size).map { _ in
                    (random.oneIn(5) ? "-" : "") + "word\(random.below(300))"
                })
            left -= size
        }
    }

    func runner() -> ProjectionRunner {
        ProjectionRunner(registry: registry, log: log.reader, configuration: configuration)
    }

    /// Runs until every projection that can has reached the log's end, then `body`, then stops.
    func run(_ body: (ProjectionRunner) async throws -> Void = { _ in }) async throws {
        let runner = runner()
        try runner.start()
        defer { runner.stop() }
        try await arrive(runner)
        try await body(runner)
    }

    /// Waits until the projections are at the log's end, or stopped.
    func arrive(_ runner: ProjectionRunner) async throws {
        try await eventually("the log's end") {
            runner.report().all.allSatisfy {
                $0.phase == .stopped || ($0.phase == .live && $0.lag == 0)
            }
        }
    }

    /// The digest that a replay of everything gives.
    func replayed(
        _ name: String, through: UInt64 = .max, refused: RefusedEvents? = nil
    ) throws
        -> [UInt8]
    {
        var request = AsOfRequest(
            directory: projections, log: log.reader, through: through, splitter: WordSplitter())
        request.source = .log
        request.refused = refused
        return try #require(registry[name]).state(request).digest
    }

    /// The digest of what the file holds, and what had to be done for it.
    func kept(_ name: String, through: UInt64 = .max) throws -> AsOfState {
        try #require(registry[name]).state(
            AsOfRequest(
                directory: projections, log: log.reader, through: through, splitter: WordSplitter())
        )
    }
}

/// What a runner told.
///
/// Concurrency: any thread.
final class Notices: Sendable {
    private let list = Mutex<[ProjectionNotice]>([])

    var all: [ProjectionNotice] { list.withLock { $0 } }
    func add(_ notice: ProjectionNotice) { list.withLock { $0.append(notice) } }
}

/// Milliseconds that a test moves.
///
/// Concurrency: any thread.
final class TestClock: Sendable {
    private let milliseconds = Mutex<UInt64>(1)

    var now: UInt64 { milliseconds.withLock { $0 } }
    func advance(_ by: UInt64) { milliseconds.withLock { $0 += by } }
}

/// Waits until something holds.
func eventually(
    _ what: String, seconds: Int = 30, _ holds: () throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try !holds() {
        try #require(ContinuousClock.now < end, "not reached: \(what)")
        try await Task.sleep(for: .milliseconds(5))
    }
}
