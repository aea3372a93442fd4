package import MailModel

extension MailEventDecoder {
    /// Whether a batch has an event about a message, its `received` included, or the `received` of
    /// a notification that reports on it. Reads two columns and makes no values.
    package static func mentions(
        _ message: MessageID, in bytes: [UInt8], firstSequence: UInt64
    ) throws(BatchDecodingError) -> Bool {
        let input = bytes.span
        let index = try BatchIndex(input)
        let count = UInt64(index.eventCount)
        let target = message.sequence
        if target >= firstSequence, target - firstSequence < count { return true }
        guard target < firstSequence else { return false }
        var backs = index.columns[BatchColumn.batchMessageBack.rawValue].copied()
        var distance = firstSequence - target
        while !backs.isAtEnd {
            if try backs.varint(input, .batchMessageBack) == distance { return true }
            distance += 1
        }
        var reports = index.columns[BatchColumn.receivedReportsOnBack.rawValue].copied()
        guard !reports.isAtEnd else { return false }
        var types = index.columns[BatchColumn.batchType.rawValue].copied()
        distance = firstSequence - target
        while !types.isAtEnd, !reports.isAtEnd {
            let type = try types.varint(input, .batchType)
            if type == UInt64(EventType.received.rawValue),
                try reports.varint(input, .receivedReportsOnBack) == distance
            {
                return true
            }
            distance += 1
        }
        return false
    }

    /// Whether a `received` of a batch has an idempotency key. Looks at no value.
    package static func hasIdempotencyKeys(in bytes: [UInt8]) throws(BatchDecodingError) -> Bool {
        let index = try BatchIndex(bytes.span)
        return !index.columns[BatchColumn.receivedIdempotencyKeyString.rawValue].copied().isAtEnd
    }

    /// Whether something in a batch failed by a decision of the policy, as what is taken back does. Reads
    /// one column.
    package static func hasPolicyFailures(in bytes: [UInt8]) throws(BatchDecodingError) -> Bool {
        let input = bytes.span
        let index = try BatchIndex(input)
        var saidBy = index.columns[BatchColumn.failureSaidBy.rawValue].copied()
        while !saidBy.isAtEnd {
            if try saidBy.varint(input, .failureSaidBy) == UInt64(SaidBy.policy.rawValue) {
                return true
            }
        }
        return false
    }

    /// The sequences of a batch's `received` events, ascending. Reads one column.
    package static func received(
        in bytes: [UInt8], firstSequence: UInt64
    ) throws(BatchDecodingError) -> [UInt64] {
        let input = bytes.span
        let index = try BatchIndex(input)
        var types = index.columns[BatchColumn.batchType.rawValue].copied()
        var sequences: [UInt64] = []
        var sequence = firstSequence
        while !types.isAtEnd {
            if try types.varint(input, .batchType) == UInt64(EventType.received.rawValue) {
                sequences.append(sequence)
            }
            sequence &+= 1
        }
        return sequences
    }
}
