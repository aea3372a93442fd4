import EventLog
import Logging
import MailEvents
import MailModel
import MessageFormat
import NIOCore
import SMTPProtocol
import SMTPTransport

extension SessionHandler {
    /// Does what the session's machine wants; false when it has to wait.
    func perform(_ effect: ServerEffect, _ context: ChannelHandlerContext) -> Bool {
        switch effect {
        case .needMore:
            if inputClosed { end(context, lingering: false) }
            return false
        case .message(let message):
            return accept(message, context)
        case .piece(let octets, let isFirst):
            return take(octets, isFirst: isFirst)
        case .authenticate(let request):
            return authenticate(request, context)
        case .startTLS:
            startTLS(context)
            return false
        case .close:
            end(context, lingering: !session.hasQuit)
            return false
        }
    }

    // MARK: Messages

    /// Hands a complete message to the log, or refuses it; true when it is answered already.
    private func accept(_ message: CompletedMessage, _ context: ChannelHandlerContext) -> Bool {
        countOctets(0)
        let now = services.now()
        var accept = acceptance(of: message.transmissionType, message.session, at: now)
        // What is known to be away now is not promised in the event.
        accept.standbysPresent = services.log.standbysPresent
        let incoming = message.precedingOctets > 0 ? incoming : nil
        self.incoming = nil
        // Its beginning must not be missing.
        if message.precedingOctets > 0, incoming == nil {
            return answer(.reply(ReceptionReplies.noStorage), context)
        }
        switch accept.build(message, incoming: incoming, digest: table.digest.sha256) {
        case .failure(let refusal):
            return answer(.reply(refusal.reply), context)
        case .success(let accepted):
            if listener.hasMessageRate, incoming == nil {
                listener.countMessage(rateKey, now: NIODeadline.now().uptimeNanoseconds)
            }
            waiting = .append(octets: accepted.octets, accepted.pieces)
            services.memory.change(by: accepted.octets)
            services.log.append(
                Append(
                    events: accepted.events, contents: accepted.contents, observer: table,
                    token: table.token(slot), demand: accepted.demand,
                    retraction: accepted.demand.map { _ in
                        Append.takingBack(accepted.events, now: services.now)
                    }))
            return false
        }
    }

    /// Takes a part of a large message, and hands to the log what is complete of it, and waits: others
    /// are written meanwhile, and the client is held back. True when the session goes on at once.
    private func take(_ octets: [UInt8], isFirst: Bool) -> Bool {
        let time = services.now()
        if isFirst {
            beginMessage(octets, at: time)
            // Now, and not when it is accepted: it takes room from here on.
            if listener.hasMessageRate {
                listener.countMessage(rateKey, now: NIODeadline.now().uptimeNanoseconds)
            }
        }
        guard let incoming else {
            // Refused when this part of it was complete already.
            session.pieceStored()
            return true
        }
        if let problem = incoming.scan.problem {
            refuseContent(ReceptionReplies.reply(to: problem))
            session.pieceStored()
            return true
        }
        let pieces = incoming.take(octets, recent: services.recentPieces, at: time)
        countOctets(heldOctets)
        guard let (events, contents) = pieces else {
            session.pieceStored()
            return true
        }
        let stored = contents.reduce(0) { $0 + $1.bytes.count }
        waiting = .piece(octets: stored)
        services.memory.change(by: stored)
        let now = NIODeadline.now().uptimeNanoseconds
        let limit = UInt64(ReceptionLimits.appendSeconds) * 1_000_000_000
        table.setDeadline(slot, now + limit)
        services.log.append(
            Append(
                events: events, contents: contents, observer: table, token: table.token(slot)))
        return false
    }

    /// A large message begins: its header is in what came first.
    private func beginMessage(_ octets: [UInt8], at time: EventTime) {
        let scan = HeaderScan(octets, rules: listener.rules.headerScan)
        let accept = acceptance(of: .smtp, session.facts, at: time)
        incoming = IncomingMessage(scan, tenant: accept.attribution(scan).tenant, at: time)
    }

    /// The log has answered about a piece, or will not: nil.
    func pieceAppended(
        _ result: Result<AppendReceipt, EventLogError>?, _ context: ChannelHandlerContext
    ) {
        switch result {
        case .success(let receipt): incoming?.took(receipt, recent: services.recentPieces)
        case .failure(let error): refuseContent(ReceptionReplies.reply(to: error))
        case nil: refuseContent(ReceptionReplies.notRecorded)
        }
        waiting = .nothing
        session.pieceStored()
        goOn(context)
    }

    /// The log has answered: on the event loop, once for each append of a session that is there.
    func appended(_ result: Result<AppendReceipt, EventLogError>) {
        guard let context else { return }
        if case .piece(let octets) = waiting {
            services.memory.change(by: -octets)
            return pieceAppended(result, context)
        }
        guard case .append(let octets, let pieces) = waiting else { return }
        services.memory.change(by: -octets)
        waiting = .nothing
        if case .success(let receipt) = result {
            pieces?.durable(receipt, in: services.recentPieces)
        }
        let goesOn =
            switch result {
            case .success(let receipt): takeResponsibility(receipt, context)
            case .failure(let error): answer(.reply(ReceptionReplies.reply(to: error)), context)
            }
        if goesOn { goOn(context) }
    }

    /// The instant of RFC 5321 section 6.1: what says `250` here takes responsibility for the
    /// message. Called only with the log's receipt, which exists only when `received` and `queued`
    /// are durable at the listener's ack level (``AckLevel/local``: fsynced on this machine).
    ///
    /// ```
    /// S: 250 2.0.0 queued as 1-3k9
    /// S: 250 2.0.0 queued as 1-3k9, on 1 other site
    /// S: 250 2.0.0 queued as 1-3k9, on this site only
    /// ```
    private func takeResponsibility(
        _ receipt: AppendReceipt, _ context: ChannelHandlerContext
    ) -> Bool {
        messages += 1
        let id = MessageID(epoch: receipt.epoch, sequence: receipt.firstSequence)
        let assurance: Assurance =
            switch receipt.durability {
            case .here: .none
            case .replicated(let standbys): .otherSites(standbys)
            case .degraded: .thisSiteOnly
            }
        return answer(.queued(id, assurance), context)
    }

    /// Gives the session's machine the reply to a message; false when that ended the session.
    func answer(_ answer: MessageAnswer, _ context: ChannelHandlerContext) -> Bool {
        if case .close = session.messageAnswered(answer, into: &output) {
            end(context, lingering: true)
            return false
        }
        return true
    }

    /// Works on after an answer: on what the client had sent meanwhile.
    func goOn(_ context: ChannelHandlerContext) {
        // With BDAT the octet that completed a piece may have been the last that comes.
        if input.readableBytes > 0 || inputClosed || session.phase == .content {
            run(context)
        } else {
            updateDeadline(
                readOctets: 0, progressed: true, now: NIODeadline.now().uptimeNanoseconds)
        }
        if table.isStopping { stop() }
        flushOutput(context)
        resumeReading(context)
    }

    /// What decides about a message of this session.
    private func acceptance(
        of type: TransmissionType, _ facts: ServerSessionFacts, at time: EventTime
    ) -> AcceptMessage {
        let (ingress, tenant) = ingressSession(of: type, facts)
        return AcceptMessage(
            rules: listener.rules, mayRelay: session.mayRelay, userTenant: tenant,
            session: ingress, time: time, recent: services.recentPieces)
    }

    /// What the session's messages have in common, made anew only when it changes, and the tenant
    /// that the authenticated user is bound to.
    private func ingressSession(
        of type: TransmissionType, _ facts: ServerSessionFacts
    ) -> (session: IngressSession, tenant: String) {
        if let ingress, ingress.session.transmissionType == type, ingress.facts == facts {
            return (ingress.session, ingress.tenant)
        }
        let fresh = IngressSession(
            listener: listener.policy.name, serverName: services.serverName,
            transmissionType: type, clientAddress: addressText, clientName: facts.clientName,
            identity: facts.identity, sessionID: name, tlsVersion: facts.tls?.version ?? "",
            tlsCipher: facts.tls?.cipher ?? "")
        let tenant =
            facts.identity.isEmpty ? "" : services.authenticator.tenant(of: facts.identity)
        ingress = (facts, fresh, tenant)
        return (fresh, tenant)
    }

    // MARK: TLS

    /// Answers STARTTLS (RFC 3207): the `220` goes out in plain text, whatever the client sent
    /// behind its command is thrown away (section 4.2), and the next octet is TLS.
    private func startTLS(_ context: ChannelHandlerContext) {
        flushOutput(context)
        input.clear()
        guard let tls = listener.tls else { return end(context, lingering: false) }
        waiting = .handshake
        let now = NIODeadline.now().uptimeNanoseconds
        table.setDeadline(slot, timers.handshakeDeadline(now: now))
        do {
            try TLSPipeline.startServer(on: context.channel, context: tls)
        } catch {
            services.logger.warning(
                "cannot start TLS", metadata: ["session_id": "\(name)", "error": "\(error)"])
            end(context, lingering: false)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if TLSPipeline.handshakeCompleted(event) {
            handshakeCompleted(context)
        } else if case ChannelEvent.inputClosed = event {
            clientClosed(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func handshakeCompleted(_ context: ChannelHandlerContext) {
        guard case .handshake = waiting, !isEnding else { return }
        waiting = .nothing
        let facts = TLSFacts(version: TLSPipeline.version(on: context.channel))
        if session.phase == .greeting {
            session = ServerSession(configuration: listener.session, client: address, tls: facts)
            greet(context)
        } else {
            session.tlsEstablished(facts)
            goOn(context)
        }
    }

    // MARK: Users

    /// Asks about a user; true when the answer was there at once.
    private func authenticate(
        _ request: AuthenticationRequest, _ context: ChannelHandlerContext
    ) -> Bool {
        let table = table
        let token = table.token(slot)
        let answer = services.authenticator.answer(
            request, address: address, now: NIODeadline.now().uptimeNanoseconds,
            on: context.eventLoop
        ) { answer in
            table.session(token)?.authenticated(answer)
        }
        guard let answer else {
            waiting = .password
            return false
        }
        session.authenticationFinished(answer, into: &output)
        return true
    }

    /// The answer to a question about a user that took its time; on the event loop.
    private func authenticated(_ answer: AuthenticationAnswer) {
        guard case .password = waiting, let context, !isEnding else { return }
        waiting = .nothing
        let effect = session.authenticationFinished(answer, into: &output)
        if listener.session.reportsRefusals { takeRefusals() }
        if case .close = effect {
            end(context, lingering: true)
            return
        }
        goOn(context)
    }

    // MARK: Refusals

    /// Records refused commands as the configuration says.
    func takeRefusals() {
        for refusal in session.takeRefusals() { reject(refusal) }
    }

    /// Records one refusal; nobody waits for it.
    func reject(_ refusal: CommandRefusal) {
        guard table.rejections.next() else { return }
        let fact = SessionRejected(
            listener: listener.policy.name, clientAddress: addressText,
            clientName: session.facts.clientName, identity: session.facts.identity,
            sessionID: name, command: refusal.command, reversePath: refusal.reversePath,
            forwardPath: refusal.forwardPath, reply: refusal.reply)
        services.log.append(
            Append(events: [Event(time: services.now(), fact: .rejected(fact))]))
    }
}
