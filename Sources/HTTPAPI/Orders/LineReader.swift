import Hummingbird
import NIOCore

/// Cuts a request's body into lines, whatever its coding, piece by piece: what is in memory is one
/// piece and the beginning of a line.
///
/// Concurrency: used by one task.
struct LineReader {
    private var pieces: RequestBody.AsyncIterator
    private let decoder: any BodyDecoder
    private var octets: [UInt8] = []
    private var next = 0
    private var total = 0
    private var hasEnded = false

    /// Throws 415 when the coding is not known.
    init(_ request: Request) throws {
        decoder = try BodyReader.decoder(request.headers[.contentEncoding])
        pieces = request.body.makeAsyncIterator()
    }

    /// The next line without its end; nil after the last one.
    ///
    /// Throws 400 when the body is not what its coding says, 413 when a line or all of them are too
    /// long.
    mutating func line() async throws -> [UInt8]? {
        while true {
            if let end = octets[next...].firstIndex(of: 0x0A) {
                var line = octets[next..<end]
                next = end + 1
                if line.last == 0x0D { line.removeLast() }
                return Array(line)
            }
            guard octets.count - next <= APILimits.importLineOctets else {
                throw Problem(.tooLarge, "A line is longer than \(APILimits.importLineOctets).")
            }
            if hasEnded {
                guard next < octets.count else { return nil }
                defer { next = octets.count }
                return Array(octets[next...])
            }
            try await read()
        }
    }

    private mutating func read() async throws {
        octets.removeFirst(next)
        next = 0
        let piece: ByteBuffer?
        do {
            piece = try await pieces.next(isolation: #isolation)
        } catch {
            throw Problem.invalid("", "The body ended early.")
        }
        guard let piece else {
            guard decoder.isComplete else { throw IdentityDecoder.malformed }
            hasEnded = true
            return
        }
        let before = octets.count
        try decoder.decode(
            Array(piece.readableBytesView), into: &octets, limit: APILimits.importPieceOctets)
        total += octets.count - before
        guard total <= APILimits.importOctets else { throw IdentityDecoder.tooLarge }
    }
}
