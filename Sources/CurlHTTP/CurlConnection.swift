internal import CCurl
internal import Synchronization

/// A connection to a server, used again for the next request: libcurl's easy handle.
///
/// Concurrency: one request at a time; see ``CurlPool``.
// @unchecked because the pool hands it to one thread at a time.
@safe package final class CurlConnection: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer
    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init?() {
        guard Self.isReady, let handle = unsafe curl_easy_init() else { return nil }
        unsafe self.handle = handle
    }

    deinit { unsafe curl_easy_cleanup(handle) }

    /// What the callbacks of one transfer share.
    private final class Transfer {
        var next: (() throws -> [UInt8]?)?
        var waiting: ArraySlice<UInt8> = []
        let sink: (([UInt8]) throws -> Void)?
        var body: [UInt8] = []
        var delivered = 0
        var tag: String?
        var status = 0
        var failure: (any Error)?
        private let answerOctets: Int

        init(_ exchange: HTTPExchange, answerOctets: Int) {
            next = exchange.body?.open()
            sink = exchange.sink
            self.answerOctets = answerOctets
        }

        /// Octets of the request's body; nil when they cannot be made.
        func produce(_ most: Int) -> ArraySlice<UInt8>? {
            do {
                while waiting.isEmpty {
                    guard let more = try next?() else { return [] }
                    waiting = more[...]
                }
            } catch {
                failure = error
                return nil
            }
            defer { waiting = waiting.dropFirst(most) }
            return waiting.prefix(most)
        }

        func take(_ bytes: [UInt8]) -> Bool {
            guard (200..<300).contains(status), let sink else {
                body += bytes
                return body.count <= answerOctets
            }
            do {
                try sink(bytes)
                delivered += bytes.count
                return true
            } catch {
                failure = error
                return false
            }
        }

        func take(line: String) {
            let lower = line.lowercased()
            if lower.hasPrefix("http/") {
                status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            } else if lower.hasPrefix("etag:") {
                tag = line.dropFirst(5).trimmed
            }
        }
    }

    /// Sends a request and reads the answer.
    ///
    /// - Parameters:
    ///   - exchange: The request.
    ///   - identity: Whom to trust, and what to show.
    ///   - limits: When to give up.
    /// - Returns: The answer, whatever its status.
    /// - Throws: ``TransferError`` when there is none; what the body or the sink threw.
    package func run(
        _ exchange: HTTPExchange, identity: TransferIdentity, limits: TransferLimits
    ) throws -> HTTPExchange.Answer {
        unsafe curl_easy_reset(handle)
        let transfer = Transfer(exchange, answerOctets: limits.answerOctets)
        let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
        setCommon(exchange, limits)
        set(identity)
        unsafe setCallbacks(context)
        var list: UnsafeMutablePointer<curl_slist>?
        defer { unsafe curl_slist_free_all(list) }
        for (name, value) in exchange.fields where name != "host" {
            unsafe list = curl_slist_append(list, "\(name): \(value)")
        }
        // Without a pause for leave to send, and without a type that was not signed.
        let hasType = exchange.fields.contains { $0.name == "content-type" }
        for unwanted in hasType ? ["Expect:"] : ["Expect:", "Content-Type:"] {
            unsafe list = curl_slist_append(list, unwanted)
        }
        _ = unsafe waybill_curl_set_list(handle, list)
        if let body = exchange.body {
            _ = unsafe waybill_curl_set_number(handle, CURLOPT_UPLOAD, 1)
            _ = unsafe waybill_curl_set_size(
                handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(body.octets))
        }
        let reason = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe reason.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        _ = unsafe waybill_curl_set_reason(handle, reason)
        defer {
            _ = unsafe waybill_curl_set_reason(handle, nil)
            unsafe reason.deallocate()
        }
        let code = unsafe curl_easy_perform(handle)
        let status = unsafe waybill_curl_status(handle)
        withExtendedLifetime(transfer) {}
        if let failure = transfer.failure { throw failure }
        guard code == CURLE_OK else {
            let kind = unsafe String(cString: curl_easy_strerror(code))
            let words = unsafe String(cString: reason)[...].trimmed
            throw TransferError(
                message: "no answer: \(words.isEmpty ? kind : words)", url: exchange.url)
        }
        return HTTPExchange.Answer(
            status: status, tag: transfer.tag, body: transfer.body,
            delivered: transfer.delivered)
    }

    private func setCommon(_ exchange: HTTPExchange, _ limits: TransferLimits) {
        let numbers: [(CURLoption, Int)] = [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_PATH_AS_IS, 1), (CURLOPT_FOLLOWLOCATION, 0),
            (CURLOPT_CONNECTTIMEOUT_MS, limits.connectMilliseconds),
            (CURLOPT_TIMEOUT_MS, limits.totalMilliseconds),
            (CURLOPT_LOW_SPEED_LIMIT, limits.slowestOctetsPerSecond),
            (CURLOPT_LOW_SPEED_TIME, limits.stallSeconds), (CURLOPT_TCP_KEEPALIVE, 1),
            (CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)),
        ]
        for (option, value) in numbers {
            _ = unsafe waybill_curl_set_number(handle, option, value)
        }
        _ = unsafe waybill_curl_set_text(handle, CURLOPT_URL, exchange.url)
        _ = unsafe waybill_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        if exchange.method != (exchange.body == nil ? "GET" : "PUT") {
            _ = unsafe waybill_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, exchange.method)
        }
    }

    private func set(_ identity: TransferIdentity) {
        let files: [(CURLoption, String?)] = [
            (CURLOPT_CAINFO, identity.trustedRoots), (CURLOPT_SSLCERT, identity.certificate),
            (CURLOPT_SSLKEY, identity.key),
        ]
        for case (let option, let file?) in files {
            _ = unsafe waybill_curl_set_text(handle, option, file)
        }
    }

    private func setCallbacks(_ context: UnsafeMutableRawPointer) {
        _ = unsafe waybill_curl_set_data(
            handle, CURLOPT_WRITEFUNCTION,
            { buffer, size, count, context in
                guard let buffer = unsafe buffer, let context = unsafe context else { return 0 }
                let bytes = unsafe [UInt8](
                    UnsafeRawBufferPointer(start: buffer, count: size * count))
                let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context)
                    .takeUnretainedValue()
                return transfer.take(bytes) ? size * count : 0
            }, CURLOPT_WRITEDATA, context)
        _ = unsafe waybill_curl_set_data(
            handle, CURLOPT_READFUNCTION,
            { buffer, size, count, context in
                guard let buffer = unsafe buffer, let context = unsafe context else { return 0 }
                let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context)
                    .takeUnretainedValue()
                guard let bytes = transfer.produce(size * count) else {
                    return Int(CURL_READFUNC_ABORT)
                }
                unsafe UnsafeMutableRawBufferPointer(start: buffer, count: size * count)
                    .copyBytes(from: bytes)
                return bytes.count
            }, CURLOPT_READDATA, context)
        _ = unsafe waybill_curl_set_data(
            handle, CURLOPT_HEADERFUNCTION,
            { buffer, size, count, context in
                guard let buffer = unsafe buffer, let context = unsafe context else { return 0 }
                let bytes = unsafe UnsafeRawBufferPointer(start: buffer, count: size * count)
                let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context)
                    .takeUnretainedValue()
                transfer.take(line: String(decoding: unsafe Array(bytes), as: UTF8.self))
                return size * count
            }, CURLOPT_HEADERDATA, context)
    }
}

extension Substring {
    /// Without white space and line ends round it.
    var trimmed: String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace || $0.isNewline }
        let front = drop(while: isSpace)
        return String(String(front.reversed().drop(while: isSpace)).reversed())
    }
}

/// Connections that nobody uses at the moment.
///
/// Concurrency: may be shared.
package final class CurlPool: Sendable {
    private let idle = Mutex<[CurlConnection]>([])

    /// Without a connection yet.
    package init() {}

    /// Runs `body` with a connection that is no one else's meanwhile.
    ///
    /// - Parameter body: What to do with it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; ``TransferError`` when there is no libcurl.
    package func with<Result>(_ body: (CurlConnection) throws -> Result) throws -> Result {
        guard let connection = idle.withLock({ $0.popLast() }) ?? CurlConnection() else {
            throw TransferError(message: "libcurl could not be started", url: "")
        }
        defer { idle.withLock { $0.append(connection) } }
        return try body(connection)
    }
}
