import EventLog

// The thread that follows the log.
extension ProjectionRunner {
    /// What the following thread knows.
    private struct Lane {
        var hosts: [any ProjectionHost] = []
        var nextCheckpoint: UInt64 = 0
        var nextStatus: UInt64 = 0
        var nextFileCheck: UInt64 = 0
        /// Of the log; 0: it can be read.
        var retryLogAt: UInt64 = 0
        /// When events were taken last.
        var applied: UInt64 = 0
        /// Of projections in use that have no file, because their rebuild was not taken into use.
        var retries: [String: Retry] = [:]

        var active: [any ProjectionHost] { hosts.filter { $0.stoppedBy == nil } }
    }

    /// When a rebuild is tried again.
    private struct Retry {
        var failures = 0
        /// On the clock of milliseconds; nil while it runs.
        var due: UInt64?

        /// Puts the next try off, twice as long each time.
        mutating func postpone(_ now: UInt64) -> UInt64 {
            failures += 1
            let wait = min(
                Limits.rebuildRetryMilliseconds << UInt64(min(failures - 1, 16)),
                Limits.rebuildRetryMaximumMilliseconds)
            due = now + wait
            return wait
        }
    }

    /// Runs until the runner stops.
    func follow() {
        var lane = Lane()
        lane.nextFileCheck =
            configuration.monotonicMilliseconds() + configuration.fileCheckMilliseconds
        while !isStopping {
            for host in control.withLock({ control -> [any ProjectionHost] in
                defer { control.arrived = [] }
                return control.arrived
            }) { receive(host, &lane) }
            gather(lane)
            let now = configuration.monotonicMilliseconds()
            if let least = lane.active.map(\.sequence).min(), now >= lane.retryLogAt {
                do {
                    if try log.waitForBatch(
                        after: least, timeoutMilliseconds: Limits.pollMilliseconds)
                    {
                        let taken = configuration.monotonicMilliseconds()
                        let isAtEnd = try apply(from: least + 1, &lane)
                        // Whoever is behind does not wait for more.
                        lane.applied = isAtEnd ? taken : 0
                    }
                } catch {
                    for host in lane.hosts { setback(host.paths.name, "\(error)") }
                    lane.retryLogAt = now + Limits.logRetryMilliseconds
                }
            } else {
                _ = control.wait(milliseconds: Limits.pollMilliseconds) {
                    $0.arrived.isEmpty && !$0.isStopping
                }
            }
            tick(&lane)
        }
        for host in lane.hosts { keep(host, &lane) }
    }

    /// Lets the commits of a short time come together: the thread takes turns with the ones that
    /// accept and deliver, and a wake-up for every commit cost them more than the fold itself.
    private func gather(_ lane: Lane) {
        let now = configuration.monotonicMilliseconds()
        let due = lane.applied + Limits.gatherMilliseconds
        guard lane.applied != 0, now < due else { return }
        _ = control.wait(milliseconds: Int(due - now)) { $0.arrived.isEmpty && !$0.isStopping }
    }

    /// Applies what is new; stops now and then for what else there is to do.
    ///
    /// - Returns: Whether it came to the log's end as that was at the call.
    private func apply(from sequence: UInt64, _ lane: inout Lane) throws -> Bool {
        var isAtEnd = true
        let until = min(lane.nextCheckpoint, lane.nextStatus)
        try log.forEachBatch(from: sequence) { batch in
            for host in lane.active {
                let refused = host.refused.list.count
                do {
                    try host.apply(batch)
                    try snapshot(host)
                } catch let refusal as RefusedEvent {
                    tell(refusal, stopped: true, host.paths.name)
                } catch let error as ProjectionError where error.isDamage {
                    setAside(host, error, &lane)
                } catch let error as EventLogError {
                    throw error
                } catch {
                    setAside(host, error, &lane)
                }
                for refusal in host.refused.list.dropFirst(refused) {
                    tell(refusal, stopped: false, host.paths.name)
                }
            }
            isAtEnd = configuration.monotonicMilliseconds() < until && !isStopping
            return isAtEnd
        }
        return isAtEnd
    }

    // MARK: Now and then

    private func tick(_ lane: inout Lane) {
        let now = configuration.monotonicMilliseconds()
        if now >= lane.nextCheckpoint {
            lane.nextCheckpoint = now + configuration.checkpointMilliseconds
            for host in lane.hosts { keep(host, &lane) }
        }
        if now >= lane.nextFileCheck {
            lane.nextFileCheck = now + configuration.fileCheckMilliseconds
            for host in lane.hosts { check(host, &lane) }
        }
        for host in lane.hosts where host.takeDoubt() { check(host, &lane) }
        retry(&lane, now)
        if now >= lane.nextStatus {
            lane.nextStatus = now + Limits.statusMilliseconds
            for definition in registry.all where requests.takeRebuild(of: definition.name) {
                if definition.keeper == .engine {
                    rebuild(definition.name)
                } else {
                    configuration.rebuildElsewhere(definition.name)
                }
            }
            requests.write(report())
        }
    }

    private func keep(_ host: any ProjectionHost, _ lane: inout Lane) {
        do throws(ProjectionError) {
            try checkpoint(host)
        } catch {
            setAside(host, error, &lane)
        }
    }

    private func check(_ host: any ProjectionHost, _ lane: inout Lane) {
        do {
            try host.checkFile()
        } catch {
            setAside(host, error, &lane)
        }
    }

    /// Puts a damaged file aside and has another one built from the log. The state in memory goes
    /// on, and answers, until that one takes its place.
    private func setAside(_ host: any ProjectionHost, _ error: any Error, _ lane: inout Lane) {
        let name = host.paths.name
        setback(name, "\(error)")
        host.detach()
        host.paths.putAside()
        rebuild(name, because: "\(error)")
    }

    // MARK: Arrivals

    private func receive(_ host: any ProjectionHost, _ lane: inout Lane) {
        let name = host.paths.name
        let inUse = control.withLock { $0.board[name]?.host }
        if inUse === host {
            lane.hosts.append(host)
            control.withLock { control in
                control.board[name]?.status.phase = .live
                control.board[name]?.hasArrived = true
                if control.board[name]?.isRebuilt == true {
                    control.board[name]?.status.rebuilds += 1
                    control.board[name]?.isRebuilt = false
                }
            }
            notify(name, .live)
            return
        }
        do {
            try replace(inUse, with: host)
            lane.hosts.removeAll { $0 === inUse }
            lane.hosts.append(host)
            lane.retries[name] = nil
            control.withLock { control in
                control.board[name]?.host = host
                control.board[name]?.beside = nil
                control.board[name]?.status.phase = .live
                control.board[name]?.status.rebuilds += 1
            }
            notify(name, .rebuilt)
        } catch {
            host.detach()
            host.paths.dropNext()
            control.withLock { $0.board[name]?.beside = nil }
            postpone(name, because: "the rebuild was not taken into use: \(error)", &lane)
        }
    }

    /// Has a projection that follows the log without a file built anew once more, later. One that has
    /// its file still goes on with that.
    private func postpone(_ name: String, because reason: String, _ lane: inout Lane) {
        let inUse = control.withLock { $0.board[name]?.host }
        guard let inUse, lane.hosts.contains(where: { $0 === inUse }) else {
            setback(name, reason)
            return
        }
        control.withLock { $0.board[name]?.status.phase = inUse.hasFile ? .live : .waiting }
        guard !inUse.hasFile else {
            setback(name, reason)
            return
        }
        var retry = lane.retries[name] ?? Retry()
        let wait = retry.postpone(configuration.monotonicMilliseconds())
        lane.retries[name] = retry
        setback(name, "\(reason); tried again in \(wait / 1000) s")
    }

    /// Begins the rebuilds that are to be tried again by now.
    private func retry(_ lane: inout Lane, _ now: UInt64) {
        for (name, retry) in lane.retries {
            guard let due = retry.due, now >= due else { continue }
            lane.retries[name]?.due = nil
            rebuild(name, because: "it has no file")
        }
    }

    /// Brings the new one to where the old one stands, compares them, and lets their files change
    /// places.
    private func replace(_ old: (any ProjectionHost)?, with new: any ProjectionHost) throws {
        let name = new.paths.name
        if let old, new.stoppedBy == nil, new.sequence < old.sequence {
            try log.forEachBatch(from: new.sequence + 1, through: old.sequence) { batch in
                try new.apply(batch)
                return true
            }
        }
        if let refusal = new.stoppedBy, old?.stoppedBy == nil { throw refusal }
        if let old, old.stoppedBy == nil, new.stoppedBy == nil,
            old.sequence == new.sequence, old.refused == new.refused,
            old.digest().digest != new.digest().digest
        {
            SnapshotStore(paths: new.paths).removeAll()
            setback(
                name,
                "the rebuilt state differs from the one in use before, at event \(new.sequence): "
                    + "the rebuilt one is used; the other is kept as \(new.paths.previous), and all "
                    + "snapshots were removed")
        }
        try new.writeCheckpoint()
        old?.detach()
        new.detach()
        try new.paths.swap()
        try new.attach()
    }
}
