internal import EventLog

/// Reads every object of an archive and says what is wrong with which.
///
/// Concurrency: no state.
package enum ArchiveCheck {
    /// What was found.
    package struct Finding: Hashable, Sendable {
        /// The object, with its place.
        package var object: String
        package var what: String
    }

    /// What a check came to.
    package struct Report: Hashable, Sendable {
        package var objects = 0
        package var octets: UInt64 = 0
        package var findings: [Finding] = []
        /// Objects of earlier writers that are no part of the archive's history.
        package var leftovers = 0

        /// Nothing was looked at.
        package init() {}

        /// Nothing was found.
        package var isIntact: Bool { findings.isEmpty }
    }

    /// Checks.
    ///
    /// - Parameters:
    ///   - archive: What to read. Without its key, checksums are checked and nothing is decrypted.
    ///   - progress: Called with objects read and all of them.
    /// - Returns: What was found.
    /// - Throws: When the storage cannot be read, or the archive has no head.
    package static func run(
        _ archive: Archive, progress: (Int, Int) -> Void
    ) throws -> Report {
        let catalog = try ArchiveCatalog(archive)
        var report = Report()
        for name in catalog.strangers {
            report.findings.append(
                Finding(
                    object: archive.shown(name),
                    what: "an object with a name that Waybill does not give"))
        }
        let all = catalog.items + catalog.sites
        var headers: [ObjectName: ObjectHeader] = [:]
        for (index, item) in all.enumerated() {
            do {
                headers[item.name] = try archive.read(
                    item.name, readsPayload: archive.key != nil
                ) { _ in }
                report.octets += item.octets
            } catch let error as ArchiveError {
                // What was pruned since it was listed is not missed, unless the chain misses it.
                if error.code == .notFound { continue }
                guard error.code == .damaged else { throw error }
                report.findings.append(
                    Finding(object: archive.shown(item.name.path), what: error.message))
            }
            report.objects += 1
            if !catalog.isPart(item) { report.leftovers += 1 }
            progress(index + 1, all.count)
        }
        let now = try ArchiveCatalog(archive)
        for item in now.items where headers[item.name] == nil && !all.contains(item) {
            headers[item.name] = try archive.header(of: item.name)
        }
        follow(archive, now, headers, &report)
        return report
    }

    /// Follows what a restore would read, from object to object.
    private static func follow(
        _ archive: Archive, _ catalog: ArchiveCatalog, _ headers: [ObjectName: ObjectHeader],
        _ report: inout Report
    ) {
        func missing(_ low: UInt64, _ high: UInt64) {
            report.findings.append(
                Finding(
                    object: archive.shown(""),
                    what: "sequences \(low) to \(high) are missing: an object that begins with"
                        + " \(Hex.text(low, digits: 16)) was removed"))
        }
        let plan = catalog.plan()
        var last: (name: ObjectName, header: ObjectHeader)?
        for item in plan.items {
            guard let header = headers[item.name] else {
                last = nil
                continue
            }
            if let before = last {
                let next = before.header.lastSequence + 1
                if next < header.firstSequence {
                    missing(next, header.firstSequence - 1)
                } else if next > header.firstSequence {
                    report.findings.append(
                        Finding(
                            object: archive.shown(item.name.path),
                            what: "it begins within \(before.name.path)"))
                } else if before.header.hashAfter != header.hashBefore {
                    report.findings.append(
                        Finding(
                            object: archive.shown(item.name.path),
                            what: "it does not continue the chain of \(before.name.path)"))
                }
            }
            last = (item.name, header)
        }
        if let range = plan.missing {
            missing(range.lowerBound, range.upperBound)
        } else if let end = last?.header.lastSequence, end < catalog.head.position.sequence {
            missing(end + 1, catalog.head.position.sequence)
        }
    }
}
