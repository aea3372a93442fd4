import Backup
import EventLog
import MailEvents
import MailModel

/// Encodes the first events of a batch of mail anew: what a restore needs that ends within a batch.
enum MailShortening {
    static let shorten: RestoreTarget.Shorten = { batch, stays in
        let events = whole(
            try batch.events().prefix { stays($0.sequence, $0.event.time.microseconds) })
        guard let first = events.first, let last = events.last else { return nil }
        var part = batch
        part.bytes = []
        MailEventCodec().encode(
            events.map(\.event), firstSequence: batch.firstSequence, epoch: batch.epoch,
            firstTime: first.event.time.microseconds, into: &part.bytes)
        part.header.lastSequence = last.sequence
        part.header.firstTime = first.event.time.microseconds
        part.header.lastTime = last.event.time.microseconds
        part.header.rawLength = UInt64(part.bytes.count)
        return part
    }

    /// Without messages of which a piece, which stands behind them, does not stay; what stood behind those
    /// does not stay either.
    static func whole(_ events: ArraySlice<RecordedEvent>) -> ArraySlice<RecordedEvent> {
        var events = events
        while let last = events.last?.sequence {
            let torn = events.firstIndex { event in
                guard case .received(let fact) = event.event.fact else { return false }
                return fact.contentPieces.contains { $0 > last }
            }
            guard let torn else { break }
            events = events[..<torn]
        }
        return events
    }
}
