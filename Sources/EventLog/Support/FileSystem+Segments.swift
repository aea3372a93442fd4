internal import CLinux
internal import Glibc

extension FileSystem {
    /// Flushes a file's octets.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - forgetting: The kernel forgets them then, so that they are read from the disk. Pages that
    ///     somebody has mapped stay.
    ///   - faults: For tests.
    /// - Throws: `writeFailed`, `outOfSpace` when they cannot be flushed; `inaccessible`.
    static func flush(
        _ path: String, forgetting: Bool, faults: StorageFaults?
    ) throws(EventLogError) {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw EventLogError.system("opening", errno: errno, file: path)
        }
        defer { _ = close(descriptor) }
        let injected = faults?.beforeStart(.flush, path)
        guard injected == nil, fdatasync(descriptor) == 0 else {
            throw notFlushed(injected ?? errno, path)
        }
        guard forgetting else { return }
        _ = faults?.beforeStart(.forget, path)
        // A file system without a disk behind it has nothing to forget, and says so.
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    private static func notFlushed(_ code: Int32, _ path: String) -> EventLogError {
        var error = EventLogError.system(
            "what the log's last writer wrote cannot be flushed", errno: code, file: path)
        guard error.code != .outOfSpace else { return error }
        error.code = .writeFailed
        error.hint =
            "Nothing was changed. Check the disk and the kernel's messages, then start again."
        return error
    }

    /// Gives a file a name that nothing has.
    ///
    /// - Parameters:
    ///   - old: Its name.
    ///   - new: The other one, on the same file system.
    /// - Throws: `writeFailed` when something has the name: both files stay what they are.
    static func rename(_ old: String, toNew new: String) throws(EventLogError) {
        guard unsafe waybill_rename_new(old, new) != 0 else { return }
        switch errno {
        case EINVAL, ENOSYS: try renameByLink(old, toNew: new)
        case EEXIST: throw taken(new)
        case let code: throw EventLogError.system("renaming", errno: code, file: old)
        }
    }

    /// As ``rename(_:toNew:)``, on a file system that cannot refuse to replace: by a second name. A
    /// crash in between leaves both, of which a start removes the temporary one.
    static func renameByLink(_ old: String, toNew new: String) throws(EventLogError) {
        guard unsafe link(old, new) == 0 else {
            switch errno {
            case EEXIST: throw taken(new)
            case EPERM, EXDEV, EOPNOTSUPP, ENOSYS, EMLINK: return try renameAlone(old, toNew: new)
            case let code: throw EventLogError.system("renaming", errno: code, file: old)
            }
        }
        _ = unsafe unlink(old)
    }

    /// As ``rename(_:toNew:)``, on a file system without second names, too: nobody else makes files there
    /// meanwhile, for the log's lock is held.
    static func renameAlone(_ old: String, toNew new: String) throws(EventLogError) {
        try checkFree(new)
        guard unsafe Glibc.rename(old, new) == 0 else {
            throw EventLogError.system("renaming", errno: errno, file: old)
        }
    }

    /// Checks that nothing has a name, not even a link that leads nowhere.
    ///
    /// - Throws: `writeFailed` when something has it.
    static func checkFree(_ path: String) throws(EventLogError) {
        var mode: UInt32 = 0
        var owner: UInt32 = 0
        if unsafe waybill_path_status(path, &mode, &owner) == 0 { throw taken(path) }
    }

    private static func taken(_ path: String) -> EventLogError {
        EventLogError(
            .writeFailed, "something stands where a new segment must go, and is not replaced",
            file: path,
            hint: "Find out what put it there, and move it out of the log's directory.")
    }
}
