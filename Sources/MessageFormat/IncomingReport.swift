package import MailModel

/// What a report that came back says about a message of ours: a feedback report (RFC 5965) or a
/// delivery status notification (RFC 3464), both in a multipart/report (RFC 6522).
///
/// Lenient: what is missing is left empty. Which message it is about is told by the Received field
/// that was put before it when it was sent.
///
/// Concurrency: value.
package struct IncomingReport: Equatable, Sendable {
    /// What is reported.
    package enum Kind: Equatable, Sendable {
        /// With its Feedback-Type in lower case.
        case feedback(type: String)
        /// The first recipient that failed: Status, and Diagnostic-Code without its type.
        case deliveryStatus(status: EnhancedStatusCode?, diagnostic: String)
    }

    package var kind: Kind
    /// Reporting-MTA without its type, or User-Agent; empty when it has neither.
    package var reporter = ""
    /// The recipient it is about; empty when it is not said.
    package var recipient = ""
    /// The beginning of the part for people.
    package var text = ""
    /// Ids in Received fields of the returned message that a Waybill has written, the last hop first.
    package var messages: [MessageID] = []

    /// Reads a whole message; nil when it is no such report.
    package init?(_ content: [UInt8]) {
        let whole = ReportPart(content[...])
        guard let boundary = whole.boundary else { return nil }
        var kind: Kind?
        var found = (reporter: "", recipient: "", text: "", messages: [MessageID]())
        for octets in whole.parts(boundary) {
            let part = ReportPart(octets)
            switch part.type {
            case "message/feedback-report":
                let report = ReportPart(part.body)
                kind = kind ?? .feedback(type: (report["feedback-type"] ?? "").asciiLowercased())
                found.reporter =
                    report["reporting-mta"].map(Self.untyped) ?? report["user-agent"] ?? ""
                found.recipient = report["original-rcpt-to"] ?? ""
            case "message/delivery-status":
                guard let status = Self.status(part.body) else { continue }
                kind = kind ?? status.kind
                (found.reporter, found.recipient) = (status.reporter, status.recipient)
            case "message/rfc822", "text/rfc822-headers", "message/global",
                "message/global-headers":
                found.messages += ReportPart(part.body).waybillIDs
            case "text/plain" where found.text.isEmpty:
                let beginning = part.body.prefix(MessageLimits.reportTextOctets)
                found.text = String(decoding: beginning, as: UTF8.self)
            default: break
            }
        }
        guard let kind else { return nil }
        self.kind = kind
        reporter = found.reporter
        recipient = Self.bare(found.recipient)
        text = found.text
        messages = Array(found.messages.prefix(MessageLimits.reportedIDs))
    }

    /// The first group of fields with a failure, and who says so (RFC 3464 section 2.1).
    private static func status(
        _ body: ArraySlice<UInt8>
    ) -> (kind: Kind, reporter: String, recipient: String)? {
        var rest = ReportPart(body)
        let reporter = rest["reporting-mta"].map(untyped) ?? ""
        for _ in 0..<MessageLimits.reportedRecipients where !rest.body.isEmpty {
            rest = ReportPart(rest.body)
            guard rest["action"]?.asciiLowercased() == "failed" else { continue }
            let recipient = rest["original-recipient"] ?? rest["final-recipient"] ?? ""
            return (
                .deliveryStatus(
                    status: rest["status"].flatMap { text in
                        EnhancedStatusCode(String(text.prefix { $0 != " " && $0 != "(" }))
                    }, diagnostic: rest["diagnostic-code"].map(untyped) ?? ""), reporter,
                untyped(recipient)
            )
        }
        return nil
    }

    /// What stands behind `dns;`, `rfc822;`, `smtp;`.
    private static func untyped(_ value: String) -> String {
        guard let end = value.firstIndex(of: ";") else { return value }
        return String(value[value.index(after: end)...].drop { $0 == " " })
    }

    private static func bare(_ address: String) -> String {
        address.hasPrefix("<") && address.hasSuffix(">")
            ? String(address.dropFirst().dropLast()) : address
    }
}

/// Fields, and what stands behind them.
///
/// Concurrency: value.
private struct ReportPart {
    private var fields: [(name: String, value: String)] = []
    private(set) var body: ArraySlice<UInt8>

    init(_ octets: ArraySlice<UInt8>) {
        let bytes = Array(octets)
        let span = bytes.span
        let limit = min(bytes.count, MessageLimits.headerOctets)
        var start = 0
        while fields.count < MessageLimits.headerFields,
            let field = HeaderField(in: span, at: start, limit: limit)
        {
            fields.append(
                (
                    String(decoding: bytes[field.name], as: UTF8.self).asciiLowercased(),
                    String(decoding: field.value(in: span), as: UTF8.self)
                ))
            start = field.range.upperBound
        }
        // Behind the empty line; a line that is neither field nor empty is passed over, so that
        // whoever reads group after group comes to an end.
        while start < bytes.count, bytes[start] != 0x0A { start += 1 }
        body = bytes.dropFirst(start + 1)
    }

    /// The first value of a field.
    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Type and subtype in lower case; text/plain when it is not said.
    var type: String {
        guard let value = self["content-type"] else { return "text/plain" }
        return value.prefix { $0 != ";" && $0 != " " }.lowercased()
    }

    /// Of a multipart/report; nil for anything else.
    var boundary: String? {
        guard type == "multipart/report", let value = self["content-type"],
            let name = value.asciiLowercased().utf8Range(of: "boundary=")
        else { return nil }
        let rest = Substring(value.utf8.dropFirst(name.upperBound))
        let boundary =
            rest.hasPrefix("\"")
            ? rest.dropFirst().prefix { $0 != "\"" } : rest.prefix { $0 != ";" && $0 != " " }
        return boundary.isEmpty ? nil : String(boundary)
    }

    /// The parts between delimiter lines (RFC 2046 section 5.1.1).
    func parts(_ boundary: String) -> [ArraySlice<UInt8>] {
        let delimiter = Array("--\(boundary)".utf8)
        var parts: [ArraySlice<UInt8>] = []
        var begin: Int?
        var line = body.startIndex
        while line < body.endIndex, parts.count < MessageLimits.reportParts {
            let end = body[line...].firstIndex(of: 0x0A).map { $0 + 1 } ?? body.endIndex
            if body[line..<end].starts(with: delimiter) {
                if let begin { parts.append(body[begin..<line]) }
                begin = end
                if body[line..<end].dropFirst(delimiter.count).starts(with: "--".utf8) {
                    return parts
                }
            }
            line = end
        }
        if let begin, begin < body.endIndex { parts.append(body[begin...]) }
        return parts
    }

    /// Ids of messages in Received fields as ``TraceFields`` writes them.
    var waybillIDs: [MessageID] {
        fields.compactMap { field in
            guard field.name == "received", field.value.contains("(Waybill)") else { return nil }
            let words = field.value.split(whereSeparator: { $0 == " " || $0 == ";" })
            guard let place = words.firstIndex(of: "id"), place + 1 < words.count else {
                return nil
            }
            return MessageID(String(words[place + 1]))
        }
    }
}

extension String {
    /// Where a text stands in this one, in octets; nil for nowhere.
    fileprivate func utf8Range(of text: String) -> Range<Int>? {
        let (octets, needle) = (Array(utf8), Array(text.utf8))
        guard needle.count <= octets.count else { return nil }
        for start in 0...(octets.count - needle.count)
        where octets[start..<(start + needle.count)].elementsEqual(needle) {
            return start..<(start + needle.count)
        }
        return nil
    }
}
