/// How a projection stands, for the operator.
///
/// Concurrency: value.
package struct ProjectionStatus: Hashable, Sendable {
    /// What it is doing.
    package enum Phase: UInt8, Hashable, Sendable, CaseIterable {
        /// Reads its file, or replays what the log has beyond it.
        case catchingUp = 1
        /// Follows the log.
        case live = 2
        /// Follows the log, while a new file is built beside the one in use; or is built anew
        /// because the file in use was no good.
        case rebuilding = 3
        /// An event was refused, and the operator chose to stop.
        case stopped = 4
        /// The log or the directory cannot be read or written; tried again by itself.
        case waiting = 5

        /// As commands show it.
        package var name: String {
            switch self {
            case .catchingUp: "catching up"
            case .live: "live"
            case .rebuilding: "rebuilding"
            case .stopped: "stopped"
            case .waiting: "waiting"
            }
        }
    }

    /// Something that went wrong, and was dealt with.
    package struct Setback: Hashable, Sendable {
        /// Microseconds since the Unix epoch.
        package var time: Int64
        package var text: String
    }

    package var name: String
    package var version: UInt32
    package var phase = Phase.catchingUp
    /// The last event applied.
    package var sequence: UInt64 = 0
    /// The last event in the file.
    package var checkpoint: UInt64 = 0
    /// When the file was written last, microseconds since the Unix epoch; 0: not since the start.
    package var checkpointAt: Int64 = 0
    /// The log's last event.
    package var logEnd: UInt64 = 0
    /// Events applied in the last second or so.
    package var eventsPerSecond: UInt64 = 0
    /// The last event in the file that is being built beside the one in use; 0 without one.
    package var rebuildSequence: UInt64 = 0
    /// Rebuilds finished since the server's start.
    package var rebuilds: UInt64 = 0
    package var stoppedBy: RefusedEvent?
    package var refused = RefusedEvents()
    /// The newest last.
    package var setbacks: [Setback] = []

    /// A projection of which nothing is known yet.
    package init(name: String, version: UInt32) {
        self.name = name
        self.version = version
    }

    /// Events of the log that it lacks.
    package var lag: UInt64 { logEnd > sequence ? logEnd - sequence : 0 }

    /// Seconds until what is being read has been read; nil when that cannot be told.
    package var secondsLeft: UInt64? {
        guard eventsPerSecond > 0 else { return nil }
        let done = rebuildSequence > 0 ? rebuildSequence : sequence
        return logEnd > done ? (logEnd - done) / eventsPerSecond : 0
    }
}

/// The status of all projections of a server, as it stands in `<data>/projections/status` for
/// commands to read.
///
/// Concurrency: value.
package struct ProjectionReport: Hashable, Sendable {
    private static let magic: [UInt8] = Array("WBPS".utf8)
    private static let format: UInt16 = 1

    /// When it was made, microseconds since the Unix epoch.
    package var time: Int64
    package var all: [ProjectionStatus]

    /// Creates a report.
    package init(time: Int64, all: [ProjectionStatus]) {
        self.time = time
        self.all = all
    }

    /// Magic, format, time, one entry for each projection, and a checksum.
    package var bytes: [UInt8] {
        var row = RowWriter()
        row.write(raw: Self.magic)
        row.write(fixed: Self.format)
        row.write(fixed: time)
        row.write(varint: UInt64(all.count))
        for status in all { Self.write(status, to: &row) }
        row.write(fixed: RowChecksum.checksum(key: Self.magic, value: row.bytes[...]))
        return row.bytes
    }

    /// Reads a report; nil when it is damaged or of another format.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 22 else { return nil }
        var tail = RowReader(bytes, at: bytes.count - 8)
        let checksum = tail.fixed(UInt64.self)
        let body = Array(bytes.dropLast(8))
        var reader = RowReader(body)
        guard checksum == RowChecksum.checksum(key: Self.magic, value: body[...]),
            reader.raw(4) == Self.magic, reader.fixed(UInt16.self) == Self.format
        else { return nil }
        time = reader.fixed(Int64.self)
        all = []
        for _ in 0..<min(reader.count(), body.count) { all.append(Self.status(&reader)) }
        guard reader.isIntact, reader.isAtEnd else { return nil }
    }

    private static func write(_ status: ProjectionStatus, to row: inout RowWriter) {
        row.write(status.name)
        row.write(fixed: status.version)
        row.write(status.phase.rawValue)
        for number in [
            status.sequence, status.checkpoint, UInt64(bitPattern: status.checkpointAt),
            status.logEnd, status.eventsPerSecond, status.rebuildSequence, status.rebuilds,
        ] {
            row.write(varint: number)
        }
        var stopped = RefusedEvents()
        if let refusal = status.stoppedBy { stopped.add(refusal) }
        for list in [stopped, status.refused] {
            row.write(varint: UInt64(list.bytes.count))
            row.write(raw: list.bytes)
        }
        row.write(varint: UInt64(status.setbacks.count))
        for setback in status.setbacks {
            row.write(fixed: setback.time)
            row.write(setback.text)
        }
    }

    private static func status(_ reader: inout RowReader) -> ProjectionStatus {
        var status = ProjectionStatus(name: reader.text(), version: reader.fixed(UInt32.self))
        status.phase = ProjectionStatus.Phase(rawValue: reader.byte()) ?? .waiting
        status.sequence = reader.varint()
        status.checkpoint = reader.varint()
        status.checkpointAt = Int64(bitPattern: reader.varint())
        status.logEnd = reader.varint()
        status.eventsPerSecond = reader.varint()
        status.rebuildSequence = reader.varint()
        status.rebuilds = reader.varint()
        status.stoppedBy = RefusedEvents(Array(reader.textBytes()))?.list.first
        status.refused = RefusedEvents(Array(reader.textBytes())) ?? RefusedEvents()
        let setbacks = reader.count()
        while status.setbacks.count < setbacks, !reader.isAtEnd {
            status.setbacks.append(
                ProjectionStatus.Setback(time: reader.fixed(Int64.self), text: reader.text()))
        }
        return status
    }
}
