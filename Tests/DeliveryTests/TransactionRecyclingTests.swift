import MailModel
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("What goes back in silence")
struct TransactionRecyclingTests {
    private func outcome(
        _ disposition: RecipientOutcome.Disposition, _ code: UInt16 = 250,
        _ status: EnhancedStatusCode? = nil, _ command: ClientCommand = .dot
    ) -> RecipientOutcome {
        RecipientOutcome(disposition, Reply(code, status, "text"), command: command)
    }

    private func failure(
        _ kind: SessionFailure.Kind, _ command: ClientCommand = .mail
    ) -> SessionFailure {
        SessionFailure(kind: kind, reply: Reply(421, nil, "bye"), command: command)
    }

    private func recycling(
        _ outcomes: [RecipientOutcome], _ failure: SessionFailure? = nil, answered: Bool = true,
        first: Bool = false, retries: Int = 0, announced: Bool = false
    ) -> TransactionRecycling {
        TransactionRecycling(
            result: TransactionResult(
                outcomes: outcomes, sessionFailure: failure, serverAnswered: answered),
            isFirstOnConnection: first, silentRetries: retries, isAnnounced: announced)
    }

    @Test("What was announced gets an event, whatever ended it")
    func announced() {
        let lost = [outcome(.transientFailure, 421)]
        #expect(recycling(lost, failure(.cancelled)) == .nobody)
        #expect(recycling(lost, failure(.cancelled), announced: true) == .none)
        #expect(
            recycling(lost, failure(.connectionClosed), answered: false, announced: true) == .none)
        #expect(recycling(lost, failure(.withheld), announced: true) == .none)
    }

    @Test("An ordinary result counts as it is")
    func plain() {
        #expect(recycling([outcome(.delivered), outcome(.permanentFailure, 550)]) == .none)
    }

    @Test("A reused connection that had ended is no attempt; a new one is")
    func staleConnection() {
        let lost = [outcome(.transientFailure, 421)]
        #expect(recycling(lost, failure(.connectionClosed), answered: false) == .all)
        #expect(recycling(lost, failure(.connectionClosed), answered: false, first: true) == .none)
        #expect(recycling(lost, failure(.connectionClosed, .rcpt)) == .none)
        #expect(
            recycling(
                lost, failure(.connectionClosed), answered: false, retries: Limits.silentRetries)
                == .none)
    }

    @Test("421 to MAIL on a reused connection is no attempt, elsewhere it is")
    func leaving() {
        let lost = [outcome(.transientFailure, 421)]
        #expect(recycling(lost, failure(.serviceClosing)) == .all)
        #expect(recycling(lost, failure(.serviceClosing, .rcpt)) == .none)
        #expect(recycling(lost, failure(.serviceClosing), first: true) == .none)
    }

    @Test("What is in doubt is never repeated in silence")
    func inDoubt() {
        let doubtful = [outcome(.inDoubt, 421)]
        #expect(recycling(doubtful, failure(.connectionClosed, .dot)) == .none)
        #expect(recycling(doubtful, failure(.cancelled, .dot)) == .none)
    }

    @Test("A transaction that we stopped leaves its recipients as they were")
    func cancelled() {
        #expect(recycling([outcome(.transientFailure, 421)], failure(.cancelled)) == .nobody)
    }

    @Test("RFC 5321 4.5.3.1.10: recipients that were too many go in another transaction")
    func tooMany() {
        let outcomes = [
            outcome(.delivered), outcome(.transientFailure, 452, nil, .rcpt),
            outcome(.transientFailure, 452, EnhancedStatusCode(4, 5, 3), .rcpt),
            outcome(.transientFailure, 452, EnhancedStatusCode(4, 2, 2), .rcpt),
            outcome(.transientFailure, 451, nil, .rcpt),
            outcome(.transientFailure, 552, nil, .rcpt),
        ]
        #expect(recycling(outcomes) == .some([1, 2, 5]))
        #expect(recycling(Array(outcomes.dropFirst())) == .none)
    }
}
