import ReplicationSchema

extension Link {
    /// Says what a link over which files are fetched begins with.
    ///
    /// - Parameters:
    ///   - hello: What this site says of itself.
    ///   - address: Of the other site.
    /// - Throws: `refused` with the other site's reason; what the link throws.
    func beginFetching(
        _ hello: Waybill_Replication_V1_Hello, from address: SiteAddress
    ) throws(ReplicationError) {
        var hello = hello
        hello.purpose = .fetch
        try send(.control(.hello(hello)))
        switch try receive(milliseconds: ReplicationLimits.answerMilliseconds) {
        case .control(.welcome): return
        case .control(.refused(let refused)): throw ReplicationError(refused)
        case nil: throw ReplicationError(.timeout, "\(address) did not answer")
        default: throw ReplicationError(.malformed, "\(address) did not answer the Hello")
        }
    }
}
