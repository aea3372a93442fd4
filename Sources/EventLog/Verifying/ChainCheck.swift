/// What the next batch of a log must continue: sequence, chain, epoch and time.
///
/// Concurrency: value.
struct ChainCheck: Sendable {
    /// Sequence that must come next; nil when it cannot be told.
    private(set) var next: UInt64?
    /// Chain hash that the next batch must name; nil when it cannot be told.
    private(set) var hash: [UInt8]?
    /// Nothing has been seen.
    private(set) var isOpening = true
    /// After the last batch that could be followed.
    private(set) var position: Position?
    private var epoch: UInt32 = 0
    private var time = Int64.min

    /// The log must begin here.
    mutating func expect(first: UInt64) {
        next = first
    }

    /// Takes over from the records of the first segment looked at.
    mutating func begin(_ meta: SegmentMeta) {
        isOpening = false
        next = meta.first
        hash = meta.previousHash
        position = Position(
            epoch: meta.epochs.last?.epoch ?? 1, sequence: meta.previousSequence,
            chainHash: meta.previousHash)
    }

    /// Skips to a batch in the middle: what comes before it is not looked at.
    mutating func skip(to sequence: UInt64) {
        next = sequence
        hash = nil
    }

    /// The sequences that are missing before `sequence`; nil when none is.
    func gap(before sequence: UInt64) -> ClosedRange<UInt64>? {
        guard let next, next < sequence else { return nil }
        return next...(sequence - 1)
    }

    /// Something could not be read: the chain cannot be followed over it.
    mutating func loseTrack(at next: UInt64?) {
        self.next = next
        hash = nil
    }

    /// Goes on behind a sealed segment.
    mutating func resume(after seal: SegmentMeta.Seal) {
        next = seal.lastSequence + 1
        hash = seal.chainHash
    }

    /// Takes a batch.
    ///
    /// - Returns: what is wrong with its place in the log.
    mutating func follow(_ batch: StoredBatch, chainHash: [UInt8]) -> [String] {
        let header = batch.header
        var wrong: [String] = []
        if let next, header.firstSequence < next {
            wrong.append("the batch repeats sequences, \(next) must come next")
        }
        if let hash, hash != header.previousHash {
            wrong.append("the batch does not continue the chain")
        }
        if header.epoch < epoch {
            wrong.append("the batch has an earlier epoch than the one before")
        }
        if header.firstTime < time || header.lastTime < header.firstTime {
            wrong.append("the batch's times go back")
        }
        epoch = max(epoch, header.epoch)
        time = max(time, header.lastTime)
        isOpening = false
        next = header.lastSequence + 1
        hash = chainHash
        position = Position(
            epoch: header.epoch, sequence: header.lastSequence, chainHash: chainHash)
        return wrong
    }
}
