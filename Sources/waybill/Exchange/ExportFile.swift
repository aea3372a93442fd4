import Glibc
import LogExchange

/// Where an export goes: standard output, or a file that has its name only once it is complete.
///
/// Until then it is `NAME.partial`, locked; what a killed export left under that name the next one
/// overwrites.
///
/// Concurrency: one thread.
final class ExportFile {
    private let descriptor: Int32
    /// nil: standard output.
    private let path: String?
    private(set) var octets: UInt64 = 0

    private static let pieceOctets = 1 << 20

    private init(descriptor: Int32, path: String?) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { if path != nil { _ = close(descriptor) } }

    private var partial: String { (path ?? "") + ".partial" }

    /// Makes the output.
    static func make(_ plan: ExportPlan, output: String, replaces: Bool) throws -> ExportFile {
        guard output != "-" else { return ExportFile(descriptor: STDOUT_FILENO, path: nil) }
        if !replaces, try exists(output) {
            let other = plan.isCompressed ? "--append goes on in it, " : ""
            throw ExportProblem(
                .cannotCreate, "\(output) is there already: \(other)--force replaces it")
        }
        let descriptor = try lockedPartial(output)
        let file = ExportFile(descriptor: descriptor, path: output)
        guard ftruncate(descriptor, 0) == 0 else {
            throw ExportProblem(
                .cannotCreate, "cannot empty \(file.partial): \(FileProblem.ofErrno())")
        }
        return file
    }

    /// Opens and locks the partial file of a name.
    private static func lockedPartial(_ output: String) throws -> Int32 {
        let partial = output + ".partial"
        while true {
            // It holds what mail servers keep to themselves.
            let descriptor = unsafe open(partial, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw ExportProblem(
                    .cannotCreate, "cannot make \(partial): \(FileProblem.ofErrno())")
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                _ = close(descriptor)
                throw ExportProblem(
                    .cannotCreate,
                    "another export is writing \(output): wait for it, or say "
                        + "another --output")
            }
            // Between the two calls another export may have given the file its name: then what is
            // locked here is that export's result, which must stay as it is.
            var opened = stat()
            var named = stat()
            if unsafe fstat(descriptor, &opened) == 0, unsafe stat(partial, &named) == 0,
                opened.st_ino == named.st_ino, opened.st_dev == named.st_dev
            {
                return descriptor
            }
            _ = close(descriptor)
        }
    }

    /// Whether there is a file of that name.
    static func exists(_ path: String) throws -> Bool {
        if unsafe access(path, F_OK) == 0 { return true }
        guard errno == ENOENT else {
            throw ExportProblem(.cannotCreate, "cannot look at \(path): \(FileProblem.ofErrno())")
        }
        return false
    }

    /// What an export says at its end.
    static func tail(of path: String) throws -> ExportTail {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ExportProblem(.noInput, "cannot open \(path): \(FileProblem.ofErrno())")
        }
        defer { _ = close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        let tail = try ExportTail.read(size: UInt64(max(0, size))) { offset, count in
            try read(descriptor, at: offset, count: count, path)
        }
        guard let tail else {
            throw ExportProblem(
                .data,
                "\(path) is no compressed export of Waybill's, which alone say where they "
                    + "ended: use --since with a sequence instead")
        }
        return tail
    }

    private static func read(
        _ descriptor: Int32, at offset: UInt64, count: Int, _ path: String
    ) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let result = unsafe bytes.withUnsafeMutableBytes {
                unsafe pread(
                    descriptor, $0.baseAddress?.advanced(by: filled), count - filled,
                    off_t(offset) + off_t(filled))
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else {
                throw ExportProblem(.noInput, "cannot read \(path): \(FileProblem.ofErrno())")
            }
            filled += result
        }
        return bytes
    }

    /// Puts the first octets of another file before what comes.
    func copy(_ count: UInt64, of path: String) throws {
        let source = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else {
            throw ExportProblem(.noInput, "cannot open \(path): \(FileProblem.ofErrno())")
        }
        defer { _ = close(source) }
        var offset: UInt64 = 0
        while offset < count {
            let piece = min(UInt64(Self.pieceOctets), count - offset)
            try write(try Self.read(source, at: offset, count: Int(piece), path))
            offset += piece
        }
    }

    /// Writes octets; a closed pipe ends the process quietly, as `head` expects.
    func write(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            let result = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(
                    descriptor, $0.baseAddress?.advanced(by: start), bytes.count - start)
            }
            if result < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE, path == nil { exit(0) }
                let reason = FileProblem.ofErrno()
                throw ExportProblem(
                    .writing, "cannot write \(path == nil ? "standard output" : partial): \(reason)"
                )
            }
            start += result
        }
        octets += UInt64(bytes.count)
    }

    /// Gives the file its name, when all of it is on disk.
    func complete() throws {
        guard let path else { return }
        guard fsync(descriptor) == 0, unsafe rename(partial, path) == 0 else {
            throw ExportProblem(.writing, "cannot complete \(path): \(FileProblem.ofErrno())")
        }
        Self.syncDirectory(of: path)
    }

    /// Removes what there is so far.
    func discard() {
        if path != nil { unsafe _ = unlink(partial) }
    }

    /// Makes the names in a file's directory durable, as far as the file system can.
    static func syncDirectory(of path: String) {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(
            directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        _ = close(descriptor)
    }
}
