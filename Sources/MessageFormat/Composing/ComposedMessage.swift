/// A message as a person describes it (text, HTML, attachments), and its octets (RFC 5322,
/// RFC 2045 to 2049).
///
/// ```
/// multipart/mixed
///   multipart/alternative
///     text/plain
///     multipart/related
///       text/html
///       inline attachments
///   attachments
/// ```
///
/// Only what is needed of it is there. Every line is at most 78 octets long, everything is ASCII,
/// and the same description always gives the same octets: neither date nor randomness is in them.
///
/// Concurrency: value.
package struct ComposedMessage: Equatable, Sendable {
    /// Header fields in their order, without those that describe the body.
    package var fields: [ComposedField]
    /// Plain text; nil for none.
    package var text: String?
    /// AMP for email; only together with another alternative.
    package var ampHTML: String?
    /// HTML; nil for none.
    package var html: String?
    package var attachments: [Attachment]

    /// Creates a message.
    package init(
        fields: [ComposedField] = [], text: String? = nil, ampHTML: String? = nil,
        html: String? = nil, attachments: [Attachment] = []
    ) {
        self.fields = fields
        self.text = text
        self.ampHTML = ampHTML
        self.html = html
        self.attachments = attachments
    }

    /// The octets, header and body, lines ended by CRLF.
    package func render() -> [UInt8] {
        var out: [UInt8] = []
        let size = attachments.reduce(0) { $0 + $1.encoded.count }
        out.reserveCapacity(
            size + 2 * ((text?.utf8.count ?? 0) + (html?.utf8.count ?? 0)) + 2048)
        for field in fields { field.append(to: &out) }
        out += "MIME-Version: 1.0\r\n".utf8
        root.append(to: &out, tag: tag)
        return out
    }

    private var inlineParts: [Attachment] { html == nil ? [] : attachments.filter(\.isInline) }

    private var root: MIMEPart {
        let loose = html == nil ? attachments : attachments.filter { !$0.isInline }
        guard !loose.isEmpty else { return content }
        return .multipart("mixed", [content] + loose.map(MIMEPart.attachment))
    }

    private var content: MIMEPart {
        var alternatives: [MIMEPart] = []
        if let text { alternatives.append(.text("plain", text)) }
        if let ampHTML { alternatives.append(.text("x-amp-html", ampHTML)) }
        if let html {
            let part = MIMEPart.text("html", html)
            let inline = inlineParts.map(MIMEPart.attachment)
            alternatives.append(inline.isEmpty ? part : .multipart("related", [part] + inline))
        }
        guard alternatives.count > 1 else { return alternatives.first ?? .text("plain", "") }
        return .multipart("alternative", alternatives)
    }

    /// Tells the boundaries of this message from those of others: FNV-1a over the texts.
    private var tag: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for octet in (text ?? "").utf8 { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3 }
        for octet in (html ?? "").utf8 { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3 }
        return String(hash, radix: 36)
    }
}

/// A file that goes with a message. Its base 64 is made once, however many messages it goes with.
///
/// Concurrency: value.
package struct Attachment: Equatable, Sendable {
    /// For example `application/pdf`.
    package var contentType: String
    /// Empty for none.
    package var fileName: String
    /// Without angle brackets; empty for none. HTML refers to it as `cid:`.
    package var contentID: String
    /// Shown within the HTML rather than beside it.
    package var isInline: Bool
    /// Base 64 in lines of 76, each with CRLF.
    let encoded: [UInt8]

    /// Creates an attachment from its octets.
    package init(
        contentType: String, fileName: String = "", contentID: String = "",
        isInline: Bool = false, octets: [UInt8]
    ) {
        self.contentType = contentType
        self.fileName = fileName
        self.contentID = contentID
        self.isInline = isInline
        encoded = TransferEncoding.base64(octets)
    }
}
