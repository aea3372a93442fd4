import EventLog

/// How projections are run.
///
/// Concurrency: value; its closures are called on the runner's threads.
package struct RunnerConfiguration: Sendable {
    /// `<data>/projections`.
    package var directory: String
    /// Milliseconds between checkpoints of a projection that follows the log.
    package var checkpointMilliseconds: UInt64 = 5000
    /// Milliseconds between checks of every octet of a file in use.
    package var fileCheckMilliseconds = Limits.fileCheckMilliseconds
    /// Projections that go on without an event they refuse; the others stop.
    package var skipsRefused: Set<String> = []
    /// Told what the operator should know.
    package var notify: @Sendable (ProjectionNotice) -> Void = { _ in }
    /// Asked to make the file of a projection anew that is kept elsewhere.
    package var rebuildElsewhere: @Sendable (_ name: String) -> Void = { _ in }
    /// Microseconds since the Unix epoch.
    package var now: @Sendable () -> Int64 = { SystemClock.microseconds() }
    /// Milliseconds of a clock that never goes back.
    package var monotonicMilliseconds: @Sendable () -> UInt64 = {
        SystemClock.monotonicMilliseconds()
    }

    /// The production defaults.
    package init(directory: String) { self.directory = directory }

    /// The options of a projection.
    func options(
        for name: String, registry: ProjectionRegistry, buildsBeside: Bool = false
    ) -> HostOptions {
        HostOptions(
            onRefusal: skipsRefused.contains(name) ? .skip : .stop, splitter: registry.splitter,
            buildsBeside: buildsBeside)
    }
}

/// Something that an operator should know of a projection.
///
/// Concurrency: value.
package struct ProjectionNotice: Hashable, Sendable {
    /// What happened.
    package enum Kind: Hashable, Sendable {
        /// It has reached the log's end.
        case live
        /// A rebuild has begun, and why.
        case rebuilding(String)
        /// A rebuild is in use.
        case rebuilt
        /// An event was refused; it stopped, or went on without.
        case refused(RefusedEvent, stopped: Bool)
        /// Something failed and is dealt with.
        case setback(String)
    }

    package var name: String
    package var kind: Kind
    /// The last event applied.
    package var sequence: UInt64
}
