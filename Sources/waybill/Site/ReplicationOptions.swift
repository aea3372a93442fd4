import ArgumentParser
import ConfigurationFile
import Replication

/// The flags of `serve` that are about other sites; they override the section `replication`.
struct ReplicationOptions: ParsableArguments {
    @Option(help: "This site's name; default: the host name.")
    var site: String?

    @Option(help: "Take links of other sites here, HOST:PORT.")
    var siteListen: String?

    @Option(help: "Where other sites reach this one, HOST:PORT, if not at --site-listen.")
    var siteAddress: String?

    @Option(help: "Be a standby of the primary at HOST:PORT, unless another role was recorded.")
    var standbyOf: String?

    @Option(help: "Another site, HOST:PORT, to be asked for a higher epoch; repeatable.")
    var peer: [String] = []

    @Option(help: "Certificate that this site shows to others, PEM.")
    var siteCertificate: String?

    @Option(help: "Key of the certificate, PEM.")
    var siteKey: String?

    @Option(help: "Authority that has signed the sites' certificates, PEM.")
    var siteAuthority: String?

    @Option(help: "Stay so far behind the primary: 15m.")
    var delay: String?

    /// Whether they make a section `replication` where there is none.
    var areGiven: Bool { siteCertificate != nil }

    /// Puts the flags over a configuration.
    func apply(to configuration: inout WaybillConfiguration) throws {
        if let site {
            guard WaybillConfiguration.isSiteName(site) else {
                throw ValidationError("--site: expected \(WaybillConfiguration.siteNameForm)")
            }
            configuration.site = site
        }
        let files = (siteCertificate, siteKey, siteAuthority)
        let wantsSites =
            siteListen != nil || siteAddress != nil || standbyOf != nil || !peer.isEmpty
            || delay != nil
        var settings = configuration.replication
        if case (let certificate?, let key?, let authority?) = files {
            let tls = ReplicationTLS(
                certificateFile: certificate, keyFile: key, authorityFile: authority)
            if settings == nil { settings = ReplicationSettings(tls: tls) }
            settings?.tls = tls
        } else if files != (nil, nil, nil) {
            throw ValidationError(
                "--site-certificate, --site-key and --site-authority go together")
        }
        guard var settings else {
            guard !wantsSites else {
                throw ValidationError(
                    "sites know each other by certificates: give --site-certificate, --site-key and "
                        + "--site-authority (docs/operations/sites.md says how to make them)")
            }
            return
        }
        settings.listen = try siteListen.map { try address("--site-listen", $0) } ?? settings.listen
        settings.address =
            try siteAddress.map {
                try address("--site-address", $0, WaybillConfiguration.reachableAddress)
            } ?? settings.address
        if settings.address != nil, settings.listen == nil {
            throw ValidationError("--site-address is of no use without --site-listen")
        }
        settings.standbyOf =
            try standbyOf.map { try address("--standby-of", $0) } ?? settings.standbyOf
        settings.peers += try peer.map { try address("--peer", $0) }
        if let delay {
            guard let milliseconds = Quantity.milliseconds(delay) else {
                throw ValidationError("--delay \(delay): expected a time such as 15m")
            }
            settings.delaySeconds = milliseconds / 1_000
        }
        configuration.replication = settings
    }

    private func address(
        _ flag: String, _ text: String,
        _ read: (String) -> SiteAddress? = { WaybillConfiguration.siteAddress($0) }
    ) throws -> SiteAddress {
        guard let address = read(text) else {
            throw ValidationError("\(flag) \(text): expected HOST:PORT")
        }
        return address
    }
}
