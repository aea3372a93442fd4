import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import Projections

private typealias Store = ProjectionStore<WordCount>

/// A data directory with a log of words.
private final class Site {
    let directory: TemporaryDirectory
    let log: EventLog<WordCodec>

    var projections: String { directory.path + "/projections" }
    var file: String { Store.path(in: projections) }

    init() throws {
        directory = try TemporaryDirectory()
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        log = try EventLog.open(
            directory: directory.path + "/log", codec: WordCodec(), configuration: configuration)
    }

    deinit { log.close() }

    func say(_ words: String...) async throws {
        for word in words { _ = try await log.append(word.split(separator: " ").map(String.init)) }
    }

    func load() throws -> LoadedProjection<WordCount> {
        try Store.load(directory: projections, log: log.reader).loaded
    }

    /// Loads, and writes what was loaded.
    @discardableResult
    func save() throws -> LoadedProjection<WordCount> {
        var (loaded, store) = try Store.load(directory: projections, log: log.reader)
        let position = try #require(loaded.position)
        try store.write(loaded.state.takeCheckpoint(at: position))
        return loaded
    }

    var bytes: [UInt8] {
        get throws {
            let file = try unsafe #require(unsafe fopen(self.file, "r"))
            defer { unsafe fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 1 << 22)
            let count = unsafe fread(&bytes, 1, bytes.count, file)
            return Array(bytes[..<count])
        }
    }

    func overwrite(_ bytes: [UInt8], at path: String? = nil) throws {
        let file = try unsafe #require(unsafe fopen(path ?? self.file, "w"))
        unsafe fwrite(bytes, 1, bytes.count, file)
        unsafe fclose(file)
    }

    func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
}

@Suite("A projection's file")
struct ProjectionStoreTests {
    @Test("Without a checkpoint everything is replayed, with one only what came after it")
    func tail() async throws {
        let site = try Site()
        try await site.say("a b a", "c", "-b")
        let first = try site.save()
        #expect(first.state.counts == ["a": 2, "c": 1])
        #expect(first.report.replayed == 5)
        #expect(first.report.checkpoint == nil)
        #expect(first.position == site.log.position)
        try await site.say("a d", "-c")
        let second = try site.load()
        #expect(second.state.counts == ["a": 3, "d": 1])
        #expect(second.report.checkpoint == 5)
        #expect(second.report.replayed == 3)
        #expect(second.report.setback == nil)
        #expect(second.position == site.log.position)
        // What was loaded but not written again is still the old checkpoint.
        #expect(try site.load().report.checkpoint == 5)
        let read = try Store.loadReadOnly(directory: site.projections, log: site.log.reader)
        #expect(read.state.digest() == second.state.digest())
        #expect(read.report == second.report)
    }

    @Test("An empty log gives the state before the first event")
    func empty() throws {
        let site = try Site()
        let loaded = try site.load()
        #expect(loaded.state.counts == [:])
        #expect(loaded.position == nil)
        #expect(
            try Store.loadReadOnly(directory: site.projections, log: site.log.reader)
                .report.setback == nil)
    }

    @Test("Promise 3: checkpoints one on the other leave the same rows as one replay")
    func incremental() async throws {
        let site = try Site()
        var random = SeededRandom(seed: 20)
        for _ in 0..<40 {
            let words = (0..<30).map { _ in
                (random.oneIn(3) ? "-" : "") + "word\(random.below(200))"
            }
            try await site.say(words.joined(separator: " "))
            try site.save()
        }
        let kept = try site.load()
        #expect(kept.report.replayed == 0)
        let plain = try Store.loadReadOnly(
            directory: site.directory.path + "/nowhere", log: site.log.reader)
        #expect(plain.report.replayed == 1200)
        #expect(kept.state.digest() == plain.state.digest())
        #expect(kept.state.counts == plain.state.counts)
    }

    @Test("A checkpoint of more rows than fit in one transaction")
    func large() async throws {
        let site = try Site()
        for start in stride(from: 0, to: 56_000, by: 8000) {
            try await site.say((start..<start + 8000).map { "w\($0)" }.joined(separator: " "))
        }
        let saved = try site.save()
        #expect(saved.state.counts.count == 56_000)
        let loaded = try site.load()
        #expect(loaded.report.replayed == 0)
        #expect(loaded.state.digest() == saved.state.digest())
    }

    @Test("A flipped bit anywhere is found, or was in what is not used")
    func flippedBits() async throws {
        let site = try Site()
        for start in 0..<40 {
            try await site.say(
                (start * 20..<start * 20 + 20).map { "word-number-\($0)" }.joined(separator: " "))
        }
        let digest = try site.save().state.digest()
        let intact = try site.bytes
        #expect(intact.count > 40_000)
        var random = SeededRandom(seed: 77)
        var found = 0
        for _ in 0..<200 {
            var bytes = intact
            let place = random.below(bytes.count)
            bytes[place] ^= 1 << random.below(8)
            try site.overwrite(bytes)
            let loaded = try Store.loadReadOnly(directory: site.projections, log: site.log.reader)
            #expect(loaded.state.digest() == digest, "octet \(place)")
            if loaded.report.setback != nil { found += 1 }
        }
        #expect(found > 50)
    }

    @Test("A damaged file is put aside under .damaged, and a whole new one is made")
    func damaged() async throws {
        let site = try Site()
        try await site.say("alpha beta gamma", "beta")
        let digest = try site.save().state.digest()
        var bytes = try site.bytes
        let word = Array("gamma".utf8)
        let places = bytes.indices.dropLast(word.count).filter {
            Array(bytes[$0..<$0 + word.count]) == word
        }
        #expect(!places.isEmpty)
        for place in places { bytes[place] ^= 0x01 }
        try site.overwrite(bytes)
        let loaded = try site.save()
        #expect(loaded.report.setback?.contains("words-v3.mdb") == true)
        #expect(loaded.report.checkpoint == nil)
        #expect(loaded.report.replayed == 4)
        #expect(loaded.state.digest() == digest)
        #expect(site.exists(site.file + ".damaged"))
        let again = try site.load()
        #expect(again.report.setback == nil)
        #expect(again.report.replayed == 0)
        #expect(again.state.digest() == digest)
    }

    @Test(
        "A file cut short at any length is found", arguments: [0, 1, 100, 4096, 8191, 8192, 12_000])
    func truncated(length: Int) async throws {
        let site = try Site()
        try await site.say("alpha beta gamma", "beta")
        let digest = try site.save().state.digest()
        try site.overwrite(Array(try site.bytes.prefix(length)))
        let read = try Store.loadReadOnly(directory: site.projections, log: site.log.reader)
        #expect(read.state.digest() == digest)
        #expect(read.report.checkpoint == nil)
        let loaded = try site.save()
        #expect(loaded.report.checkpoint == nil)
        #expect(loaded.report.replayed == 4)
        #expect(loaded.state.digest() == digest)
        #expect(try site.load().report.replayed == 0)
    }

    @Test("A checkpoint of another log, or one ahead of the log, is not used")
    func foreign() async throws {
        let site = try Site()
        let other = try Site()
        try await site.say("a b c")
        try await other.say("x", "y z")
        try site.save()
        try other.save()
        try other.overwrite(try site.bytes)
        let foreign = try other.load()
        #expect(foreign.report.setback?.contains("of another log") == true)
        #expect(foreign.state.counts == ["x": 1, "y": 1, "z": 1])
        #expect(other.exists(other.file + ".damaged"))

        let logID = try site.log.reader.logID()
        for (position, words) in [
            (Position(epoch: 1, sequence: 9, chainHash: site.log.position.chainHash), "ahead"),
            (
                Position(epoch: 1, sequence: 3, chainHash: [UInt8](repeating: 9, count: 32)),
                "another history"
            ),
            (Position(epoch: 1, sequence: 2, chainHash: site.log.position.chainHash), "history"),
        ] {
            var state = try site.load().state
            state.forgetChanges()
            try ProjectionFile(path: site.file).write(
                state.takeCheckpoint(at: position), version: 3, logID: logID)
            let loaded = try Store.loadReadOnly(directory: site.projections, log: site.log.reader)
            #expect(loaded.report.setback?.contains(words) == true, "\(words)")
            #expect(loaded.state.counts == ["a": 1, "b": 1, "c": 1])
        }
        var state = try site.load().state
        state.forgetChanges()
        try ProjectionFile(path: site.file).write(
            state.takeCheckpoint(at: site.log.position), version: 4, logID: logID)
        #expect(try site.load().report.setback?.contains("of another version") == true)
    }

    @Test("A file to which LMDB writes no more is put aside; the next checkpoint makes a new one")
    func beyondUse() async throws {
        let site = try Site()
        try await site.say("alpha beta gamma", "beta")
        try site.save()
        var (loaded, store) = try Store.load(directory: site.projections, log: site.log.reader)
        try await site.say("delta")
        // Pages lose their kind, in a way that the file's times do not show.
        var status = stat()
        #expect(unsafe stat(site.file, &status) == 0)
        let bytes = try site.bytes
        let file = unsafe Glibc.open(site.file, O_WRONLY | O_CLOEXEC)
        for page in stride(from: 8192, to: bytes.count, by: 4096) where bytes[page + 10] == 0x02 {
            #expect(unsafe pwrite(file, [UInt8(0)], 1, page + 10) == 1)
        }
        close(file)
        let times = [status.st_atim, status.st_mtim]
        #expect(unsafe utimensat(AT_FDCWD, site.file, times, 0) == 0)
        try site.log.reader.forEachBatch(from: 5) { batch in
            try loaded.state.apply(batch)
            return true
        }
        let error = #expect(throws: ProjectionError.self) {
            try store.write(loaded.state.takeCheckpoint(at: site.log.position))
        }
        #expect(error?.isDamage == true)
        #expect(site.exists(site.file + ".damaged"))
        loaded.state.forgetChanges()
        try store.write(loaded.state.takeCheckpoint(at: site.log.position))
        let kept = try Store.loadReadOnly(directory: site.projections, log: site.log.reader)
        #expect(kept.report.setback == nil)
        #expect(kept.report.replayed == 0)
        #expect(kept.state.counts == ["alpha": 1, "beta": 2, "gamma": 1, "delta": 1])
    }

    @Test("Every octet of a file to which nothing is written is read every ten minutes")
    func checked() async throws {
        let site = try Site()
        try await site.say("alpha beta gamma", "beta")
        try site.save()
        let clock = TestClock()
        var (loaded, store) = try Store.load(
            directory: site.projections, log: site.log.reader, now: { clock.now })
        var bytes = try site.bytes
        let word = Array("gamma".utf8)
        for place in bytes.indices.dropLast(word.count)
        where Array(bytes[place..<place + word.count]) == word {
            bytes[place] ^= 0x01
        }
        try site.overwrite(bytes)
        clock.advance(Limits.fileCheckMilliseconds - 1)
        try store.checkIfDue()
        clock.advance(1)
        let error = #expect(throws: ProjectionError.self) { try store.checkIfDue() }
        #expect(error?.isDamage == true)
        #expect(site.exists(site.file + ".damaged"))
        loaded.state.forgetChanges()
        try store.write(loaded.state.takeCheckpoint(at: site.log.position))
        clock.advance(Limits.fileCheckMilliseconds)
        try store.checkIfDue()
        let kept = try Store.loadReadOnly(directory: site.projections, log: site.log.reader)
        #expect(kept.report.setback == nil)
        #expect(kept.report.replayed == 0)
    }

    @Test("What the fold refuses at the start is named")
    func refused() async throws {
        let site = try Site()
        try await site.say("a b", "c poison d", "e")
        let error = #expect(throws: RefusedEvent.self) {
            try ProjectionStore<Journal>.load(directory: site.projections, log: site.log.reader)
        }
        #expect(error?.first == 3)
        #expect(error?.last == 5)
        #expect(error?.reason == "poison is not said")
    }

    @Test("A checkpoint that was not finished does not count")
    func unfinished() async throws {
        let site = try Site()
        try await site.say("a b c")
        try site.save()
        do {
            let file = try ProjectionFile(path: site.file)
            let bad = ProjectionChange(key: [], value: [1])
            #expect(throws: (any Error).self) {
                try file.write(
                    Checkpoint(position: site.log.position, changes: [bad], isWhole: true),
                    version: 3, logID: [UInt8](repeating: 0, count: 16))
            }
        }
        let loaded = try site.save()
        #expect(loaded.report.checkpoint == nil)
        #expect(loaded.report.setback == nil)
        #expect(loaded.state.counts.count == 3)
        #expect(try site.load().report.checkpoint == 3)
    }

    @Test("Progress is told, and ends with the last event")
    func progress() async throws {
        let site = try Site()
        for number in 0..<300 { try await site.say("n\(number % 7)") }
        var reports: [ReplayProgress] = []
        _ = try Store.loadReadOnly(directory: site.projections, log: site.log.reader) {
            reports.append($0)
        }
        #expect(reports.count >= 2)
        #expect(reports.last == ReplayProgress(sequence: 300, from: 1, through: 300))
        #expect(zip(reports, reports.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
    }
}
