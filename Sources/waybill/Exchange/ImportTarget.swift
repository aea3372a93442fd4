import EventLog
import Glibc

/// The data directory that an import fills: its log gets its name only once it is complete.
///
/// Concurrency: value.
struct ImportTarget {
    let directory: String

    /// Where the log is made.
    var workDirectory: String { directory + "/log.importing" }

    /// Throws unless the directory is new, or has been used without any event.
    func check() throws {
        let log = DataDirectory.log(directory)
        if let entries = Self.entries(of: log), !entries.isEmpty {
            throw ExportProblem(
                .cannotCreate,
                "\(log) is not empty: an import makes a new log. Say --data with a "
                    + "directory that holds none")
        }
        if Self.entries(of: workDirectory) != nil {
            throw ExportProblem(
                .cannotCreate,
                "another import runs, or one that was stopped left "
                    + "\(workDirectory): remove it when none runs")
        }
    }

    /// Makes the directories.
    func prepare() throws {
        for path in [directory, workDirectory] {
            guard unsafe mkdir(path, 0o700) == 0 || (errno == EEXIST && path == directory) else {
                throw ExportProblem(
                    .cannotCreate, "cannot make \(path): \(FileProblem.ofErrno())")
            }
        }
    }

    /// Gives the log its name.
    func complete() throws {
        let log = DataDirectory.log(directory)
        // Takes the place of an empty directory, and of nothing else.
        guard unsafe rename(workDirectory, log) == 0 else {
            throw ExportProblem(.cannotCreate, "cannot make \(log): \(FileProblem.ofErrno())")
        }
        ExportFile.syncDirectory(of: log)
    }

    /// Removes what there is so far: only files of the log that was made here.
    func discard() {
        for name in Self.entries(of: workDirectory) ?? [] {
            unsafe _ = unlink(workDirectory + "/" + name)
        }
        unsafe _ = rmdir(workDirectory)
    }

    /// Octets of a file; 0 when they cannot be told.
    static func octets(of path: String) -> Int {
        var info = stat()
        guard path != "-", unsafe stat(path, &info) == 0 else { return 0 }
        return Int(info.st_size)
    }

    /// Names in a directory; nil when there is none.
    private static func entries(of path: String) -> [String]? {
        guard let stream = unsafe opendir(path) else { return nil }
        defer { unsafe _ = closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
