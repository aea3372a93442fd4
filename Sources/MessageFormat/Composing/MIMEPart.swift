/// A part of a message being written: what it holds, and how it is encoded for the way.
indirect enum MIMEPart {
    case text(_ subtype: String, String)
    case attachment(Attachment)
    case multipart(_ subtype: String, [MIMEPart])

    /// Appends the part's header, the empty line and its content.
    ///
    /// `tag` makes the boundaries the message's own. Every boundary begins with `=_`, which neither
    /// quoted-printable nor base 64 can contain (RFC 2045 section 6.7), and text that contains it
    /// is not sent as it is.
    func append(to out: inout [UInt8], tag: String) {
        switch self {
        case .text(let subtype, let text):
            let octets = TransferEncoding.canonical(text)
            let isPlain = TransferEncoding.needsNone(octets)
            let charset = octets.contains { $0 >= 0x80 } ? "utf-8" : "us-ascii"
            out += "Content-Type: text/\(subtype); charset=\(charset)\r\n".utf8
            out +=
                "Content-Transfer-Encoding: \(isPlain ? "7bit" : "quoted-printable")\r\n\r\n".utf8
            if isPlain {
                out += octets
            } else {
                TransferEncoding.appendQuotedPrintable(octets, to: &out)
            }
        case .attachment(let attachment):
            attachment.appendHeader(to: &out)
            out += "\r\n".utf8
            out += attachment.encoded
        case .multipart(let subtype, let parts):
            let boundary = "=_\(subtype)_\(tag)"
            out += "Content-Type: multipart/\(subtype);\r\n boundary=\"\(boundary)\"\r\n\r\n".utf8
            for part in parts {
                out += "--\(boundary)\r\n".utf8
                part.append(to: &out, tag: tag)
                out += "\r\n".utf8
            }
            out += "--\(boundary)--\r\n".utf8
        }
    }
}

extension Attachment {
    /// Content-Type, disposition (RFC 2183), transfer encoding and id.
    fileprivate func appendHeader(to out: inout [UInt8]) {
        let type = Self.isType(contentType) ? contentType : "application/octet-stream"
        out += "Content-Type: \(type)\r\n".utf8
        out += "Content-Transfer-Encoding: base64\r\n".utf8
        out += "Content-Disposition: \(isInline ? "inline" : "attachment")".utf8
        if !fileName.isEmpty {
            if FieldText.isPlain(fileName), fileName.utf8.count <= 60 {
                out += ";\r\n filename=\(FieldText.quoted(fileName))".utf8
            } else {
                ExtendedParameter.append("filename", fileName, to: &out)
            }
        }
        out += "\r\n".utf8
        if !contentID.isEmpty {
            out += "Content-ID: <".utf8
            HeaderText.append(
                contentID.filter { $0 != "<" && $0 != ">" }, utf8Allowed: false, to: &out)
            out += ">\r\n".utf8
        }
    }

    /// Whether a text is a media type, parameters allowed, that fits on one line.
    package static func isType(_ text: String) -> Bool {
        let sides = text.prefix { $0 != ";" }.split(
            separator: "/", omittingEmptySubsequences: false)
        return sides.count == 2 && text.utf8.count <= 200
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
            && sides.allSatisfy { side in
                !side.isEmpty
                    && side.utf8.allSatisfy {
                        $0 > 0x20 && !"()<>@,;:\\\"/[]?=".utf8.contains($0)
                    }
            }
    }
}
