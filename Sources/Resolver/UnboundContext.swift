internal import CUnbound
import Glibc

/// libunbound's context: its settings, caches and the thread it works on.
///
/// Concurrency: made anywhere, then used by one thread only (``UnboundThread``).
@safe final class UnboundContext: @unchecked Sendable {
    // @unchecked because the pointer is only handed from the thread that makes it to the one that
    // uses it, and libunbound allows that.
    private let context: OpaquePointer

    /// Sets the library up.
    init(_ configuration: ResolverConfiguration) throws(ResolverError) {
        guard let context = unsafe ub_ctx_create() else {
            throw ResolverError(message: "DNS: libunbound could not be set up")
        }
        unsafe self.context = context
        let options = [
            // Name servers on this machine are usual.
            ("do-not-query-localhost:", "no"),
            // The library's own defaults suit a program that asks now and then.
            ("msg-cache-size:", "16m"), ("rrset-cache-size:", "32m"),
            ("outgoing-range:", "1024"), ("num-queries-per-thread:", "1024"),
            // A server that was down is believed to be so for no longer than this, seconds.
            ("infra-host-ttl:", "60"), ("infra-keep-probing:", "yes"),
        ]
        for (option, value) in options {
            try check(unsafe ub_ctx_set_option(context, option, value), "option \(option) \(value)")
        }
        if !configuration.servers.isEmpty {
            for server in configuration.servers {
                try check(unsafe ub_ctx_set_fwd(context, server), "server \(server)")
            }
        } else if !configuration.resolvConf.isEmpty {
            let file = configuration.resolvConf
            try check(unsafe ub_ctx_resolvconf(context, file), "file \(file)")
        }
        if !configuration.trustAnchorFile.isEmpty {
            let file = configuration.trustAnchorFile
            guard unsafe access(file, R_OK) == 0 else {
                throw ResolverError(message: "DNS: trust anchor file \(file) cannot be read")
            }
            try check(unsafe ub_ctx_add_ta_file(context, file), "file \(file)")
        }
        try check(unsafe ub_ctx_async(context, 1), "thread")
        // RFC 6761 section 6.4: a resolver library does not treat "test" specially.
        if !configuration.servers.isEmpty || !configuration.resolvConf.isEmpty {
            try check(unsafe ub_ctx_zone_remove(context, "test."), "zone test")
        }
    }

    deinit { unsafe ub_ctx_delete(context) }

    private func check(_ code: Int32, _ what: String) throws(ResolverError) {
        guard code != 0 else { return }
        throw ResolverError(message: "DNS: \(what): \(unsafe String(cString: ub_strerror(code)))")
    }

    /// Becomes readable when there are results.
    var descriptor: Int32 { unsafe ub_fd(context) }

    /// Sends a question off. The result goes to `pending` during some later ``process()``.
    ///
    /// - Returns: The number to cancel it with, or nil when the library refused.
    func ask(_ question: DNSQuestion, _ pending: PendingQuestion) -> Int32? {
        var id: Int32 = 0
        let reference = unsafe Unmanaged.passRetained(pending)
        let code = unsafe ub_resolve_async(
            context, question.name, question.type.rawValue, 1, reference.toOpaque(),
            { reference, code, result in
                guard let reference = unsafe reference else { return }
                let pending = unsafe Unmanaged<PendingQuestion>.fromOpaque(reference)
                    .takeRetainedValue()
                pending.reply = unsafe DNSReply(code: code, result: result)
                if let result = unsafe result { unsafe ub_resolve_free(result) }
                pending.onReply(pending)
            }, &id)
        guard code == 0 else {
            unsafe reference.release()
            return nil
        }
        return id
    }

    /// Gives a question up: its result will not come.
    func cancel(_ id: Int32, _ pending: PendingQuestion) {
        guard unsafe ub_cancel(context, id) == 0 else { return }
        unsafe Unmanaged.passUnretained(pending).release()
    }

    /// Delivers the results that are there.
    func process() { _ = unsafe ub_process(context) }
}

/// A question on its way.
///
/// Concurrency: the resolver's thread only.
final class PendingQuestion {
    let question: DNSQuestion
    /// Monotonic milliseconds.
    let deadline: Int64
    let onReply: (PendingQuestion) -> Void
    var id: Int32?
    var reply: DNSReply?

    init(
        _ question: DNSQuestion, deadline: Int64, onReply: @escaping (PendingQuestion) -> Void
    ) {
        self.question = question
        self.deadline = deadline
        self.onReply = onReply
    }
}

extension DNSReply {
    /// Reads libunbound's result.
    @unsafe init(code: Int32, result: UnsafeMutablePointer<ub_result>?) {
        guard code == 0, let result = unsafe result?.pointee else {
            self = .failed(unsafe String(cString: ub_strerror(code)))
            return
        }
        var ttl = Int(unsafe result.ttl)
        if unsafe result.bogus != 0 {
            let reason = unsafe result.why_bogus.map { unsafe String(cString: $0) } ?? "bogus"
            self = .failed("DNSSEC: \(reason)")
        } else if unsafe result.havedata != 0 {
            var records: [[UInt8]] = []
            var index = 0
            while let data = unsafe result.data[index] {
                let buffer = unsafe UnsafeRawBufferPointer(
                    start: data, count: Int(result.len[index]))
                records.append(unsafe Array(buffer))
                index += 1
            }
            self.init(outcome: .records(records), ttlSeconds: ttl)
        } else if unsafe result.rcode != 0 && result.rcode != 3 {
            self = .failed(Self.name(rcode: unsafe result.rcode))
        } else {
            if ttl == 0 { ttl = Limits.negativeWithoutSOASeconds }
            self.init(
                outcome: unsafe result.nxdomain != 0 ? .noDomain : .noData, ttlSeconds: ttl)
        }
        isSecure = unsafe result.secure != 0
    }

    /// The RCODE's name (RFC 1035 section 4.1.1).
    private static func name(rcode: Int32) -> String {
        switch rcode {
        case 1: "format error (FORMERR)"
        case 2: "server failure (SERVFAIL)"
        case 4: "not implemented (NOTIMP)"
        case 5: "refused (REFUSED)"
        default: "response code \(rcode)"
        }
    }
}
