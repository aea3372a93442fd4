import MailModel

/// How far the transaction of a ``ClientSession`` has come.
///
/// Concurrency: value.
struct RunningTransaction: Sendable {
    /// How the content goes.
    enum Method: Sendable {
        case data
        case chunks(binary: Bool)
    }

    var transaction: ClientTransaction
    var method: Method
    /// Whether MAIL, all RCPT and DATA were sent as one group.
    var isPipelined: Bool
    var passesDSN: Bool
    /// Whether anything was answered.
    var serverAnswered = false

    /// The refusal of MAIL: holds for every recipient.
    var mailRefusal: RecipientOutcome?
    /// Recipients that will not be in the final reply, ascending, with the reason.
    var refusals: [(recipient: Int, outcome: RecipientOutcome)] = []
    /// Which of the recipients are not even offered to the server; empty: none.
    var withheld: Set<Int> = []
    /// The recipient whose RCPT is answered next.
    var recipient = 0
    /// How many RCPT were accepted.
    var acceptedCount = 0

    /// Octets of prologue and content already encoded.
    var offset = 0
    /// Octets of prologue and content in all.
    let sizeOctets: Int
    /// Octets of prologue and content before the transaction's ``ClientTransaction/content``.
    private(set) var contentStart: Int
    var encoder: ContentEncoder
    /// Whether content is to be written as soon as the shell can take it.
    var isWriting = false
    /// Whether the end of the content waits for the shell's word.
    var holdsEnd: Bool
    /// Whether it does so now: all before it was written.
    var isPaused = false
    /// What the server said last before content was sent, and to what; kept where the end is held.
    var goAhead: (reply: Reply, command: ClientCommand)?
    /// Whether the final dot or the last chunk was written: from here on, silence means doubt.
    var endIsWritten = false
    /// DATA was accepted though no recipient was: the reply to the lone dot says nothing.
    var isVoid = false
    /// BDAT commands not answered yet.
    var chunksUnanswered = 0
    /// The refusal of a chunk: no more are sent.
    var contentRefusal: RecipientOutcome?

    init(
        _ transaction: ClientTransaction, method: Method, isPipelined: Bool, passesDSN: Bool
    ) {
        self.transaction = transaction
        sizeOctets = transaction.sizeOctets
        contentStart = transaction.prologue.count
        holdsEnd = transaction.holdsEnd
        self.method = method
        self.isPipelined = isPipelined
        self.passesDSN = passesDSN
        if case .data = method {
            encoder = ContentEncoder(stuffsDots: true)
        } else {
            encoder = ContentEncoder(stuffsDots: false)
        }
    }

    var recipients: [EnvelopeRecipient] { transaction.envelope.recipients }

    var isDATA: Bool { if case .data = method { true } else { false } }

    /// Octets of prologue and content not encoded yet.
    var octetsLeft: Int { sizeOctets - offset }

    /// Those of them that are there.
    var octetsAtHand: Int { contentStart + transaction.content.count - offset }

    /// Whether what is to be written has yet to be supplied.
    var isStarved: Bool { octetsAtHand == 0 && octetsLeft > 0 }

    /// Goes on with the next piece of the content; all before was encoded.
    mutating func supply(_ piece: [UInt8]) {
        contentStart += transaction.content.count
        transaction.content = piece
    }

    /// The first recipient from `index` on that the server is offered.
    func offered(from index: Int) -> Int {
        guard !withheld.isEmpty else { return index }
        var index = index
        while withheld.contains(index) { index += 1 }
        return index
    }

    /// Indices of the recipients that the server has accepted, ascending.
    var accepted: [Int] {
        guard mailRefusal == nil else { return [] }
        let refused = Set(refusals.map(\.recipient))
        return recipients.indices.filter { !refused.contains($0) }
    }

    /// The outcomes, with `rest` for whoever is not refused already.
    func outcomes(rest: RecipientOutcome) -> [RecipientOutcome] {
        var outcomes = [RecipientOutcome](
            repeating: mailRefusal ?? rest, count: recipients.count)
        for refusal in refusals { outcomes[refusal.recipient] = refusal.outcome }
        return outcomes
    }
}
