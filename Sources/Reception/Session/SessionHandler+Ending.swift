import Logging
import MailModel
import NIOCore
import SMTPProtocol
import SMTPTransport

extension SessionHandler {
    /// Sends what is left to say and closes.
    ///
    /// `lingering` when the client may have sent more than was read: closing then would reset the
    /// connection, and the reset can overtake the last reply (RFC 1122 section 4.2.2.13). So only
    /// our half is closed, and what comes is thrown away until the client closes too.
    func end(_ context: ChannelHandlerContext, lingering: Bool) {
        guard !isEnding else { return }
        isEnding = true
        input = ByteBuffer()
        countOctets(0)
        let now = NIODeadline.now().uptimeNanoseconds
        table.setDeadline(slot, now + UInt64(ReceptionLimits.lingerSeconds) * 1_000_000_000)
        if lingering, !inputClosed, context.channel.isActive {
            flushOutput(context)
            let closed = context.eventLoop.makePromise(of: Void.self)
            farewell = closed.futureResult
            context.close(mode: .output, promise: closed)
            if holdsRead {
                holdsRead = false
                context.read()
            }
        } else {
            // Also when nothing is left to say: earlier replies may not be on the wire yet, and what
            // is written last, even if it is empty, is done behind them.
            let said = context.writeAndFlush(wrapOutboundOut(output))
            farewell = said
            output.clear()
            closeAfter(said)
        }
    }

    /// Closes once everything that was said is on the wire, or cannot get there. The session's
    /// deadline ends the wait.
    private func closeAfter(_ farewell: EventLoopFuture<Void>) {
        farewell.assumeIsolated().whenComplete { _ in self.context?.close(promise: nil) }
    }

    /// The client says more after the end: not without limit.
    func throwAway(_ octets: Int, _ context: ChannelHandlerContext) {
        octetsThrownAway += octets
        if octetsThrownAway > ReceptionLimits.lingerOctets { context.close(promise: nil) }
    }

    /// The client has closed its half: it may still wait for replies to what it sent before.
    func clientClosed(_ context: ChannelHandlerContext) {
        inputClosed = true
        if isEnding {
            if let farewell { closeAfter(farewell) } else { context.close(promise: nil) }
        } else if case .nothing = waiting {
            // The machine had worked on everything there was: an incomplete command or message is
            // the end of it, and nothing of it is recorded.
            end(context, lingering: false)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A peer that closes TCP without closing TLS: what it has sent is complete by SMTP's rules.
        if TLSPipeline.isUncleanShutdown(error) { return }
        if services.logsSessions {
            services.logger.debug(
                "connection failed",
                metadata: [
                    "session_id": "\(name)", "client": "\(addressText)",
                    "error": "\(Dialer.describe(error))",
                ])
        }
        isEnding = true
        context.close(promise: nil)
    }

    /// The session's deadline is over; on the event loop.
    func deadlinePassed() {
        guard let context else { return }
        guard !isEnding else { return context.close(mode: .all, promise: nil) }
        switch waiting {
        case .handshake:
            isEnding = true
            context.close(promise: nil)
        case .append(let octets, _):
            // The append may still succeed: then the message is delivered, and perhaps sent again
            // by the client, which was told to. Never the other way round.
            table.forgetTokens(slot)
            services.memory.change(by: -octets)
            waiting = .nothing
            if answer(.reply(ReceptionReplies.notRecorded), context) { goOn(context) }
        case .piece(let octets):
            table.forgetTokens(slot)
            services.memory.change(by: -octets)
            pieceAppended(nil, context)
        case .password, .nothing:
            session.timedOut(into: &output)
            end(context, lingering: true)
        }
    }

    /// The server stops: a session between transactions ends now, another one when it gets there.
    func stop() {
        guard let context, !isEnding else { return }
        switch waiting {
        case .handshake:
            isEnding = true
            context.close(promise: nil)
        case .append, .password, .piece:
            return
        case .nothing:
            guard !session.isInTransaction else { return }
            session.stop(ReceptionReplies.shuttingDown, into: &output)
            end(context, lingering: true)
        }
    }

    /// The server will not wait any longer.
    func cutOff() {
        guard let context else { return }
        if !isEnding, case .nothing = waiting {
            session.stop(ReceptionReplies.shuttingDown, into: &output)
            flushOutput(context)
        }
        isEnding = true
        context.close(promise: nil)
    }

    func logEnd() {
        guard services.logsSessions else { return }
        services.logger.debug(
            "session ended",
            metadata: [
                "session_id": "\(name)", "client": "\(addressText)",
                "listener": "\(listener.policy.name)", "helo": "\(session.facts.clientName)",
                "messages": "\(messages)", "octets": "\(octetsRead)",
            ])
    }
}
