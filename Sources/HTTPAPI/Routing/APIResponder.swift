import HTTPTypes
import Hummingbird
import Logging
import SMTPProtocol

/// Finds a request's route, checks its key, and turns what goes wrong into problem details.
///
/// Concurrency: any thread.
struct APIResponder: HTTPResponder {
    typealias Context = APIContext

    var table: RouteTable
    var keys: APIKeyDirectory
    /// Who every request is from, where who may connect is known already; nil: the key says.
    var everyCaller: Caller?

    func respond(to request: Request, context: APIContext) async throws -> Response {
        var response: Response
        do {
            response = try await answer(request, context)
        } catch let problem as Problem {
            response = problem.response()
        } catch is CancellationError {
            response = Problem(.notReady, "The server is stopping.").response()
        } catch {
            context.logger.error("request failed", metadata: ["error": "\(error)"])
            response = Problem(.internalError, "The server failed; it is in its log.").response()
        }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ context: APIContext) async throws -> Response {
        let target = (request.head.path ?? "/")[...]
        let end = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        let path = target[..<end]
        let (route, parameters) = try table.route(request.method, path)
        var caller: Caller?
        if case .role(let role) = route.access {
            let known = try everyCaller ?? authenticate(request)
            guard known.may(role) else {
                throw Problem(.forbidden, "The key lacks the role \(role.rawValue).")
            }
            caller = known
        }
        let query = try QueryParameters(target[end...].dropFirst())
        return try await route.handle(
            APICall(
                request: request, context: context, parameters: parameters, query: query,
                caller: caller))
    }

    /// `Authorization: Bearer <token>` (RFC 6750 section 2.1), or Basic with the token as the
    /// password, which clients of other servers can be told to send.
    private func authenticate(_ request: Request) throws(Problem) -> Caller {
        guard let field = request.headers[.authorization] else {
            throw Problem(.unauthorized, "Give a key: Authorization: Bearer <token>.")
        }
        let parts = field.utf8.split(separator: 0x20, maxSplits: 1).map { Substring($0) }
        var token: String?
        if parts.count == 2 {
            let credentials = parts[1].drop { $0 == " " }
            switch parts[0].lowercased() {
            case "bearer": token = String(credentials)
            case "basic":
                token = Base64.decode(String(credentials)).flatMap {
                    String(decoding: $0, as: UTF8.self).split(
                        separator: ":", maxSplits: 1, omittingEmptySubsequences: false
                    ).last.map(String.init)
                }
            default: break
            }
        }
        guard let token, let key = keys.key(token: token) else {
            throw Problem(.unauthorized, "The key is not known, or was revoked.")
        }
        return Caller(key)
    }
}
