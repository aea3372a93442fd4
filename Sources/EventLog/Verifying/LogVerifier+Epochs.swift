extension LogVerifier {
    /// Notes where a batch begins an epoch; the first one looked at in a segment may be in the middle.
    mutating func noteEpoch(_ batch: StoredBatch) {
        guard batch.epoch != epochsSeen.last?.epoch else { return }
        epochsSeen.append(EpochStart(epoch: batch.epoch, firstSequence: batch.firstSequence))
    }

    /// Holds the segment's record of epochs against its batches, all of which have been followed.
    mutating func checkEpochs(_ meta: SegmentMeta) {
        guard let opening = epochsSeen.first, let next = chain.next else { return }
        let within = meta.epochs.filter {
            $0.firstSequence > opening.firstSequence && $0.firstSequence < next
        }
        let before = meta.epochs.last { $0.firstSequence <= opening.firstSequence }
        guard before?.epoch == opening.epoch, within == Array(epochsSeen.dropFirst()) else {
            return note(path, nil, "the segment's record of epochs does not fit its batches")
        }
    }
}
