import MailModel
import Testing

private func classify(_ reply: String, command: String = "rcpt") -> BounceClass {
    let words = reply.split(separator: " ", maxSplits: 2)
    let status = EnhancedStatusCode(String(words[1]))
    let text = status == nil ? words[1...].joined(separator: " ") : words[2...].joined()
    return BounceClassifier().classify(
        Reply(UInt16(words[0]) ?? 0, status, text), command: command)
}

@Suite("BounceClassifier")
struct BounceClassifierTests {
    @Test(
        "RFC 3463: a precise enhanced status code decides",
        arguments: [
            ("550 5.1.1 x", BounceClass.invalidRecipient), ("550 5.1.2 x", .badDomain),
            ("556 5.1.10 x", .badDomain), ("550 5.2.1 x", .inactiveMailbox),
            ("452 4.2.2 x", .quotaIssues), ("552 5.3.4 x", .contentRelated),
            ("421 4.4.1 x", .noAnswerFromHost), ("421 4.4.2 x", .badConnection),
            ("451 4.4.3 x", .dnsFailure), ("554 5.4.6 x", .routingErrors),
            ("551 5.4.7 x", .messageExpired), ("452 4.5.3 x", .tooManyRecipients),
            ("554 5.6.3 x", .contentRelated), ("550 5.7.26 x", .authenticationFailed),
            ("550 5.7.27 x", .invalidSender), ("550 5.1.7 x", .invalidSender),
        ])
    func statuses(reply: String, expected: BounceClass) {
        #expect(classify(reply) == expected)
    }

    @Test(
        "Words decide beside a vague code, and some against a wrong one",
        arguments: [
            (
                "550 5.7.1 Our system has detected that this message is likely unsolicited mail",
                BounceClass.spamRelated
            ),
            ("550 5.7.1 Message rejected as spam by content scanner", .spamRelated),
            ("550 5.7.1 Relaying denied", .routingErrors),
            (
                "550 5.7.1 Unauthenticated email is not accepted due to domain's DMARC policy",
                .authenticationFailed
            ),
            ("550 5.4.1 Recipient address rejected: Access denied", .invalidRecipient),
            ("550 5.5.0 Requested action not taken: mailbox unavailable", .invalidRecipient),
            (
                "450 4.2.1 The user you are trying to contact is receiving mail at a rate that",
                .policyRelated
            ),
            ("451 4.7.650 The mail server has been temporarily rate limited", .policyRelated),
            (
                "553 5.7.1 Connections will not be accepted because the ip is in Spamhaus's list",
                .spamRelated
            ),
            ("552 5.2.2 The email account that you tried to reach is over quota", .quotaIssues),
            ("450 4.7.1 Greylisted, please try again", .policyRelated),
            ("550 No such user here", .invalidRecipient),
            ("552 Mailbox full", .quotaIssues), ("451 Temporary local problem", .transientFailure),
        ])
    func words(reply: String, expected: BounceClass) {
        #expect(classify(reply) == expected)
    }

    @Test(
        "With nothing else to go by, reply code and command decide",
        arguments: [
            ("550 x", "rcpt", BounceClass.invalidRecipient), ("550 x", "dot", .policyRelated),
            ("553 x", "mail", .invalidSender), ("553 x", "rcpt", .invalidRecipient),
            ("552 x", "dot", .contentRelated), ("421 x", "connect", .noAnswerFromHost),
            ("421 x", "mail", .transientFailure), ("500 x", "mail", .protocolErrors),
            ("535 x", "auth", .authenticationFailed), ("452 x", "rcpt", .tooManyRecipients),
            ("499 x", "dot", .transientFailure), ("599 x", "dot", .policyRelated),
            ("550 5.0.0 x", "rcpt", .invalidRecipient), ("550 5.7.99 x", "rcpt", .policyRelated),
        ])
    func codes(reply: String, command: String, expected: BounceClass) {
        #expect(classify(reply, command: command) == expected)
    }

    @Test("Every failure has a class, and no success has one")
    func total() {
        for code in UInt16(200)...599 {
            let found = BounceClassifier().classify(Reply(code, nil, ""))
            #expect((found == .none) == (code < 400), "\(code)")
        }
    }

    @Test("Patterns are in lower case, as the text they are compared with")
    func patterns() {
        for words in BounceTable.strongWords + BounceTable.weakWords {
            for pattern in words.patterns {
                #expect(!pattern.isEmpty && !pattern.contains { $0 >= 0x41 && $0 <= 0x5A })
            }
        }
    }
}
