/// The commands the server knows (RFC 5321 section 4.1.1, RFC 3030, RFC 3207, RFC 4954).
enum ServerVerb: Sendable {
    case ehlo, helo, mail, rcpt, data, bdat, rset, noop, help, vrfy, expn, quit, auth, starttls
    /// A request of HTTP: a browser was made to talk to a mail server.
    case http

    /// The command named by these octets, in either case.
    init?(_ word: Span<UInt8>) {
        if word.count == 8 {
            guard word.isWord("STARTTLS") else { return nil }
            self = .starttls
            return
        }
        guard (3...7).contains(word.count) else { return nil }
        var key: UInt64 = 0
        for index in word.indices { key = key << 8 | UInt64(word[index].asciiLowercased) }
        switch key {
        case 0x6568_6C6F: self = .ehlo
        case 0x6865_6C6F: self = .helo
        case 0x6D61_696C: self = .mail
        case 0x7263_7074: self = .rcpt
        case 0x6461_7461: self = .data
        case 0x6264_6174: self = .bdat
        case 0x7273_6574: self = .rset
        case 0x6E6F_6F70: self = .noop
        case 0x6865_6C70: self = .help
        case 0x7672_6679: self = .vrfy
        case 0x6578_706E: self = .expn
        case 0x7175_6974: self = .quit
        case 0x6175_7468: self = .auth
        // get, post, put, head, options, connect
        case 0x67_6574, 0x706F_7374, 0x70_7574, 0x6865_6164, 0x6F_7074_696F_6E73,
            0x63_6F6E_6E65_6374:
            self = .http
        default: return nil
        }
    }

    /// Lower case, for events.
    var name: String {
        switch self {
        case .ehlo: "ehlo"
        case .helo: "helo"
        case .mail: "mail"
        case .rcpt: "rcpt"
        case .data: "data"
        case .bdat: "bdat"
        case .rset: "rset"
        case .noop: "noop"
        case .help: "help"
        case .vrfy: "vrfy"
        case .expn: "expn"
        case .quit: "quit"
        case .auth: "auth"
        case .starttls: "starttls"
        case .http: ""
        }
    }
}
