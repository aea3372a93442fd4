package import EventLog

/// A kind of projection, without the type of its state: what a registry lists.
///
/// Concurrency: value.
package struct AnyProjection: Sendable {
    /// Who folds it while the server runs.
    package enum Keeper: Hashable, Sendable {
        /// The engine: ``ProjectionRunner``.
        case engine
        /// Another part of the server, which keeps its file too. Commands know it all the same.
        case elsewhere
    }

    package let name: String
    package let version: UInt32
    /// What it is for, in a few words, for people.
    package let summary: String
    package let keeper: Keeper
    package let snapshots: SnapshotPolicy
    private let oldestReadableVersion: UInt32
    private let make: @Sendable (String, LogReader, HostOptions) -> any ProjectionHost
    private let load: @Sendable (AsOfRequest) throws -> AsOfState

    /// Describes a projection.
    ///
    /// - Parameters:
    ///   - type: What folds.
    ///   - summary: What it is for, in a few words.
    ///   - keeper: Who folds it while the server runs.
    ///   - snapshots: How often its state is kept whole, for answers as of earlier times.
    package init<State: Projection>(
        _ type: State.Type, summary: String = "", keeper: Keeper = .engine,
        snapshots: SnapshotPolicy = SnapshotPolicy()
    ) {
        name = State.name
        version = State.version
        oldestReadableVersion = State.oldestReadableVersion
        self.summary = summary
        self.keeper = keeper
        self.snapshots = snapshots
        make = { HostedProjection<State>(directory: $0, log: $1, options: $2) }
        load = { request in
            let (view, report) = try ProjectionView<State>.load(request)
            return AsOfState(
                sequence: view.sequence, digest: view.state.digest(), refused: view.refused,
                report: report)
        }
    }

    /// Makes one that runs.
    package func host(
        directory: String, log: LogReader, options: HostOptions
    ) -> any ProjectionHost {
        make(directory, log, options)
    }

    /// The state as of some sequence, as far as it can be told without its type.
    package func state(_ request: AsOfRequest) throws -> AsOfState { try load(request) }

    /// Where its files are.
    package func paths(in directory: String) -> ProjectionPaths {
        var paths = ProjectionPaths(directory: directory, name: name, version: version)
        paths.oldestReadableVersion = oldestReadableVersion
        return paths
    }
}

/// The projections of a program, by name.
///
/// Concurrency: value.
package struct ProjectionRegistry: Sendable {
    /// In the order they were given: damaged ones are rebuilt in this order too.
    package let all: [AnyProjection]
    package let splitter: any BatchSplitter

    /// Creates a registry; names are unique.
    package init(_ all: [AnyProjection], splitter: any BatchSplitter = WholeBatches()) {
        precondition(Set(all.map(\.name)).count == all.count, "a projection's name is used twice")
        self.all = all
        self.splitter = splitter
    }

    /// The one of a name.
    package subscript(name: String) -> AnyProjection? { all.first { $0.name == name } }
}
