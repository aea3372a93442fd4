import HTTPTypes
import Hummingbird

/// A request on its way to its route's handler.
///
/// Concurrency: value.
struct APICall: Sendable {
    var request: Request
    var context: APIContext
    /// Of the route's path, in order.
    var parameters: [String]
    var query: QueryParameters
    /// nil only on routes for anyone.
    var caller: Caller?

    /// A header field's value.
    func header(_ name: String) -> String? {
        HTTPField.Name(name).flatMap { request.headers[$0] }
    }

    /// The body's type, without parameters, in lower case; empty when it is not given.
    var mediaType: String {
        let field = request.headers[.contentType] ?? ""
        return String(field.prefix { $0 != ";" && $0 != " " }).lowercased()
    }

    /// Whether the client asks for lines of JSON.
    var acceptsLines: Bool {
        (request.headers[.accept] ?? "").lowercased().contains("application/x-ndjson")
    }

    /// Who asks. Throws 401 on a route that forgot to ask for a key.
    func knownCaller() throws(Problem) -> Caller {
        guard let caller else { throw Problem(.unauthorized, "Give a key: Authorization: Bearer") }
        return caller
    }
}
