import ReplicationSchema

extension ReplicationError {
    /// What another site's refusal means here.
    init(_ refused: Waybill_Replication_V1_Refused) {
        switch refused.reason {
        case .diverged:
            self.init(
                .diverged, refused.message,
                hint: "Nothing is taken over. Let this site rejoin: waybill site rejoin.")
        case .fenced: self.init(.fenced, refused.message)
        default: self.init(.refused, refused.message)
        }
    }
}
