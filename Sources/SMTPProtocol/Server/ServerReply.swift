internal import MailModel

/// A reply whose text never changes: on the wire as it stands here, without building a String.
///
/// As an error it is the refusal of the command being read.
///
/// Concurrency: value.
struct ServerReply: Error, Sendable {
    /// One line with its CRLF.
    let wire: StaticString

    init(_ wire: StaticString) { self.wire = wire }

    /// Code, enhanced code and text apart, for events.
    var reply: Reply {
        let line = wire.description.dropLast()  // CRLF is one Character
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count == 3, let code = UInt16(words[0]),
            let status = EnhancedStatusCode(String(words[1]))
        else { return Reply(UInt16(line.prefix(3)) ?? 0, nil, String(line.dropFirst(4))) }
        return Reply(code, status, String(words[2]))
    }
}

// Success and intermediate.
extension ServerReply {
    static let ok = ServerReply("250 2.0.0 ok\r\n")
    static let senderOK = ServerReply("250 2.1.0 ok\r\n")
    static let recipientOK = ServerReply("250 2.1.5 ok\r\n")
    static let startContent = ServerReply("354 end with CRLF.CRLF\r\n")
    static let readyForTLS = ServerReply("220 2.0.0 ready to start TLS\r\n")
    static let cannotVerify = ServerReply(
        "252 2.0.0 not verified; send mail to it and see\r\n")
    static let authenticated = ServerReply("235 2.7.0 authenticated\r\n")
    static let help = ServerReply(
        """
        214-2.0.0 EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP STARTTLS AUTH QUIT\r
        214 2.0.0 RFC 5321\r\n
        """)
}

// The session ends.
extension ServerReply {
    static let tooManyErrors = ServerReply("421 4.7.0 too many errors\r\n")
    static let tooManyMessages = ServerReply(
        "421 4.7.0 enough messages for one session, please connect again\r\n")
    static let tooManyFailedAUTH = ServerReply("421 4.7.0 too many failed authentications\r\n")
    static let endlessLine = ServerReply("421 4.7.0 line without end\r\n")
    static let notHTTP = ServerReply("421 4.7.0 this is SMTP, not HTTP\r\n")
    static let idleTooLong = ServerReply("421 4.4.2 idle for too long\r\n")
    static let outOfStep = ServerReply(
        "554 5.5.0 protocol synchronization error: data before the reply\r\n")
    static let dataAfterSTARTTLS = ServerReply("501 5.5.1 nothing may follow STARTTLS\r\n")
}

// Syntax.
extension ServerReply {
    static let lineTooLong = ServerReply("500 5.5.2 line too long\r\n")
    static let bareLineFeed = ServerReply("500 5.5.2 a command ends with CRLF\r\n")
    static let controlCharacter = ServerReply("500 5.5.2 control character in command\r\n")
    static let unknownCommand = ServerReply("500 5.5.2 unknown command\r\n")
    static let noArgumentAllowed = ServerReply("501 5.5.4 no argument allowed\r\n")
    static let argumentMissing = ServerReply("501 5.5.4 argument missing\r\n")
    static let badClientName = ServerReply(
        "501 5.5.4 a domain name or address literal is needed\r\n")
    static let mailSyntax = ServerReply("501 5.5.2 syntax: MAIL FROM:<address>\r\n")
    static let rcptSyntax = ServerReply("501 5.5.2 syntax: RCPT TO:<address>\r\n")
    static let bdatSyntax = ServerReply("501 5.5.4 syntax: BDAT octets [LAST]\r\n")
    static let badReversePath = ServerReply("501 5.1.7 malformed reverse-path\r\n")
    static let badForwardPath = ServerReply("501 5.1.3 malformed forward-path\r\n")
    static let badParameter = ServerReply("501 5.5.4 malformed parameter\r\n")
    static let repeatedParameter = ServerReply("501 5.5.4 parameter given twice\r\n")
    static let unknownParameter = ServerReply("555 5.5.4 unsupported parameter\r\n")
    static let needsSMTPUTF8 = ServerReply("553 5.6.7 this address needs SMTPUTF8\r\n")
    static let notImplemented = ServerReply("502 5.5.1 not implemented\r\n")
}

// Sequence and policy.
extension ServerReply {
    static let helloFirst = ServerReply("503 5.5.1 EHLO or HELO first\r\n")
    static let nestedMail = ServerReply("503 5.5.1 MAIL already given\r\n")
    static let mailFirst = ServerReply("503 5.5.1 MAIL first\r\n")
    static let rcptFirst = ServerReply("503 5.5.1 RCPT first\r\n")
    static let inTransaction = ServerReply("503 5.5.1 not during a mail transaction\r\n")
    static let chunksBegun = ServerReply("503 5.5.1 after BDAT only BDAT or RSET\r\n")
    static let chunkFailed = ServerReply("503 5.5.1 an earlier BDAT failed, RSET first\r\n")
    static let binaryNeedsBDAT = ServerReply("503 5.5.1 BODY=BINARYMIME needs BDAT\r\n")
    static let alreadyTLS = ServerReply("503 5.5.1 TLS is already active\r\n")
    static let alreadyAuthenticated = ServerReply("503 5.5.1 already authenticated\r\n")
    static let noValidRecipients = ServerReply("554 5.5.1 no valid recipients\r\n")
    static let tooManyRecipients = ServerReply("452 4.5.3 too many recipients\r\n")
    static let noStorage = ServerReply("452 4.3.1 insufficient system storage, try later\r\n")
    static let relayingDenied = ServerReply("550 5.7.1 relaying denied\r\n")
    static let unknownMailbox = ServerReply("550 5.1.1 no such user here\r\n")
    static let tlsRequired = ServerReply("530 5.7.0 STARTTLS first\r\n")
    static let authenticationRequired = ServerReply("530 5.7.0 authentication required\r\n")
}

// Content.
extension ServerReply {
    static let tooLarge = ServerReply("552 5.3.4 message too large\r\n")
    static let nulInContent = ServerReply("552 5.6.0 message contains NUL\r\n")
    static let bareLineEnds = ServerReply("552 5.6.0 message contains bare CR or bare LF\r\n")
    static let textLineTooLong = ServerReply(
        "552 5.6.0 text line too long, use quoted-printable or base64\r\n")
    static let undeclaredEightBit = ServerReply("550 5.6.0 8-bit content needs BODY=8BITMIME\r\n")
}

// AUTH.
extension ServerReply {
    static let challengeEmpty = ServerReply("334 \r\n")
    static let challengeUser = ServerReply("334 VXNlcm5hbWU6\r\n")
    static let challengePassword = ServerReply("334 UGFzc3dvcmQ6\r\n")
    static let authenticationNeedsTLS = ServerReply(
        "538 5.7.11 encryption required for authentication\r\n")
    static let unknownMechanism = ServerReply("504 5.5.4 unknown authentication mechanism\r\n")
    static let badBase64 = ServerReply("501 5.5.2 not base64\r\n")
    static let badAuthentication = ServerReply("501 5.5.2 malformed authentication exchange\r\n")
    static let cancelled = ServerReply("501 5.7.0 authentication cancelled\r\n")
    static let authenticationLineTooLong = ServerReply(
        "500 5.5.6 authentication exchange line too long\r\n")
    static let badCredentials = ServerReply("535 5.7.8 authentication credentials invalid\r\n")
    static let authenticationUnavailable = ServerReply(
        "454 4.7.0 temporary authentication failure\r\n")
}
