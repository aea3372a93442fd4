/// One HTTP request and its answer.
package struct HTTPExchange {
    /// The octets of a request.
    package struct Body {
        package var octets: UInt64
        /// Begins to read: each call of what it returns gives the next octets, nil at the end.
        package var open: () -> () throws -> [UInt8]?

        /// Octets in memory.
        package init(_ bytes: [UInt8]) {
            octets = UInt64(bytes.count)
            open = {
                var rest: [UInt8]? = bytes
                return {
                    defer { rest = nil }
                    return rest
                }
            }
        }

        /// Octets that are made as they are sent.
        package init(octets: UInt64, open: @escaping () -> () throws -> [UInt8]?) {
            self.octets = octets
            self.open = open
        }
    }

    /// The answer.
    package struct Answer {
        package var status: Int
        /// Of `etag`, as it came.
        package var tag: String?
        /// The body, unless it went to the sink.
        package var body: [UInt8]
        /// Octets that went to the sink.
        package var delivered: Int
    }

    package var method: String
    package var url: String
    package var fields: [(name: String, value: String)]
    /// nil: none.
    package var body: Body?
    /// Takes the octets of an answer of success as they come.
    package var sink: (([UInt8]) throws -> Void)?

    /// Creates a request.
    package init(
        method: String, url: String, fields: [(name: String, value: String)] = [],
        body: Body? = nil, sink: (([UInt8]) throws -> Void)? = nil
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.sink = sink
    }
}

/// Whom a connection trusts, and what it shows.
///
/// Concurrency: value.
package struct TransferIdentity: Hashable, Sendable {
    /// PEM file of the authorities to trust; nil: the system's.
    package var trustedRoots: String?
    /// PEM file of the certificate that is shown; nil: none.
    package var certificate: String?
    /// PEM file of its key.
    package var key: String?

    /// Creates an identity.
    package init(trustedRoots: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.trustedRoots = trustedRoots
        self.certificate = certificate
        self.key = key
    }
}

/// When a transfer is given up.
///
/// Concurrency: value.
package struct TransferLimits: Hashable, Sendable {
    /// For the connection.
    package var connectMilliseconds: Int
    /// For the whole; 0: as long as it takes.
    package var totalMilliseconds = 0
    /// Octets a second below which it is given up after ``stallSeconds``.
    package var slowestOctetsPerSecond = 0
    package var stallSeconds = 0
    /// Octets of an answer that is kept in memory.
    package var answerOctets: Int

    /// Creates limits.
    package init(connectMilliseconds: Int, answerOctets: Int) {
        self.connectMilliseconds = connectMilliseconds
        self.answerOctets = answerOctets
    }
}

/// Why there is no answer.
///
/// Concurrency: value.
package struct TransferError: Error, Hashable, Sendable, CustomStringConvertible {
    /// In words.
    package var message: String
    /// What was asked for.
    package var url: String

    /// One line.
    package var description: String { "\(message) (\(url))" }
}
