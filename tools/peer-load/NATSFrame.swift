import BenchmarkSupport

/// A frame that has arrived whole: where its parts are in what has arrived.
///
/// Concurrency: value.
struct NATSFrame {
    /// Whether it is a message, and not what keeps the connection alive.
    var hasMessage = false
    /// The subject that an answer would go to; empty without one.
    var reply = 0..<0
    /// The message, without headers.
    var body = 0..<0
    /// Where the next frame begins.
    var end: Int

    /// The next frame; nil when it has not arrived whole. Answers a PING.
    init?(_ connection: PeerConnection) throws(BenchmarkError) {
        guard let length = connection.lineLength() else { return nil }
        let start = connection.taken
        let line = connection.arrived[start..<start + length]
        end = start + length + 2
        switch line.first {
        case UInt8(ascii: "M"): try message(line, hasHeaders: false)
        case UInt8(ascii: "H"): try message(line, hasHeaders: true)
        case UInt8(ascii: "-"): throw BenchmarkError("NATS: \(line.text)")
        case UInt8(ascii: "P") where length == 4 && line[start + 1] == UInt8(ascii: "I"):
            try connection.send(Array("PONG\r\n".utf8))
        default: break
        }
        if end > connection.arrived.count { return nil }
    }

    /// MSG subject sid [reply] octets, or HMSG subject sid [reply] header-octets octets.
    private mutating func message(
        _ line: ArraySlice<UInt8>, hasHeaders: Bool
    ) throws(BenchmarkError) {
        let words = line.split(separator: UInt8(ascii: " "))
        let least = hasHeaders ? 5 : 4
        guard words.count == least || words.count == least + 1, let last = words.last else {
            throw BenchmarkError("NATS: \(line.text)")
        }
        hasMessage = true
        if words.count > least { reply = words[3].startIndex..<words[3].endIndex }
        let headers = hasHeaders ? words[words.count - 2].number : 0
        body = end + headers..<end + last.number
        end += last.number + 2
    }
}
