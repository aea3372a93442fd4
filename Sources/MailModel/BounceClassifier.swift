/// Sorts failures by what they say: words, enhanced status code, reply code, command.
///
/// The first of these that says something decides:
///
/// 1. words that mean one thing whatever the code beside them, since many servers give codes that
///    contradict their words (``BounceTable/strongWords``);
/// 2. an enhanced status code with a meaning of its own (``BounceTable/statuses``: RFC 3463, RFC
///    7372 and the IANA registry of status codes);
/// 3. words that mean something beside a vague code such as 5.7.1 (``BounceTable/weakWords``);
/// 4. the subject of the enhanced status code (``BounceTable/subjects``);
/// 5. the reply code and the command it answers.
///
/// A fold can run it again over the log: it depends on nothing but the reply.
///
/// Concurrency: value.
package struct BounceClassifier: Sendable {
    /// Creates the built-in classifier.
    package init() {}

    /// The class of a reply to `command` (lower case, as in events: `mail`, `rcpt`, `dot`...).
    ///
    /// ``BounceClass/none`` only for a reply that is no failure.
    package func classify(_ reply: Reply, command: String = "") -> BounceClass {
        guard reply.code >= 400 else { return .none }
        let text = Array(reply.text.asciiLowercased().utf8)
        if let word = Self.firstMatch(BounceTable.strongWords, in: text) { return word }
        if let status = reply.status,
            let meaning = BounceTable.statuses[BounceTable.Key(status.subject, status.detail)]
        {
            return meaning
        }
        if let word = Self.firstMatch(BounceTable.weakWords, in: text) { return word }
        if let status = reply.status, let meaning = BounceTable.subjects[status.subject] {
            return meaning
        }
        return Self.meaning(of: reply.code, command: command)
    }

    /// RFC 5321 section 4.2.2, as far as it says anything.
    private static func meaning(of code: UInt16, command: String) -> BounceClass {
        switch code {
        case 421: command == "connect" ? .noAnswerFromHost : .transientFailure
        case 450: .transientFailure
        case 451: .transientFailure
        case 452: command == "rcpt" ? .tooManyRecipients : .transientFailure
        case 454, 530, 534, 535, 538: .authenticationFailed
        case 500...504: .protocolErrors
        case 521, 556: .badDomain
        case 550: command == "rcpt" ? .invalidRecipient : .policyRelated
        case 551: .invalidRecipient
        case 552: command == "rcpt" ? .quotaIssues : .contentRelated
        case 553: command == "mail" ? .invalidSender : .invalidRecipient
        case 554: .policyRelated
        case 555: .protocolErrors
        default: code < 500 ? .transientFailure : .policyRelated
        }
    }

    private static func firstMatch(
        _ table: [BounceTable.Words], in text: [UInt8]
    ) -> BounceClass? {
        for entry in table where entry.patterns.contains(where: { contains(text, $0) }) {
            return entry.meaning
        }
        return nil
    }

    private static func contains(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        guard let first = pattern.first, text.count >= pattern.count else { return false }
        for start in 0...(text.count - pattern.count) where text[start] == first {
            var length = 1
            while length < pattern.count, text[start + length] == pattern[length] { length += 1 }
            if length == pattern.count { return true }
        }
        return false
    }
}
