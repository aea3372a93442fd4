/// What one pass over a message's header found (RFC 5322 section 2.2). The body is not looked at.
///
/// Lenient, because the message is not ours to refuse for its form: a line may end with LF alone,
/// space may stand before the colon (RFC 5322 section 4.5), and the first line that is neither a
/// field nor the continuation of one ends the header as an empty line would.
///
/// Concurrency: value.
package struct HeaderScan: Equatable, Sendable {
    /// Offset of the first octet of the body, behind the empty line.
    package var bodyStart = 0
    /// Number of fields.
    package var fieldCount = 0
    /// Number of Received fields: loop detection (RFC 5321 section 6.3).
    package var receivedCount = 0
    /// Whether there is a Message-ID field, whatever is in it.
    package var hasMessageID = false
    /// Value of the first Message-ID, with angle brackets; nil when it is absent, empty, has
    /// control characters, or is longer than ``MessageLimits/messageIDOctets``.
    package var messageID: String?
    package var hasDate = false
    /// Value of the first tenant field; nil when absent, empty or not acceptable.
    package var tenant: String?
    /// Value of the first campaign field; nil when absent, empty or not acceptable.
    package var campaign: String?
    /// Whether a tenant field was passed over because a name cannot be like that: see
    /// ``isName(_:)``.
    package var hasUnusableTenant = false
    /// The same of a campaign field.
    package var hasUnusableCampaign = false
    /// Whether the content, once ``removals`` are gone, begins with the body and not even an empty
    /// line before it: fields put before it would run into it.
    package var lacksHeader = false
    /// Where the tenant and campaign fields, and others to be removed, stand; ascending.
    package var removals: [Range<Int>] = []
    /// Why the message should be refused; nil: it is fine.
    package var problem: HeaderProblem?

    /// Scans the header at the beginning of `content`.
    package init(_ content: [UInt8], rules: HeaderScanRules = HeaderScanRules()) {
        let limit = min(content.count, MessageLimits.headerOctets)
        let bytes = content.span
        var lineStart = 0
        while true {
            guard let field = HeaderField(in: bytes, at: lineStart, limit: limit) else {
                bodyStart = Self.bodyStart(in: bytes, at: lineStart)
                lacksHeader =
                    fieldCount == removals.count && bodyStart == lineStart
                    && bodyStart < content.count
                return
            }
            guard !field.isCut else {
                problem = .tooLong
                bodyStart = lineStart
                return
            }
            guard fieldCount < MessageLimits.headerFields else {
                problem = .tooManyFields
                bodyStart = lineStart
                return
            }
            take(field, bytes, rules)
            lineStart = field.range.upperBound
        }
    }

    /// Where the body begins when no field begins here: behind the empty line, if it is one.
    private static func bodyStart(in bytes: Span<UInt8>, at start: Int) -> Int {
        var end = start
        if end < bytes.count, bytes[end] == 0x0D { end += 1 }
        return end < bytes.count && bytes[end] == 0x0A ? end + 1 : start
    }

    private mutating func take(
        _ field: HeaderField, _ bytes: Span<UInt8>, _ rules: HeaderScanRules
    ) {
        fieldCount += 1
        let name = bytes.extracting(field.name)
        if Self.matches(name, "received") {
            receivedCount += 1
        } else if Self.matches(name, "date") {
            hasDate = true
        } else if Self.matches(name, "message-id") {
            if !hasMessageID { messageID = Self.identifier(field.value(in: bytes)) }
            hasMessageID = true
        } else if Self.equal(name, rules.tenantName) {
            removals.append(field.range)
            tenant = tenant ?? Self.name(field, bytes, isUnusable: &hasUnusableTenant)
        } else if Self.equal(name, rules.campaignName) {
            removals.append(field.range)
            campaign = campaign ?? Self.name(field, bytes, isUnusable: &hasUnusableCampaign)
        } else if !rules.removedNames.isEmpty {
            for removed in rules.removedNames where Self.equal(name, removed) {
                removals.append(field.range)
                break
            }
        }
    }

    /// The name in a tenant or campaign field, if it has one.
    private static func name(
        _ field: HeaderField, _ bytes: Span<UInt8>, isUnusable: inout Bool
    ) -> String? {
        let value = field.value(in: bytes)
        guard !value.isEmpty else { return nil }
        guard isName(value) else {
            isUnusable = true
            return nil
        }
        return String(decoding: value, as: UTF8.self)
    }

    /// Whether octets can name a tenant or campaign: printable ASCII and inner spaces, at most
    /// ``MessageLimits/nameOctets``, without `:` and `@`, which separate the parts of a queue's name.
    package static func isName(_ value: [UInt8]) -> Bool {
        !value.isEmpty && value.count <= MessageLimits.nameOctets && value.first != 0x20
            && value.last != 0x20
            && value.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x3A && $0 != 0x40 }
    }

    private static func identifier(_ value: [UInt8]) -> String? {
        guard !value.isEmpty, value.count <= MessageLimits.messageIDOctets,
            value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        return String(decoding: value, as: UTF8.self)
    }

    private static func matches(_ name: Span<UInt8>, _ lower: StaticString) -> Bool {
        guard name.count == lower.utf8CodeUnitCount else { return false }
        return lower.withUTF8Buffer { expected in
            for index in name.indices where unsafe name[index] | 0x20 != expected[index] | 0x20 {
                return false
            }
            return true
        }
    }

    private static func equal(_ name: Span<UInt8>, _ lower: [UInt8]) -> Bool {
        guard name.count == lower.count else { return false }
        for index in name.indices {
            let byte = name[index]
            guard (byte &- 0x41 < 26 ? byte | 0x20 : byte) == lower[index] else { return false }
        }
        return true
    }
}

extension HeaderScan {
    /// `content` as it is to be kept: without the fields of ``removals``, and with the empty line
    /// that it lacks if it has no header, so that fields can be put before it.
    package func stored(_ content: [UInt8]) -> [UInt8] {
        let kept = removingFields(from: content)
        return lacksHeader ? [0x0D, 0x0A] + kept : kept
    }

    /// `content` without the fields of ``removals``.
    package func removingFields(from content: [UInt8]) -> [UInt8] {
        guard !removals.isEmpty else { return content }
        var kept: [UInt8] = []
        kept.reserveCapacity(content.count)
        var copied = 0
        for removal in removals {
            kept.append(contentsOf: content[copied..<removal.lowerBound])
            copied = removal.upperBound
        }
        kept.append(contentsOf: content[copied...])
        return kept
    }

    /// `content` without the header fields of these names, in whatever case.
    package static func removeFields(named names: [String], from content: [UInt8]) -> [UInt8] {
        let rules = HeaderScanRules(tenantField: "", campaignField: "", removing: names)
        return HeaderScan(content, rules: rules).removingFields(from: content)
    }
}
