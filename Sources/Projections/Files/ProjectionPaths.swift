import Glibc

/// Where the files of a projection stand, and how they change places.
///
/// Concurrency: value.
package struct ProjectionPaths: Hashable, Sendable {
    /// `<data>/projections`.
    package var directory: String
    package var name: String
    package var version: UInt32
    /// Of states as of a cut, ``Projection/oldestReadableVersion``.
    package var oldestReadableVersion: UInt32

    /// Names the files of a projection.
    package init<State: Projection>(directory: String, of type: State.Type) {
        self.init(directory: directory, name: State.name, version: State.version)
        oldestReadableVersion = State.oldestReadableVersion
    }

    /// Names the files of a projection that takes in no version but its own.
    package init(directory: String, name: String, version: UInt32) {
        oldestReadableVersion = version
        self.directory = directory
        self.name = name
        self.version = version
    }

    private var stem: String { "\(name)-v\(version)" }

    /// The file in use.
    package var live: String { "\(directory)/\(stem).mdb" }
    /// The one being built beside it.
    package var next: String { live + ".new" }
    /// The one that was in use before the last rebuild: for a rollback.
    package var previous: String { live + ".previous" }
    /// The one that was found damaged last.
    package var damaged: String { live + ".damaged" }
    /// Whole copies of earlier states.
    package var snapshots: String { "\(directory)/snapshots/\(stem)" }

    /// Makes the directory.
    package func createDirectory() { _ = unsafe mkdir(directory, 0o700) }

    /// Keeps an unusable file for whoever wants to look at it, in place of the last such.
    package func putAside() {
        _ = unsafe rename(live, damaged)
        // The lock file belongs to the file that has gone: its readers' table would be wrong.
        _ = unsafe unlink(live + "-lock")
    }

    /// Drops what was being built.
    package func dropNext() {
        _ = unsafe unlink(next)
        _ = unsafe unlink(next + "-lock")
    }

    /// Puts what was built in use; what was in use becomes ``previous``. Both files are closed.
    ///
    /// The name is never without a whole file, wherever the process ends.
    ///
    /// - Throws: `ProjectionError` when the directory cannot be written.
    package func swap() throws(ProjectionError) {
        _ = unsafe unlink(next + "-lock")
        // A link first, so that the name is never without a file.
        _ = unsafe unlink(previous)
        _ = unsafe link(live, previous)
        _ = unsafe unlink(live + "-lock")
        guard unsafe rename(next, live) == 0 else {
            throw ProjectionError(
                message: "the new file cannot take its place (errno \(errno))", file: next)
        }
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        _ = close(descriptor)
    }
}
