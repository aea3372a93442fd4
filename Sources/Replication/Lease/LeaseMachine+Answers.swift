extension LeaseMachine {
    /// Takes in what came of a request.
    ///
    /// - Parameters:
    ///   - request: As it was asked.
    ///   - answer: What came of it.
    ///   - asked: When it was sent.
    ///   - now: The time.
    ///   - here: This site.
    package mutating func answered(
        _ request: Request, _ answer: Answer, asked: UInt64, now: UInt64, here: LeaseSite
    ) {
        tick(now: now)
        if case .failed(let reason) = answer {
            isSilent = true
            problem = reason
            due = now + timing.retry
            if held == nil { view = nil }
            if case .take(let epoch, _, _) = request, case .stand = aim { attempt = epoch }
            return
        }
        isSilent = false
        switch request {
        case .look:
            guard case .view(let view) = answer, held == nil else { return }
            self.view = view
            if let token = view.token { lastToken = token }
            due = now + timing.look
            decide(view, now: now, here: here)
        case .take(let epoch, _, _):
            took(epoch, answer, asked: asked, now: now)
        case .renew(let lease, let epoch, let successor):
            renewed(lease, epoch, successor, answer, asked: asked, now: now)
        case .publish:
            // Looked at once more: the others have said theirs meanwhile, or will have by the next look.
            due = now + timing.retry
        case .release: break
        }
    }

    private mutating func renewed(
        _ lease: Int64, _ epoch: UInt32, _ successor: String, _ answer: Answer, asked: UInt64,
        now: UInt64
    ) {
        guard held?.lease == lease else { return }
        guard answer == .renewed else {
            return lose("the lease was taken by another site, or has ended in etcd", now: now)
        }
        let until = timing.end(asked: asked)
        guard now < until else { return lose("the lease was renewed too late", now: now) }
        held = Held(lease: lease, epoch: epoch, until: until, successor: successor)
        problem = nil
        due = max(now, asked + timing.renewal)
        if self.successor != successor { due = now }
    }

    private mutating func took(
        _ epoch: UInt32, _ answer: Answer, asked: UInt64, now: UInt64
    ) {
        guard case .taken(let lease) = answer else {
            due = now + timing.retry
            // A request that was repeated on the way is refused by its own first success.
            if case .stand = aim { attempt = epoch }
            return
        }
        let until = timing.end(asked: asked)
        let isWanted =
            switch aim {
            case .none: false
            case .hold(let wanted, _): wanted == epoch
            case .stand: isAutomatic
            }
        guard isWanted, now < until else {
            pending = .release(lease: lease)
            due = now + timing.retry
            // The token is this site's now, and nobody has written in its epoch.
            if case .stand = aim { attempt = epoch }
            return
        }
        held = Held(lease: lease, epoch: epoch, until: until)
        problem = nil
        due = asked + timing.renewal
        attempt = nil
        if case .stand = aim {
            changes.append(.promoted(epoch: epoch))
        } else {
            aim = .hold(epoch: epoch, isForced: false)
            changes.append(.held)
        }
    }

    /// What is to be done about what etcd has, while this site does not hold the lease.
    private mutating func decide(_ view: LeaseView, now: UInt64, here: LeaseSite) {
        switch aim {
        case .none: problem = nil
        case .hold(let epoch, let isForced):
            decideToHold(epoch, isForced: isForced, view, here)
        case .stand:
            decideToStand(view, here)
        }
    }

    private mutating func decideToHold(
        _ wanted: UInt32, isForced: Bool, _ view: LeaseView, _ here: LeaseSite
    ) {
        let epoch = max(wanted, here.positionEpoch)
        if let token = view.token,
            token.epoch > epoch || (token.epoch == epoch && token.site != here.name)
        {
            problem = "epoch \(token.epoch) was opened by \(token.site)"
            aim = .none
            changes.append(.outranked(epoch: token.epoch, site: token.site))
            return
        }
        if let holder = view.holder, !here.isHolder(holder), holder.successor != here.name,
            !isForced
        {
            problem = "\(holder.site) holds the lease, epoch \(holder.epoch)"
            return
        }
        aim = .hold(epoch: epoch, isForced: isForced)
        pending = .take(
            epoch: epoch, holderRevision: view.holderRevision,
            tokenRevision: view.tokenRevision)
    }

    private mutating func decideToStand(_ view: LeaseView, _ here: LeaseSite) {
        problem = nil
        guard let token = view.token else { return }
        // A request that was not answered may have been carried out: nobody has written in that epoch.
        if let attempt, token.epoch == attempt, token.site == here.name,
            view.holder.map({ here.isHolder($0) }) ?? true
        {
            guard isAutomatic, here.obstacle == nil else {
                problem = here.obstacle ?? "nobody holds the lease of epoch \(token.epoch)"
                return
            }
            pending = .take(
                epoch: attempt, holderRevision: view.holderRevision,
                tokenRevision: view.tokenRevision)
            return
        }
        attempt = nil
        guard view.holder == nil else { return }
        guard here.positionEpoch > 0 else {
            problem = "the log is not read yet"
            return
        }
        let mine = LeaseCandidate(
            site: here.name, epoch: here.positionEpoch, sequence: here.sequence,
            campaign: view.tokenRevision, stands: isAutomatic && here.obstacle == nil)
        guard view.candidates.contains(mine) else {
            pending = .publish(mine)
            return
        }
        switch LeaseElection.judge(view, here, lagMax: lagMax) {
        case .waits(let reason): problem = reason
        case .stands(let epoch):
            guard isAutomatic else {
                problem = "nobody holds the lease of epoch \(token.epoch)"
                return
            }
            pending = .take(
                epoch: epoch, holderRevision: 0, tokenRevision: view.tokenRevision)
        }
    }
}
