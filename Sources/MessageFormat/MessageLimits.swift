/// Limits on what is read from and written to a message.
///
/// Each entry: unit, reason, the RFC's floor, and what happens when it is exceeded.
package enum MessageLimits {
    /// Octets of a header. Postfix keeps 102,400 as well; a header needs a few thousand.
    /// Exceeded: 552 5.3.4 to the client.
    package static let headerOctets = 102_400
    /// Fields of a header. Exceeded: 554 5.6.0.
    package static let headerFields = 1000
    /// Octets of a tenant or campaign name: they name queues and appear in every event.
    /// Exceeded: 550 5.6.0, or the field is ignored and removed all the same.
    package static let nameOctets = 128
    /// Octets of a Message-ID value kept in the log (RFC 5322 2.1.1 allows a line of 998).
    /// Exceeded: the value is not kept, the field counts as present.
    package static let messageIDOctets = 998
    /// Octets of the message that a notification returns unless its maker says otherwise; the default
    /// of Postfix's bounce_size_limit. Exceeded: only the header is returned, and of it what fits, in
    /// whole lines.
    package static let returnedOctets = 50_000
    /// Octets of a reply's text in a notification, per recipient. Exceeded: cut.
    package static let diagnosticOctets = 2000
    /// Octets of a line written by us, line ending not counted. RFC 5322 2.1.1 recommends 78 and
    /// allows 998; longer words are not broken unless they exceed the latter.
    package static let lineOctets = 78
    package static let longestLineOctets = 990
    /// Octets of a client's name shown in Received (a domain has at most 255: RFC 5321 4.5.3.1.2).
    /// Exceeded: cut.
    package static let clientNameOctets = 255

    /// Octets of a boundary (RFC 2046 section 5.1.1). A longer line begins no part: it is not looked
    /// for in others.
    package static let boundaryOctets = 70
    /// Octets of a part's header, its boundary's line included; they have some hundred. What is longer
    /// is not taken for one.
    package static let partHeaderOctets = 16_384
    /// Boundaries of a message that are known at a time: multiparts in multiparts, and those before.
    /// Further ones take the place of the last.
    package static let partBoundaries = 16
    /// Parts of a report that came back; it has three (RFC 6522 section 3). The rest is not read.
    package static let reportParts = 16
    /// Groups of fields about a recipient in which the failed one is looked for.
    package static let reportedRecipients = 100
    /// Octets kept of a report's part for people.
    package static let reportTextOctets = 500
    /// Ids of ours taken from the message that a report returns: one for each Waybill on its way.
    package static let reportedIDs = 8
}
