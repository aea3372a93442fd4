import MailEvents

/// The pieces of contents that are needed: those of messages that are not final, and those that came a
/// short while ago, which a message may name yet.
///
/// Of the latter only the stretches of the log are known that they stand in, one for each minute: there
/// may be millions. So what else has content there is said to be needed for as long, too.
///
/// Concurrency: value.
struct ContentPieces: Sendable {
    /// Events of one minute: from the first piece to the last.
    struct Stretch: Equatable, Sendable {
        /// Sequences.
        var first: UInt64
        var last: UInt64
        /// Minutes since the Unix epoch.
        var minute: Int64

        /// Whether a piece in it may be named yet.
        ///
        /// - Parameter time: Of the last event, in microseconds.
        /// - Returns: Whether it may.
        func isRecent(at time: Int64) -> Bool {
            let (end, overflows) = (minute + 1).multipliedReportingOverflow(by: Self.microseconds)
            return overflows || time &- end < ContentPiece.lifetimeMicroseconds
        }

        /// Of a minute.
        static let microseconds: Int64 = 60_000_000
    }

    /// Where pieces came a short while ago, in order.
    private(set) var recent: [Stretch] = []
    /// The pieces of each message that is not final and has any, by the message's sequence.
    private(set) var byMessage: [UInt64: [UInt64]] = [:]
    /// How many of these messages need a piece.
    private var uses: [UInt64: Int] = [:]
    /// Rows that may differ from the last checkpoint, and those that it has.
    private var changed: Set<Row> = []
    private var saved: Set<Row> = []

    /// Names a row of a checkpoint.
    enum Row: Hashable, Comparable, Sendable {
        /// A stretch, by its first sequence.
        case stretch(UInt64)
        /// The pieces of a message, by its sequence.
        case message(UInt64)
    }

    var isEmpty: Bool { recent.isEmpty && byMessage.isEmpty }

    /// The oldest piece that is needed; nil when none is.
    ///
    /// - Parameter time: Of the last event, in microseconds.
    /// - Returns: Its sequence.
    func first(at time: Int64) -> UInt64? {
        let recent = recent.first { $0.isRecent(at: time) }?.first
        return [recent, uses.keys.min()].compactMap(\.self).min()
    }

    /// Whether a piece is needed.
    ///
    /// - Parameters:
    ///   - sequence: Its.
    ///   - time: Of the last event, in microseconds.
    /// - Returns: Whether it is.
    func needs(_ sequence: UInt64, at time: Int64) -> Bool {
        uses[sequence] != nil
            || recent.contains {
                $0.first <= sequence && sequence <= $0.last && $0.isRecent(at: time)
            }
    }

    // MARK: Folding

    /// A piece came. What came long before is forgotten.
    mutating func add(_ sequence: UInt64, at time: Int64) {
        while let oldest = recent.first, !oldest.isRecent(at: time) {
            changed.insert(.stretch(oldest.first))
            recent.removeFirst()
        }
        let minute = time / Stretch.microseconds
        if let last = recent.indices.last, recent[last].minute == minute {
            recent[last].last = sequence
            changed.insert(.stretch(recent[last].first))
        } else {
            recent.append(Stretch(first: sequence, last: sequence, minute: minute))
            changed.insert(.stretch(sequence))
        }
    }

    /// A message that has these pieces waits.
    mutating func use(_ pieces: [UInt64], by message: UInt64) {
        guard byMessage[message] == nil else { return }
        byMessage[message] = pieces
        for piece in pieces { uses[piece, default: 0] += 1 }
        changed.insert(.message(message))
    }

    /// A message is final.
    mutating func release(_ message: UInt64) {
        guard !byMessage.isEmpty, let pieces = byMessage.removeValue(forKey: message) else {
            return
        }
        for piece in pieces {
            guard let count = uses[piece] else { continue }
            uses[piece] = count > 1 ? count - 1 : nil
        }
        changed.insert(.message(message))
    }

    // MARK: Checkpoints

    /// All rows, in order.
    var rows: [Row] {
        recent.map { .stretch($0.first) } + byMessage.keys.sorted().map(Row.message)
    }

    /// Those that differ from the last checkpoint, or all; begins the next collection.
    mutating func takeChanges(whole: Bool) -> [Row] {
        defer { changed = [] }
        guard !whole else {
            let all = rows
            saved = Set(all)
            return all
        }
        return changed.sorted().filter { row in
            // Not the whole set: there may be many pieces, and mail waits meanwhile.
            let isThere = has(row)
            let wasThere = isThere ? !saved.insert(row).inserted : saved.remove(row) != nil
            return isThere || wasThere
        }
    }

    /// The stretch that begins with an event.
    func stretch(_ first: UInt64) -> Stretch? { recent.first { $0.first == first } }

    /// Whether a row is there.
    func has(_ row: Row) -> Bool {
        switch row {
        case .stretch(let first): stretch(first) != nil
        case .message(let sequence): byMessage[sequence] != nil
        }
    }

    /// Takes in a stretch of a checkpoint; they come in order.
    mutating func load(_ stretch: Stretch) -> Bool {
        let isInOrder = recent.last.map { $0.last < stretch.first }
        guard stretch.first <= stretch.last, isInOrder ?? true else { return false }
        recent.append(stretch)
        saved.insert(.stretch(stretch.first))
        return true
    }

    /// Takes in the pieces of a message of a checkpoint.
    mutating func load(_ pieces: [UInt64], of message: UInt64) -> Bool {
        guard byMessage[message] == nil, !pieces.isEmpty else { return false }
        use(pieces, by: message)
        changed.remove(.message(message))
        saved.insert(.message(message))
        return true
    }
}
