import EventLog
import MailEvents
import MailModel
import Reception
import Synchronization

/// A log in memory that does with appends what the test says.
///
/// Concurrency: any thread; everything behind a lock.
final class FakeLog: MessageLog {
    enum Mode {
        /// Durable at once.
        case durable
        /// Kept until ``release(_:)``.
        case held
        /// Refused.
        case failing(EventLogError)
    }

    struct Message {
        var received: MessageReceived
        var queued: [RecipientQueued]
        var content: [UInt8]

        var text: String { String(decoding: content, as: UTF8.self) }
    }

    private struct State {
        var mode = Mode.durable
        var acceptance: Result<Void, EventLogError> = .success(())
        var nextSequence: UInt64 = 1
        var messages: [Message] = []
        /// Pieces of contents, by sequence.
        var pieces: [UInt64: [UInt8]] = [:]
        var rejected: [SessionRejected] = []
        var waiting: [Append<Event>] = []
    }

    private let state = Mutex(State())

    /// What is durable.
    var messages: [Message] { state.withLock { $0.messages } }
    var rejected: [SessionRejected] { state.withLock { $0.rejected } }
    /// Octets of the pieces that are durable, in order.
    var pieces: [Int] {
        state.withLock { state in state.pieces.sorted { $0.key < $1.key }.map(\.value.count) }
    }
    /// Appends that wait for ``release(_:)``.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    func setMode(_ mode: Mode) { state.withLock { $0.mode = mode } }

    func setAcceptance(_ acceptance: Result<Void, EventLogError>) {
        state.withLock { $0.acceptance = acceptance }
    }

    func acceptance() -> Result<Void, EventLogError> { state.withLock { $0.acceptance } }

    func append(_ append: Append<Event>) {
        let outcome = state.withLock { state -> AppendOutcome? in
            switch state.mode {
            case .durable: return Self.commit(append, &state)
            case .failing(let error):
                return AppendOutcome(token: append.token, result: .failure(error))
            case .held:
                state.waiting.append(append)
                return nil
            }
        }
        if let outcome { append.observer?.appendsCompleted([outcome]) }
    }

    /// Answers everything that waits: durable, or the error.
    func release(_ error: EventLogError? = nil) {
        let answers = state.withLock { state in
            let waiting = state.waiting
            state.waiting = []
            return waiting.map { append in
                let failed = error.map {
                    AppendOutcome(token: append.token, result: .failure($0))
                }
                return (append.observer, failed ?? Self.commit(append, &state))
            }
        }
        for (observer, outcome) in answers { observer?.appendsCompleted([outcome]) }
    }

    private static func commit(_ append: Append<Event>, _ state: inout State) -> AppendOutcome {
        let first = state.nextSequence
        state.nextSequence += UInt64(append.events.count)
        var queued: [RecipientQueued] = []
        for event in append.events {
            switch event.fact {
            case .queued(let fact): queued.append(fact)
            case .rejected(let fact): state.rejected.append(fact)
            default: break
            }
        }
        for content in append.contents {
            guard case .contentReceived = append.events[content.eventIndex].fact else { continue }
            state.pieces[first + UInt64(content.eventIndex)] = content.bytes
        }
        if var event = append.events.first, case .received = event.fact {
            // As the log does: ids that count from the start of the append become real ones.
            _ = MailEventCodec().resolve(
                &event, epoch: 1, appendFirstSequence: first, notBefore: 0)
            guard case .received(let fact) = event.fact else { preconditionFailure() }
            let content = fact.content(at: first) { sequence in
                sequence == first ? append.contents[0].bytes : state.pieces[sequence]
            }
            state.messages.append(
                Message(received: fact, queued: queued, content: content ?? []))
        }
        return AppendOutcome(
            token: append.token,
            result: .success(AppendReceipt(epoch: 1, firstSequence: first)))
    }
}
