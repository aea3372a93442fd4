import MailModel

/// One address to connect to.
struct DeliveryTarget: Hashable, Sendable {
    /// Name of the MX host or smarthost: for SNI, verification, events and log lines.
    var host: String
    var address: IPAddress
    var port: Int
}
