/// What a ``ClientSession`` asks of its shell, after it has written what there was to write.
package enum ClientEffect: Equatable, Sendable {
    /// Bytes from the server; meanwhile ``ClientSession/timeout`` runs.
    case needMore
    /// Flush, do the TLS handshake, then ``ClientSession/tlsEstablished(into:)`` or
    /// ``ClientSession/tlsFailed(reason:)``. Bytes read so far but not consumed are gone.
    case startTLS
    /// A transaction may begin.
    case ready
    /// The transaction is over; given exactly once for each one that was begun. When it holds a
    /// ``TransactionResult/sessionFailure`` the connection must be closed; else the next
    /// transaction may begin if ``ClientSession/isReady``, or once ``ready`` is given.
    case transactionFinished(TransactionResult)
    /// QUIT was answered, or an idle connection ended: close.
    case closed
    /// The session is of no use, and no transaction was running: flush, close.
    case failed(SessionFailure)
}
