package import MailModel

/// `received`: the server took responsibility for a message (RFC 5321 section 6.1).
///
/// The message's id is this event's own position, so it is not a field.
package struct MessageReceived: Equatable, Sendable {
    package var reversePath: ReversePath
    /// Octets of the content as stored.
    package var sizeOctets: Int
    /// SHA-256 of the content as stored: 32 octets. ``ContentHash/none``: the log has no content of
    /// this message, as of those imported from another server's log.
    package var contentSHA256: [UInt8]
    package var recipientCount: Int
    /// Empty when none was named.
    package var tenant: String
    /// Empty when none was named.
    package var campaign: String
    package var body: BodyType
    package var smtpUTF8: Bool
    package var returnContent: ReturnContent
    /// ENVID as given (xtext); empty if absent.
    package var envelopeID: String
    /// What is the same for all messages of a session.
    package var session: IngressSession
    /// 0 for `local`; n for `replicated` on n standbys.
    package var ackLevel: Int
    /// Empty when the client gave none.
    package var idempotencyKey: String
    /// Header fields that are missing from the content and supplied when it is sent.
    package var suppliedFields: SuppliedFields
    /// For a notification: the message it reports on.
    package var reportsOn: MessageID?
    /// The content's Message-ID value, with angle brackets; empty when it has none.
    package var headerMessageID: String
    /// What the client wants to find again in events.
    package var metadata: MessageMetadata
    /// The sequences of the ``ContentReceived`` whose contents, one behind the other, are this message's;
    /// empty: it is stored with this event.
    package var contentPieces: [UInt64]

    package init(
        reversePath: ReversePath, sizeOctets: Int, contentSHA256: [UInt8], recipientCount: Int,
        tenant: String = "", campaign: String = "", body: BodyType = .sevenBit,
        smtpUTF8: Bool = false, returnContent: ReturnContent = .unspecified,
        envelopeID: String = "", session: IngressSession, ackLevel: Int = 0,
        idempotencyKey: String = "", suppliedFields: SuppliedFields = [],
        reportsOn: MessageID? = nil, headerMessageID: String = "",
        metadata: MessageMetadata = MessageMetadata(), contentPieces: [UInt64] = []
    ) {
        self.reversePath = reversePath
        self.sizeOctets = sizeOctets
        self.contentSHA256 = contentSHA256
        self.recipientCount = recipientCount
        self.tenant = tenant
        self.campaign = campaign
        self.body = body
        self.smtpUTF8 = smtpUTF8
        self.returnContent = returnContent
        self.envelopeID = envelopeID
        self.session = session
        self.ackLevel = ackLevel
        self.idempotencyKey = idempotencyKey
        self.suppliedFields = suppliedFields
        self.reportsOn = reportsOn
        self.headerMessageID = headerMessageID
        self.metadata = metadata
        self.contentPieces = contentPieces
    }
}

/// The hash of a message's content.
package enum ContentHash {
    /// 32 zeros: no content was stored. No content that anybody could find has this hash.
    package static let none = [UInt8](repeating: 0, count: 32)
}

/// Header fields put before the content when it is sent, because the content has none.
package struct SuppliedFields: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `Message-ID: <id@server-name>`.
    package static let messageID = SuppliedFields(rawValue: 1)
    /// `Date:` with the time of `received`.
    package static let date = SuppliedFields(rawValue: 2)
}

/// What all messages of one session share: who brought them, and how.
///
/// A class so that a thousand messages of a session share one copy; immutable, hence Sendable.
package final class IngressSession: Sendable, Equatable {
    /// Name of the listener, or of the API.
    package let listener: String
    /// The `by` clause of Received.
    package let serverName: String
    package let transmissionType: TransmissionType
    /// Text of the client's IP address without port; empty for local messages.
    package let clientAddress: String
    /// The argument of EHLO or HELO.
    package let clientName: String
    /// The authenticated identity; empty when not authenticated.
    package let identity: String
    /// Names the session in log lines and events.
    package let sessionID: String
    /// For example `TLSv1.3`; empty without TLS.
    package let tlsVersion: String
    /// Empty where the TLS library does not tell.
    package let tlsCipher: String

    package init(
        listener: String, serverName: String, transmissionType: TransmissionType,
        clientAddress: String = "", clientName: String = "", identity: String = "",
        sessionID: String = "", tlsVersion: String = "", tlsCipher: String = ""
    ) {
        self.listener = listener
        self.serverName = serverName
        self.transmissionType = transmissionType
        self.clientAddress = clientAddress
        self.clientName = clientName
        self.identity = identity
        self.sessionID = sessionID
        self.tlsVersion = tlsVersion
        self.tlsCipher = tlsCipher
    }

    /// Equal in every field.
    package static func == (left: IngressSession, right: IngressSession) -> Bool {
        left === right
            || (left.listener == right.listener && left.serverName == right.serverName
                && left.transmissionType == right.transmissionType
                && left.clientAddress == right.clientAddress
                && left.clientName == right.clientName && left.identity == right.identity
                && left.sessionID == right.sessionID && left.tlsVersion == right.tlsVersion
                && left.tlsCipher == right.tlsCipher)
    }
}
