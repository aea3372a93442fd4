/// A server's protocol: as much of it as appending and reading take.
protocol Peer: Sendable {
    /// Makes a new connection ready to append.
    func greet(_ connection: PeerConnection, number: Int) throws

    /// Makes the table or stream, empty, on a connection that has greeted.
    func prepare(_ connection: PeerConnection) throws

    /// Adds the request that stores records.
    func append(
        _ records: [ArraySlice<UInt8>], _ connection: PeerConnection, into request: inout [UInt8])

    /// How many answers such a request gets.
    func answers(toAppendsOf count: Int) -> Int

    /// Takes the answers that have arrived whole; fails when one is a refusal.
    func answers(_ connection: PeerConnection) throws -> Int

    /// Reads so many records from the beginning.
    func read(_ connection: PeerConnection, count: Int) throws -> PeerFigures
}
