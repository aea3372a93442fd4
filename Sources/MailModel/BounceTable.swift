/// What replies mean: the tables of ``BounceClassifier``.
package enum BounceTable {
    /// Phrases in lower case that mean the same.
    package struct Words: Sendable {
        package let meaning: BounceClass
        package let patterns: [[UInt8]]

        init(_ meaning: BounceClass, _ patterns: String...) {
            self.meaning = meaning
            self.patterns = patterns.map { Array($0.utf8) }
        }
    }

    /// Subject and detail of an enhanced status code.
    package struct Key: Hashable, Sendable {
        package let subject: UInt16
        package let detail: UInt16

        package init(_ subject: UInt16, _ detail: UInt16) {
            self.subject = subject
            self.detail = detail
        }
    }

    /// Stronger than any code. In order: the first that is found counts.
    package static let strongWords: [Words] = [
        // Block lists and reputation, often with 5.1.1, 5.3.0 or 5.5.4 beside them.
        Words(
            .spamRelated, "spamhaus", "spamcop", "barracudacentral", "sorbs.net", "surbl",
            "uribl", "blocklist", "block list", "blacklist", "black list", "denylist",
            "unsolicited", "rbl restriction", "listed at ", "poor reputation"),
        // Microsoft answers 5.4.1 for an unknown recipient.
        Words(
            .invalidRecipient, "recipient address rejected: access denied",
            "recipient not found", "user unknown", "unknown user", "no such user",
            "unknown recipient", "no mailbox here by that name", "user doesn't exist",
            "user does not exist", "mailbox not found", "no such mailbox", "invalid recipient",
            "recipient unknown", "no such recipient"),
        Words(
            .inactiveMailbox, "mailbox disabled", "account disabled", "account is disabled",
            "account has been disabled", "user disabled", "mailbox is inactive",
            "inactive mailbox", "account inactive", "account is inactive",
            "account that you tried to reach is disabled", "user is inactive"),
        Words(
            .quotaIssues, "mailbox full", "mailbox is full", "over quota", "overquota",
            "quota exceeded", "exceeded storage", "out of storage space",
            "exceeds the allowed quota", "insufficient mailbox space"),
        // Gmail answers 4.2.1 for a recipient that gets too much.
        Words(.policyRelated, "receiving mail at a rate", "rate limited", "too many connections"),
        Words(
            .tooManyRecipients, "too many recipients", "too many rcpt",
            "too many invalid recipients"),
    ]

    /// Beside a code that is vague or absent. In order: the first that is found counts.
    package static let weakWords: [Words] = [
        Words(
            .spamRelated, "spam", "junk", "bulk mail", "reputation", "user complaints",
            "complaint rate"),
        Words(
            .authenticationFailed, "spf ", "spf-", "spf)", "dkim", "dmarc", "unauthenticated",
            "authentication required", "authentication failed", "ptr record", "reverse dns",
            "reverse hostname", "rdns"),
        Words(
            .contentRelated, "virus", "malware", "phishing", "attachment", "message content",
            "content rejected", "message too large", "message size", "maximum message size",
            "prohibited content", "rejected due to content"),
        Words(
            .invalidSender, "sender address rejected", "sender rejected", "invalid sender",
            "sender denied", "sender domain", "sender verify failed"),
        Words(
            .routingErrors, "relaying denied", "relay access denied", "relay not permitted",
            "unable to relay", "relaying not allowed", "not permitted to relay", "mail loop",
            "loops back", "too many hops", "unrouteable", "unroutable"),
        Words(
            .badDomain, "host or domain name not found", "domain not found", "unknown domain",
            "no such domain", "null mx", "domain does not accept mail"),
        Words(
            .policyRelated, "policy", "greylist", "graylist", "blocked", "access denied",
            "not allowed", "rate limit", "too fast", "too much mail", "too many messages",
            "temporarily deferred", "throttl", "banned", "refused by"),
        Words(
            .invalidRecipient, "mailbox unavailable", "recipient rejected",
            "recipient address rejected", "address unknown", "unknown address",
            "address rejected", "invalid address", "no longer"),
        Words(.noAnswerFromHost, "connection refused", "no route to host", "host unreachable"),
        Words(
            .badConnection, "timed out", "connection reset", "connection closed", "lost connection"),
        Words(.dnsFailure, "dns error", "name service error", "dns lookup", "servfail"),
        Words(.protocolErrors, "syntax error", "bad sequence", "command not", "protocol"),
        Words(
            .transientFailure, "try again", "try later", "temporar", "system busy", "too busy",
            "resources", "service unavailable", "local error"),
    ]

    /// Status codes that mean one thing.
    package static let statuses: [Key: BounceClass] = [
        Key(1, 1): .invalidRecipient, Key(1, 2): .badDomain, Key(1, 3): .invalidRecipient,
        Key(1, 4): .invalidRecipient, Key(1, 6): .inactiveMailbox, Key(1, 7): .invalidSender,
        Key(1, 8): .invalidSender, Key(1, 9): .protocolErrors, Key(1, 10): .badDomain,
        Key(2, 1): .inactiveMailbox, Key(2, 2): .quotaIssues, Key(2, 3): .contentRelated,
        Key(2, 4): .routingErrors,
        Key(3, 1): .transientFailure, Key(3, 2): .transientFailure, Key(3, 3): .protocolErrors,
        Key(3, 4): .contentRelated, Key(3, 5): .routingErrors,
        Key(4, 1): .noAnswerFromHost, Key(4, 2): .badConnection, Key(4, 3): .dnsFailure,
        Key(4, 4): .routingErrors, Key(4, 5): .transientFailure, Key(4, 6): .routingErrors,
        Key(4, 7): .messageExpired,
        Key(5, 1): .protocolErrors, Key(5, 2): .protocolErrors, Key(5, 3): .tooManyRecipients,
        Key(5, 4): .protocolErrors, Key(5, 5): .protocolErrors, Key(5, 6): .protocolErrors,
        Key(6, 1): .contentRelated, Key(6, 2): .contentRelated, Key(6, 3): .contentRelated,
        Key(6, 4): .contentRelated, Key(6, 5): .contentRelated, Key(6, 6): .contentRelated,
        Key(6, 7): .protocolErrors, Key(6, 8): .protocolErrors, Key(6, 9): .protocolErrors,
        Key(7, 2): .policyRelated, Key(7, 4): .policyRelated, Key(7, 8): .authenticationFailed,
        Key(7, 9): .authenticationFailed, Key(7, 10): .policyRelated,
        Key(7, 11): .authenticationFailed, Key(7, 12): .authenticationFailed,
        Key(7, 13): .authenticationFailed, Key(7, 17): .invalidRecipient,
        Key(7, 18): .badDomain, Key(7, 19): .policyRelated,
        // RFC 7372: DKIM, SPF, reverse DNS; RFC 8617: ARC.
        Key(7, 20): .authenticationFailed, Key(7, 21): .authenticationFailed,
        Key(7, 22): .authenticationFailed, Key(7, 23): .authenticationFailed,
        Key(7, 24): .authenticationFailed, Key(7, 25): .authenticationFailed,
        Key(7, 26): .authenticationFailed, Key(7, 27): .invalidSender,
        Key(7, 28): .policyRelated, Key(7, 29): .authenticationFailed,
        Key(7, 30): .policyRelated,
    ]

    /// What is left when neither words nor detail help. Subject 0 says nothing.
    package static let subjects: [UInt16: BounceClass] = [
        1: .invalidRecipient, 2: .inactiveMailbox, 3: .transientFailure, 4: .routingErrors,
        5: .protocolErrors, 6: .contentRelated, 7: .policyRelated,
    ]
}
