import MailModel

extension MailHosts {
    /// The answer for an address literal (RFC 5321 section 5.1): the host itself, without the DNS.
    ///
    /// nil when the domain is not in brackets; a literal that cannot be read is `noDomain`.
    init?(literal domain: String) {
        guard domain.utf8.first == UInt8(ascii: "[") else { return nil }
        guard let addresses = AddressAnswer(literal: domain), case .addresses = addresses.outcome
        else {
            self.init(.noDomain, ttlSeconds: Limits.answerMaximumSeconds)
            return
        }
        let host = MailHost(name: domain, preference: 0, isFromMX: false, addresses: addresses)
        self.init(.hosts([host]), ttlSeconds: addresses.ttlSeconds)
    }
}

extension AddressAnswer {
    /// The answer for an IP address or an address literal; nil when the text is a name.
    init?(literal host: String) {
        if host.utf8.first == UInt8(ascii: "[") {
            let address = IPAddress(literal: host)
            self.init(
                address.map { .addresses([$0]) } ?? .noDomain,
                ttlSeconds: Limits.answerMaximumSeconds)
        } else if let address = IPAddress(host) {
            self.init(.addresses([address]), ttlSeconds: Limits.answerMaximumSeconds)
        } else {
            return nil
        }
    }
}
