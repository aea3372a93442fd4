import HTTPAPI
import MailEvents
import Synchronization

/// Orders of a command: one connection to who carries them out, and what goes wrong in words.
enum ControlCall {
    /// Sends JSON to a path, and returns the answer's object.
    ///
    /// Complains and throws an exit code when the answer is a problem.
    static func post(
        _ path: String, _ json: String, at point: ControlPoint, accept: String = "",
        onLine: @escaping @Sendable (JSONValue) -> Void = { _ in }
    ) async throws -> JSONValue {
        var request = LocalRequest(.post, path, body: LocalBody(Array(json.utf8)))
        request.contentType = "application/json"
        request.accept = accept
        return try await answer(request, at: point, onLine: onLine)
    }

    /// Sends a request, and returns the answer's object.
    static func answer(
        _ request: LocalRequest, at point: ControlPoint,
        onLine: @escaping @Sendable (JSONValue) -> Void = { _ in }
    ) async throws -> JSONValue {
        let last = Mutex<JSONValue?>(nil)
        let (status, body) = try await point.call(request) { line in
            last.withLock { $0 = line }
            onLine(line)
        }
        let value = JSONValue(body) ?? last.withLock { $0 } ?? .null
        guard status < 300, value["status"] == .null else { throw complained(value, status) }
        return value
    }

    /// Says what a problem says; returns the exit code for it.
    private static func complained(_ problem: JSONValue, _ status: Int) -> any Error {
        let detail = problem["detail"].text
        complain("waybill: " + (detail.isEmpty ? "the answer's status is \(status)" : detail))
        for error in problem["errors"].elements.dropFirst() {
            complain("waybill: \(error["pointer"].text): \(error["detail"].text)")
        }
        let number = problem["status"] == .null ? status : problem["status"].number
        return number == 503 ? Exit.temporary : Exit.found
    }
}
