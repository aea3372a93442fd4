import EventLog
import NIOCore
import SMTPProtocol

/// What goes out: commands, the content as it is there, and its end when it may.
extension OutgoingConnection {
    /// Writes what is to be written, as far as the peer takes it.
    ///
    /// A write may call it again before it returns: when the channel stops being writable, or is again.
    /// The outer call goes on then; what it has handed over must not be in ``out`` any more.
    func proceed() {
        guard let context, !isProceeding else { return }
        isProceeding = true
        var hasWritten = false
        while true {
            if session.hasContentToWrite, context.channel.isWritable {
                session.writeContent(into: &out)
            } else if out.readableBytes == 0 {
                break
            }
            var ready = ByteBuffer()
            swap(&ready, &out)
            hasWritten = true
            context.writeAndFlush(wrapOutboundOut(ready), promise: nil)
            if out.readableBytes == 0 {
                // Its room is used again, unless the channel still has it.
                ready.clear()
                out = ready
            }
        }
        isProceeding = false
        // Only now: what was written says what is waited for, and for how long. A server that sends its
        // reply an octet at a time has still not replied.
        let reached = Progress(phase: session.phase, replies: session.replyCount)
        if hasWritten || reached != progress {
            progress = reached
            restartTimeout()
        }
        if session.needsContent { fetch() }
        if session.awaitsRelease { announce() }
    }

    /// The session has written what it has of the content, and wants more.
    private func fetch() {
        guard let feed else { return }
        feed.take { [self] result in
            guard session.needsContent else { return }
            switch result {
            case .success(let piece):
                guard session.supplyContent(piece) else { return giveUp(ContentFeed.doesNotFit) }
                proceed()
            case .failure(let error):
                giveUp(error)
            }
        }
    }

    /// The rest of the content cannot be had: the server must not see an end of it.
    private func giveUp(_ error: any Error) {
        guard case .sending(let group) = stage else { return }
        let failure = engine.unreadable(group.message, error)
        handle(session.withhold(failure.reply))
        proceed()
        close()
    }

    /// All but the end of the content is on its way: the intent goes into the log before the end.
    private func announce() {
        guard case .sending(var group) = stage, announcement == nil, group.announced.isEmpty else {
            return
        }
        guard let goAhead = session.goAhead,
            let asked = engine.announce(
                (goAhead.reply, goAhead.command.name), session.acceptedRecipients, of: group,
                over: self)
        else {
            // Nobody's queue holds any more.
            session.release()
            return proceed()
        }
        group.announced = asked.numbers
        stage = .sending(group)
        announcement = asked.token
    }
}
