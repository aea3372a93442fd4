import Foundation
import MailModel
import SMTPProtocol
import Testing

/// Plays replay/transcripts/server-*.txt.
///
/// Lines: `C: ` the client sends the line and CRLF; `C| ` it sends the text alone; `S: ` the server
/// writes the line; `E: ` the session wants something of its shell; `# ` a remark; `@ ` a setting of
/// the listener, before the first `C`. Lines of `C` without `S` or `E` between are one read.
/// `\r`, `\n`, `\0` and `\\` stand for themselves in `C`.
///
/// WAYBILL_REWRITE_TRANSCRIPTS=1 writes the files anew with what the server does now; read the
/// difference before committing it.
@Suite("Server: transcripts")
struct TranscriptTests {
    static let files: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: transcriptDirectory.path)) ?? [])
        .filter { $0.hasPrefix("server-") && $0.hasSuffix(".txt") }.sorted()

    @Test("there are transcripts")
    func present() {
        #expect(Self.files.count >= 10)
    }

    @Test("the server answers as the transcript says", arguments: files)
    func plays(_ file: String) throws {
        let url = transcriptDirectory.appending(path: file)
        let text = try String(contentsOf: url, encoding: .utf8)
        let actual = Self.play(text)
        if rewritesTranscripts {
            try actual.write(to: url, atomically: true, encoding: .utf8)
        } else {
            #expect(actual == text)
        }
    }

    /// The transcript with the server's lines as they are.
    static func play(_ text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        let settings = lines.filter { $0.hasPrefix("@ ") }.map {
            $0.dropFirst(2).split(separator: " ")
        }
        let server = ServerHarness(
            client: settings.first { $0.first == "client" }.map { String($0[1]) } ?? "192.0.2.1",
            tls: settings.contains { $0.first == "tls" }, greeted: false
        ) { configuration in
            for setting in settings { apply(setting, to: &configuration) }
        }
        var result: [String] = []
        var group: [UInt8]?
        var shown = 0
        var seenMessages = 0
        var seenRequests = 0
        func flush() {
            if let bytes = group { server.send(bytes) }
            if server.phase == .greeting, !server.isClosed, group == nil { server.greet() }
            group = nil
            for request in server.requests[seenRequests...] {
                result.append("E: authenticate \(request.user)")
            }
            seenRequests = server.requests.count
            for message in server.messages[seenMessages...] { result.append(describe(message)) }
            seenMessages = server.messages.count
            let written = String(decoding: server.output[shown...], as: UTF8.self)
            shown = server.output.count
            for line in written.split(separator: "\r\n", omittingEmptySubsequences: false)
                .dropLast()
            {
                result.append("S: \(line)")
            }
            if server.startedTLS {
                result.append("E: TLS")
                server.finishTLS()
            }
        }
        var isAnswered = false
        for line in lines {
            switch line.prefix(2) {
            case "C:", "C|":
                if isAnswered || group == nil { flush() }
                isAnswered = false
                result.append(line)
                let text = unescape(line.dropFirst(3))
                group = (group ?? []) + text + (line.hasPrefix("C:") ? [0x0D, 0x0A] : [])
            case "S:", "E:":
                isAnswered = true
            default:
                // A remark stands before what it is about.
                if group != nil { flush() }
                result.append(line)
            }
        }
        flush()
        if server.isClosed { result.append("E: close") }
        return result.joined(separator: "\n") + "\n"
    }

    private static func describe(_ message: CompletedMessage) -> String {
        let recipients = message.envelope.recipients.map(\.mailbox.description)
        return
            "E: message <\(message.envelope.reversePath)> to \(recipients.joined(separator: " "))"
            + ", \(message.content.count) octets, \(message.transmissionType.keyword)"
    }

    private static func apply(
        _ setting: [Substring], to configuration: inout ServerSessionConfiguration
    ) {
        switch setting.first {
        case "relay-domain": configuration.relay.domains.insert(String(setting[1]))
        case "normalise": configuration.lineEndings = .normalise
        case "require-tls": configuration.requireTLS = true
        case "require-authentication": configuration.relay.requireAuthentication = true
        case "size": configuration.limits.messageOctets = Int(setting[1]) ?? 0
        case "recipients": configuration.limits.recipients = Int(setting[1]) ?? 0
        case "errors": configuration.limits.errors = Int(setting[1]) ?? 0
        default: break
        }
    }

    private static func unescape(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                switch byte {
                case UInt8(ascii: "r"): bytes.append(0x0D)
                case UInt8(ascii: "n"): bytes.append(0x0A)
                case UInt8(ascii: "0"): bytes.append(0)
                default: bytes.append(byte)
                }
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
