import Glibc

/// What stands where below a data directory.
enum DataDirectory {
    /// Segments of the log.
    static func log(_ directory: String) -> String { directory + "/log" }
    /// Checkpoints of projections; all of it can be rebuilt from the log.
    static func projections(_ directory: String) -> String { directory + "/projections" }

    /// The Unix socket at which commands reach the server.
    static func controlSocket(_ directory: String) -> String { directory + "/control.sock" }

    /// Which segments a standby has set out to fetch.
    static func fetchPlan(_ directory: String) -> String { directory + "/fetching" }

    /// Creates the directory and what belongs in it, readable by its owner only: it holds mail.
    static func create(_ directory: String) throws(FileProblem) {
        for path in [directory, log(directory), projections(directory)] {
            guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw FileProblem(
                    description: "cannot create \(path): \(FileProblem.ofErrno().description)")
            }
        }
    }
}
