import HTTPTypes
import Hummingbird
import MailEvents
import NIOCore

/// What went wrong, as a client is told: problem details (RFC 9457).
///
/// Its text names nothing of the configuration, no file and no other tenant.
///
/// Concurrency: value.
struct Problem: Error, Equatable, Sendable {
    /// The kinds of problem; the raw value ends `type` and never changes.
    enum Code: String, Sendable, CaseIterable {
        case invalidRequest = "invalid-request"
        case unauthorized
        case forbidden
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case conflict
        case tooLarge = "too-large"
        case unsupportedMediaType = "unsupported-media-type"
        case invalidMessage = "invalid-message"
        case invalidOrder = "invalid-order"
        case limitReached = "limit-reached"
        case keyReused = "idempotency-key-reused"
        case outOfSpace = "out-of-space"
        case overloaded
        case notReady = "not-ready"
        case wrongRole = "wrong-role"
        case notRecorded = "not-recorded"
        case notReplicated = "not-replicated"
        case notPruned = "not-pruned"
        case pruned
        case damaged
        case internalError = "internal-error"
    }

    /// A place in the request and what is wrong there.
    struct Detail: Equatable, Sendable {
        /// A JSON pointer (RFC 6901), or the name of a parameter or header field.
        var pointer: String
        var detail: String
    }

    var code: Code
    /// This occurrence, in words.
    var detail: String
    var errors: [Detail] = []
    /// Methods that the path knows, for `Allow`.
    var allowed: [String] = []

    init(_ code: Code, _ detail: String, errors: [Detail] = [], allowed: [String] = []) {
        self.code = code
        self.detail = detail
        self.errors = errors
        self.allowed = allowed
    }

    /// One thing wrong with a request.
    static func invalid(_ pointer: String, _ detail: String) -> Problem {
        Problem(.invalidRequest, detail, errors: [Detail(pointer: pointer, detail: detail)])
    }
}

extension Problem.Code {
    /// The HTTP status that goes with it (RFC 9110 section 15).
    var status: HTTPResponse.Status {
        switch self {
        case .invalidRequest: .badRequest
        case .unauthorized: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .conflict: .conflict
        case .tooLarge: .contentTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .invalidMessage, .invalidOrder, .keyReused: .unprocessableContent
        case .limitReached, .wrongRole, .notPruned: .conflict
        case .pruned: .gone
        case .outOfSpace, .overloaded, .notReady, .notRecorded, .notReplicated: .serviceUnavailable
        case .damaged, .internalError: .internalServerError
        }
    }

    /// The same for every occurrence.
    var title: String {
        switch self {
        case .invalidRequest: "The request cannot be understood"
        case .unauthorized: "A valid key is needed"
        case .forbidden: "The key does not allow this"
        case .notFound: "There is no such thing"
        case .methodNotAllowed: "The method does not fit the path"
        case .conflict: "The same request is being worked on"
        case .tooLarge: "The request is too large"
        case .unsupportedMediaType: "The content type or coding is not supported"
        case .invalidMessage: "The message cannot be sent as described"
        case .invalidOrder: "The order cannot be carried out as described"
        case .limitReached: "There are as many as there may be"
        case .keyReused: "The idempotency key belongs to another request"
        case .outOfSpace: "There is no space for new messages"
        case .overloaded: "The server is busy"
        case .notReady: "The server is not ready"
        case .wrongRole: "The site's role does not allow this"
        case .notRecorded: "The message could not be recorded"
        case .notReplicated: "The message is not on enough other sites"
        case .notPruned: "Nothing was removed from the log"
        case .pruned: "The events are no longer kept"
        case .damaged: "The log is damaged"
        case .internalError: "The server failed"
        }
    }

    /// Whether the same request may succeed a little later.
    var isForNow: Bool {
        switch self {
        case .outOfSpace, .overloaded, .notReady, .notRecorded, .notReplicated, .conflict: true
        default: false
        }
    }
}

extension Problem {
    /// `application/problem+json`, with `Retry-After` where trying again makes sense.
    func response() -> Response {
        var writer = JSONWriter()
        write(to: &writer)
        var headers: HTTPFields = [.contentType: "application/problem+json"]
        if code.isForNow { headers[.retryAfter] = String(APILimits.retryAfterSeconds) }
        if code == .unauthorized { headers[.wwwAuthenticate] = "Bearer realm=\"waybill\"" }
        if !allowed.isEmpty { headers[.allow] = allowed.joined(separator: ", ") }
        return Response(
            status: code.status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }

    /// The object that a client gets.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.string("/docs#\(code.rawValue)", "type")
        writer.string(code.title, "title")
        writer.number(code.status.code, "status")
        writer.string(detail, "detail")
        if !errors.isEmpty {
            writer.beginArray("errors")
            for error in errors {
                writer.beginObject()
                writer.string(error.pointer, "pointer")
                writer.string(error.detail, "detail")
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
    }
}
