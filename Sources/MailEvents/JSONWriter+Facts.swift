import MailModel

// Values that several event types show in the same way; without a value nothing is written.

extension JSONWriter {
    /// A text, unless it is empty.
    package mutating func text(_ value: String, _ key: StaticString) {
        if !value.isEmpty { string(value, key) }
    }

    /// A number, unless it is zero.
    mutating func positive(_ value: Int, _ key: StaticString) {
        if value > 0 { number(value, key) }
    }

    /// An array of names, unless there is none.
    mutating func flags(_ names: [String], _ key: StaticString) {
        guard !names.isEmpty else { return }
        beginArray(key)
        for name in names { string(name) }
        endArray()
    }

    /// `reply`: code, enhanced status code and text.
    mutating func reply(_ reply: Reply) {
        guard reply.code > 0 || reply.status != nil || !reply.text.isEmpty else { return }
        beginObject("reply")
        positive(Int(reply.code), "code")
        if let status = reply.status { self.status(status, "status") }
        text(reply.text, "text")
        endObject()
    }

    /// `tls`: version and cipher.
    mutating func tls(_ version: String, _ cipher: String) {
        guard !version.isEmpty || !cipher.isEmpty else { return }
        beginObject("tls")
        text(version, "version")
        text(cipher, "cipher")
        endObject()
    }

    /// `client`: address and EHLO name.
    mutating func client(_ address: String, _ name: String) {
        guard !address.isEmpty || !name.isEmpty else { return }
        beginObject("client")
        text(address, "address")
        text(name, "name")
        endObject()
    }

    /// `class` and `said_by`.
    mutating func failure(_ class: BounceClass, _ saidBy: SaidBy) {
        text(`class`.name, "class")
        string(saidBy.name, "said_by")
    }
}

extension NotifyOn {
    /// The keywords of NOTIFY (RFC 3461 section 4.1).
    fileprivate static let keywords: [(NotifyOn, String)] = [
        (.never, "NEVER"), (.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY"),
    ]

    /// The keywords that are set.
    var names: [String] { Self.keywords.filter { contains($0.0) }.map(\.1) }
}

extension SuppliedFields {
    /// The names of the header fields.
    var names: [String] {
        (contains(.messageID) ? ["Message-ID"] : []) + (contains(.date) ? ["Date"] : [])
    }
}

extension BodyType {
    /// The value of MAIL's BODY parameter.
    var keyword: String {
        switch self {
        case .sevenBit: "7BIT"
        case .eightBitMIME: "8BITMIME"
        case .binaryMIME: "BINARYMIME"
        }
    }
}

extension ReturnContent {
    /// The value of MAIL's RET parameter; empty for none.
    var keyword: String {
        switch self {
        case .unspecified: ""
        case .full: "FULL"
        case .headers: "HDRS"
        }
    }
}
