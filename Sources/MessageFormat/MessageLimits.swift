/// Limits on what is read from and written to a message.
package enum MessageLimits {
    /// Octets of a header. Postfix keeps 102,400 as well; a header needs a few thousand.
    /// Exceeded: 552 5.3.4 to the client.
    package static let headerOctets = 102_400
    /// Fields of a header. Exceeded: 554 5.6.0.
    package static let headerFields = 1000
    /// Octets of a tenant or campaign name: they name queues and appear in every event.
    /// Exceeded: the field counts as absent, and is removed all the same.
    package static let nameOctets = 128
    /// Octets of a Message-ID value kept in the log (RFC 5322 2.1.1 allows a line of 998).
    /// Exceeded: the value is not kept, the field counts as present.
    package static let messageIDOctets = 998
}
