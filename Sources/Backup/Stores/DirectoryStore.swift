internal import CLinux
internal import Glibc

/// Objects as files of a directory.
///
/// An object is written under a temporary name, flushed, and then linked to its own name, which fails
/// when that is taken: nothing is ever seen half, and nothing overwritten. The one object that changes
/// is exchanged under a lock (flock), by rename.
///
/// Concurrency: may be shared.
package final class DirectoryStore: ArchiveStore {
    package let place: String
    private static let incoming = ".incoming"

    /// Opens a directory, making it if it is missing.
    ///
    /// - Parameters:
    ///   - path: Of the directory.
    ///   - creates: Whether it may be made.
    /// - Throws: `notFound`, `inaccessible`.
    package init(_ path: String, creates: Bool) throws(ArchiveError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        place = path
        if creates {
            try make(path)
            try make(path + "/" + Self.incoming)
        }
        guard unsafe access(path, F_OK) == 0 else {
            throw ArchiveError(.notFound, "there is no such directory", object: path)
        }
    }

    package func put(
        _ name: String, _ body: StoreBody, if condition: PutCondition
    ) throws(ArchiveError) -> PutOutcome {
        let target = place + "/" + name
        try make(place + "/" + Self.incoming)
        try makeFolders(of: name)
        let random = (0..<12).map { _ in UInt8.random(in: .min ... .max) }
        let temporary = place + "/" + Self.incoming + "/" + Hex.text(random)
        defer { _ = unsafe unlink(temporary) }
        let tag = try write(body, to: temporary)
        switch condition {
        case .absent:
            guard unsafe link(temporary, target) == 0 else {
                if errno == EEXIST {
                    // Who put it may have been killed before its name was durable.
                    try flush(folderOf: target)
                    return .refused
                }
                throw Self.failure("linking", target)
            }
        case .matches(let old):
            let isOurs = try locked { () throws(ArchiveError) in
                guard try self.tag(of: target) == old else { return false }
                guard unsafe rename(temporary, target) == 0 else {
                    throw Self.failure("renaming", target)
                }
                return true
            }
            guard isOurs else { return .refused }
        }
        try flush(folderOf: target)
        return .stored(tag: tag)
    }

    package func get(
        _ name: String, prefix: Int?, into sink: ([UInt8]) throws -> Void
    ) throws -> String? {
        let path = place + "/" + name
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw Self.failure("opening", path)
        }
        defer { _ = close(descriptor) }
        let digest = Digest()
        var left = prefix ?? .max
        while left > 0 {
            let bytes = try Self.read(descriptor, min(left, BackupLimits.pieceOctets), path)
            guard !bytes.isEmpty else { break }
            digest.update(bytes)
            left -= bytes.count
            try sink(bytes)
        }
        return Hex.text(digest.finish())
    }

    package func list(_ folder: String) throws(ArchiveError) -> StoreListing {
        let path = place + "/" + folder
        guard let handle = unsafe opendir(path) else {
            if errno == ENOENT { return StoreListing() }
            throw Self.failure("opening", path)
        }
        defer { unsafe _ = closedir(handle) }
        var listing = StoreListing()
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !name.hasPrefix(".") else { continue }
            let descriptor = unsafe open(path + name, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            defer { _ = close(descriptor) }
            var octets: Int64 = 0
            var mode: UInt32 = 0
            guard unsafe waybill_file_status(descriptor, &octets, &mode) == 0 else { continue }
            if mode & S_IFMT == S_IFDIR {
                listing.folders.append(name)
            } else {
                listing.objects.append(.init(name: name, octets: UInt64(max(0, octets))))
            }
        }
        listing.objects.sort { $0.name < $1.name }
        listing.folders.sort()
        return listing
    }

    package func remove(_ name: String) throws(ArchiveError) {
        let path = place + "/" + name
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw Self.failure("removing", path)
        }
    }

    // MARK: - Files

    private func write(_ body: StoreBody, to path: String) throws(ArchiveError) -> String {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("making", path) }
        defer { _ = close(descriptor) }
        let digest = Digest()
        let next = body.open()
        while let bytes = try next() {
            digest.update(bytes)
            var from = 0
            while from < bytes.count {
                let wrote = unsafe bytes.withUnsafeBytes { buffer in
                    unsafe Glibc.write(
                        descriptor, buffer.baseAddress.map { unsafe $0 + from },
                        buffer.count - from)
                }
                if wrote < 0, errno == EINTR { continue }
                guard wrote > 0 else { throw Self.failure("writing", path) }
                from += wrote
            }
        }
        guard fsync(descriptor) == 0 else { throw Self.failure("flushing", path) }
        return Hex.text(digest.finish())
    }

    private static func read(
        _ descriptor: Int32, _ count: Int, _ path: String
    ) throws(ArchiveError) -> [UInt8] {
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            var result = unsafe Glibc.read(descriptor, buffer.baseAddress, count)
            while result < 0, errno == EINTR {
                unsafe result = Glibc.read(descriptor, buffer.baseAddress, count)
            }
            failed = result < 0
            filled = max(0, result)
        }
        if failed { throw failure("reading", path) }
        return bytes
    }

    /// The tag of the object that is there; nil for none.
    private func tag(of path: String) throws(ArchiveError) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw Self.failure("opening", path)
        }
        defer { _ = close(descriptor) }
        let digest = Digest()
        while true {
            let bytes = try Self.read(descriptor, BackupLimits.pieceOctets, path)
            if bytes.isEmpty { return Hex.text(digest.finish()) }
            digest.update(bytes)
        }
    }

    private func locked<Result>(
        _ body: () throws(ArchiveError) -> Result
    ) throws(ArchiveError) -> Result {
        let path = place + "/" + Self.incoming + "/lock"
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("opening", path) }
        defer { _ = close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw Self.failure("locking", path) }
        }
        return try body()
    }

    private func makeFolders(of name: String) throws(ArchiveError) {
        var path = place
        for folder in name.split(separator: "/").dropLast() {
            path += "/" + folder
            try make(path)
        }
    }

    private func make(_ path: String) throws(ArchiveError) {
        if unsafe mkdir(path, 0o700) == 0 {
            try flush(folderOf: path)
        } else if errno != EEXIST {
            throw Self.failure("making", path)
        }
    }

    private func flush(folderOf path: String) throws(ArchiveError) {
        var folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/")
        if folder.isEmpty { folder = path.hasPrefix("/") ? "/" : "." }
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("opening", folder) }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure("flushing", folder) }
    }

    private static func failure(_ what: String, _ path: String) -> ArchiveError {
        let words = unsafe String(cString: strerror(errno))
        return ArchiveError(.inaccessible, "\(what): \(words)", object: path)
    }
}
