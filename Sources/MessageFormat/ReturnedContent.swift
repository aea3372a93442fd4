import MailModel

/// The part of a message that its notification gives back (RFC 3461 section 4.3, RFC 3464
/// section 2).
///
/// Concurrency: value.
struct ReturnedContent {
    /// Empty when nothing of the message is left.
    private(set) var octets: [UInt8]
    /// Whether the body is there too.
    let isFull: Bool
    let isASCII: Bool
    let headerIsASCII: Bool

    init(_ notification: DeliveryStatusNotification) {
        let content = notification.content
        let prologue = notification.prologue
        let bodyStart = HeaderScan(content, rules: Self.noNames).bodyStart
        let header = content[..<bodyStart]
        // RET is about failures alone: what is delayed or was delivered, its sender still has.
        // Binary content cannot stand in a part of a message with lines.
        isFull =
            notification.returnContent == .full && notification.body != .binaryMIME
            && notification.recipients.contains { $0.action == .failed }
            && prologue.count + content.count <= notification.returnedOctetsMax
        octets = []
        if !content.isEmpty || !prologue.isEmpty {
            octets = prologue
            octets.append(contentsOf: isFull ? content[...] : header)
            // A header is returned also where less than it is wanted of the message.
            Self.cut(&octets, to: max(notification.returnedOctetsMax, MessageLimits.returnedOctets))
        }
        isASCII = octets.allSatisfy { $0 < 0x80 }
        headerIsASCII = isFull ? header.allSatisfy { $0 < 0x80 } : isASCII
    }

    private static let noNames = HeaderScanRules(tenantField: "", campaignField: "")

    var isPresent: Bool { !octets.isEmpty }

    /// For Content-Description.
    var description: String { isFull ? "Undelivered message" : "Message header" }

    /// RFC 6522 section 3, and RFC 6533 section 6 for internationalised messages.
    func mediaType(isGlobal: Bool) -> String {
        switch (isFull, isGlobal && !headerIsASCII) {
        case (true, false): "message/rfc822"
        case (true, true): "message/global"
        case (false, false): "text/rfc822-headers"
        case (false, true): "message/global-headers"
        }
    }

    /// Whole lines, as many as fit.
    private static func cut(_ octets: inout [UInt8], to limit: Int) {
        guard octets.count > limit else { return }
        octets.removeSubrange(limit...)
        while let last = octets.last, last != 0x0A { octets.removeLast() }
    }
}
