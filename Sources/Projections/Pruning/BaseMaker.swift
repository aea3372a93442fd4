package import EventLog
import Glibc

/// Makes the states as of a cut, from the states as of the cut before (or from nothing) and the log,
/// and reads them back: what is signed off before a log is pruned.
///
/// It never begins with a file in use or a snapshot: a base is what the log gives.
///
/// Concurrency: bound to the function that uses it.
package struct BaseMaker {
    private let registry: ProjectionRegistry
    private let store: BaseStore
    private let log: LogReader
    private let isStopped: () -> Bool

    /// Makes the bases of a registry's projections.
    ///
    /// - Parameters:
    ///   - registry: All that must be signed off.
    ///   - directory: `<data>/projections`.
    ///   - log: The log.
    ///   - isStopped: Asked all the time; true: the work is given up.
    package init(
        registry: ProjectionRegistry, directory: String, log: LogReader,
        isStopped: @escaping () -> Bool = { false }
    ) {
        self.registry = registry
        store = BaseStore(directory: directory)
        self.log = log
        self.isStopped = isStopped
    }

    /// Makes all, durably, each under its final name.
    ///
    /// - Parameter cut: Where the log is cut: the end of a batch.
    /// - Returns: What goes into the log's record.
    /// - Throws: ``RefusedEvent`` when a fold refuses an event that is not in its quarantine;
    ///   `ProjectionError`, `EventLogError`. Nothing counts then.
    package func make(at cut: PruneCut) throws -> [PruneRecord.Base] {
        store.tidy(log.pruned, registry: registry)
        try store.createDirectories()
        let options = HostOptions(splitter: registry.splitter)
        var hosts: [any ProjectionHost] = []
        for definition in registry.all {
            let host = definition.host(directory: store.making, log: log, options: options)
            let live = definition.paths(in: store.directory)
            if let base = try store.path(live, of: log) {
                try BaseStore.copy(base, to: host.paths.live)
            }
            _ = try host.open()
            host.pass(over: quarantine(live, cut.position.sequence))
            hosts.append(host)
        }
        try replay(hosts, through: cut.position.sequence)
        var bases: [PruneRecord.Base] = []
        for (definition, host) in zip(registry.all, hosts) {
            bases.append(try finish(host, definition, cut))
        }
        try BaseStore.flush(store.bases)
        _ = unsafe rmdir(store.making)
        return bases
    }

    private func replay(_ hosts: [any ProjectionHost], through: UInt64) throws {
        var failure: (any Error)?
        var pass = FoldPass(log: log) { [isStopped] _ in
            !isStopped()
        } failed: { host, error in
            failure = failure ?? Self.named(error, host)
        }
        pass.appliedChunk = { host in
            guard host.sequence - host.written >= Limits.eventsBetweenReplayCheckpoints else {
                return
            }
            try host.writeCheckpoint()
        }
        let isWhole = try pass.run(hosts, through: through)
        if let failure { throw failure }
        guard isWhole else {
            throw EventLogError(.closed, "making the states was given up", file: store.bases)
        }
    }

    private static func named(_ error: any Error, _ host: any ProjectionHost) -> any Error {
        guard let refusal = error as? RefusedEvent else { return error }
        return ProjectionError(
            message: "\(host.paths.name) cannot be signed off: \(refusal)", file: host.paths.live)
    }

    /// What the file in use passes over, through the cut.
    private func quarantine(_ paths: ProjectionPaths, _ sequence: UInt64) -> RefusedEvents {
        var refused = RefusedEvents()
        let known = (try? ProjectionFile.refused(paths.live)) ?? RefusedEvents()
        for event in known.list where event.last <= sequence { refused.add(event) }
        return refused
    }

    /// Writes a state whole, reads it back, and gives it its name.
    private func finish(
        _ host: any ProjectionHost, _ definition: AnyProjection, _ cut: PruneCut
    ) throws -> PruneRecord.Base {
        try host.writeCheckpoint()
        let (sequence, digest) = host.digest()
        host.detach()
        var request = AsOfRequest(
            directory: store.making, log: log, through: cut.position.sequence,
            splitter: registry.splitter)
        request.source = .file
        let kept = try definition.state(request)
        guard sequence == cut.position.sequence, kept.sequence == sequence,
            kept.report.setback == nil, kept.digest == digest
        else {
            throw ProjectionError(
                message: "the state of \(definition.name) as of event \(cut.position.sequence) is "
                    + "not what was written (\(kept.report.setback ?? "another digest"))",
                file: host.paths.live)
        }
        let path = store.path(definition.paths(in: store.directory), at: sequence)
        _ = unsafe unlink(host.paths.live + "-lock")
        guard unsafe rename(host.paths.live, path) == 0 else {
            throw ProjectionError(message: "cannot take its name (errno \(errno))", file: path)
        }
        return PruneRecord.Base(
            name: definition.name, version: definition.version, digest: digest)
    }
}

extension BaseMaker {
    /// As ``make(at:)``, for the log that is pruned.
    ///
    /// - Parameter cut: Where the log is cut.
    /// - Returns: What goes into the log's record.
    /// - Throws: `unsupported` with what stands against the pruning; what the log throws.
    package func signOff(_ cut: PruneCut) throws(EventLogError) -> [PruneRecord.Base] {
        do {
            return try make(at: cut)
        } catch {
            store.tidy(log.pruned, registry: registry)
            if let error = error as? EventLogError { throw error }
            throw EventLogError(
                .unsupported,
                "not everything that is needed of the events could be signed off: "
                    + "\(error)", file: store.directory, hint: "Nothing was removed from the log.")
        }
    }
}
