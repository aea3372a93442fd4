/// What was stored or read.
///
/// Concurrency: value.
struct PeerFigures {
    /// Records stored and answered, or read.
    var records = 0
    /// Their octets, without what the server's protocol adds.
    var octets = 0
}
