import EventLog
import MailModel
import NIOCore
import SMTPProtocol

/// Whether a session is taken in, and what it may begin.
extension SessionHandler {
    /// Counts the session in, once; or says why it is not taken (RFC 5321 section 3.8), recorded.
    func admit() -> Reply? {
        let refusal: Reply? =
            if table.isStopping {
                ReceptionReplies.shuttingDown
            } else if isAdmitted {
                nil
            } else {
                services.admit(listener: listener.index, address: address)
            }
        guard let refusal else {
            isAdmitted = true
            return nil
        }
        reject(
            CommandRefusal(command: "connect", reversePath: "", forwardPath: "", reply: refusal))
        return refusal
    }

    /// With TLS from the first octet (RFC 8314 section 3.3) a session counts before there is a
    /// greeting: otherwise silent connections would take every descriptor, and no limit would see them.
    func awaitHandshake(_ context: ChannelHandlerContext) {
        guard admit() == nil else {
            // Nothing can be said before TLS.
            isEnding = true
            return context.close(promise: nil)
        }
        waiting = .handshake
        let now = NIODeadline.now().uptimeNanoseconds
        table.setDeadline(slot, timers.handshakeDeadline(now: now))
    }

    /// Tells the session beforehand why MAIL would be refused now, and from where on RCPT. Inside a
    /// transaction there is no MAIL to refuse, and what was found at its start still holds for one that
    /// follows RSET.
    func refreshRefusals() {
        session.envelopeOctetsMax = services.memory.envelopeOctetsMax(holding: countedOctets)
        // Also inside a transaction: the next MAIL may be there already, behind its end.
        if table.isStopping {
            session.mailRefusal = ReceptionReplies.shuttingDown
            return
        }
        if session.isInTransaction { return }
        let refusal = mailRefusal()
        if refusal != nil || session.mailRefusal != nil { session.mailRefusal = refusal }
    }

    private func mailRefusal() -> Reply? {
        if case .failure(let error) = services.log.acceptance() {
            return ReceptionReplies.reply(to: error)
        }
        if let demand = listener.rules.ackLevel(ofTenant: knownTenant).demand,
            demand.isHopeless(present: services.log.standbysPresent)
        {
            return ReceptionReplies.notReplicated
        }
        if services.memory.isNearlyExceeded { return ReceptionReplies.noStorage }
        if listener.hasMessageRate,
            !listener.allowsMessage(rateKey, now: NIODeadline.now().uptimeNanoseconds)
        {
            return ReceptionReplies.messageRate
        }
        return nil
    }

    /// The tenant as far as it is known before the header is.
    private var knownTenant: String {
        let identity = session.facts.identity
        let bound = identity.isEmpty ? "" : services.authenticator.tenant(of: identity)
        return bound.isEmpty ? listener.policy.attribution.tenant : bound
    }

    /// Whom a message counts for: the user, or the address where there is none.
    var rateKey: ListenerContext.RateKey {
        guard session.facts.identity.isEmpty, let address else {
            return .user(session.facts.identity)
        }
        return .address(address.countedTogether)
    }
}
