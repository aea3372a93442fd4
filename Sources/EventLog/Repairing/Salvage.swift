/// Where a value stands: the octets of a value are side by side in the file, on whatever pages.
///
/// Concurrency: value.
struct ValuePlace: Hashable, Sendable {
    /// Index of the file in the order of the names.
    var file: Int
    var offset: UInt64
    var octets: Int
}

/// A batch that was found, whole by its checksum.
///
/// Concurrency: value.
struct FoundBatch: Sendable {
    /// How it was found: what speaks for it beside its checksum.
    enum Stand: Int, Comparable, Sendable {
        /// Octets that could be part of a message that somebody sent.
        case loose
        /// Where a value begins on a page.
        case onPage
        /// Through the tables.
        case inTree

        static func < (left: Stand, right: Stand) -> Bool { left.rawValue < right.rawValue }
    }

    var header: BatchHeader
    /// Chain hash after it, as the old log has it.
    var chainHash: [UInt8]
    /// Of the value that it stands in, perhaps with others.
    var place: ValuePlace
    /// Key of that value.
    var key: UInt64
    var stand: Stand
}

/// A content block that was found, whole by its checksum.
///
/// Concurrency: value.
struct FoundBlock: Sendable {
    var key: UInt64
    var last: UInt64
    /// Messages in it.
    var count: Int
    var place: ValuePlace
}

/// What could be read of one segment's file.
///
/// Concurrency: value.
struct SalvagedFile: Sendable {
    var path: String
    /// First sequence as the name says.
    var first: UInt64
    /// It could be opened.
    var isThere = false
    /// Why it must not be read further: it is of a version that this program does not know.
    var refusal: EventLogError?
    var meta: SegmentMeta?
    /// Also where the other records are lost.
    var logID: [UInt8]?
    var batches: [FoundBatch] = []
    var blocks: [FoundBlock] = []
    /// What is wrong with it, in words; at most ``EventLogLimits/damagesListedMax``.
    var findings: [String] = []
    /// The file was gone through octet by octet.
    var isScanned = false
    /// Its last batch was read through its tables, and nothing says that another one followed.
    var isEndCertain = false
    /// The greatest sequence that anything in it names, plausible or not; 0 for none.
    var namedSequence: UInt64 = 0

    /// The epochs that its meta tables name, plausible or not.
    var namedEpochs: [UInt32] = []

    mutating func note(_ finding: String) {
        if findings.count < EventLogLimits.damagesListedMax { findings.append(finding) }
    }
}

extension SalvagedFile {
    /// Notes the epochs that the meta table names, as of both meta pages: also where the table's other
    /// records are lost, and where no event of an epoch is left.
    mutating func nameEpochs(_ pages: PageFile, _ metas: (PageMeta?, PageMeta?)) {
        for meta in [metas.0, metas.1] {
            guard let meta else { continue }
            let snapshot = PageSnapshot(file: pages, meta: meta)
            guard let table = try? snapshot.table(Table.meta),
                let record = try? snapshot.value(SegmentMeta.Name.epochs.key, in: table)
            else { continue }
            namedEpochs += stride(from: 0, to: record.count - record.count % 12, by: 12).map {
                record.integer(at: $0, as: UInt32.self)
            }
        }
    }

    /// The epochs that anything in it names. Batches that only look like some name none.
    var allEpochs: [UInt32] {
        var epochs = namedEpochs + (meta?.epochs.map(\.epoch) ?? [])
        if let origin = meta?.origin { epochs.append(origin.position.epoch) }
        return epochs + batches.filter { $0.stand > .loose }.map(\.header.epoch)
    }
}
