/// What a ``HeaderScan`` looks for, prepared once.
///
/// Concurrency: value.
package struct HeaderScanRules: Equatable, Sendable {
    /// Name of the field that names the tenant; empty: none.
    package let tenantField: String
    /// Name of the field that names the campaign; empty: none.
    package let campaignField: String

    /// In lower case, as octets.
    let tenantName: [UInt8]
    let campaignName: [UInt8]
    /// Further fields to be removed.
    let removedNames: [[UInt8]]

    /// Creates rules; `removing` names fields to be removed beside those two.
    package init(
        tenantField: String = "X-Tenant", campaignField: String = "X-Campaign",
        removing: [String] = []
    ) {
        self.tenantField = tenantField
        self.campaignField = campaignField
        tenantName = Self.lowercased(tenantField)
        campaignName = Self.lowercased(campaignField)
        removedNames = removing.map(Self.lowercased)
    }

    private static func lowercased(_ name: String) -> [UInt8] {
        name.utf8.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
    }
}

/// What is wrong with a header.
package enum HeaderProblem: Hashable, Sendable {
    /// More octets than ``MessageLimits/headerOctets``.
    case tooLong
    /// More fields than ``MessageLimits/headerFields``.
    case tooManyFields
}
