package import CurlHTTP
package import MailEvents
internal import Synchronization

/// A cluster of etcd over its HTTP gateway (`/v3/...`, etcd 3.4 or later).
///
/// A request goes to the endpoint that answered last, and to the next one when that does not answer or
/// cannot; each once.
///
/// Concurrency: may be shared; requests block.
package final class EtcdClient: Sendable {
    /// Where and as whom.
    package struct Settings: Sendable {
        /// `http://host:port` or `https://host:port`.
        package var endpoints: [String]
        /// For one request to one endpoint.
        package var requestMilliseconds: Int
        package var identity = TransferIdentity()
        /// Who asks; empty: nobody says who they are.
        package var user = ""
        /// The user's password, read when it is needed; nil: it cannot be read.
        package var password: @Sendable () -> String? = { nil }

        /// Creates settings.
        package init(endpoints: [String], requestMilliseconds: Int) {
            self.endpoints = endpoints
            self.requestMilliseconds = requestMilliseconds
        }
    }

    private struct State: Sendable {
        /// Index of the endpoint that answered last.
        var preferred = 0
        /// What stands for the user; nil: not asked for yet.
        var token: String?
    }

    private let settings: Settings
    private let pool = CurlPool()
    private let state = Mutex(State())
    private static let answerOctets = 4 << 20

    /// Describes a cluster; nothing is asked of it yet.
    package init(_ settings: Settings) { self.settings = settings }

    /// Asks for something.
    ///
    /// - Parameters:
    ///   - path: Behind the endpoint: `/v3/kv/range`.
    ///   - write: Writes the members of the request's object.
    /// - Returns: The answer's object.
    /// - Throws: See ``EtcdError``.
    package func call(
        _ path: String, _ write: (inout JSONWriter) -> Void = { _ in }
    ) throws(EtcdError) -> JSONValue {
        var writer = JSONWriter()
        writer.beginObject()
        write(&writer)
        writer.endObject()
        guard !settings.user.isEmpty else { return try ask(path, writer.bytes, token: nil) }
        let known = state.withLock { $0.token }
        let token: String
        if let known { token = known } else { token = try authenticate() }
        do throws(EtcdError) {
            return try ask(path, writer.bytes, token: token)
        } catch {
            guard error.code == .unauthenticated else { throw error }
            // Tokens end; what the password is worth is seen at the second time.
            return try ask(path, writer.bytes, token: authenticate())
        }
    }

    private func authenticate() throws(EtcdError) -> String {
        guard let password = settings.password() else {
            throw EtcdError(
                .unauthenticated,
                "the password of user \(settings.user) for etcd cannot be read")
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(settings.user, "name")
        writer.string(password, "password")
        writer.endObject()
        let token = try ask("/v3/auth/authenticate", writer.bytes, token: nil)["token"].text
        state.withLock { $0.token = token }
        return token
    }

    /// Asks one endpoint after the other.
    private func ask(
        _ path: String, _ body: [UInt8], token: String?
    ) throws(EtcdError) -> JSONValue {
        let first = state.withLock { $0.preferred }
        var last = EtcdError(.unavailable, "there is no endpoint")
        for offset in settings.endpoints.indices {
            let index = (first + offset) % settings.endpoints.count
            do throws(EtcdError) {
                let answer = try ask(settings.endpoints[index], path, body, token: token)
                state.withLock { $0.preferred = index }
                return answer
            } catch {
                guard error.code == .unavailable else { throw error }
                last = error
            }
        }
        throw last
    }

    private func ask(
        _ endpoint: String, _ path: String, _ body: [UInt8], token: String?
    ) throws(EtcdError) -> JSONValue {
        var fields = [(name: "content-type", value: "application/json")]
        if let token { fields.append((name: "authorization", value: token)) }
        let exchange = HTTPExchange(
            method: "POST", url: endpoint + path, fields: fields, body: HTTPExchange.Body(body))
        var limits = TransferLimits(
            connectMilliseconds: settings.requestMilliseconds, answerOctets: Self.answerOctets)
        limits.totalMilliseconds = settings.requestMilliseconds
        let answer: HTTPExchange.Answer
        do {
            answer = try pool.with {
                try $0.run(exchange, identity: settings.identity, limits: limits)
            }
        } catch {
            throw EtcdError(
                .unavailable,
                "etcd at \(endpoint): \((error as? TransferError)?.message ?? "\(error)")")
        }
        guard answer.status == 200 else { throw error(endpoint, answer) }
        // The answer to a stream's request has a line for each of its elements.
        let line = Array(answer.body.prefix { $0 != 0x0A })
        guard let value = JSONValue(line) else {
            throw EtcdError(.refused, "etcd at \(endpoint) answered what is no JSON")
        }
        return value
    }

    private func error(_ endpoint: String, _ answer: HTTPExchange.Answer) -> EtcdError {
        let value = JSONValue(answer.body) ?? .null
        let said = value["error"].text.isEmpty ? value["message"].text : value["error"].text
        var text = "etcd at \(endpoint): \(said.isEmpty ? "status \(answer.status)" : said)"
        if answer.status == 403 || said.contains("authentication failed") {
            text += settings.user.isEmpty ? " (no user)" : " (user \(settings.user))"
        }
        // The second: a signed token is worth nothing once any user or role has changed.
        let isOver = ["invalid auth token", "revision of auth store is old"].contains {
            said.contains($0)
        }
        if answer.status == 401 || isOver { return EtcdError(.unauthenticated, text) }
        switch answer.status {
        case 404 where value != .null: return EtcdError(.notFound, text)
        case 500...: return EtcdError(.unavailable, text)
        default: return EtcdError(.refused, text)
        }
    }
}
