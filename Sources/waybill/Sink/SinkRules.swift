import MailModel
import SMTPProtocol
import Synchronization

/// What the receiving test server says to which mailbox, and what it has counted.
///
/// Concurrency: any thread; the counts are behind a lock.
final class SinkRules: Sendable {
    /// What has come in.
    struct Counts: Sendable {
        var sessions = 0
        var messages = 0
        var recipients = 0
        var octets = 0
        /// Recipients; the two below are messages.
        var refused = 0
        var deferred = 0
        var bounced = 0
    }

    private struct State {
        var counts = Counts()
        var deferralsLeft: [String: Int]
    }

    /// In lower case; their RCPT is refused, so that no message comes for them.
    let refused: Set<String>
    private let bounced: Set<String>
    private let state: Mutex<State>

    /// Mailboxes are compared without regard to case.
    ///
    /// - Parameters:
    ///   - refused: Their RCPT is answered 550 5.1.1.
    ///   - bounced: Answered 554 5.7.1 at the end of the message.
    ///   - deferred: Answered 451 4.2.0 at the end of the message so many times, then accepted.
    init(refused: [String], bounced: [String], deferred: [String: Int]) {
        self.refused = Set(refused.map { $0.lowercased() })
        self.bounced = Set(bounced.map { $0.lowercased() })
        state = Mutex(
            State(
                deferralsLeft: Dictionary(
                    deferred.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: max)))
    }

    var counts: Counts { state.withLock { $0.counts } }

    func sessionOpened() { state.withLock { $0.counts.sessions += 1 } }

    /// Counts recipients that were refused.
    func noteRefused(_ count: Int) {
        guard count > 0 else { return }
        state.withLock { $0.counts.refused += count }
    }

    /// The answer to a whole message: the first recipient with a rule decides.
    func answer(to message: CompletedMessage) -> Reply {
        let names = message.envelope.recipients.map { $0.mailbox.description.lowercased() }
        return state.withLock { state in
            for name in names {
                if bounced.contains(name) {
                    state.counts.bounced += 1
                    return Reply(554, EnhancedStatusCode(5, 7, 1), "message content rejected")
                }
                if let left = state.deferralsLeft[name], left > 0 {
                    state.deferralsLeft[name] = left - 1
                    state.counts.deferred += 1
                    return Reply(451, EnhancedStatusCode(4, 2, 0), "<\(name)>: try again later")
                }
            }
            state.counts.messages += 1
            state.counts.recipients += names.count
            state.counts.octets += message.content.count
            return Reply(250, EnhancedStatusCode(2, 0, 0), "taken as \(state.counts.messages)")
        }
    }
}
