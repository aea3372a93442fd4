import Orders

extension Problem {
    /// What a client is told when its order is not carried out; `isInBody` says where the parts of
    /// the order stand in the request.
    init(_ error: OrderError, isInBody: Bool = true) {
        switch error {
        case .invalid(let name, let detail):
            self.init(
                .invalidOrder, detail,
                errors: [Detail(pointer: isInBody ? "/\(name)" : name, detail: detail)])
        case .forbidden(let detail): self.init(.forbidden, detail)
        case .notFound(let detail): self.init(.notFound, detail)
        case .limitReached(let detail): self.init(.limitReached, detail)
        case .notReady: self.init(.notReady, "The queue is not there yet, or not any more.")
        case .log(let error, let done):
            self.init(appending: error)
            if done > 0 { detail += " \(done) recipients were done before." }
        case .notApplied(let sequence):
            self.init(
                .notReady,
                "The order stands in the log as event \(sequence); delivery has not got to it yet.")
        }
    }
}

/// Carries out what may throw ``OrderError``, and throws ``Problem`` instead.
func ordering<Result>(
    isInBody: Bool = true, _ body: () async throws(OrderError) -> Result
) async throws(Problem) -> Result {
    do {
        return try await body()
    } catch {
        throw Problem(error, isInBody: isInBody)
    }
}
