import EventLog
import Glibc

// The thread that brings projections up to the log's end.
extension ProjectionRunner {
    /// Runs until the runner stops.
    func catchUp() {
        while true {
            let hosts = control.wait {
                $0.behind.isEmpty && !$0.isStopping
            } then: { control -> [any ProjectionHost]? in
                guard !control.isStopping else { return nil }
                // What is in use goes before what is built beside it.
                let inUse = control.behind.filter { host in
                    control.board.entries.contains { $0.host === host }
                }
                let taken = inUse.isEmpty ? control.behind : inUse
                control.behind.removeAll { host in taken.contains { $0 === host } }
                return taken
            }
            guard let hosts else { return }
            var opened = hosts.filter { open($0) }
            do {
                let end = try log.lastSequence()
                let first = CatchUpPlan.first(opened.map { end - min(end, $0.sequence) })
                let rest = opened.indices.filter { !first.contains($0) }.map { opened[$0] }
                for host in rest { host.detach() }
                control.withLock { $0.behind += rest }
                opened = first.map { opened[$0] }
                try bringUp(&opened)
            } catch {
                wait(opened, because: "\(error)")
                continue
            }
            guard !isStopping else { return }
            control.withLock { $0.arrived += opened }
            control.broadcast()
        }
    }

    /// Opens the file of a projection.
    ///
    /// - Returns: Whether it takes part in the pass.
    private func open(_ host: any ProjectionHost) -> Bool {
        let name = host.paths.name
        do {
            let report = try host.open()
            if let reason = report.setback {
                setback(name, reason)
                if control.withLock({ $0.board[name]?.host === host }) {
                    control.withLock { $0.board[name]?.isRebuilt = true }
                    notify(name, .rebuilding(reason))
                }
            }
            return true
        } catch {
            wait([host], because: "\(error)")
            return false
        }
    }

    /// Passes over the log until nothing is left but what came during the last pass.
    private func bringUp(_ hosts: inout [any ProjectionHost]) throws {
        var failures: [(any ProjectionHost, any Error)] = []
        let now = configuration.monotonicMilliseconds()
        var marks: [String: Mark] = [:]
        for host in hosts {
            marks[host.paths.name] = Mark(
                told: host.refused.list.count,
                nextCheckpoint: now + configuration.checkpointMilliseconds)
        }
        let shared = Monitor(marks)
        while !isStopping {
            let end = try log.lastSequence()
            let behind = hosts.filter { $0.stoppedBy == nil }.map(\.sequence).min() ?? end
            guard behind < end else { break }
            var pass = FoldPass(log: log) { [self] _ in
                !isStopping
            } failed: {
                failures.append(($0, $1))
            }
            pass.applied = { [self] host in
                tellRefused(by: host, shared)
                try snapshot(host)
            }
            pass.appliedChunk = { [self] host in try keepIfDue(host, shared) }
            let finished = try pass.run(hosts, through: end)
            for (host, error) in failures { fail(host, error, &hosts) }
            failures = []
            if !finished { break }
        }
        for host in hosts {
            do throws(ProjectionError) {
                try checkpoint(host)
            } catch {
                failures.append((host, error))
            }
        }
        for (host, error) in failures { fail(host, error, &hosts) }
    }

    /// What is remembered of a projection during a pass.
    private struct Mark {
        /// Refusals that were told.
        var told: Int
        /// On the clock of milliseconds.
        var nextCheckpoint: UInt64
    }

    /// Tells of what a projection has passed over since the last call.
    private func tellRefused(by host: any ProjectionHost, _ marks: Monitor<[String: Mark]>) {
        let name = host.paths.name
        let list = host.refused.list
        let told = marks.withLock { marks in
            defer { marks[name]?.told = list.count }
            return marks[name]?.told ?? 0
        }
        guard list.count > told else { return }
        for refusal in list.dropFirst(told) { tell(refusal, stopped: false, name) }
    }

    /// A checkpoint on the way, so that what was read is not read again after a restart.
    private func keepIfDue(
        _ host: any ProjectionHost, _ marks: Monitor<[String: Mark]>
    ) throws(ProjectionError) {
        let now = configuration.monotonicMilliseconds()
        let isDue = marks.withLock { marks in
            guard let mark = marks[host.paths.name], now >= mark.nextCheckpoint else {
                return false
            }
            marks[host.paths.name]?.nextCheckpoint = now + configuration.checkpointMilliseconds
            return true
        }
        if isDue { try checkpoint(host) }
    }

    /// Deals with a projection that cannot go on. One that refused an event stays among those
    /// that arrive, stopped.
    private func fail(
        _ host: any ProjectionHost, _ error: any Error, _ hosts: inout [any ProjectionHost]
    ) {
        let name = host.paths.name
        if let refusal = error as? RefusedEvent {
            tell(refusal, stopped: true, name)
            return
        }
        guard hosts.contains(where: { $0 === host }) else { return }
        hosts.removeAll { $0 === host }
        let isDamage = (error as? ProjectionError)?.isDamage ?? false
        if isDamage {
            host.detach()
            if control.withLock({ $0.board[name]?.host === host }) {
                host.paths.putAside()
                control.withLock { $0.board[name]?.isRebuilt = true }
            } else {
                host.paths.dropNext()
            }
        }
        wait([host], because: "\(error)")
    }

    /// Tries again after a while, from the file.
    private func wait(_ hosts: [any ProjectionHost], because reason: String) {
        for host in hosts {
            let name = host.paths.name
            host.detach()
            setback(name, reason)
            control.withLock { $0.board[name]?.status.phase = .waiting }
        }
        let until = configuration.monotonicMilliseconds() + Limits.logRetryMilliseconds
        while !isStopping, configuration.monotonicMilliseconds() < until {
            _ = control.wait(milliseconds: Limits.pollMilliseconds) { !$0.isStopping }
        }
        control.withLock { control in
            for host in hosts {
                control.board[host.paths.name]?.status.phase = .catchingUp
                control.behind.append(host)
            }
        }
    }
}
