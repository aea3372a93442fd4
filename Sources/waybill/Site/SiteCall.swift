import EventLog
import HTTPAPI
import MailEvents
import NIOCore
import Synchronization

/// Asks the server of a data directory about its site: unlike other orders, this needs one that runs,
/// in whatever role.
enum SiteCall {
    /// How the site stands.
    static func report(_ options: DataOptions) async throws -> JSONValue {
        try await answer(LocalRequest(.get, "/api/v1/site"), options)
    }

    /// Asks for something.
    static func get(_ path: String, _ options: DataOptions) async throws -> JSONValue {
        try await answer(LocalRequest(.get, path), options)
    }

    /// How the site stands; nil when no server answers.
    static func reportIfThere(_ options: DataOptions) async -> JSONValue? {
        guard let (status, value) = try? await call(LocalRequest(.get, "/api/v1/site"), options)
        else { return nil }
        return status == 200 ? value : nil
    }

    /// Gives an order.
    static func post(
        _ path: String, _ json: String, _ options: DataOptions
    ) async throws -> JSONValue {
        try await answer(request(path, json), options)
    }

    /// Between two roles a server does not listen, for about as long as it takes to open a log.
    private static let silenceMilliseconds: UInt64 = 3_000

    /// Gives an order about the site's role. A server that is changing it refuses for a moment, or does
    /// not answer: then the order is given again.
    ///
    /// - Parameters:
    ///   - path: Of the order.
    ///   - json: Its body.
    ///   - options: Whose server.
    ///   - seconds: How long a change under way is waited for.
    /// - Returns: The answer.
    /// - Throws: Exit codes, when it is said on standard error why.
    static func order(
        _ path: String, _ json: String, _ options: DataOptions, seconds: Int
    ) async throws -> JSONValue {
        let end = SystemClock.monotonicMilliseconds() + UInt64(max(0, seconds)) * 1_000
        var heard = SystemClock.monotonicMilliseconds()
        while true {
            let answered = try? await call(request(path, json), options)
            let now = SystemClock.monotonicMilliseconds()
            if let (status, value) = answered {
                guard status == 503, now < end else { return try taken(status, value) }
                heard = now
            } else if now >= min(end, heard + silenceMilliseconds) {
                return try await answer(request(path, json), options)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private static func request(_ path: String, _ json: String) -> LocalRequest {
        var request = LocalRequest(.post, path, body: LocalBody(Array(json.utf8)))
        request.contentType = "application/json"
        return request
    }

    /// Waits until the site stands as it should; while its server changes its role it does not answer.
    ///
    /// - Throws: 75 when it took too long.
    static func wait(
        _ options: DataOptions, seconds: Int, until isDone: (JSONValue) -> Bool
    ) async throws -> JSONValue {
        let end = SystemClock.monotonicMilliseconds() + UInt64(seconds) * 1_000
        while SystemClock.monotonicMilliseconds() < end {
            if let (status, value) = try? await call(
                LocalRequest(.get, "/api/v1/site"), options), status == 200, isDone(value)
            {
                return value
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        complain(
            "waybill: the site has not got its new role in \(seconds) s. Look at it with waybill site "
                + "status, and at its server's log.")
        throw Exit.temporary
    }

    private static func answer(
        _ request: LocalRequest, _ options: DataOptions
    ) async throws -> JSONValue {
        let status: Int
        let value: JSONValue
        do {
            (status, value) = try await call(request, options)
        } catch {
            complain(
                "waybill: no server answers on \(try options.directory()): \(error). Start it (waybill "
                    + "serve), and give the order as its user.")
            throw Exit.unavailable
        }
        return try taken(status, value)
    }

    private static func taken(_ status: Int, _ value: JSONValue) throws -> JSONValue {
        guard status < 300 else {
            let detail = value["detail"].text
            complain("waybill: " + (detail.isEmpty ? "the answer's status is \(status)" : detail))
            throw status == 503 ? Exit.temporary : Exit.found
        }
        return value
    }

    private static func call(
        _ request: LocalRequest, _ options: DataOptions
    ) async throws -> (Int, JSONValue) {
        let octets = Mutex<[UInt8]>([])
        let path = DataDirectory.controlSocket(try options.directory())
        let status = try await SocketClient.call(path, request) { buffer in
            octets.withLock { $0 += buffer.readableBytesView }
        }
        return (status, JSONValue(octets.withLock { $0 }) ?? .null)
    }
}
