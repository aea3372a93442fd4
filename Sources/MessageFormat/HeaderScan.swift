/// What one pass over a message's header found (RFC 5322 section 2.2). The body is not looked at.
///
/// Concurrency: value.
package struct HeaderScan: Equatable, Sendable {
    /// Offset of the first octet of the body, behind the empty line.
    package var bodyStart = 0
    /// Number of fields.
    package var fieldCount = 0
    /// Number of Received fields: loop detection (RFC 5321 section 6.3).
    package var receivedCount = 0
    /// Value of Message-ID, with angle brackets; nil when there is none or it is empty.
    package var messageID: String?
    package var hasDate = false
    /// Value of the tenant field; nil when absent, empty or not acceptable.
    package var tenant: String?
    /// Value of the campaign field; nil when absent, empty or not acceptable.
    package var campaign: String?
    /// Whether the content does not begin with a header at all: what is put before it needs an
    /// empty line at its end.
    package var lacksHeader = false
    /// Where the tenant and campaign fields stand, ascending: to be removed.
    package var removals: [Range<Int>] = []
    /// Why the message should be refused; nil: it is fine.
    package var problem: HeaderProblem?

    /// Scans the header at the beginning of `content`.
    package init(_ content: [UInt8], rules: HeaderScanRules = HeaderScanRules()) {}

    /// `content` without the fields of ``removals``.
    package func removingFields(from content: [UInt8]) -> [UInt8] { content }
}
