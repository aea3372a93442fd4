internal import CurlHTTP
internal import EventLog
internal import Glibc

/// Objects in storage that speaks the S3 API.
///
/// What it asks of the storage, beside putting, getting, listing and deleting: that a PUT with
/// `If-None-Match: *` or `If-Match` is refused with 412 when the condition does not hold. A storage
/// that passes over them would let an old writer overwrite a new one's objects; see ``probe()``.
///
/// Concurrency: may be shared; each call uses a connection of its own.
package final class S3Store: ArchiveStore {
    /// Where and as whom.
    package struct Settings: Hashable, Sendable {
        /// `https://host[:port]`, without a path.
        package var endpoint: String
        package var region: String
        package var bucket: String
        /// Of all objects' names; empty, or without a slash at either end.
        package var prefix: String
        package var credentials: S3Credentials
        /// PEM file of the authorities to trust; nil: the system's.
        package var trustedRoots: String?

        /// Creates settings.
        package init(
            endpoint: String, region: String, bucket: String, prefix: String,
            credentials: S3Credentials, trustedRoots: String? = nil
        ) {
            self.endpoint = endpoint
            self.region = region
            self.bucket = bucket
            self.prefix = prefix
            self.credentials = credentials
            self.trustedRoots = trustedRoots
        }
    }

    package let place: String
    private let settings: Settings
    private let host: String
    private let signer: RequestSigner
    private let pool = CurlPool()
    private static let emptyHash = Hex.text(Digest.of([]))
    /// How often a request is sent when there is no answer, or one that says to try later.
    private static let tries = 4

    /// Describes a storage; nothing is asked of it yet.
    package init(_ settings: Settings) {
        self.settings = settings
        place =
            "s3://" + settings.bucket + (settings.prefix.isEmpty ? "" : "/" + settings.prefix)
        host = settings.endpoint.split(separator: "/").last.map(String.init) ?? ""
        signer = RequestSigner(credentials: settings.credentials, region: settings.region)
    }

    package func put(
        _ name: String, _ body: StoreBody, if condition: PutCondition
    ) throws(ArchiveError) -> PutOutcome {
        guard body.octets <= BackupLimits.objectOctetsMax else {
            throw ArchiveError(
                .unsupported, "the object has \(body.octets) octets, the storage takes 5 GiB",
                object: place + "/" + name, hint: "Set log.segment_size to 4GiB or less.")
        }
        var fields: [(name: String, value: String)] = []
        switch condition {
        case .absent: fields.append(("if-none-match", "*"))
        case .matches(let tag): fields.append(("if-match", tag))
        }
        let hash = Hex.text(try body.sha256())
        let answer = try request("PUT", key(name), fields: fields, body: (body, hash))
        switch answer.status {
        case 200..<300: return .stored(tag: answer.tag ?? "")
        // 409: another conditional request for the same object is under way, and has won.
        case 409, 412: return .refused
        // The object that a tag was given for is gone.
        case 404 where condition != .absent: return .refused
        default: throw failure(answer, name)
        }
    }

    package func get(
        _ name: String, prefix: Int?, into sink: ([UInt8]) throws -> Void
    ) throws -> String? {
        let fields: [(name: String, value: String)] =
            prefix.map { [("range", "bytes=0-\($0 - 1)")] } ?? []
        return try withoutActuallyEscaping(sink) { sink in
            let answer = try requestOrThrow("GET", key(name), fields: fields, sink: sink)
            switch answer.status {
            case 200..<300: return answer.tag ?? ""
            case 404: return nil
            default: throw failure(answer, name)
            }
        }
    }

    package func list(_ folder: String) throws(ArchiveError) -> StoreListing {
        let start = key(folder)
        var listing = StoreListing()
        var token: String?
        while true {
            var query = [
                ("delimiter", "/"), ("list-type", "2"), ("prefix", start),
            ]
            if let token { query.insert(("continuation-token", token), at: 0) }
            let text = query.map {
                $0.0 + "=" + RequestSigner.encoded($0.1, keepsSlash: false)
            }.joined(separator: "&")
            let answer = try request("GET", "", query: text)
            guard answer.status == 200 else { throw failure(answer, folder) }
            let page = XMLText(answer.body)
            for object in page.all("Contents") {
                guard let name = object.first("Key"), name.hasPrefix(start),
                    let octets = object.first("Size").flatMap({ UInt64($0) })
                else { continue }
                let short = String(name.dropFirst(start.count))
                if !short.isEmpty { listing.objects.append(.init(name: short, octets: octets)) }
            }
            for folder in page.all("CommonPrefixes") {
                guard let name = folder.first("Prefix"), name.hasPrefix(start) else { continue }
                listing.folders.append(
                    String(name.dropFirst(start.count).drop { $0 == "/" }.prefix { $0 != "/" }))
            }
            guard page.first("IsTruncated") == "true",
                let next = page.first("NextContinuationToken")
            else { break }
            token = next
        }
        listing.objects.sort { $0.name < $1.name }
        return listing
    }

    package func remove(_ name: String) throws(ArchiveError) {
        let answer = try request("DELETE", key(name))
        guard (200..<300).contains(answer.status) || answer.status == 404 else {
            throw failure(answer, name)
        }
    }

    // MARK: - Requests

    private func key(_ name: String) -> String {
        settings.prefix.isEmpty ? name : settings.prefix + "/" + name
    }

    private func request(
        _ method: String, _ key: String, query: String = "",
        fields: [(name: String, value: String)] = [], body: (StoreBody, String)? = nil
    ) throws(ArchiveError) -> HTTPExchange.Answer {
        do {
            return try requestOrThrow(method, key, query: query, fields: fields, body: body)
        } catch let error as ArchiveError {
            throw error
        } catch {
            throw ArchiveError(.inaccessible, "\(error)", object: place)
        }
    }

    private func requestOrThrow(
        _ method: String, _ key: String, query: String = "",
        fields: [(name: String, value: String)] = [], body: (StoreBody, String)? = nil,
        sink: (([UInt8]) throws -> Void)? = nil
    ) throws -> HTTPExchange.Answer {
        let path =
            "/" + RequestSigner.encoded(settings.bucket, keepsSlash: false)
            + (key.isEmpty ? "" : "/" + RequestSigner.encoded(key, keepsSlash: true))
        var delivered = 0
        var attempt = 1
        while true {
            let signed = signer.fields(
                method: method, host: host, path: path, query: query, fields: fields,
                payloadHash: body?.1 ?? Self.emptyHash, time: SystemClock.microseconds())
            let exchange = HTTPExchange(
                method: method,
                url: settings.endpoint + path + (query.isEmpty ? "" : "?" + query),
                fields: signed, body: body?.0.forTransfer,
                sink: sink.map { sink in
                    { bytes in
                        delivered += bytes.count
                        try sink(bytes)
                    }
                })
            do {
                let answer = try send(exchange)
                guard answer.status >= 500 || answer.status == 429, attempt < Self.tries else {
                    return answer
                }
            } catch let error as ArchiveError {
                // What was handed on cannot be taken back.
                guard error.code == .inaccessible, delivered == 0, attempt < Self.tries else {
                    throw error
                }
            }
            usleep(UInt32(100_000 << attempt))
            attempt += 1
        }
    }

    private func send(_ exchange: HTTPExchange) throws -> HTTPExchange.Answer {
        do {
            return try pool.with {
                try $0.run(
                    exchange, identity: TransferIdentity(trustedRoots: settings.trustedRoots),
                    limits: .storage)
            }
        } catch let error as TransferError {
            throw ArchiveError(.inaccessible, error.message, object: error.url)
        }
    }

    private func failure(_ answer: HTTPExchange.Answer, _ name: String) -> ArchiveError {
        let text = XMLText(answer.body)
        let said = [text.first("Code"), text.first("Message")].compactMap { $0 }
            .joined(separator: ": ")
        var hint = ""
        if answer.status == 403 {
            hint = "Check the credentials, the clock of this machine, and what the key may do."
        }
        return ArchiveError(
            .inaccessible,
            "the storage answered \(answer.status)" + (said.isEmpty ? "" : " (\(said))"),
            object: place + "/" + name, hint: hint)
    }
}

extension TransferLimits {
    /// For objects of any size.
    fileprivate static var storage: TransferLimits {
        var limits = TransferLimits(
            connectMilliseconds: BackupLimits.connectSeconds * 1_000,
            answerOctets: BackupLimits.answerOctets)
        limits.slowestOctetsPerSecond = BackupLimits.slowestOctetsPerSecond
        limits.stallSeconds = BackupLimits.stallSeconds
        return limits
    }
}

extension StoreBody {
    /// As a request's body.
    fileprivate var forTransfer: HTTPExchange.Body {
        HTTPExchange.Body(octets: octets) {
            let next = open()
            return { try next() }
        }
    }
}
