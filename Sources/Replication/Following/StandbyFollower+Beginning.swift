import EventLog
import Logging
import ReplicationSchema

/// The first contact of a site that has no log.
extension StandbyFollower {
    /// Makes the log of the site that answered: with its first event, or, where that was pruned, behind the
    /// cut, with the states as of there. Until all of it is here there is no log: whatever goes wrong, the
    /// next contact begins anew.
    func begin(
        _ welcome: Waybill_Replication_V1_Welcome, _ address: SiteAddress
    ) throws -> LogReplica<Codec> {
        guard !welcome.prunedOctets.isEmpty else { return try open(logID: welcome.logIDOctets) }
        guard let states = configuration.states,
            let record = PruneRecord(bytes: welcome.prunedOctets),
            record.logID == welcome.logIDOctets,
            record.cut.sequence <= welcome.position.sequence
        else {
            throw ReplicationError(
                .malformed, "what \(welcome.site) says of its pruned log cannot be read")
        }
        let beginning = LogBeginning(
            record: record,
            epochs: welcome.epochs.map {
                EpochStart(epoch: $0.epoch, firstSequence: $0.firstSequence)
            })
        configuration.logger.notice(
            "the primary's log was pruned: fetching the states as of its cut",
            metadata: ["primary": "\(welcome.site)", "sequence": "\(record.cut.sequence)"])
        try states.prepare()
        try fetch(record, states, from: address)
        try states.install(beginning)
        return try open(logID: record.logID, beginning: beginning)
    }

    private func fetch(
        _ record: PruneRecord, _ states: any PrunedStates, from address: SiteAddress
    ) throws {
        state.withLock { $0.status.fetching = record.bases.count }
        defer { state.withLock { $0.status.fetching = 0 } }
        let link = try dialer.dial(address, heartbeat: { .init() })
        defer { link.close() }
        try link.beginFetching(hello(nil), from: address)
        for base in record.bases {
            var request = Waybill_Replication_V1_StateRequest()
            request.name = base.name
            request.version = base.version
            request.sequence = record.cut.sequence
            try link.send(.control(.stateRequest(request)))
            let file = IncomingFile(
                path: states.incomingPath(of: base),
                isStopped: { [self] in isStopped || !isFollowing(address) },
                received: { [self] octets in
                    state.withLock { $0.status.receivedOctets += UInt64(octets) }
                })
            try file.receive("the state of \(base.name)", over: link)
            state.withLock { $0.status.fetching -= 1 }
        }
    }
}
