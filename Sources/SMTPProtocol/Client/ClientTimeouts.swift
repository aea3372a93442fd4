/// How long to wait for a server in each phase: RFC 5321 section 4.5.3.2.
///
/// The defaults are the minima that the RFC gives. Shorter ones turn a slow `250` into a message
/// delivered twice. The shell owns the timer; ``ClientSession/timeout`` says which value applies.
///
/// Concurrency: value.
package struct ClientTimeouts: Hashable, Sendable {
    /// To connect with TCP. No minimum in the RFC (4.5.3.2.1 only asks that it be told apart from
    /// the greeting): a host that is down should give way to the next one soon.
    package var connect: Duration
    /// From the connection to the `220` greeting: 4.5.3.2.1.
    package var greeting: Duration
    /// For the reply to EHLO or HELO. Not in the RFC; as for MAIL.
    package var hello: Duration
    /// For the reply to STARTTLS, and then for the whole handshake. Not in the RFC.
    package var startTLS: Duration
    /// For each reply in an AUTH exchange: RFC 4954 section 4 asks servers for 3 minutes.
    package var authentication: Duration
    /// For the reply to MAIL: 4.5.3.2.2.
    package var mail: Duration
    /// For the reply to each RCPT: 4.5.3.2.3.
    package var recipient: Duration
    /// For the `354` after DATA: 4.5.3.2.4.
    package var data: Duration
    /// For each write of content to make progress: 4.5.3.2.5. Also for the reply to a BDAT chunk
    /// that is not the last.
    package var dataBlock: Duration
    /// For the reply to the final dot, or to the last BDAT chunk: 4.5.3.2.6.
    package var finalDot: Duration
    /// For the reply to RSET. Not in the RFC.
    package var reset: Duration
    /// For the reply to QUIT: nothing depends on it any more.
    package var quit: Duration

    /// Creates timeouts; the defaults are the RFC's minima where it has one.
    package init(
        connect: Duration = .seconds(60), greeting: Duration = .seconds(300),
        hello: Duration = .seconds(300), startTLS: Duration = .seconds(120),
        authentication: Duration = .seconds(180), mail: Duration = .seconds(300),
        recipient: Duration = .seconds(300), data: Duration = .seconds(120),
        dataBlock: Duration = .seconds(180), finalDot: Duration = .seconds(600),
        reset: Duration = .seconds(30), quit: Duration = .seconds(5)
    ) {
        self.connect = connect
        self.greeting = greeting
        self.hello = hello
        self.startTLS = startTLS
        self.authentication = authentication
        self.mail = mail
        self.recipient = recipient
        self.data = data
        self.dataBlock = dataBlock
        self.finalDot = finalDot
        self.reset = reset
        self.quit = quit
    }

    /// The wait that applies in a phase; nil when the server owes us nothing.
    package subscript(phase: ClientPhase) -> Duration? {
        switch phase {
        case .greeting: greeting
        case .hello: hello
        case .startTLS, .tlsHandshake: startTLS
        case .authentication: authentication
        case .mail: mail
        case .recipient: recipient
        case .data: data
        case .content: dataBlock
        case .finalDot: finalDot
        case .reset: reset
        case .quit: quit
        case .ready, .ended: nil
        }
    }
}
