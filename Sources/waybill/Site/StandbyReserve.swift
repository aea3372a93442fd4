import EventLog
import Logging
import Replication
import SmallFiles

/// Keeps what standbys still need from being pruned, up to a bound: a standby that would need more is
/// given up, loudly.
///
/// Concurrency: any thread.
final class StandbyReserve: Sendable {
    private let board: StandbyBoard
    private let path: String
    private let octetsMax: UInt64
    private let logger: Logger
    private let saved = Monitor<[StandbySlot]>([])

    /// - Parameters:
    ///   - board: The standbys.
    ///   - dataDirectory: Where slots are kept.
    ///   - octetsMax: How much of the log may be kept for a standby.
    ///   - logger: Told of standbys that are given up.
    init(board: StandbyBoard, dataDirectory: String, octetsMax: UInt64, logger: Logger) {
        self.board = board
        path = StandbySlot.path(dataDirectory: dataDirectory)
        self.octetsMax = octetsMax
        self.logger = logger
    }

    /// The standbys that an earlier process knew.
    func load() throws(SmallFileError) {
        let slots = try StandbySlot.load(path)
        board.remember(slots)
        saved.withLock { $0 = slots }
    }

    /// Writes what has changed; to be called every few seconds.
    func save() {
        let slots = board.slots
        guard saved.withLock({ $0 != slots }) else { return }
        do {
            try StandbySlot.save(slots, path)
            saved.withLock { $0 = slots }
        } catch {
            logger.warning("standbys not recorded", metadata: ["reason": "\(error)"])
        }
    }

    /// The first event that a standby needs; nil when none needs any.
    ///
    /// - Throws: When the log cannot be read.
    func firstNeeded(in log: LogReader) throws(EventLogError) -> UInt64? {
        var first: UInt64?
        for slot in board.slots where !slot.isGivenUp {
            let segments = try log.sealedSegments(after: slot.sequence)
            let octets = segments.reduce(0) { $0 + $1.octets }
            guard octets <= octetsMax else {
                giveUp(slot, octets)
                continue
            }
            first = min(first ?? .max, slot.firstNeeded)
        }
        return first
    }

    private func giveUp(_ slot: StandbySlot, _ octets: UInt64) {
        guard board.giveUp(slot.site) else { return }
        logger.critical(
            "a standby is given up: it needs more of the log than slot_size keeps, and must be set up anew",
            metadata: [
                "site": "\(slot.site)", "sequence": "\(slot.sequence)", "octets": "\(octets)",
                "octets_max": "\(octetsMax)",
            ])
        save()
    }
}
