import Foundation

// What protoc-gen-swift makes of `bytes` is Foundation's Data. These say the same in arrays, so that the
// libraries do without Foundation.

extension Waybill_Replication_V1_SitePosition {
    /// The hash's octets.
    package var hashOctets: [UInt8] {
        get { Array(chainHash) }
        set { chainHash = Data(newValue) }
    }
}

extension Waybill_Replication_V1_SegmentOnOffer {
    /// The hash's octets.
    package var hashOctets: [UInt8] {
        get { Array(chainHash) }
        set { chainHash = Data(newValue) }
    }
}

extension Waybill_Replication_V1_Hello {
    /// The log's id; empty while the site has no log.
    package var logIDOctets: [UInt8] {
        get { Array(logID) }
        set { logID = Data(newValue) }
    }
}

extension Waybill_Replication_V1_Welcome {
    /// The log's id.
    package var logIDOctets: [UInt8] {
        get { Array(logID) }
        set { logID = Data(newValue) }
    }
}

extension Waybill_Replication_V1_Welcome {
    /// The record of a pruned log; empty: there is none.
    package var prunedOctets: [UInt8] {
        get { Array(pruned) }
        set { pruned = Data(newValue) }
    }
}

extension Waybill_Replication_V1_SegmentEnd {
    /// The digest's octets.
    package var digestOctets: [UInt8] {
        get { Array(sha256) }
        set { sha256 = Data(newValue) }
    }
}
