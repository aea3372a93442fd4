package import Delivery
import EventLog
import HTTPAPI
import MailModel
import Reception
package import Replication

extension WaybillConfiguration {
    /// The section `replication`.
    mutating func readReplication(_ section: YAMLSection) {
        defer { section.finish() }
        var settings = ReplicationSettings(
            tls: ReplicationTLS(
                certificateFile: section.string("certificate"), keyFile: section.string("key"),
                authorityFile: section.string("authority")))
        for key in ["certificate", "key", "authority"] where !section.has(key) {
            section.note(key, "there is none", expected: "a PEM file: sites trust each other by it")
        }
        settings.listen = section.parsed(
            "listen", default: nil, expected: "HOST:PORT such as 192.0.2.1:7025"
        ) { Self.siteAddress($0) }
        settings.address = section.parsed(
            "address", default: nil, expected: "HOST:PORT at which other sites reach this one"
        ) { Self.reachableAddress($0) }
        if settings.address != nil, settings.listen == nil {
            section.note("address", "is of no use without listen", expected: "listen, too")
        }
        settings.standbyOf = section.parsed(
            "standby_of", default: nil, expected: "HOST:PORT of the primary"
        ) { Self.siteAddress($0) }
        settings.peers = section.list(
            "peers", default: [], expected: "HOST:PORT of another site"
        ) { Self.siteAddress($0) }
        settings.delaySeconds =
            section.milliseconds("delay", default: 0, in: 0...(7 * 86_400_000)) / 1_000
        settings.octetsPerSecond = section.octets(
            "bandwidth", default: 0, in: 0...(64 << 30))
        settings.slotOctets = section.octets(
            "slot_size", default: settings.slotOctets, in: 0...(1 << 50))
        settings.ackMilliseconds = section.milliseconds(
            "ack_timeout", default: settings.ackMilliseconds, in: 100...300_000)
        settings.lease = section.section("lease").map { LeaseSettings($0) }
        if settings.lease?.isAutomatic == true, settings.delaySeconds > 0 {
            section.note(
                "lease", "a standby with a delay cannot promote itself: it lacks the last events",
                expected: "promote: manual, or no delay")
        }
        replication = settings
    }

    /// Takes from a file that was read again what a running server takes: the section `delivery`.
    package mutating func takeDelivery(of new: WaybillConfiguration) {
        delivery = new.delivery
        passwordFiles = new.passwordFiles
    }

    /// How mail is sent: the section `delivery`, and what follows for it from the others.
    ///
    /// An intent must be where a `250` must be: what satisfies every listener, tenant and the API.
    package var deliveryInForce: DeliveryPolicy {
        var policy = delivery
        policy.ownListeners = ownListeners
        guard replication != nil else { return policy }
        let asked =
            reception.listeners.map(\.ackLevel) + reception.tenantAckLevels.values
            + [http?.ackLevel ?? .local]
        policy.doubt.demand = asked.reduce(AckLevel.local) { $0.and($1) }.demand
        return policy
    }

    /// Where mail is taken in, as far as the addresses are known: a name is every address.
    private var ownListeners: Set<DeliveryPolicy.OwnListener> {
        Set(
            reception.listeners.map { listener in
                let isEvery = listener.host == "0.0.0.0" || listener.host == "::"
                return DeliveryPolicy.OwnListener(
                    address: isEvery ? nil : IPAddress(listener.host), port: listener.port)
            })
    }

    /// What a site's name looks like, for messages.
    package static let siteNameForm =
        "a site's name of 1 to \(ReplicationLimits.siteOctets) octets without control characters"

    /// Whether other sites take a site of this name.
    package static func isSiteName(_ text: String) -> Bool {
        (1...ReplicationLimits.siteOctets).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    /// HOST:PORT at which a site can be reached: not every address of a machine, not any port.
    package static func reachableAddress(_ text: String) -> SiteAddress? {
        siteAddress(text).flatMap { $0.port > 0 && !$0.isEveryAddress ? $0 : nil }
    }

    /// HOST:PORT of a site.
    package static func siteAddress(_ text: String) -> SiteAddress? {
        guard let address = listenAddress(text), let port = address.port else { return nil }
        return SiteAddress(host: address.host, port: port)
    }
}
