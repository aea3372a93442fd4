/// Names a message: the epoch and sequence of its `received` event.
///
/// Shown as two short base-32 numbers with a hyphen, for example `1-3k9` (Crockford's alphabet in
/// lower case, which has no i, l, o, u and so survives being read aloud). No random bits: dense ids
/// compress, and a fold can use an array where a random id would need a hash table.
///
/// Concurrency: value.
package struct MessageID: Hashable, Comparable, Sendable {
    /// The reign of the writer that accepted the message; epochs start at 1.
    package var epoch: UInt32
    /// The sequence of the `received` event; sequences start at 1.
    package var sequence: UInt64

    /// Creates the id of the message whose `received` event stands at this position.
    package init(epoch: UInt32, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    /// A message whose `received` event is the `index`-th (from 0) of the append being built.
    ///
    /// Its position is not known before the batch is formed; the log's codec puts it in then.
    package static func inThisAppend(at index: Int) -> MessageID {
        MessageID(epoch: 0, sequence: UInt64(index))
    }

    /// Whether the id still counts from the start of its append (epoch 0 is never a real epoch).
    package var isRelative: Bool { epoch == 0 }

    /// The id once the append's first event has got its sequence.
    package func resolved(epoch: UInt32, appendFirst: UInt64) -> MessageID {
        isRelative ? MessageID(epoch: epoch, sequence: appendFirst + sequence) : self
    }

    /// Orders by epoch, then sequence: the order of acceptance.
    package static func < (left: MessageID, right: MessageID) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }
}

extension MessageID: LosslessStringConvertible {
    private static let alphabet: [UInt8] = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// The text shown to people and peers, for example `1-3k9`.
    package var description: String {
        var text: [UInt8] = []
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends ``description``.
    package func append(to text: inout [UInt8]) {
        Self.append(UInt64(epoch), to: &text)
        text.append(UInt8(ascii: "-"))
        Self.append(sequence, to: &text)
    }

    /// Reads the shown form, in either case; nil when it is not one.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 2,
            let epoch = Self.number(parts[0]).flatMap(UInt32.init(exactly:)), epoch > 0,
            let sequence = Self.number(parts[1]), sequence > 0
        else { return nil }
        self.init(epoch: epoch, sequence: sequence)
    }

    private static func append(_ number: UInt64, to text: inout [UInt8]) {
        let digits = max(1, (64 - number.leadingZeroBitCount + 4) / 5)
        for place in (0..<digits).reversed() {
            text.append(alphabet[Int(number >> UInt64(5 * place) & 31)])
        }
    }

    private static func number(_ text: some Collection<UInt8>) -> UInt64? {
        guard !text.isEmpty, text.count <= 13 else { return nil }
        var value: UInt64 = 0
        for byte in text {
            let lower = byte | (byte >= 0x41 && byte <= 0x5A ? 0x20 : 0)
            guard let digit = alphabet.firstIndex(of: lower) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 32)
            guard !overflow else { return nil }
            value = product | UInt64(digit)
        }
        return value
    }
}
