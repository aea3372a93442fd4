import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

/// Makes messages of a request: one for all recipients where they would be the same, else one for
/// each.
///
/// Pure: time and append are the caller's.
///
/// Concurrency: value.
struct InjectionPlanner: Sendable {
    /// The tenant the client is bound to; empty: it may name any.
    var callerTenant: String
    var messageOctets: Int
    var renderedOctets = APILimits.renderedOctets
    var suppliesMissingFields = true

    private static let scanRules = HeaderScanRules(removing: ["Bcc"])

    /// The plan; recipients that cannot be sent to are refused in it, each with its reason.
    ///
    /// Throws ``Problem`` when the whole request cannot be taken. `taking` is told of the octets of
    /// each message as it is made.
    func plan(
        _ request: InjectionRequest, taking: (Int) throws(Problem) -> Void
    ) throws(Problem) -> InjectionPlan {
        if let tenant = request.tenant, !callerTenant.isEmpty, tenant != callerTenant {
            throw Problem(.forbidden, "The key is for another tenant.")
        }
        var plan = InjectionPlan(request: request)
        var mailboxes: [(place: Int, mailbox: Mailbox)] = []
        for (place, recipient) in request.recipients.enumerated() {
            plan.outcomes.append(.refused("not an address that mail can be sent to"))
            if let mailbox = AddressText.mailbox(recipient.address) {
                mailboxes.append((place, mailbox))
            }
        }
        let renderer = ContentRenderer(request)
        var left = renderedOctets
        func add(_ group: [(place: Int, mailbox: Mailbox)]) throws(Problem) {
            guard let first = group.first else { return }
            let recipient = request.recipients[first.place]
            // What is taken out of a header does not count, so there may be that much more.
            var budget = RenderBudget(
                message: messageOctets + MessageLimits.headerOctets, request: left)
            let content: [UInt8]
            do throws(RenderingError) {
                content = try renderer.content(for: recipient, &budget)
            } catch {
                left = budget.request
                plan.outcomes[first.place] = .refused(try reason(error))
                return
            }
            let message = try self.message(request, content, group.map(\.mailbox), recipient)
            // Encoded it has more octets than were rendered, as a rule.
            left = min(budget.request, left - message.content.count)
            guard left >= 0 else { throw Self.requestTooLarge }
            try taking(message.content.count)
            for (number, entry) in group.enumerated() {
                plan.outcomes[entry.place] = .accepted(
                    message: plan.messages.count, number: number)
            }
            plan.messages.append(message)
        }
        if renderer.isPersonal {
            for entry in mailboxes { try add([entry]) }
        } else {
            try add(mailboxes)
        }
        return plan
    }

    /// Why a recipient is refused; throws where it is the request that is.
    private func reason(_ error: RenderingError) throws(Problem) -> String {
        switch error {
        case .missing(let name): return "the substitution \"\(name)\" is missing"
        case .messageTooLarge: throw messageTooLarge
        case .requestTooLarge: throw Self.requestTooLarge
        }
    }

    private var messageTooLarge: Problem {
        Problem(.tooLarge, "A message is larger than \(messageOctets) octets.")
    }

    private static var requestTooLarge: Problem {
        Problem(.tooLarge, "The messages of one request are too large; use several requests.")
    }

    private func message(
        _ request: InjectionRequest, _ content: [UInt8], _ mailboxes: [Mailbox],
        _ recipient: InjectionRequest.Recipient
    ) throws(Problem) -> InjectionPlan.Message {
        let scan = HeaderScan(content, rules: Self.scanRules)
        switch scan.problem {
        case .tooLong: throw Problem(.tooLarge, "The message's header is too large.")
        case .tooManyFields:
            throw Problem(.invalidMessage, "The message's header has too many fields.")
        case nil: break
        }
        // A field that would have counted, were it a name: without it the message would be
        // attributed to somebody else.
        if scan.hasUnusableTenant, callerTenant.isEmpty, request.tenant == nil {
            throw Problem(.invalidMessage, "The message's X-Tenant holds no usable name.")
        }
        if scan.hasUnusableCampaign, request.campaign == nil {
            throw Problem(.invalidMessage, "The message's X-Campaign holds no usable name.")
        }
        guard scan.receivedCount < 100 else {
            throw Problem(.invalidMessage, "The message has been through too many servers: a loop?")
        }
        let stored = scan.stored(content)
        guard stored.count <= messageOctets else { throw messageTooLarge }
        let tenant = callerTenant.isEmpty ? request.tenant ?? scan.tenant ?? "" : callerTenant
        var supplied: SuppliedFields = []
        if suppliesMissingFields {
            if !scan.hasMessageID { supplied.insert(.messageID) }
            if !scan.hasDate { supplied.insert(.date) }
        }
        let addresses = mailboxes + (request.reversePath.mailbox.map { [$0] } ?? [])
        var metadata = request.metadata
        for entry in recipient.metadata {
            metadata.removeAll { $0.name == entry.name }
            metadata.append(entry)
        }
        return InjectionPlan.Message(
            recipients: mailboxes.map {
                EnvelopeRecipient(mailbox: $0, notify: request.notify)
            },
            metadata: metadata, content: stored, contentSHA256: SHA256Functions.hash(stored),
            body: stored.contains { $0 >= 0x80 } ? .eightBitMIME : .sevenBit,
            smtpUTF8: request.smtpUTF8 || addresses.contains(where: AddressText.needsUTF8),
            tenant: tenant, campaign: request.campaign ?? scan.campaign ?? "",
            suppliedFields: supplied, headerMessageID: scan.messageID ?? "",
            sizeOctets: stored.count)
    }
}

extension ReversePath {
    /// nil for the null reverse-path.
    fileprivate var mailbox: Mailbox? {
        if case .mailbox(let mailbox) = self { mailbox } else { nil }
    }
}
