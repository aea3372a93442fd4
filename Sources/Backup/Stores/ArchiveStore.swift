/// Where an archive's objects are kept: a directory, or object storage.
///
/// Every call blocks until it is done; what was put is durable then.
///
/// Concurrency: any thread.
package protocol ArchiveStore: Sendable {
    /// Where it is, for people: a path, or `s3://bucket/prefix`.
    var place: String { get }

    /// Puts an object, whole or not at all, if a condition holds.
    ///
    /// - Parameters:
    ///   - name: With `/` between folders.
    ///   - body: Its octets.
    ///   - condition: Checked and met in one step, whoever else writes.
    /// - Returns: Whether it was put.
    /// - Throws: `inaccessible`.
    func put(
        _ name: String, _ body: StoreBody, if condition: PutCondition
    ) throws(ArchiveError) -> PutOutcome

    /// Reads an object.
    ///
    /// - Parameters:
    ///   - name: With `/` between folders.
    ///   - prefix: Only so many octets of its beginning; nil: all of it.
    ///   - sink: Takes the octets as they come.
    /// - Returns: What names its present content, for ``PutCondition/matches(_:)``; nil when it is not
    ///   there.
    /// - Throws: `inaccessible`; what the sink throws.
    func get(_ name: String, prefix: Int?, into sink: ([UInt8]) throws -> Void) throws -> String?

    /// Lists a folder: the objects and folders right in it.
    ///
    /// - Parameter folder: Empty, or with `/` at its end.
    /// - Returns: What stands in it, in order.
    /// - Throws: `inaccessible`.
    func list(_ folder: String) throws(ArchiveError) -> StoreListing

    /// Removes an object; none of that name is no error.
    ///
    /// - Throws: `inaccessible`.
    func remove(_ name: String) throws(ArchiveError)
}

/// What must hold for an object to be put.
///
/// Concurrency: value.
package enum PutCondition: Hashable, Sendable {
    /// No object of that name is there.
    case absent
    /// The object that is there is the one that had this tag.
    case matches(String)
}

/// What became of putting an object.
///
/// Concurrency: value.
package enum PutOutcome: Hashable, Sendable {
    /// It is there now, with this tag.
    case stored(tag: String)
    /// The condition did not hold; nothing was changed.
    case refused
}

/// What stands in a folder.
///
/// Concurrency: value.
package struct StoreListing: Hashable, Sendable {
    /// An object.
    package struct Entry: Hashable, Sendable {
        /// Without its folder.
        package var name: String
        package var octets: UInt64
    }

    /// In the order of their names.
    package var objects: [Entry] = []
    /// Without a slash; in order.
    package var folders: [String] = []
}

/// The octets of an object that is put; may be read more than once.
///
/// Concurrency: value.
package struct StoreBody: Sendable {
    package var octets: UInt64
    /// Begins to read: each call of what it returns gives the next octets, nil at the end.
    package var open: @Sendable () -> () throws(ArchiveError) -> [UInt8]?

    /// Octets in memory.
    package init(_ bytes: [UInt8]) {
        octets = UInt64(bytes.count)
        open = {
            var rest: [UInt8]? = bytes
            return { () throws(ArchiveError) in
                defer { rest = nil }
                return rest
            }
        }
    }

    /// Octets that are made as they are read.
    package init(
        octets: UInt64, open: @escaping @Sendable () -> () throws(ArchiveError) -> [UInt8]?
    ) {
        self.octets = octets
        self.open = open
    }

    /// The SHA-256 of them.
    func sha256() throws(ArchiveError) -> [UInt8] {
        let digest = Digest()
        let next = open()
        while let bytes = try next() { digest.update(bytes) }
        return digest.finish()
    }
}

extension ArchiveStore {
    /// A small object's octets and tag; nil when it is not there.
    ///
    /// - Throws: `damaged` when it is larger than `octetsMax`.
    func small(
        _ name: String, octetsMax: Int = BackupLimits.answerOctets
    ) throws -> (bytes: [UInt8], tag: String)? {
        var bytes: [UInt8] = []
        let tag = try get(name, prefix: nil) { piece in
            bytes += piece
            guard bytes.count <= octetsMax else {
                throw ArchiveError(
                    .damaged, "the object is larger than it can be", object: place + "/" + name)
            }
        }
        return tag.map { (bytes, $0) }
    }
}
