internal import MailEvents

/// An entry.
///
/// Concurrency: value.
package struct EtcdEntry: Hashable, Sendable {
    package var key: String
    package var value: [UInt8]
    /// The revision in which it was changed last.
    package var revision: Int64
    /// The lease that it is attached to; 0: none.
    package var lease: Int64
}

/// A member of the cluster.
///
/// Concurrency: value.
package struct EtcdMember: Hashable, Sendable {
    package var name: String
    /// It learns, and has no vote.
    package var isLearner: Bool
    /// Its addresses for other members, URLs.
    package var peerURLs: [String]

    /// The hosts of its addresses.
    package var hosts: [String] { peerURLs.map { Self.host(of: $0) } }

    /// The host of a URL.
    static func host(of url: String) -> String {
        let rest = url.split(separator: "/").dropFirst().first ?? Substring(url)
        if rest.hasPrefix("[") { return String(rest.dropFirst().prefix { $0 != "]" }) }
        return String(rest.prefix { $0 != ":" })
    }
}

extension EtcdClient {
    /// Grants a lease.
    ///
    /// - Parameter seconds: How long it stands without being renewed; etcd may make it longer.
    /// - Returns: Its id, and for how many seconds it stands.
    /// - Throws: See ``EtcdError``.
    package func grant(seconds: Int) throws(EtcdError) -> (lease: Int64, seconds: Int) {
        let answer = try call("/v3/lease/grant") { $0.string("\(seconds)", "TTL") }
        guard let lease = Int64(answer["ID"].text), lease != 0,
            let granted = Int(answer["TTL"].text)
        else { throw EtcdError(.refused, "etcd granted no lease: \(answer["error"].text)") }
        return (lease, granted)
    }

    /// Renews a lease.
    ///
    /// - Parameter lease: Its id.
    /// - Returns: Whether it still stands.
    /// - Throws: See ``EtcdError``.
    package func keepAlive(_ lease: Int64) throws(EtcdError) -> Bool {
        do throws(EtcdError) {
            let answer = try call("/v3/lease/keepalive") { $0.string("\(lease)", "ID") }
            if answer["error"] != .null {
                throw EtcdError(.unavailable, "etcd: \(answer["error"]["message"].text)")
            }
            return Int(answer["result"]["TTL"].text) ?? 0 > 0
        } catch {
            if error.code == .notFound { return false }
            throw error
        }
    }

    /// Ends a lease, and with it the entries that are attached to it.
    ///
    /// - Parameter lease: Its id.
    /// - Throws: See ``EtcdError``; a lease that has ended is no error.
    package func revoke(_ lease: Int64) throws(EtcdError) {
        do throws(EtcdError) {
            _ = try call("/v3/lease/revoke") { $0.string("\(lease)", "ID") }
        } catch {
            guard error.code == .notFound else { throw error }
        }
    }

    /// Puts entries if conditions hold.
    ///
    /// - Parameter transaction: Which, and which.
    /// - Returns: Whether they held.
    /// - Throws: See ``EtcdError``; `notFound` when a lease has ended.
    package func commit(_ transaction: EtcdTransaction) throws(EtcdError) -> Bool {
        try call("/v3/kv/txn") { transaction.write(&$0) }["succeeded"].isTrue
    }

    /// The entries whose keys begin so, as a majority of the members has them.
    ///
    /// - Parameter prefix: Of the keys; it ends with an ASCII character.
    /// - Returns: Them, by key.
    /// - Throws: See ``EtcdError``.
    package func entries(prefix: String) throws(EtcdError) -> [EtcdEntry] {
        var end = Array(prefix.utf8)
        if let last = end.popLast() { end.append(last + 1) }
        let answer = try call("/v3/kv/range") { writer in
            writer.string(Base64.encode(Array(prefix.utf8)), "key")
            writer.string(Base64.encode(end), "range_end")
        }
        var entries: [EtcdEntry] = []
        for entry in answer["kvs"].elements {
            guard let key = Base64.decode(entry["key"].text),
                let value = Base64.decode(entry["value"].text)
            else { throw EtcdError(.refused, "etcd answered an entry that is no base 64") }
            entries.append(
                EtcdEntry(
                    key: String(decoding: key, as: UTF8.self), value: value,
                    revision: Int64(entry["mod_revision"].text) ?? 0,
                    lease: Int64(entry["lease"].text) ?? 0))
        }
        return entries
    }

    /// The cluster's members.
    ///
    /// - Returns: Them.
    /// - Throws: See ``EtcdError``.
    package func members() throws(EtcdError) -> [EtcdMember] {
        let answer = try call("/v3/cluster/member/list")
        return answer["members"].elements.map { member in
            EtcdMember(
                name: member["name"].text, isLearner: member["isLearner"].isTrue,
                peerURLs: member["peerURLs"].elements.map(\.text))
        }
    }
}
