import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol
import Testing

@testable import Delivery

@Suite("Outcome plan")
struct OutcomePlanTests {
    private let peer = DeliveryPeer(
        host: "mx.example.org", address: "192.0.2.7", port: 25, sourceAddress: "192.0.2.1")

    private func plan(
        _ recipients: [RecipientState], _ results: [OutcomePlan.Result],
        message: MessageFacts = Fixture.facts(), terms: OutcomePlan.Terms = Fixture.terms(),
        passedDSN: Bool = false, announced: Set<Int> = []
    ) -> OutcomePlan {
        OutcomePlan(
            message: message, recipients: recipients, results: results,
            circumstances: .init(
                peer: peer, waitedMicroseconds: 1, connectingMicroseconds: 2,
                transactionMicroseconds: 3, passedDSN: passedDSN, announced: announced),
            terms: terms)
    }

    @Test("In doubt after an intent: deferred, neither given up for its age nor reported as late")
    func announcedInDoubt() {
        let old = Fixture.terms(at: Fixture.start.adding(seconds: 30 * 86_400))
        let results = [Fixture.result(.inDoubt, 421), Fixture.result(.inDoubt, 421)]
        let plan = plan(
            [Fixture.recipient(0, notify: [.delay, .failure]), Fixture.recipient(1)], results,
            terms: old, announced: [0])
        guard case .deferred(let held) = plan.facts[0], case .expired = plan.facts[1] else {
            Issue.record("\(plan.facts)")
            return
        }
        #expect(held.inDoubt && held.nextDue == old.now && held.attempt.number == 1)
        #expect(plan.notices.flatMap(\.recipients).map(\.recipient.number) == [1])
    }

    private func recipientNumbers(_ plan: OutcomePlan) -> [Int] {
        plan.facts.compactMap { fact in
            switch fact {
            case .delivered(let fact): fact.recipient.number
            case .bounced(let fact): fact.recipient.number
            case .deferred(let fact): fact.recipient.number
            case .expired(let fact): fact.recipient.number
            default: nil
            }
        }
    }

    @Test("Delivered says where, when and how long; nobody is told unless asked for")
    func delivered() {
        let plan = plan(
            [Fixture.recipient(attempts: 2)], [Fixture.result(.delivered, 250)])
        guard case .delivered(let fact) = plan.facts.first else {
            Issue.record("\(plan.facts)")
            return
        }
        #expect(fact.attempt.number == 3 && fact.attempt.peer == peer)
        #expect(fact.attempt.waitedMicroseconds == 1 && fact.attempt.connectingMicroseconds == 2)
        #expect(fact.attempt.transactionMicroseconds == 3 && fact.attempt.command == "dot")
        #expect(fact.recipient.tenant == "acme" && fact.recipient.campaign == "spring")
        #expect(plan.notices.isEmpty && plan.facts.count == 1)
    }

    @Test("RFC 3461 5.2.2: success is reported only for a next hop that knows no DSN")
    func success() {
        let recipient = Fixture.recipient(notify: .success)
        let told = plan([recipient], [Fixture.result(.delivered, 250)])
        #expect(told.notices.first?.recipients.first?.action == .relayed)
        let silent = plan([recipient], [Fixture.result(.delivered, 250)], passedDSN: true)
        #expect(silent.notices.isEmpty)
    }

    @Test("A permanent failure bounces and is reported once for all failed recipients")
    func bounced() {
        let plan = plan(
            [Fixture.recipient(0), Fixture.recipient(1), Fixture.recipient(2)],
            [
                Fixture.result(.permanentFailure, 550, command: "rcpt"),
                Fixture.result(.delivered, 250), Fixture.result(.permanentFailure, 550),
            ])
        #expect(recipientNumbers(plan) == [0, 1, 2])
        #expect(plan.notices.count == 1)
        #expect(plan.notices[0].to.description == "ann@example.net")
        #expect(plan.notices[0].recipients.map(\.recipient.number) == [0, 2])
        guard case .bounced(let fact) = plan.facts.first else {
            Issue.record("\(plan.facts)")
            return
        }
        #expect(fact.class == .quotaIssues && fact.saidBy == .remote)
    }

    @Test("RFC 5321 4.5.5: nothing is reported to a null reverse-path")
    func nullReversePath() {
        let plan = plan(
            [Fixture.recipient()], [Fixture.result(.permanentFailure, 550)],
            message: Fixture.facts(reversePath: .null))
        #expect(plan.facts.count == 1 && plan.notices.isEmpty)
    }

    @Test("NOTIFY=NEVER, and a policy without notifications, keep silent")
    func never() {
        let never = plan(
            [Fixture.recipient(notify: .never)], [Fixture.result(.permanentFailure, 550)])
        #expect(never.notices.isEmpty)
        let off = plan(
            [Fixture.recipient()], [Fixture.result(.permanentFailure, 550)],
            terms: Fixture.terms(notifications: false))
        #expect(off.notices.isEmpty)
    }

    @Test("A transient failure is due again by the schedule, all recipients at the same time")
    func deferred() {
        let plan = plan(
            [Fixture.recipient(0), Fixture.recipient(1)],
            [Fixture.result(.transientFailure, 451), Fixture.result(.inDoubt, 421)])
        let deferred = plan.facts.compactMap { fact -> DeliveryDeferred? in
            if case .deferred(let fact) = fact { fact } else { nil }
        }
        #expect(deferred.map(\.inDoubt) == [false, true])
        #expect(Set(deferred.map(\.nextDue)) == [Fixture.start.adding(seconds: 301)])
        #expect(plan.notices.isEmpty)
    }

    @Test("Past the maximum age a transient failure expires, with the last reply, and is reported")
    func expired() {
        let late = Fixture.start.adding(seconds: 432_001)
        let plan = plan(
            [Fixture.recipient(attempts: 30, lastEventAt: late.adding(seconds: -100))],
            [Fixture.result(.transientFailure, 451)], terms: Fixture.terms(at: late))
        guard case .expired(let fact) = plan.facts.first else {
            Issue.record("\(plan.facts)")
            return
        }
        #expect(fact.attempt.reply.code == 451 && fact.attempt.number == 31)
        #expect(plan.notices.first?.recipients.first?.action == .failed)
    }

    @Test("A delay is reported with the first deferral past the warning age, and only then")
    func delay() {
        func notices(_ lastEvent: Int64, _ now: Int64, notify: NotifyOn = .delay) -> Int {
            plan(
                [
                    Fixture.recipient(
                        notify: notify, lastEventAt: Fixture.start.adding(seconds: lastEvent))
                ], [Fixture.result(.transientFailure, 451)],
                terms: Fixture.terms(at: Fixture.start.adding(seconds: now))
            ).notices.count
        }
        #expect(notices(7000, 14_399) == 0)
        #expect(notices(14_399, 14_400) == 1)
        #expect(notices(0, 20_000) == 1)
        #expect(notices(14_400, 20_000) == 0)
        #expect(notices(0, 20_000, notify: []) == 0)
    }

    @Test("Failures, delays and successes of one transaction are separate notifications")
    func mixed() {
        let late = Fixture.start.adding(seconds: 20_000)
        let plan = plan(
            [
                Fixture.recipient(0, notify: .delay), Fixture.recipient(1, notify: .failure),
                Fixture.recipient(2, notify: .success),
            ],
            [
                Fixture.result(.transientFailure, 451), Fixture.result(.permanentFailure, 550),
                Fixture.result(.delivered, 250),
            ], terms: Fixture.terms(at: late))
        #expect(plan.notices.map { $0.recipients[0].action } == [.failed, .delayed, .relayed])
        let until = plan.notices[1].recipients[0].willRetryUntil
        #expect(until == Fixture.start.adding(seconds: 432_000))
    }

    @Test("A failure before the transaction is everybody's, local words included")
    func failure() {
        let failure = AttemptFailure.local(
            556, EnhancedStatusCode(5, 1, 10), "no mail", class: .badDomain)
        let plan = OutcomePlan(
            message: Fixture.facts(), recipients: [Fixture.recipient(0), Fixture.recipient(1)],
            failure: failure, circumstances: .init(), terms: Fixture.terms())
        #expect(recipientNumbers(plan) == [0, 1])
        #expect(plan.notices.first?.recipients.allSatisfy(\.isLocal) == true)
        guard case .bounced(let fact) = plan.facts.first else {
            Issue.record("\(plan.facts)")
            return
        }
        #expect(fact.saidBy == .local && fact.attempt.command == "connect")
    }

    @Test(
        "A refusal at the door defers, except where the host says it never takes mail (RFC 7504)",
        arguments: [(554, false), (450, false), (521, true), (556, true)] as [(UInt16, Bool)])
    func greeting(code: UInt16, permanent: Bool) {
        let failure = SessionFailure(
            kind: .refused, reply: Reply(code, nil, "no"), command: .greeting,
            isPermanent: code >= 500)
        let attempt = AttemptFailure.session(failure, classifier: .init(), peer: peer)
        #expect(attempt.isPermanent == permanent && attempt.saidBy == .remote)
        #expect(attempt.class != .none)
    }
}
