import EventLog

/// Something about a listener that cannot work.
///
/// Concurrency: value.
package struct ListenerProblem: Hashable, Sendable, CustomStringConvertible {
    /// The setting that is wrong, as configuration files call it: `tls`, `limits.recipients`.
    package var key: String
    /// What is wrong with it.
    package var message: String
    /// What would work.
    package var expected: String

    /// In one line, without the listener's name.
    package var description: String { "\(key): \(message); expected \(expected)" }
}

extension ListenerPolicy {
    /// What is wrong with the listener; empty if nothing is.
    package func problems() -> [ListenerProblem] {
        var problems: [ListenerProblem] = []
        func report(_ key: String, _ message: String, _ expected: String) {
            problems.append(ListenerProblem(key: key, message: message, expected: expected))
        }
        if let demand = ackLevel.demand,
            !(1...ReceptionLimits.standbys).contains(demand.standbys)
        {
            report(
                "ack_standbys", "\(demand.standbys) does not fit",
                "1 to \(ReceptionLimits.standbys)")
        }
        if !(0...65_535).contains(port) {
            report("address", "port \(port) does not fit", "0 to 65535")
        }
        if implicitTLS || requiresTLS, tls == nil {
            report("tls", "there is no certificate", "`certificate` here or `tls` at the top")
        }
        if requiresAuthentication, !offersAuthentication {
            report("require_auth", "AUTH is not offered", "`offer_auth: true`, or neither")
        }
        if requiresAuthentication, tls == nil {
            report(
                "require_auth", "AUTH is taken under TLS only",
                "a certificate, and `tls` other than none")
        }
        if limits.recipients < 100 {
            report(
                "limits.recipients", "\(limits.recipients) does not fit",
                "at least 100 (RFC 5321 section 4.5.3.1.8)")
        }
        if limits.messageOctets < 65_536 {
            report(
                "limits.message_size", "\(limits.messageOctets) does not fit",
                "at least 64 KiB (RFC 5321 section 4.5.3.1.7)")
        }
        return problems
    }
}
