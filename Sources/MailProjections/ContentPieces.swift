import MailEvents

/// The pieces of contents that are needed: those of messages that are not final, and those that came a
/// short while ago, which a message may name yet.
///
/// Concurrency: value.
struct ContentPieces: Sendable {
    /// Pieces that came a short while ago, by sequence, with their times (microseconds).
    private(set) var recent: [UInt64: Int64] = [:]
    /// The pieces of each message that is not final and has any, by the message's sequence.
    private(set) var byMessage: [UInt64: [UInt64]] = [:]
    /// How many of these messages need a piece.
    private var uses: [UInt64: Int] = [:]
    /// The same as ``recent``, in order.
    private var order: [UInt64] = []
    private var orderStart = 0
    /// Rows that may differ from the last checkpoint, and those that it has.
    private var changed: Set<Row> = []
    private var saved: Set<Row> = []

    /// Names a row of a checkpoint.
    enum Row: Hashable, Comparable, Sendable {
        /// A recent piece, by its sequence.
        case piece(UInt64)
        /// The pieces of a message, by its sequence.
        case message(UInt64)
    }

    var isEmpty: Bool { recent.isEmpty && byMessage.isEmpty }

    /// The oldest piece that is needed; nil when none is.
    ///
    /// - Parameter time: Of the last event, in microseconds.
    /// - Returns: Its sequence.
    func first(at time: Int64) -> UInt64? {
        let recent = order[orderStart...].first { isRecent($0, at: time) }
        return [recent, uses.keys.min()].compactMap(\.self).min()
    }

    /// Whether a piece is needed.
    ///
    /// - Parameters:
    ///   - sequence: Its.
    ///   - time: Of the last event, in microseconds.
    /// - Returns: Whether it is.
    func needs(_ sequence: UInt64, at time: Int64) -> Bool {
        uses[sequence] != nil || isRecent(sequence, at: time)
    }

    private func isRecent(_ sequence: UInt64, at time: Int64) -> Bool {
        guard let came = recent[sequence] else { return false }
        return time &- came < ContentPiece.lifetimeMicroseconds
    }

    // MARK: Folding

    /// A piece came. What came long before is forgotten.
    mutating func add(_ sequence: UInt64, at time: Int64) {
        while orderStart < order.count, let came = recent[order[orderStart]],
            time &- came >= ContentPiece.lifetimeMicroseconds
        {
            recent[order[orderStart]] = nil
            changed.insert(.piece(order[orderStart]))
            orderStart += 1
        }
        if orderStart > 1_000, orderStart > order.count / 2 {
            order.removeFirst(orderStart)
            orderStart = 0
        }
        recent[sequence] = time
        order.append(sequence)
        changed.insert(.piece(sequence))
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
        recent.keys.sorted().map(Row.piece) + byMessage.keys.sorted().map(Row.message)
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
            let isNew = has(row)
            let wasThere = isNew ? !saved.insert(row).inserted : saved.remove(row) != nil
            return isNew || wasThere
        }
    }

    /// Whether a row is there.
    func has(_ row: Row) -> Bool {
        switch row {
        case .piece(let sequence): recent[sequence] != nil
        case .message(let sequence): byMessage[sequence] != nil
        }
    }

    /// Takes in a recent piece of a checkpoint; they come in order.
    mutating func load(piece sequence: UInt64, at time: Int64) -> Bool {
        guard order.last.map({ $0 < sequence }) ?? true else { return false }
        recent[sequence] = time
        order.append(sequence)
        saved.insert(.piece(sequence))
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
