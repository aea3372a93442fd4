/// The lease as one site sees it: when to ask etcd what, when to stop writing, when to take over.
///
/// What it decides: nothing is written behind ``until``, which is earlier than the end of the lease by
/// a margin and counted from when the last granted renewal was *sent*. What etcd answers late, or
/// answers to a lease that is no longer held, changes nothing.
///
/// What it never does: look at a clock, or talk to anybody. Times are milliseconds of one clock that
/// never goes back and never stops.
///
/// Concurrency: value.
package struct LeaseMachine: Sendable {
    /// What this site wants of the lease.
    package enum Aim: Hashable, Sendable {
        /// Nothing: it is fenced.
        case none
        /// To hold it, as the primary of an epoch. By force: whoever holds it, and without it while etcd
        /// does not answer.
        case hold(epoch: UInt32, isForced: Bool)
        /// To take it when nobody holds it and this site is the one to.
        case stand
    }

    /// What is to be asked of etcd.
    package enum Request: Hashable, Sendable {
        /// What it has.
        case look
        /// To grant a lease, and enter this site as the holder if the entries are still those that were
        /// seen.
        case take(epoch: UInt32, holderRevision: Int64, tokenRevision: Int64)
        /// To renew the lease, if this site is still entered under it.
        case renew(lease: Int64, epoch: UInt32, successor: String)
        /// To note where this standby's log ends.
        case publish(LeaseCandidate)
        /// To end a lease.
        case release(lease: Int64)
    }

    /// What came of a request.
    package enum Answer: Hashable, Sendable {
        case view(LeaseView)
        case taken(lease: Int64)
        case renewed
        /// It was not: another site's entry is there, or the lease has ended.
        case refused
        /// Noted, or ended.
        case done
        /// Nobody answered, or not what was expected.
        case failed(String)
    }

    /// What to do now.
    package enum Step: Hashable, Sendable {
        case ask(Request)
        /// Nothing before this time.
        case wait(until: UInt64)
    }

    /// What the site must know at once.
    package enum Change: Hashable, Sendable {
        /// The lease is held; the site may write.
        case held
        /// The lease is not held any more: nothing may be written.
        case lost(String)
        /// This standby has taken the lease: it is to be the primary of this epoch.
        case promoted(epoch: UInt32)
        /// Another site has opened this epoch under the lease.
        case outranked(epoch: UInt32, site: String)
    }

    struct Held: Hashable, Sendable {
        var lease: Int64
        var epoch: UInt32
        var until: UInt64
        var successor = ""
    }

    package let timing: LeaseTiming
    /// See ``LeaseElection``.
    package let lagMax: UInt64
    /// Promotes itself.
    package let isAutomatic: Bool
    var aim = Aim.none
    var held: Held?
    var due: UInt64 = 0
    var pending: Request?
    /// The epoch that a standby has tried to take the lease for, in vain or without an answer: the token
    /// may be its own, although nobody has written in that epoch.
    var attempt: UInt32?
    /// What etcd had last; nil: nothing was seen yet.
    var lastToken: LeaseToken?
    /// To whom this site hands over; empty: to nobody.
    var successor = ""
    /// What happened since it was asked for last.
    var changes: [Change] = []

    /// What etcd had when it answered last; nil before that, and while it does not.
    package internal(set) var view: LeaseView?
    /// What went wrong last, or why this site waits; nil: all is well.
    package internal(set) var problem: String?
    /// etcd did not answer the last request.
    package internal(set) var isSilent = false

    /// Creates a machine that wants nothing.
    ///
    /// - Parameters:
    ///   - timing: Of the lease.
    ///   - lagMax: See ``LeaseElection``.
    ///   - isAutomatic: Whether a standby takes over by itself.
    package init(timing: LeaseTiming, lagMax: UInt64, isAutomatic: Bool) {
        self.timing = timing
        self.lagMax = lagMax
        self.isAutomatic = isAutomatic
    }

    /// Whether the lease is held, as far as its deadline was looked at.
    package var isHeld: Bool { held != nil }

    /// Until when this site may write; 0: not at all, the largest number: by force, without a lease.
    package var until: UInt64 {
        if let held { return held.until }
        if case .hold(_, isForced: true) = aim { return .max }
        return 0
    }

    /// Whether there is something to be asked now.
    package func isDue(now: UInt64) -> Bool { pending != nil || now >= due }

    /// Whether this standby takes the lease by itself, if it is the one to.
    package var isStanding: Bool { aim == .stand }

    /// Whether etcd is to be asked next to end a lease.
    package var isAboutToRelease: Bool {
        if case .release = pending { true } else { false }
    }

    /// Whether the holder's entry names a site to hand over to.
    package func hasOffered(to site: String) -> Bool { held?.successor == site }

    /// What happened since this was called last, in order.
    package mutating func takeChanges() -> [Change] {
        defer { changes = [] }
        return changes
    }
}

extension LeaseMachine {
    /// Sets what this site wants, now that what wrote before has ended.
    ///
    /// - Parameters:
    ///   - new: What.
    ///   - now: The time.
    package mutating func set(_ new: Aim, now: UInt64) {
        // A standby that has taken the lease is the primary; one that is none gives it back.
        guard new != aim || (new == .stand && held != nil) else { return }
        let isHanded = !(held?.successor ?? "").isEmpty
        aim = new
        pending = nil
        due = now
        problem = nil
        guard case .hold(let epoch, _) = new else {
            // Another site is to have it, without a moment in which anyone may: it runs out by itself.
            if let held, !isHanded { pending = .release(lease: held.lease) }
            held = nil
            attempt = nil
            successor = ""
            return
        }
        attempt = nil
        if let held {
            // There is nothing to be forced.
            aim = .hold(epoch: max(held.epoch, epoch), isForced: false)
            self.held?.epoch = max(held.epoch, epoch)
        }
    }

    /// What is entered for this site with the lease.
    ///
    /// Before its log is read, a site that was started again does not know where it ends and who follows:
    /// what was entered before it stays, for without it any standby could take itself for the one that
    /// has everything.
    ///
    /// - Parameter here: This site, as far as it knows.
    /// - Returns: The same, with what its own token says of its log while it says nothing itself.
    package func entered(_ here: LeaseSite) -> LeaseSite {
        guard here.positionEpoch == 0, let token = lastToken, token.site == here.name else {
            return here
        }
        var entered = here
        entered.sequence = token.sequence
        entered.standbys = token.standbys
        return entered
    }

    /// Names the site to which this one hands over; empty: none.
    package mutating func offer(to site: String, now: UInt64) {
        successor = site
        due = now
    }

    /// Asks for a renewal at once: what the holder says has changed.
    package mutating func hurry(now: UInt64) {
        if held != nil { due = min(due, now) }
    }

    /// The standby that has taken the lease cannot be the primary.
    package mutating func giveBack(now: UInt64) {
        if let held {
            pending = .release(lease: held.lease)
            attempt = held.epoch
        }
        held = nil
        // What was in its way may still be.
        due = now + timing.retry
    }

    /// Time has passed.
    package mutating func tick(now: UInt64) {
        guard let held, now >= held.until else { return }
        lose("the lease was not renewed in time" + (problem.map { ": \($0)" } ?? ""), now: now)
    }

    mutating func lose(_ reason: String, now: UInt64) {
        held = nil
        due = now
        problem = reason
        changes.append(.lost(reason))
    }

    /// What is to be done now.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - here: This site.
    /// - Returns: A request, to be answered with ``answered(_:_:asked:now:here:)``, or how long to wait.
    package mutating func step(now: UInt64, here: LeaseSite) -> Step {
        tick(now: now)
        if let request = pending {
            pending = nil
            return .ask(request)
        }
        guard now >= due else { return .wait(until: due) }
        if let held {
            return .ask(
                .renew(
                    lease: held.lease, epoch: max(held.epoch, here.positionEpoch),
                    successor: successor))
        }
        return .ask(.look)
    }
}
