package import EventLog
package import ReplicationSchema

/// What goes over a link: schemas/waybill/replication/v1/replication.proto.
///
/// Concurrency: value.
package enum WireFrame: Sendable {
    /// Everything but the octets of the log.
    case control(Waybill_Replication_V1_ControlFrame.OneOf_Kind)
    /// Batches side by side.
    case batches(ShippedBatches)
    /// Some of a segment's octets.
    case piece([UInt8])

    /// Octets that it holds in memory, about.
    var octets: Int {
        switch self {
        case .control: 512
        case .batches(let batches): batches.batches.reduce(64) { $0 + $1.octets }
        case .piece(let octets): octets.count
        }
    }
}

/// Batches on their way.
///
/// Concurrency: value.
package struct ShippedBatches: Hashable, Sendable {
    /// Of the segment that they stand in at the sender.
    package var segmentFirst: UInt64
    /// Where the sender's log ends.
    package var end: Position
    package var batches: [ShippedBatch]

    /// Creates a frame's content.
    package init(segmentFirst: UInt64, end: Position, batches: [ShippedBatch]) {
        self.segmentFirst = segmentFirst
        self.end = end
        self.batches = batches
    }
}
