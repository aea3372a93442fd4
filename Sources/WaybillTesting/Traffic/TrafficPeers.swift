import MailEvents

/// The other ends of connections that are kept open: attempts on one share an object.
///
/// Concurrency: value.
struct TrafficPeers: Sendable {
    private static let places = 8192
    private var kept = [(key: UInt64, peer: DeliveryPeer)?](repeating: nil, count: places)

    /// The peer for a host of a domain, from one of our addresses.
    mutating func peer(
        _ domain: TrafficDomains.Domain, number: Int32, host: Int, source: Int
    ) -> DeliveryPeer {
        let key = UInt64(UInt32(bitPattern: number)) << 16 | UInt64(host) << 8 | UInt64(source)
        let place = Int(TrafficNames.mixed(key) % UInt64(Self.places))
        if let one = kept[place], one.key == key { return one.peer }
        let bits = TrafficNames.mixed(key >> 8)
        let tls = bits % 20 != 0
        let peer = DeliveryPeer(
            host: domain.hosts[host],
            address: "203.0.\(113 + bits >> 8 & 1).\(bits >> 16 & 0xFF)", port: 25,
            sourceAddress: "198.51.100.\(10 + source)", tlsVersion: tls ? "TLSv1.3" : "",
            tlsCipher: tls ? "TLS_AES_256_GCM_SHA384" : "")
        kept[place] = (key, peer)
        return peer
    }
}
