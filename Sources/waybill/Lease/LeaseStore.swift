import Replication

/// Where the lease is kept.
///
/// Concurrency: may be shared; ``carryOut(_:here:)`` blocks.
protocol LeaseStore: Sendable {
    /// Asks for something.
    ///
    /// - Parameters:
    ///   - request: What.
    ///   - here: This site, as it is to be entered.
    /// - Returns: What came of it; failures too.
    func carryOut(_ request: LeaseMachine.Request, here: LeaseSite) -> LeaseMachine.Answer
    /// Why no site may promote itself by this store's word.
    ///
    /// - Returns: nil when it is a witness.
    /// - Throws: When nobody answers.
    func witnessProblem() throws -> String?
}
