import MailModel
import MessageFormat
import Testing

private let ann = ReversePath.mailbox(Mailbox(localPart: "ann", domain: "example.net"))
private let fates: [RecipientFate] = [.delivered, .relayed, .failed, .delayed]

@Suite("Which notifications")
struct NotificationDecisionTests {
    @Test("RFC 5321 4.5.5: nothing is ever sent to a null reverse-path", arguments: fates)
    func nullReversePath(fate: RecipientFate) {
        for notify in [NotifyOn(), .success, .failure, .delay, [.success, .failure, .delay]] {
            #expect(
                NotificationDecision.action(
                    for: fate, notify: notify, reversePath: .null, delaysByDefault: true) == nil)
        }
    }

    @Test("RFC 3461 4.1: NOTIFY=NEVER means never", arguments: fates)
    func never(fate: RecipientFate) {
        #expect(
            NotificationDecision.action(
                for: fate, notify: .never, reversePath: ann, delaysByDefault: true) == nil)
    }

    @Test(
        "RFC 3461 4.1: each keyword asks for its own notification and no other",
        arguments: [
            (NotifyOn.success, [DSNAction.delivered, .relayed, nil, nil]),
            (.failure, [nil, nil, .failed, nil]), (.delay, [nil, nil, nil, .delayed]),
            ([.success, .failure, .delay], [.delivered, .relayed, .failed, .delayed]),
            ([], [nil, nil, .failed, nil]),
        ] as [(NotifyOn, [DSNAction?])])
    func keywords(notify: NotifyOn, expected: [DSNAction?]) {
        #expect(
            fates.map { NotificationDecision.action(for: $0, notify: notify, reversePath: ann) }
                == expected)
    }

    @Test("RFC 3461 5.2.2: a next hop that took the parameters reports success itself")
    func nextHop() {
        for (took, expected) in [(true, nil), (false, DSNAction.relayed)] {
            #expect(
                NotificationDecision.action(
                    for: .relayed, notify: .success, reversePath: ann, nextHopTookDSN: took)
                    == expected)
        }
    }

    @Test("RFC 3461 4.1: delays are reported without NOTIFY only if the operator says so")
    func delays() {
        for (byDefault, expected) in [(true, DSNAction.delayed), (false, nil)] {
            #expect(
                NotificationDecision.action(
                    for: .delayed, notify: [], reversePath: ann, delaysByDefault: byDefault)
                    == expected)
        }
        #expect(
            NotificationDecision.action(
                for: .delayed, notify: .failure, reversePath: ann, delaysByDefault: true) == nil)
    }
}
