/// With which protocol a message came in: the `with` clause of Received (RFC 3848, RFC 6531).
///
/// The numbers are stored in the log and never reused.
package enum TransmissionType: UInt8, Hashable, Sendable, CaseIterable {
    /// Made by Waybill itself, for example a delivery status notification.
    case local = 0
    case smtp = 1
    case esmtp = 2
    case esmtpa = 3
    case esmtps = 4
    case esmtpsa = 5
    case utf8smtp = 6
    case utf8smtpa = 7
    case utf8smtps = 8
    case utf8smtpsa = 9
    case http = 10

    /// The keyword registered for Received, for example `ESMTPSA`.
    package var keyword: String {
        switch self {
        case .local: "LOCAL"
        case .smtp: "SMTP"
        case .esmtp: "ESMTP"
        case .esmtpa: "ESMTPA"
        case .esmtps: "ESMTPS"
        case .esmtpsa: "ESMTPSA"
        case .utf8smtp: "UTF8SMTP"
        case .utf8smtpa: "UTF8SMTPA"
        case .utf8smtps: "UTF8SMTPS"
        case .utf8smtpsa: "UTF8SMTPSA"
        case .http: "HTTP"
        }
    }

    /// The keyword for a session's state (RFC 3848 section 2, RFC 6531 section 4.3).
    package init(extended: Bool, utf8: Bool, tls: Bool, authenticated: Bool) {
        switch (extended, utf8, tls, authenticated) {
        case (false, _, _, _): self = .smtp
        case (true, false, false, false): self = .esmtp
        case (true, false, false, true): self = .esmtpa
        case (true, false, true, false): self = .esmtps
        case (true, false, true, true): self = .esmtpsa
        case (true, true, false, false): self = .utf8smtp
        case (true, true, false, true): self = .utf8smtpa
        case (true, true, true, false): self = .utf8smtps
        case (true, true, true, true): self = .utf8smtpsa
        }
    }
}
