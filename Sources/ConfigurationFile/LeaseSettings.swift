/// The section `replication.lease`: the right to be the primary is a lease in etcd.
///
/// Concurrency: value.
package struct LeaseSettings: Hashable, Sendable {
    /// etcd's endpoints for clients, `http://host:port` or `https://host:port`.
    package var endpoints: [String]
    /// What the keys begin with; the same at all sites of one log, and no other's.
    package var prefix = "/waybill/"
    /// How long the lease stands without being renewed.
    package var ttlMilliseconds = 10_000
    /// Whether this site, as a standby, takes over by itself.
    package var isAutomatic = false
    /// A cluster of fewer than three members counts as a witness: it stands at a third place.
    package var isWitnessTrusted = false
    /// Events that may be missing in a standby that takes over by itself.
    package var lagEvents = 10_000
    /// PEM file of the authorities that etcd's certificates are checked against; empty: the system's.
    package var authorityFile = ""
    /// PEM files of the certificate that is shown to etcd, and of its key; empty: none.
    package var certificateFile = ""
    package var keyFile = ""
    /// Of etcd's own users; empty: none.
    package var user = ""
    /// File whose first line is the user's password.
    package var passwordFile = ""

    /// Creates settings.
    package init(endpoints: [String]) { self.endpoints = endpoints }

    /// A text that is a URL of an endpoint, without a path; nil when it is none.
    static func endpoint(_ text: String) -> String? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isWhole = parts.count == 3 && parts[1].isEmpty && !parts[2].isEmpty
        return isWhole && ["http:", "https:"].contains(parts[0]) ? text : nil
    }

    /// Reads the section.
    init(_ section: YAMLSection) {
        defer { section.finish() }
        let expected = "http:// or https:// with a host and a port, without a path"
        self.init(
            endpoints: section.list("endpoints", expected: expected) { Self.endpoint($0) })
        if !section.has("endpoints") {
            section.note("endpoints", "missing", expected: "a list of: \(expected)")
        }
        prefix = section.parsed(
            "prefix", default: prefix, expected: "a text such as /waybill/, ending with a slash"
        ) { text in
            let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            return isPlain && text.hasSuffix("/") ? text : nil
        }
        ttlMilliseconds = section.parsed(
            "ttl", default: ttlMilliseconds, expected: "whole seconds from 3s to 300s"
        ) { text in
            Quantity.milliseconds(text).flatMap {
                (3_000...300_000).contains($0) && $0 % 1_000 == 0 ? $0 : nil
            }
        }
        isAutomatic = section.choice(
            "promote", default: false, [("automatic", true), ("manual", false)])
        isWitnessTrusted = section.choice(
            "witness", default: false, [("members", false), ("trusted", true)])
        lagEvents = section.integer("max_lag", default: lagEvents, in: 0...1_000_000_000)
        authorityFile = section.string("authority")
        certificateFile = section.string("certificate")
        keyFile = section.string("key")
        user = section.string("user")
        passwordFile = section.string("password_file")
        check(section)
    }

    private func check(_ section: YAMLSection) {
        if certificateFile.isEmpty != keyFile.isEmpty {
            section.note(
                certificateFile.isEmpty ? "key" : "certificate", "stands alone",
                expected: "certificate and key, or neither")
        }
        if user.isEmpty != passwordFile.isEmpty {
            section.note(
                user.isEmpty ? "password_file" : "user", "stands alone",
                expected: "user and password_file, or neither")
        }
        if isWitnessTrusted, !isAutomatic {
            section.note(
                "witness", "says nothing without `promote: automatic`",
                expected: "promote: automatic, or no witness")
        }
    }

    /// Writes the section.
    func write(_ out: inout YAMLText) {
        out.open("lease")
        out.list("endpoints", endpoints)
        out.line("prefix", prefix)
        out.line("ttl", "\(ttlMilliseconds)ms")
        out.line("promote", isAutomatic ? "automatic" : "manual")
        out.line("max_lag", lagEvents)
        if isAutomatic { out.line("witness", isWitnessTrusted ? "trusted" : "members") }
        for (key, value) in [
            ("authority", authorityFile), ("certificate", certificateFile), ("key", keyFile),
            ("user", user), ("password_file", passwordFile),
        ] where !value.isEmpty { out.line(key, value) }
        out.close()
    }
}
