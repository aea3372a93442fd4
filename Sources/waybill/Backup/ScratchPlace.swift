import Glibc

/// Where copies stand that are thrown away: a directory of each process, below one that is given.
///
/// Concurrency: value.
struct ScratchPlace {
    /// Before the process's number.
    let prefix: String

    /// Where this process makes its copy, below a directory.
    func path(in parent: String) -> String { "\(parent)/\(prefix)\(getpid())" }

    /// Removes the copies of processes that were killed.
    ///
    /// - Throws: When one cannot be removed.
    func removeLeftovers(in parent: String) throws(FileProblem) {
        guard let handle = unsafe opendir(parent) else { return }
        defer { unsafe _ = closedir(handle) }
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasPrefix(prefix), let process = pid_t(name.dropFirst(prefix.utf8.count)),
                kill(process, 0) != 0, errno == ESRCH
            else { continue }
            try BackupVerification.clear(parent + "/" + name)
        }
    }
}
