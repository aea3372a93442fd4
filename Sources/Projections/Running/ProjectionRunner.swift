package import EventLog

/// Runs the projections of a server: brings them up to the log's end, follows it, keeps them in
/// checkpoints, and makes a damaged one anew.
///
/// Two threads. One catches up whatever is behind, several projections in one pass over the log,
/// while a third reads and inflates ahead of it. The other follows the log with those that have
/// reached its end. Neither the log's writer nor an event loop ever waits for them: what is new is
/// read from the disk, however far behind a projection is.
///
/// A fold has no effects. What a projection says is asked of it, by whoever acts.
///
/// Concurrency: any thread. ``start()`` and ``stop()`` are called once each.
package final class ProjectionRunner: Sendable {
    /// What both threads and the callers share.
    struct Control {
        var board = RunnerBoard()
        /// To be brought up to the log's end.
        var behind: [any ProjectionHost] = []
        /// There, for the thread that follows.
        var arrived: [any ProjectionHost] = []
        var isStopping = false
        var threads = 0
    }

    let registry: ProjectionRegistry
    let log: LogReader
    let configuration: RunnerConfiguration
    let control = Monitor(Control())
    let requests: ProjectionRequests

    /// Creates a runner of a registry's projections that the engine keeps.
    package init(
        registry: ProjectionRegistry, log: LogReader, configuration: RunnerConfiguration
    ) {
        self.registry = registry
        self.log = log
        self.configuration = configuration
        requests = ProjectionRequests(directory: configuration.directory)
        control.withLock { control in
            for definition in registry.all where definition.keeper == .engine {
                let host = definition.host(
                    directory: configuration.directory, log: log,
                    options: configuration.options(for: definition.name, registry: registry))
                control.board.add(definition, host: host)
                control.behind.append(host)
                guard ProjectionFile.size(host.paths.next) != nil else { continue }
                // A rebuild that the last stop interrupted goes on.
                let beside = self.beside(definition)
                control.board[definition.name]?.beside = beside
                control.behind.append(beside)
            }
        }
    }

    /// Starts the threads; returns at once.
    ///
    /// - Throws: `ProjectionError` when the system gives no thread.
    package func start() throws(ProjectionError) {
        ProjectionPaths(directory: configuration.directory, name: "", version: 0).createDirectory()
        let bodies: [(name: String, run: @Sendable (ProjectionRunner) -> Void)] = [
            ("waybill-fold", { $0.follow() }), ("waybill-catch", { $0.catchUp() }),
        ]
        for body in bodies {
            control.withLock { $0.threads += 1 }
            let started = OwnThread.start(name: body.name) { [self] in
                body.run(self)
                control.withLock { $0.threads -= 1 }
                control.broadcast()
            }
            guard !started else { continue }
            control.withLock { $0.threads -= 1 }
            stop()
            throw ProjectionError(message: "the system gives no thread for projections", file: "")
        }
    }

    /// Writes last checkpoints and ends the threads; returns when that is done. What was being
    /// caught up goes on from there at the next start.
    package func stop() {
        control.withLock { $0.isStopping = true }
        control.broadcast()
        control.wait(while: { $0.threads > 0 }, then: { _ in })
        requests.clear()
    }

    /// How every projection stands.
    package func report() -> ProjectionReport {
        let end = (try? log.lastSequence()) ?? 0
        let milliseconds = configuration.monotonicMilliseconds()
        return control.withLock { control in
            control.board.look(logEnd: end, milliseconds: milliseconds)
            return ProjectionReport(
                time: configuration.now(), all: control.board.entries.map(\.status))
        }
    }

    /// The running projection of a type; nil when the registry has none. Another one after a
    /// rebuild: ask again each time.
    package func projection<State: Projection>(_: State.Type) -> HostedProjection<State>? {
        control.withLock { $0.board[State.name]?.host as? HostedProjection<State> }
    }

    /// The same once it has reached the log's end since the start; nil before, when what it says
    /// would be too little.
    package func arrived<State: Projection>(_: State.Type) -> HostedProjection<State>? {
        control.withLock { control in
            guard let entry = control.board[State.name], entry.hasArrived else { return nil }
            return entry.host as? HostedProjection<State>
        }
    }

    /// Builds a projection anew beside the one in use, and puts it in use when it has caught up.
    ///
    /// - Returns: False when there is no such projection, or a rebuild runs.
    @discardableResult
    package func rebuild(_ name: String, because reason: String = "asked for") -> Bool {
        let begun = control.withLock { control -> Bool in
            guard let entry = control.board[name], entry.beside == nil else { return false }
            let beside = self.beside(entry.definition)
            control.board[name]?.beside = beside
            control.behind.append(beside)
            return true
        }
        guard begun else { return false }
        control.broadcast()
        notify(name, .rebuilding(reason))
        return true
    }

    private func beside(_ definition: AnyProjection) -> any ProjectionHost {
        definition.host(
            directory: configuration.directory, log: log,
            options: configuration.options(
                for: definition.name, registry: registry, buildsBeside: true))
    }

    // MARK: For both threads

    var isStopping: Bool { control.withLock { $0.isStopping } }

    func notify(_ name: String, _ kind: ProjectionNotice.Kind) {
        let sequence = control.withLock { $0.board[name]?.host.sequence ?? 0 }
        configuration.notify(ProjectionNotice(name: name, kind: kind, sequence: sequence))
    }

    func setback(_ name: String, _ text: String) {
        let time = configuration.now()
        control.withLock { $0.board.note(setback: text, of: name, at: time) }
        notify(name, .setback(text))
    }

    /// Tells of an event that stopped a projection, or that it passed over.
    func tell(_ refusal: RefusedEvent, stopped: Bool, _ name: String) {
        setback(name, "\(refusal)")
        notify(name, .refused(refusal, stopped: stopped))
    }

    /// Writes a checkpoint, and notes when.
    ///
    /// - Throws: `ProjectionError` with `isDamage`.
    func checkpoint(_ host: any ProjectionHost) throws(ProjectionError) {
        do {
            guard try host.writeCheckpoint() else { return }
            let time = configuration.now()
            control.withLock { control in
                guard control.board[host.paths.name]?.host === host else { return }
                control.board[host.paths.name]?.status.checkpointAt = time
            }
        } catch let error as ProjectionError {
            if error.isDamage { throw error }
            setback(host.paths.name, "\(error); tried again by itself")
        } catch {
            setback(host.paths.name, "no checkpoint: \(error); tried again by itself")
        }
    }

    /// Takes a snapshot when one is due.
    ///
    /// - Throws: `ProjectionError` with `isDamage`.
    func snapshot(_ host: any ProjectionHost) throws(ProjectionError) {
        guard let policy = registry[host.paths.name]?.snapshots else { return }
        do {
            try host.snapshotIfDue(policy)
        } catch let error as ProjectionError where error.isDamage {
            throw error
        } catch {
            setback(host.paths.name, "\(error); the next one is taken in time")
        }
    }
}
