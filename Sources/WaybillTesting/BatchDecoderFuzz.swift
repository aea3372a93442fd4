import EventLog
import MailEvents
import MailModel

/// The entry of a fuzzer for the batch decoder: any bytes go in, nothing may go wrong.
///
/// A fuzzing engine calls ``run(_:)`` with bytes of its choice; the tests call it with mutations of
/// good batches.
///
/// Concurrency: no state.
package enum BatchDecoderFuzz {
    /// What is wrong with the decoder: it accepted bytes and contradicted itself.
    package struct Finding: Error {
        /// What does not fit.
        package let message: String
    }

    /// Decodes the bytes.
    ///
    /// - Returns: the number of events; nil when the bytes are refused.
    /// - Throws: ``Finding`` when the decoder accepts bytes and then contradicts itself: the events
    ///   do not survive being encoded again, or its ways of reading disagree.
    package static func run(_ bytes: [UInt8]) throws -> Int? {
        let events: [RecordedEvent]
        do {
            events = try MailEventDecoder.decode(
                bytes, firstSequence: 1000, epoch: 3, firstTime: 1_790_000_000_000_000)
        } catch {
            guard (0...bytes.count).contains(error.offset) else {
                throw Finding(message: "offset \(error.offset) of \(bytes.count) octets")
            }
            return nil
        }
        var again: [UInt8] = []
        MailEventCodec(hashSeed: 0).encode(
            events.map(\.event), firstSequence: 1000, epoch: 3, firstTime: 1_790_000_000_000_000,
            into: &again)
        let decoded = try MailEventDecoder.decode(
            again, firstSequence: 1000, epoch: 3, firstTime: 1_790_000_000_000_000)
        guard decoded == events else { throw Finding(message: "decoded events differ") }
        var received: [ContentReference] = []
        for event in events {
            if case .received(let fact) = event.event.fact,
                fact.contentSHA256 != ContentHash.none
            {
                received.append(
                    ContentReference(
                        sequence: event.sequence, sizeOctets: fact.sizeOctets,
                        sha256: fact.contentSHA256))
            }
            if event.json.utf8.contains(0x0A) { throw Finding(message: "JSON of two lines") }
        }
        guard
            try MailEventDecoder.contentReferences(bytes, firstSequence: 1000) == received
        else { throw Finding(message: "content references differ") }
        var looker = Looker()
        try MailEventDecoder.visit(
            bytes, firstSequence: 1000, epoch: 3, firstTime: 1_790_000_000_000_000, &looker)
        let seen = events.map { Seen($0.sequence, $0.event.time.microseconds, $0.messageID) }
        guard looker.seen == seen else { throw Finding(message: "the visitor sees other events") }
        return events.count
    }

    private struct Seen: Equatable {
        let sequence: UInt64
        let time: Int64
        let message: MessageID?

        init(_ sequence: UInt64, _ time: Int64, _ message: MessageID?) {
            self.sequence = sequence
            self.time = time
            self.message = message
        }
    }

    private struct Looker: EventVisitor {
        var texts: BatchTexts?
        var seen: [Seen] = []

        mutating func begin(_ texts: BatchTexts) { self.texts = texts }

        mutating func visit(_ event: EventView) {
            // Every number that arrives must be one of a text.
            for number in [
                event.tenantText, event.campaignText, event.localText, event.domainText,
                event.feedbackTypeText,
            ] {
                _ = texts?[octets: number]
            }
            seen.append(Seen(event.sequence, event.time, event.message))
        }
    }
}
