import NIOCore
import NIOPosix
import SMTPTransport
import Synchronization

/// A mail server that answers as a test says.
final class ScriptedMX: Sendable {
    /// What the client has said.
    enum Command: Sendable {
        case connect, hello, startTLS, rset, quit, data
        /// What stands behind AUTH.
        case auth(String)
        /// Between the angle brackets.
        case mail(String)
        case rcpt(String)
        /// The message is complete.
        case dot
    }

    /// What to do about it.
    enum Answer: Sendable {
        case reply(String)
        case replyThenDrop(String)
        case drop
        case silence
        case later(String, TimeAmount)
        /// One octet after the other, so long apart.
        case dribble(String, every: TimeAmount)
        /// Once the future has succeeded.
        case after(EventLoopFuture<Void>, String)
    }

    /// Where a command stands.
    struct Place: Sendable {
        /// Connections are counted from 1.
        var connection: Int
        /// Transactions of the connection, from 1.
        var transaction: Int
        var mail: String
        var recipients: [String]
    }

    /// A message that was complete, whatever was answered.
    struct Message: Sendable {
        var connection: Int
        var mail: String
        var recipients: [String]
        var content: String
        var isEncrypted: Bool
    }

    typealias Script = @Sendable (Command, Place) -> Answer?

    private struct State: Sendable {
        var messages: [Message] = []
        var connections = 0
        var open = 0
        var openMost = 0
        var commands: [String] = []
        var clients: [String] = []
    }

    private let state = Mutex(State())
    private let listener: Listener
    let extensions: [String]
    let tls: TLSServerContext?

    private init(listener: Listener, extensions: [String], tls: TLSServerContext?) {
        self.listener = listener
        self.extensions = extensions
        self.tls = tls
    }

    /// Listens on a port of its own; what the script leaves open is accepted.
    static func start(
        group: any EventLoopGroup, host: String = "127.0.0.1", port: Int = 0,
        extensions: [String] = ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"],
        tls: TLSServerContext? = nil, script: @escaping Script = { _, _ in nil }
    ) async throws -> ScriptedMX {
        let box = Mutex<ScriptedMX?>(nil)
        let shared = Shared(box: box)
        let listener = try await Listener.bind(host: host, port: port, group: group) { _ in
            guard let server = shared.server else { throw ChannelError.connectPending }
            return Handler(server: server, script: script)
        }
        let server = ScriptedMX(listener: listener, extensions: extensions, tls: tls)
        shared.server = server
        return server
    }

    /// Whether this machine has such an address.
    static func canListen(on host: String) async -> Bool {
        let group = MultiThreadedEventLoopGroup.singleton
        guard let server = try? await start(group: group, host: host) else { return false }
        await server.close()
        return true
    }

    private final class Shared: Sendable {
        private let box: Mutex<ScriptedMX?>
        init(box: consuming Mutex<ScriptedMX?>) { self.box = box }
        var server: ScriptedMX? {
            get { box.withLock { $0 } }
            set { box.withLock { $0 = newValue } }
        }
    }

    var port: Int { listener.port }
    var messages: [Message] { state.withLock { $0.messages } }
    var connections: Int { state.withLock { $0.connections } }
    var openMost: Int { state.withLock { $0.openMost } }
    var commands: [String] { state.withLock { $0.commands } }
    /// Addresses of the other ends, one for each connection.
    var clients: [String] { state.withLock { $0.clients } }

    func close() async { await listener.close() }

    fileprivate func opened(by client: String) -> Int {
        state.withLock {
            $0.clients.append(client)
            $0.connections += 1
            $0.open += 1
            $0.openMost = max($0.openMost, $0.open)
            return $0.connections
        }
    }

    fileprivate func closed() { state.withLock { $0.open -= 1 } }
    fileprivate func heard(_ line: String) { state.withLock { $0.commands.append(line) } }
    fileprivate func took(_ message: Message) { state.withLock { $0.messages.append(message) } }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let server: ScriptedMX
        private let script: Script
        private var place = Place(connection: 0, transaction: 0, mail: "", recipients: [])
        private var input = ""
        private var content: String?
        private var isEncrypted = false

        init(server: ScriptedMX, script: @escaping Script) {
            self.server = server
            self.script = script
        }

        func channelActive(context: ChannelHandlerContext) {
            place.connection = server.opened(by: context.remoteAddress?.ipAddress ?? "")
            answer(.connect, "220 mx.example.org ESMTP", context)
        }

        func channelInactive(context: ChannelHandlerContext) { server.closed() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if TLSPipeline.handshakeCompleted(event) { isEncrypted = true }
            if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            input += String(buffer: unwrapInboundIn(data))
            while let end = input.utf8.firstIndex(of: 0x0A) {
                var line = input[..<end]
                input = String(input[input.utf8.index(after: end)...])
                if line.utf8.last == 0x0D { line = line.dropLast() }
                take(String(line), context)
            }
        }

        private func take(_ line: String, _ context: ChannelHandlerContext) {
            if content != nil { return takeContent(line, context) }
            server.heard(line)
            let word = line.prefix { $0 != " " && $0 != ":" }.uppercased()
            switch word {
            case "EHLO":
                let lines =
                    ["mx.example.org"] + server.extensions
                    + (server.tls != nil && !isEncrypted ? ["STARTTLS"] : [])
                let text = lines.enumerated().map { index, text in
                    (index == lines.count - 1 ? "250 " : "250-") + text
                }.joined(separator: "\r\n")
                answer(.hello, text, context)
            case "HELO": answer(.hello, "250 mx.example.org", context)
            case "STARTTLS": startTLS(context)
            case "AUTH": answer(.auth(String(line.dropFirst(5))), "235 2.7.0 welcome", context)
            case "MAIL":
                place.transaction += 1
                place.mail = Self.path(line)
                place.recipients = []
                answer(.mail(place.mail), "250 2.1.0 ok", context)
            case "RCPT":
                let path = Self.path(line)
                if answer(.rcpt(path), "250 2.1.5 ok", context) { place.recipients.append(path) }
            case "DATA":
                if place.recipients.isEmpty {
                    reply("554 5.5.1 no recipients", context)
                } else if answer(.data, "354 go ahead", context) {
                    content = ""
                }
            case "RSET": answer(.rset, "250 ok", context)
            case "QUIT":
                answer(.quit, "221 bye", context)
                context.close(promise: nil)
            default: reply("500 what?", context)
            }
        }

        private func takeContent(_ line: String, _ context: ChannelHandlerContext) {
            if line != "." {
                content? += (line.hasPrefix(".") ? String(line.dropFirst()) : line) + "\r\n"
                return
            }
            server.took(
                Message(
                    connection: place.connection, mail: place.mail, recipients: place.recipients,
                    content: content ?? "", isEncrypted: isEncrypted))
            content = nil
            answer(.dot, "250 2.0.0 queued", context)
        }

        private func startTLS(_ context: ChannelHandlerContext) {
            guard answer(.startTLS, "220 go ahead", context), let tls = server.tls else { return }
            try? TLSPipeline.startServer(on: context.channel, context: tls)
        }

        @discardableResult
        private func answer(
            _ command: Command, _ standard: String, _ context: ChannelHandlerContext
        ) -> Bool {
            switch script(command, place) {
            case nil:
                reply(standard, context)
                return true
            case .reply(let text):
                reply(text, context)
                return text.hasPrefix("2") || text.hasPrefix("3")
            case .replyThenDrop(let text):
                reply(text, context)
                context.close(promise: nil)
                return false
            case .drop:
                context.close(promise: nil)
                return false
            case .silence:
                return false
            case .after(let gate, let text):
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                gate.hop(to: context.eventLoop).whenSuccess {
                    let (handler, context) = bound.value
                    handler.reply(text, context)
                }
                return text.hasPrefix("2") || text.hasPrefix("3")
            case .dribble(let text, let every):
                dribble(Array(text.utf8)[...], every, context)
                return false
            case .later(let text, let delay):
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                context.eventLoop.scheduleTask(in: delay) {
                    let (handler, context) = bound.value
                    handler.reply(text, context)
                }
                return text.hasPrefix("2") || text.hasPrefix("3")
            }
        }

        private func dribble(
            _ rest: ArraySlice<UInt8>, _ every: TimeAmount, _ context: ChannelHandlerContext
        ) {
            guard let octet = rest.first, context.channel.isActive else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [octet])), promise: nil)
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: every) {
                let (handler, context) = bound.value
                handler.dribble(rest.dropFirst(), every, context)
            }
        }

        private func reply(_ text: String, _ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
        }

        private static func path(_ line: String) -> String {
            guard let start = line.firstIndex(of: "<"), let end = line.firstIndex(of: ">"),
                start < end
            else { return "" }
            return String(line[line.index(after: start)..<end])
        }
    }
}
