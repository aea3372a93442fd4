package import MailEvents
package import MailModel

/// An attempt that was announced by `attempted` and has no settled outcome.
///
/// It is under way, or its outcome was never recorded, until a `deferred` says that it is in doubt; from
/// then on its recipient is held until somebody decides.
///
/// Concurrency: value.
package struct OpenAttempt: Equatable, Sendable {
    package var message: MessageID
    /// Of the recipient within the message, from 0.
    package var number: Int
    /// Which attempt, from 1.
    package var attempt: Int
    /// When it was announced.
    package var announcedAt: EventTime
    /// Sequence of its `attempted`.
    package var sequence: UInt64
    /// Where it went: host, address, port and our own address; nil when that is not known.
    package var peer: DeliveryPeer?
    /// Since when the recipient is held; nil: no outcome was recorded so far.
    package var heldSince: EventTime?

    /// Whether the recipient waits for a decision.
    package var isHeld: Bool { heldSince != nil }
}

/// The attempts without a settled outcome: those of a moment, and those in doubt.
///
/// Concurrency: value.
package struct OpenAttempts: Sendable {
    /// Names the recipient: `4711.0` in text.
    package struct Key: Hashable, Comparable, Sendable, LosslessStringConvertible {
        var sequence: UInt64
        var number: UInt32

        /// Reads the text; nil when it is none.
        package init?(_ description: String) {
            let parts = description.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, let sequence = UInt64(parts[0]), let number = UInt32(parts[1])
            else { return nil }
            self.init(sequence: sequence, number: number)
        }

        package var description: String { "\(sequence).\(number)" }

        /// The recipient with this number.
        package init(_ message: MessageID, _ number: Int) {
            self.init(sequence: message.sequence, number: UInt32(clamping: number))
        }

        init(sequence: UInt64, number: UInt32) {
            self.sequence = sequence
            self.number = number
        }

        package static func < (left: Key, right: Key) -> Bool {
            (left.sequence, left.number) < (right.sequence, right.number)
        }
    }

    private var byRecipient: [Key: OpenAttempt] = [:]
    /// Those that may differ from the last checkpoint.
    private var changed: Set<Key> = []
    /// Those that the last checkpoint has.
    private var saved: Set<Key> = []
    /// How many are held.
    package private(set) var heldCount = 0

    /// How many there are.
    package var count: Int { byRecipient.count }

    /// Whether there is none.
    package var isEmpty: Bool { byRecipient.isEmpty }

    /// All of them by message and number, in order.
    package var all: [OpenAttempt] { keys.compactMap { byRecipient[$0] } }

    /// When the one that has been held for longest came to be; nil for none.
    package var heldSince: EventTime? { byRecipient.values.compactMap(\.heldSince).min() }

    /// The open attempt for a recipient; nil when there is none.
    package func attempt(for message: MessageID, _ number: Int) -> OpenAttempt? {
        guard !byRecipient.isEmpty, let found = byRecipient[Key(message, number)],
            found.message == message
        else { return nil }
        return found
    }

    /// The next ones, by message and number, behind a key.
    ///
    /// - Parameters:
    ///   - key: Those up to this one are left out; nil: none.
    ///   - limit: At most so many.
    /// - Returns: Them, in order.
    package func next(after key: Key?, limit: Int) -> [OpenAttempt] {
        keys.drop { one in key.map { one <= $0 } ?? false }.prefix(limit).compactMap {
            byRecipient[$0]
        }
    }

    var keys: [Key] { byRecipient.keys.sorted() }

    subscript(key: Key) -> OpenAttempt? { byRecipient[key] }

    // MARK: Folding

    /// An attempt was announced; it takes the place of an earlier one.
    mutating func open(_ attempt: OpenAttempt) {
        let key = Key(attempt.message, attempt.number)
        if byRecipient.updateValue(attempt, forKey: key)?.isHeld == true { heldCount -= 1 }
        if attempt.isHeld { heldCount += 1 }
        changed.insert(key)
    }

    /// It is in doubt from this time on.
    mutating func hold(_ message: MessageID, _ number: Int, since time: EventTime) {
        let key = Key(message, number)
        guard let attempt = byRecipient[key] else { return }
        if !attempt.isHeld { heldCount += 1 }
        byRecipient[key]?.heldSince = attempt.heldSince ?? time
        changed.insert(key)
    }

    /// It is settled.
    mutating func close(_ message: MessageID, _ number: Int) {
        let key = Key(message, number)
        guard let removed = byRecipient.removeValue(forKey: key) else { return }
        if removed.isHeld { heldCount -= 1 }
        changed.insert(key)
    }

    /// Those that differ from the last checkpoint, in order, or all of them; begins the next collection.
    mutating func takeChanges(whole: Bool) -> [(key: Key, attempt: OpenAttempt?)] {
        defer {
            changed = []
            saved = Set(byRecipient.keys)
        }
        return (whole ? keys : changed.sorted()).compactMap { key in
            let attempt = byRecipient[key]
            return attempt == nil && !saved.contains(key) ? nil : (key, attempt)
        }
    }

    /// Takes in one of a checkpoint.
    mutating func load(_ attempt: OpenAttempt) {
        open(attempt)
        changed = []
        saved.insert(Key(attempt.message, attempt.number))
    }
}
