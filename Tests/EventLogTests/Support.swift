import CLinux
import EventLog
import Glibc
import Synchronization
import WaybillTesting

@testable import EventLog

/// A directory of its own for one test, removed with it.
final class Scratch: Sendable {
    let path: String

    /// By default on a disk: a memory file system would make every flush free.
    init(in directory: String? = nil) throws {
        let parent = directory ?? Self.parent
        var template = Array((parent + "/waybill-log-XXXXXX").utf8CString)
        guard let made = unsafe mkdtemp(&template) else { throw Failure("mkdtemp: \(errno)") }
        path = unsafe String(cString: made)
    }

    private static var parent: String {
        guard let path = unsafe getenv("TMPDIR") else { return "/var/tmp" }
        return unsafe String(cString: path)
    }

    deinit { Self.remove(path) }

    /// The log's directory in it.
    var log: String { path + "/log" }

    /// Path of the segment that begins at `first`.
    func segment(_ first: UInt64) -> String { LogDirectory(log).segmentPath(first) }

    /// Names in the log's directory, sorted.
    func names() -> [String] {
        guard let handle = unsafe opendir(log) else { return [] }
        defer { unsafe _ = closedir(handle) }
        var names: [String] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func remove(_ path: String) {
        guard let handle = unsafe opendir(path) else {
            _ = unsafe unlink(path)
            return
        }
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { remove(path + "/" + name) }
        }
        unsafe _ = closedir(handle)
        _ = unsafe rmdir(path)
    }
}

/// A test's own failure.
struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A whole file's bytes.
func contents(of path: String) throws -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY)
    guard descriptor >= 0 else { throw Failure("open \(path): \(errno)") }
    defer { _ = close(descriptor) }
    var info = stat()
    _ = unsafe fstat(descriptor, &info)
    var bytes = [UInt8](repeating: 0, count: Int(info.st_size))
    var filled = 0
    while filled < bytes.count {
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe pread(
                descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled,
                off_t(filled))
        }
        guard result > 0 else { throw Failure("read \(path): \(errno)") }
        filled += result
    }
    return bytes
}

/// Makes a file of some bytes, in place of what it was.
func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { throw Failure("open \(path): \(errno)") }
    defer { _ = close(descriptor) }
    guard unsafe write(descriptor, bytes, bytes.count) == bytes.count else {
        throw Failure("write \(path): \(errno)")
    }
}

/// A clock that a test moves.
final class TestClock: Sendable {
    private let time: Mutex<Int64>
    init(_ time: Int64 = 1_700_000_000_000_000) { self.time = Mutex(time) }
    var now: Int64 { time.withLock { $0 } }
    func advance(seconds: Int64) { time.withLock { $0 += seconds * 1_000_000 } }
}

/// Collects outcomes.
final class Outcomes: AppendObserver {
    private let state = Mutex<(outcomes: [AppendOutcome], calls: Int)>(([], 0))

    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        state.withLock { state in
            state.outcomes += outcomes
            state.calls += 1
        }
    }

    var all: [AppendOutcome] { state.withLock { $0.outcomes } }
    var calls: Int { state.withLock { $0.calls } }

    /// Waits until so many have come.
    func wait(for count: Int) throws -> [AppendOutcome] {
        for _ in 0..<20_000 {
            let all = all
            if all.count >= count { return all }
            usleep(1_000)
        }
        throw Failure("only \(all.count) of \(count) outcomes came")
    }
}

/// Collects batches.
final class Batches: LogFollower {
    private let state = Mutex<[CommittedBatch<TextEvent>]>([])
    func committed(_ batch: CommittedBatch<TextEvent>) { state.withLock { $0.append(batch) } }
    var all: [CommittedBatch<TextEvent>] { state.withLock { $0 } }
}

/// Small limits, a fixed clock and id: for tests.
func testConfiguration(
    clock: TestClock = TestClock(), _ change: (inout EventLogConfiguration) -> Void = { _ in }
) -> EventLogConfiguration {
    var configuration = EventLogConfiguration()
    configuration.segmentBytesMax = 64 << 20
    configuration.now = { clock.now }
    configuration.makeLogID = { (0..<16).map { UInt8($0) } }
    configuration.freeBytesFloor = 0
    configuration.crashPoints = CrashPoints(nil)
    configuration.fatal = { _ in }
    change(&configuration)
    return configuration
}

/// Opens the log of a scratch directory.
func openLog(
    _ scratch: Scratch, _ configuration: EventLogConfiguration = testConfiguration()
) throws -> EventLog<TextCodec> {
    try EventLog.open(
        directory: scratch.log, codec: TextCodec(), configuration: configuration)
}

/// Opens a log and expects it to refuse.
func refusal(
    _ scratch: Scratch, _ configuration: EventLogConfiguration = testConfiguration()
) -> EventLogError? {
    do {
        try openLog(scratch, configuration).close()
        return nil
    } catch {
        return error as? EventLogError
    }
}

/// An event with its content.
func message(_ text: String, _ bytes: [UInt8]) -> (TextEvent, Content) {
    let hash = BatchReader().hash(bytes[...])
    return (
        TextEvent(text: text, contentHash: hash, contentOctets: bytes.count),
        Content(eventIndex: 0, bytes: bytes)
    )
}

/// Every event that a reader finds.
func events(_ reader: LogReader, from: UInt64? = nil) throws -> [TextEvent] {
    var events: [TextEvent] = []
    try reader.forEachBatch(from: from) { batch in
        events += try TextCodec.decode(batch.bytes)
        return true
    }
    return events
}

/// Runs what blocks on a thread of its own, so that no task waits for a place in the pool.
func onThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        let started = OwnThread.start(name: "test") {
            continuation.resume(with: Swift.Result { try body() })
        }
        if !started { continuation.resume(throwing: Failure("no thread")) }
    }
}
