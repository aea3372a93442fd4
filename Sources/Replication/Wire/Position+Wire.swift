package import EventLog
package import ReplicationSchema

extension Waybill_Replication_V1_SitePosition {
    /// As said over a link.
    package init(_ position: Position) {
        self.init()
        epoch = position.epoch
        sequence = position.sequence
        hashOctets = position.chainHash
    }

    /// As the log has it; nil when the hash is none.
    package var position: Position? {
        hashOctets.count == Position.hashOctets
            ? Position(epoch: epoch, sequence: sequence, chainHash: hashOctets) : nil
    }
}

extension Waybill_Replication_V1_SegmentOnOffer {
    /// As said over a link.
    package init(_ segment: SealedSegment) {
        self.init()
        firstSequence = segment.firstSequence
        lastSequence = segment.lastSequence
        hashOctets = segment.chainHash
        octets = segment.octets
    }

    /// As the log has it; nil when it is none.
    package var segment: SealedSegment? {
        guard hashOctets.count == Position.hashOctets, firstSequence >= 1,
            lastSequence >= firstSequence, lastSequence < .max
        else { return nil }
        return SealedSegment(
            firstSequence: firstSequence, lastSequence: lastSequence,
            chainHash: hashOctets, octets: octets)
    }
}

extension Waybill_Replication_V1_SiteEpoch {
    /// As said over a link.
    package init(_ start: EpochStart) {
        self.init()
        epoch = start.epoch
        firstSequence = start.firstSequence
    }
}

extension Position {
    /// Before the first event of a log.
    package static var beginning: Position {
        Position(epoch: 0, sequence: 0, chainHash: [UInt8](repeating: 0, count: hashOctets))
    }
}
