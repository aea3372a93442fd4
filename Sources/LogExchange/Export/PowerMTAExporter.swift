package import MailEvents
import MailModel

/// Events as the CSV of PowerMTA's accounting file. What each column is made from, and where the
/// names come from: docs/operations/log-export.md.
///
/// Concurrency: bound to its owner.
package struct PowerMTAExporter: EventExporter {
    /// In PowerMTA's default order, then those of other records.
    enum Column: Int, CaseIterable {
        case type, timeLogged, timeQueued, orig, rcpt, orcpt, dsnAction, dsnStatus, dsnDiag, dsnMta
        case bounceCat, srcType, srcMta, dlvType, dlvSourceIp, dlvDestinationIp, dlvEsmtpAvailable
        case dlvSize, vmta, jobId, envId, queue, vmtaPool
        case totalSecondsQueued, feedbackType, userAgent, dsnReportingMta
    }

    private var contexts: MessageContexts
    private var cells = [String](repeating: "", count: Column.allCases.count)

    /// - Parameter contexts: finds the messages.
    package init(contexts: MessageContexts) { self.contexts = contexts }

    /// The names of the columns.
    package var heading: [UInt8] {
        Array((Column.allCases.map { "\($0)" }.joined(separator: ",") + "\n").utf8)
    }

    package mutating func pass(_ event: RecordedEvent) { contexts.note(event) }

    package mutating func write(
        _ event: RecordedEvent, to bytes: inout [UInt8]
    ) throws -> Int {
        contexts.note(event)
        for index in cells.indices { cells[index] = "" }
        switch event.event.fact {
        case .queued(let fact): try begin("r", event, fact.recipient)
        case .delivered(let fact):
            try begin("d", event, fact.recipient)
            set(.dsnAction, "relayed")
            fill(fact.attempt)
        case .deferred(let fact):
            try begin("t", event, fact.recipient)
            set(.dsnAction, "delayed")
            fill(fact.attempt)
            set(.bounceCat, Self.category(fact.class))
        case .bounced(let fact):
            try begin("b", event, fact.recipient)
            set(.dsnAction, "failed")
            fill(fact.attempt)
            set(.bounceCat, Self.category(fact.class))
        case .expired(let fact):
            try begin("b", event, fact.recipient)
            set(.dsnAction, "failed")
            fill(fact.attempt)
            set(.bounceCat, "message-expired")
        case .bouncedLater(let fact):
            try begin("rb", event, fact.recipient)
            let reply = DiagnosticText.reply(fact.text)
            set(.dsnAction, "failed")
            set(.dsnStatus, reply.status?.description ?? "")
            set(.dsnDiag, fact.text)
            set(.bounceCat, Self.category(fact.class))
            set(.dsnReportingMta, fact.reporter)
            fill(fact.route)
        case .complained(let fact):
            try begin("f", event, fact.recipient)
            set(.feedbackType, fact.feedbackType)
            set(.userAgent, fact.reporter)
            fill(fact.route)
        case .received, .attempted, .rejected, .epochStarted, .configurationApplied, .suspended,
            .resumed, .rebound, .cancelled, .suppressed, .unsuppressed, .contentReceived, .lost,
            .unknown:
            return 0
        }
        appendRow(to: &bytes)
        return 1
    }

    private mutating func set(_ column: Column, _ value: String) { cells[column.rawValue] = value }

    /// What every record has.
    private mutating func begin(
        _ type: String, _ event: RecordedEvent, _ recipient: RecipientReference
    ) throws {
        let time = event.event.time
        set(.type, type)
        set(.timeLogged, Self.time(time))
        set(.rcpt, recipient.mailbox.description)
        set(.jobId, recipient.campaign)
        // PowerMTA's queues are named domain/virtual MTA; there is no virtual MTA here.
        set(.queue, recipient.mailbox.domain + "/")
        guard let context = try contexts.context(of: recipient.message) else { return }
        let session = context.received.session
        set(.timeQueued, Self.time(context.receivedAt))
        set(.orig, context.received.reversePath.description)
        set(.orcpt, context.originalRecipients[recipient.number] ?? "")
        set(.srcType, session.transmissionType == .http ? "api" : "smtp")
        if session.transmissionType == .local { set(.srcType, "") }
        set(.srcMta, Self.host(session.clientName, session.clientAddress))
        set(.dlvSize, String(context.received.sizeOctets))
        set(.envId, context.received.envelopeID)
        let waited = time.microseconds - context.receivedAt.microseconds
        set(.totalSecondsQueued, String(max(0, waited) / 1_000_000))
    }

    private mutating func fill(_ attempt: Attempt) {
        set(.dsnStatus, attempt.reply.status?.description ?? "")
        if attempt.reply.code > 0 { set(.dsnDiag, "smtp;" + attempt.reply.description) }
        guard let peer = attempt.peer else { return }
        set(.dsnMta, Self.host(peer.host, peer.address))
        set(.dlvType, "smtp")
        set(.dlvSourceIp, peer.sourceAddress)
        set(.dlvDestinationIp, peer.address)
    }

    private mutating func fill(_ route: DeliveryRoute) {
        set(.dsnMta, route.host)
        set(.dlvSourceIp, route.sourceAddress)
    }

    private func appendRow(to bytes: inout [UInt8]) {
        for index in cells.indices {
            if index > 0 { bytes.append(0x2C) }
            Self.append(cells[index], to: &bytes)
        }
        bytes.append(0x0A)
    }
}

extension PowerMTAExporter {
    /// A cell, in quotes where RFC 4180 asks for them; a line end within becomes a space, so that a
    /// record is always one line.
    static func append(_ value: String, to bytes: inout [UInt8]) {
        let octets = value.utf8
        guard octets.contains(where: { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D })
        else {
            bytes += octets
            return
        }
        bytes.append(0x22)
        for octet in octets {
            if octet == 0x22 { bytes.append(0x22) }
            bytes.append(octet == 0x0A || octet == 0x0D ? 0x20 : octet)
        }
        bytes.append(0x22)
    }

    /// `2026-11-21 09:41:27+0000`.
    static func time(_ time: EventTime) -> String {
        let (days, rest) = time.microseconds.flooredDivision(by: 86_400_000_000)
        let date = CivilDate(daysSinceUnixEpoch: days)
        let seconds = rest / 1_000_000
        var octets: [UInt8] = []
        octets.reserveCapacity(24)
        append(date.year, digits: 4, "-", to: &octets)
        append(date.month, digits: 2, "-", to: &octets)
        append(date.day, digits: 2, " ", to: &octets)
        append(seconds / 3_600, digits: 2, ":", to: &octets)
        append(seconds / 60 % 60, digits: 2, ":", to: &octets)
        append(seconds % 60, digits: 2, "+", to: &octets)
        append(0, digits: 4, nil, to: &octets)
        return String(decoding: octets, as: UTF8.self)
    }

    private static func append(
        _ number: Int64, digits: Int, _ end: Unicode.Scalar?, to octets: inout [UInt8]
    ) {
        var unit: Int64 = 1
        for _ in 1..<digits { unit *= 10 }
        while unit > 0 {
            octets.append(0x30 + UInt8(truncatingIfNeeded: number / unit % 10))
            unit /= 10
        }
        if let end { octets.append(UInt8(ascii: end)) }
    }

    /// `mx.example.org (192.0.2.1)`.
    static func host(_ name: String, _ address: String) -> String {
        if name.isEmpty || address.isEmpty { return name + address }
        return "\(name) (\(address))"
    }

    /// PowerMTA's bounce categories (User's Guide 5.0 section 11.6); nearly the same classes.
    static func category(_ class: BounceClass) -> String {
        switch `class` {
        case .none, .transientFailure, .tooManyRecipients: "other"
        case .invalidRecipient: "bad-mailbox"
        case .badDomain: "bad-domain"
        case .inactiveMailbox: "inactive-mailbox"
        case .invalidSender: "invalid-sender"
        case .quotaIssues: "quota-issues"
        case .noAnswerFromHost: "no-answer-from-host"
        case .badConnection: "bad-connection"
        case .dnsFailure, .routingErrors: "routing-errors"
        case .messageExpired: "message-expired"
        case .protocolErrors: "protocol-errors"
        case .authenticationFailed, .policyRelated: "policy-related"
        case .spamRelated: "spam-related"
        case .contentRelated: "content-related"
        }
    }
}
