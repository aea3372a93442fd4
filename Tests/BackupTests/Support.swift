import Backup
import CCrypto
import EventLog
import Glibc
import WaybillTesting

@testable import Backup

/// A codec small enough to be seen through: lines "time|hash|octets|text".
struct LineCodec: BatchCodec {
    struct Event: Equatable, Sendable {
        var time: Int64
        var text: String
        /// 32 octets when content goes with it.
        var hash: [UInt8] = []
        var octets = 0
    }

    struct Malformed: Error {}

    func resolve(
        _ event: inout Event, epoch: UInt32, appendFirstSequence: UInt64, notBefore: Int64
    ) -> Int64 {
        event.time = max(event.time, notBefore)
        return event.time
    }

    func encode(
        _ events: [Event], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8]
    ) {
        for event in events {
            bytes += "\(event.time)|\(Hex.text(event.hash))|\(event.octets)|\(event.text)\n".utf8
        }
    }

    func encodeLost(
        count: Int, firstSequence: UInt64, epoch: UInt32, time: Int64, into bytes: inout [UInt8]
    ) {
        encode(
            Array(repeating: Event(time: time, text: "lost"), count: count),
            firstSequence: firstSequence, epoch: epoch, firstTime: time, into: &bytes)
    }

    func contentReferences(
        inBatch bytes: [UInt8], firstSequence: UInt64
    ) throws -> [ContentReference] {
        try Self.decode(bytes).enumerated().compactMap { index, event in
            event.hash.isEmpty
                ? nil
                : ContentReference(
                    sequence: firstSequence + UInt64(index), sizeOctets: event.octets,
                    sha256: event.hash)
        }
    }

    static func decode(_ bytes: [UInt8]) throws -> [Event] {
        try bytes.split(separator: UInt8(ascii: "\n")).map { line in
            let parts = String(decoding: line, as: UTF8.self)
                .split(separator: "|", maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4, let time = Int64(parts[0]), let hash = Hex.bytes(parts[1]),
                let octets = Int(parts[2])
            else { throw Malformed() }
            return Event(time: time, text: String(parts[3]), hash: hash, octets: octets)
        }
    }

    /// Fewer events of a batch.
    static let shorten: RestoreTarget.Shorten = { batch, stays in
        let all = try decode(batch.bytes)
        var kept: [Event] = []
        for (index, event) in all.enumerated() {
            guard stays(batch.firstSequence + UInt64(index), event.time) else { break }
            kept.append(event)
        }
        guard let first = kept.first, let last = kept.last else { return nil }
        var part = batch
        part.bytes = []
        LineCodec().encode(
            kept, firstSequence: batch.firstSequence, epoch: batch.epoch, firstTime: first.time,
            into: &part.bytes)
        part.header.lastSequence = batch.firstSequence + UInt64(kept.count) - 1
        part.header.firstTime = first.time
        part.header.lastTime = last.time
        part.header.rawLength = UInt64(part.bytes.count)
        return part
    }
}

/// A log, and a directory that it is archived to.
final class Site {
    let scratch: TemporaryDirectory
    let log: EventLog<LineCodec>
    private(set) var texts: [String] = []
    static let start: Int64 = 1_700_000_000_000_000

    var logPath: String { scratch.path + "/log" }
    var archivePath: String { scratch.path + "/archive" }

    static func configuration(newEpoch: Bool = false) -> EventLogConfiguration {
        var configuration = EventLogConfiguration()
        configuration.segmentBytesMax = 150_000
        configuration.allowAnyFileSystem = true
        configuration.startsNewEpoch = newEpoch
        configuration.freeBytesFloor = 0
        configuration.now = { start }
        return configuration
    }

    init(_ scratch: TemporaryDirectory? = nil, newEpoch: Bool = false) throws {
        self.scratch = try scratch ?? TemporaryDirectory()
        log = try EventLog.open(
            directory: self.scratch.path + "/log", codec: LineCodec(),
            configuration: Self.configuration(newEpoch: newEpoch))
    }

    /// Appends batches of three events; the middle one has content.
    func fill(_ batches: Int, octets: Int = 300) async throws {
        for _ in 0..<batches {
            let number = texts.count
            var generator = SeededBytes(state: UInt64(number + 1))
            let content = (0..<octets).map { _ in generator.next() }
            let time = Self.start + Int64(number) * 1_000_000
            let events = (0..<3).map { index in
                LineCodec.Event(
                    time: time + Int64(index), text: "event \(number + index)",
                    hash: index == 1 ? Digest.of(content) : [], octets: index == 1 ? octets : 0)
            }
            texts += events.map(\.text)
            _ = try await log.append(
                events, contents: [Content(eventIndex: 1, bytes: content)])
        }
    }

    func archive(key: ArchiveKey? = nil, at path: String? = nil) throws -> Archive {
        Archive(
            store: try DirectoryStore(path ?? archivePath, creates: true),
            logID: try log.reader.logID(), key: key)
    }

    func writer(
        _ archive: Archive, claim: UInt8 = 1, restoredFrom: [UInt8]? = nil
    ) throws -> ArchiveWriter {
        try ArchiveWriter(
            archive, log: log.reader,
            identity: .init(
                claim: Array(repeating: claim, count: 16), epoch: log.position.epoch,
                restoredFrom: restoredFrom))
    }

    /// Objects of a folder of the archive, as paths.
    func objects(_ archive: Archive, _ folder: String) throws -> [String] {
        try archive.store.list(archive.folder + folder).objects.map {
            archivePath + "/" + archive.folder + folder + $0.name
        }
    }
}

/// Archives until nothing is left; how many objects that took.
@discardableResult
func ship(_ writer: ArchiveWriter) throws -> Int {
    for count in 0..<100_000 where try writer.step() == .atEnd { return count }
    throw LineCodec.Malformed()
}

/// Restores; the texts of the restored log's events, and the report.
func restore(
    _ archive: Archive, _ target: RestoreTarget = .latest, into directory: TemporaryDirectory,
    readers: Int = 3, shorten: @escaping RestoreTarget.Shorten = LineCodec.shorten
) throws -> (texts: [String], report: RestoreReport) {
    let run = LogRestore(
        archive, codec: LineCodec(), to: target, configuration: Site.configuration(),
        shorten: shorten)
    run.readers = readers
    let report = try run.run(into: directory.path + "/log")
    let reader = try LogReader.open(directory: directory.path + "/log")
    let damages = reader.verify(codec: LineCodec()).damages
    guard damages.isEmpty else { throw ArchiveError(.damaged, "\(damages)") }
    return (try texts(reader), report)
}

/// What a log says.
func texts(_ reader: LogReader) throws -> [String] {
    var texts: [String] = []
    try reader.forEachBatch { batch in
        texts += try LineCodec.decode(batch.bytes).map(\.text)
        return true
    }
    return texts
}

/// Octets that do not compress, the same for the same seed.
struct SeededBytes {
    var state: UInt64

    mutating func next() -> UInt8 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}
