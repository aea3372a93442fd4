import HTTPTypes
import Hummingbird

/// One route: what it answers to, who may ask, and what it does.
///
/// There is no route without ``access``: whoever adds one has to say who may use it.
///
/// Concurrency: value.
struct Route: Sendable {
    /// Who may ask.
    enum Access: Hashable, Sendable {
        /// Without a key: says nothing about mail.
        case anyone
        /// With a key of this role. The handler sees to it that a tenant's key touches its own
        /// tenant only.
        case role(APIRole)
    }

    var method: HTTPRequest.Method
    var path: PathPattern
    var access: Access
    /// Answered only while there is a log. The others say how the site stands before that, too.
    var needsLog: Bool
    var handle: @Sendable (APICall) async throws -> Response

    init(
        _ method: HTTPRequest.Method, _ path: PathPattern, _ access: Access,
        _ handle: @escaping @Sendable (APICall) async throws -> Response
    ) {
        self.method = method
        self.path = path
        self.access = access
        needsLog = true
        self.handle = handle
    }

    /// The same route, answered while there is no log, too.
    var answeringWithoutLog: Route {
        var route = self
        route.needsLog = false
        return route
    }

    /// The same route, which says so while there is no log.
    func refusing(without services: APIServices) -> Route {
        guard needsLog else { return self }
        var route = self
        let handle = handle
        route.handle = { call in
            _ = try services.existingLog()
            return try await handle(call)
        }
        return route
    }
}

/// The routes, and which one a request means.
///
/// Concurrency: value.
struct RouteTable: Sendable {
    var routes: [Route]

    /// The route of a request with the values of its path's parameters. A HEAD is answered as the
    /// GET would be (RFC 9110 section 9.3.2).
    ///
    /// Throws 404, or 405 with the methods that the path knows.
    func route(
        _ method: HTTPRequest.Method, _ path: Substring
    ) throws(Problem) -> (route: Route, parameters: [String]) {
        var allowed: Set<String> = []
        let parts = PathPattern.parts(of: path)
        for route in routes {
            guard let parts, let parameters = route.path.match(parts) else { continue }
            if route.method == method || (method == .head && route.method == .get) {
                return (route, parameters)
            }
            allowed.insert(route.method.rawValue)
            if route.method == .get { allowed.insert("HEAD") }
        }
        guard allowed.isEmpty else {
            throw Problem(
                .methodNotAllowed, "The path knows \(allowed.sorted().joined(separator: ", ")).",
                allowed: allowed.sorted())
        }
        throw Problem(.notFound, "There is nothing at this path; see /docs.")
    }
}
