import EventLog

/// The section `backup` of the configuration: where the log is archived, and how.
///
/// Concurrency: value.
package struct BackupSettings: Hashable, Sendable {
    /// A directory, or `s3://bucket/prefix`.
    package var destination: String
    /// Of the object storage, `https://host[:port]`; empty: that of AWS for the region.
    package var endpoint = ""
    package var region = "us-east-1"
    /// File with the access key; empty: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    package var credentialsFile = ""
    /// PEM file of the authorities that the storage's certificate is checked against; empty: the
    /// system's.
    package var trustedRootsFile = ""
    /// File of the key to encrypt with; empty: not encrypted.
    package var keyFile = ""
    /// Milliseconds between two objects: what may be lost with the machine.
    package var intervalMilliseconds = 1000
    /// Milliseconds between two verifications; 0: none.
    package var verifyMilliseconds = 7 * 86_400_000
    /// Where they restore to; empty: into the data directory.
    package var scratchDirectory = ""
    /// Configurations that are kept.
    package var configurationsKept = 30

    /// The defaults.
    package init(destination: String) { self.destination = destination }

    /// What is wrong with a destination; nil: nothing.
    package static func problem(destination: String) -> String? {
        if destination.hasPrefix("s3://") {
            let bucket = destination.dropFirst(5).prefix { $0 != "/" }
            return bucket.isEmpty ? "it names no bucket" : nil
        }
        return destination.contains("://") ? "neither a directory nor s3://" : nil
    }
}

extension WaybillConfiguration {
    mutating func readBackup(_ section: YAMLSection) {
        let expected = "a directory, or s3://bucket/prefix"
        let destination = section.parsed(
            "to", default: "", expected: expected
        ) { BackupSettings.problem(destination: $0) == nil && !$0.isEmpty ? $0 : nil }
        var backup = BackupSettings(destination: destination)
        backup.endpoint = section.parsed(
            "endpoint", default: "", expected: "http:// or https:// with a host, without a path"
        ) { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            let isWhole = parts.count == 3 && parts[1].isEmpty && !parts[2].isEmpty
            return isWhole && ["http:", "https:"].contains(parts[0]) ? text : nil
        }
        backup.region = section.string("region", default: backup.region)
        backup.credentialsFile = section.string("credentials")
        backup.trustedRootsFile = section.string("trusted_roots")
        backup.keyFile = section.string("key")
        backup.intervalMilliseconds = section.milliseconds(
            "interval", default: backup.intervalMilliseconds, in: 100...86_400_000)
        backup.verifyMilliseconds = section.parsed(
            "verify_every", default: backup.verifyMilliseconds,
            expected: "\(Quantity.durationForm), or never"
        ) { $0 == "never" ? 0 : Quantity.milliseconds($0).flatMap { $0 >= 1000 ? $0 : nil } }
        backup.scratchDirectory = section.string("scratch")
        backup.configurationsKept = section.integer(
            "keep_configurations", default: backup.configurationsKept, in: 1...100_000)
        section.finish()
        if !section.has("to") { section.note("to", "missing", expected: expected) }
        if destination.hasPrefix("s3://"), log.segmentBytesMax > 4 << 30 {
            section.note(
                "to", "object storage takes no object of more than 5 GiB",
                expected: "log.segment_size of 4GiB at most")
        }
        self.backup = backup
    }

    func writeBackup(_ out: inout YAMLText) {
        guard let backup else { return }
        out.open("backup")
        out.line("to", backup.destination)
        for (key, value) in [
            ("endpoint", backup.endpoint), ("region", backup.region),
            ("credentials", backup.credentialsFile), ("trusted_roots", backup.trustedRootsFile),
            ("key", backup.keyFile), ("scratch", backup.scratchDirectory),
        ] where !value.isEmpty { out.line(key, value) }
        out.line("interval", "\(backup.intervalMilliseconds)ms")
        out.line(
            "verify_every",
            backup.verifyMilliseconds == 0 ? "never" : "\(backup.verifyMilliseconds)ms")
        out.line("keep_configurations", backup.configurationsKept)
        out.close()
    }
}
