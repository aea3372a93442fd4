internal import EventLog

/// The configuration and the files that it names, as they go into a backup.
///
/// Concurrency: value.
package struct SiteFiles: Hashable, Sendable {
    /// A file.
    package struct File: Hashable, Sendable {
        /// What it is for: `configuration`, `users`, `keys`, `certificate`, ...
        package var role: String
        package var path: String
        /// nil: only its name is kept, because it is a secret and the backup is not encrypted, or
        /// because it could not be read.
        package var contents: [UInt8]?

        /// Creates a file.
        package init(role: String, path: String, contents: [UInt8]?) {
            self.role = role
            self.path = path
            self.contents = contents
        }
    }

    package var files: [File]

    /// Creates a set of files.
    package init(files: [File]) { self.files = files }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        Octets.append(UInt64(files.count), octets: 4, to: &bytes)
        for file in files {
            for text in [file.role, file.path] {
                Octets.append(UInt64(text.utf8.count), octets: 2, to: &bytes)
                bytes += text.utf8
            }
            bytes.append(file.contents == nil ? 0 : 1)
            Octets.append(UInt64(file.contents?.count ?? 0), octets: 4, to: &bytes)
            bytes += file.contents ?? []
        }
        return bytes
    }

    init?(bytes: [UInt8]) {
        var place = 0
        func number(_ octets: Int) -> Int? {
            guard bytes.count - place >= octets else { return nil }
            defer { place += octets }
            return Int(Octets.number(bytes, at: place, octets: octets))
        }
        func piece(_ count: Int) -> [UInt8]? {
            guard bytes.count - place >= count else { return nil }
            defer { place += count }
            return Array(bytes[place..<place + count])
        }
        guard let count = number(4) else { return nil }
        files = []
        for _ in 0..<count {
            guard let role = number(2).flatMap(piece), let path = number(2).flatMap(piece),
                let isThere = number(1), let contents = number(4).flatMap(piece)
            else { return nil }
            files.append(
                File(
                    role: String(decoding: role, as: UTF8.self),
                    path: String(decoding: path, as: UTF8.self),
                    contents: isThere == 1 ? contents : nil))
        }
        guard place == bytes.count else { return nil }
    }
}

extension Archive {
    /// The newest configuration in an archive; nil when there is none.
    ///
    /// - Parameter catalog: Of this archive.
    /// - Returns: The configuration.
    /// - Throws: `damaged`, `wrongKey`, `inaccessible`.
    package func newestSite(_ catalog: ArchiveCatalog) throws -> SiteFiles? {
        guard let name = catalog.sites.last?.name else { return nil }
        var bytes: [UInt8] = []
        try read(name) { piece in
            bytes += piece
            guard UInt64(bytes.count) <= BackupLimits.memoryOctets else {
                throw ArchiveError(
                    .damaged, "the object is larger than it can be", object: shown(name.path))
            }
        }
        guard let site = SiteFiles(bytes: bytes) else {
            throw ArchiveError(
                .damaged, "the object is damaged: what it holds is malformed",
                object: shown(name.path))
        }
        return site
    }
}

extension ArchiveWriter {
    /// Archives the configuration, unless the newest one there is the same.
    ///
    /// - Parameter site: With secrets only when the archive is encrypted.
    /// - Throws: As ``step()``.
    package func archive(_ site: SiteFiles) throws {
        let newest = try archive.newestSite(ArchiveCatalog(archive))
        guard newest != site else { return }
        let bytes = site.bytes
        let time = archive.now()
        let header = ObjectHeader(
            kind: .site, logID: archive.logID, firstSequence: 0,
            lastSequence: position.sequence, epoch: identity.epoch, firstTime: time, lastTime: time,
            hashBefore: position.chainHash, hashAfter: position.chainHash,
            payloadOctets: UInt64(bytes.count), madeAt: time)
        let name = ObjectName.site(time: time, epoch: identity.epoch)
        _ = try archive.put(name, header) { offset, count in
            Array(bytes[Int(offset)..<Int(offset) + count])
        }
    }
}
