import HTTPTypes
import Hummingbird
import NIOCore

/// Reads a request's body, whatever its coding, within a limit and the server's memory.
enum BodyReader {
    /// The body's octets, inflated.
    ///
    /// Throws 413 beyond the limit, 415 for a coding that is not known, 503 when memory for bodies
    /// is used up, 400 when the body is not what its coding says.
    static func read(
        _ request: Request, limit: Int, share: OctetBudget.Share
    ) async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw Problem(.tooLarge, "The body is too large.")
        }
        let decoder = try decoder(request.headers[.contentEncoding])
        var octets: [UInt8] = []
        do {
            for try await buffer in request.body {
                let before = octets.count
                try decoder.decode(Array(buffer.readableBytesView), into: &octets, limit: limit)
                try share.take(octets.count - before)
            }
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem.invalid("", "The body ended early.")
        }
        guard decoder.isComplete else { throw IdentityDecoder.malformed }
        return octets
    }

    /// Undoes a content coding; throws 415 for one that is not known.
    static func decoder(_ coding: String?) throws(Problem) -> any BodyDecoder {
        let decoder: (any BodyDecoder)?
        switch coding?.lowercased() {
        case nil, "", "identity": decoder = IdentityDecoder()
        case "gzip", "x-gzip", "deflate": decoder = Inflater()
        case "zstd": decoder = ZstdInflater()
        case let other?:
            throw Problem(
                .unsupportedMediaType,
                "Content-Encoding \(other) is not known; gzip, deflate and zstd are.")
        }
        guard let decoder else { throw Problem(.overloaded, "There is no memory; try again.") }
        return decoder
    }
}
