internal import MailModel
internal import NIOCore

extension ByteBuffer {
    /// Writes a reply: `code[-| ][enhanced code ]text`, a line for each line of its text
    /// (RFC 5321 section 4.2.1, RFC 2034 section 4).
    ///
    /// Whatever the text, the reply is well-formed: control characters become spaces, and a line
    /// ends before its 512th octet (section 4.5.3.1.5).
    mutating func writeReply(_ reply: Reply) {
        var lines = reply.text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)[...]
        while let line = lines.popFirst() {
            writeString(String(reply.code))
            writeStaticString(lines.isEmpty ? " " : "-")
            if let status = reply.status {
                writeString(status.description)
                writeStaticString(" ")
            }
            var text = line.prefix(480)
            while let next = line.dropFirst(text.count).first, next & 0xC0 == 0x80 {
                text = text.dropLast()
            }
            writeBytes(text.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 })
            writeStaticString("\r\n")
        }
    }
}
