/// What a ``HeaderScan`` looks for, prepared once.
///
/// Concurrency: value.
package struct HeaderScanRules: Equatable, Sendable {
    /// Name of the field that names the tenant; empty: none.
    package let tenantField: String
    /// Name of the field that names the campaign; empty: none.
    package let campaignField: String

    /// Creates rules.
    package init(tenantField: String = "X-Tenant", campaignField: String = "X-Campaign") {
        self.tenantField = tenantField
        self.campaignField = campaignField
    }
}

/// What is wrong with a header.
package enum HeaderProblem: Hashable, Sendable {
    /// More octets than ``MessageLimits/headerOctets``.
    case tooLong
    /// More fields than ``MessageLimits/headerFields``.
    case tooManyFields
}
