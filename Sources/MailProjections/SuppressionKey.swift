import MailEvents
import MailModel
import Projections

/// An address as octets, so that a table of millions takes little: tenant, domain and local-part, each
/// with its length before it.
///
/// Local-parts that differ only in the case of ASCII letters have the same key. Lenient: only the
/// final system may say that they are the same mailbox (RFC 5321 section 2.4), but one mail too few
/// is the smaller mistake here.
///
/// Concurrency: value.
struct SuppressionKey: Hashable, Sendable {
    let octets: [UInt8]

    init(_ address: SuppressedAddress) {
        var row = RowWriter(capacity: 64)
        row.write(address.tenant)
        row.write(address.domain)
        row.write(address.localPart.asciiLowercased())
        octets = row.bytes
    }

    /// The octets of a key, as they were.
    init(octets: [UInt8]) { self.octets = octets }

    /// From the beginning of a row; nil when there is none.
    init?(_ reader: inout RowReader) {
        let tenant = reader.text()
        let domain = reader.text()
        let localPart = reader.text()
        guard reader.isIntact else { return nil }
        self.init(
            SuppressedAddress(recordedTenant: tenant, localPart: localPart, domain: domain))
    }

    var address: SuppressedAddress {
        var reader = RowReader(octets)
        let tenant = reader.text()
        let domain = reader.text()
        return SuppressedAddress(
            recordedTenant: tenant, localPart: reader.text(), domain: domain)
    }
}
