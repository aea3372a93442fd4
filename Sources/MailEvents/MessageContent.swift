package import EventLog

extension MessageReceived {
    /// The events that the content is stored with, in order: its pieces, or the `received` itself.
    ///
    /// - Parameter sequence: Of the `received`.
    /// - Returns: Their sequences.
    package func contentEvents(at sequence: UInt64) -> [UInt64] {
        contentPieces.isEmpty ? [sequence] : contentPieces
    }

    /// The whole content, put together from its pieces.
    ///
    /// - Parameters:
    ///   - sequence: Of the `received`.
    ///   - stored: The bytes stored with an event; nil when there are none.
    /// - Returns: nil when some of it is not there.
    /// - Throws: What `stored` does.
    package func content<Failure: Error>(
        at sequence: UInt64, _ stored: (UInt64) throws(Failure) -> [UInt8]?
    ) throws(Failure) -> [UInt8]? {
        guard !contentPieces.isEmpty else { return try stored(sequence) }
        var content: [UInt8] = []
        for piece in contentPieces {
            guard let bytes = try stored(piece) else { return nil }
            // Only now: a size that is far from the truth should not take memory.
            if content.isEmpty { content.reserveCapacity(min(sizeOctets, Self.reservedOctets)) }
            content += bytes
        }
        return content
    }

    /// Room made at once for a content; the largest that a listener takes unless it is told otherwise.
    private static let reservedOctets = 50 << 20
}

extension LogReader {
    /// The whole content of a message.
    ///
    /// - Parameters:
    ///   - message: Its `received`.
    ///   - sequence: The sequence of that.
    /// - Returns: nil when it, or a piece of it, is not there.
    /// - Throws: When the log cannot be read.
    package func content(
        of message: MessageReceived, at sequence: UInt64
    ) throws(EventLogError) -> [UInt8]? {
        try message.content(at: sequence) { (event) throws(EventLogError) in
            try content(of: event)
        }
    }

    /// Whether all of a message's content is there.
    ///
    /// - Parameters:
    ///   - message: Its `received`.
    ///   - sequence: The sequence of that.
    /// - Returns: Whether it is.
    /// - Throws: When the log cannot be read.
    package func hasContent(
        of message: MessageReceived, at sequence: UInt64
    ) throws(EventLogError) -> Bool {
        for event in message.contentEvents(at: sequence) {
            guard try content(of: event) != nil else { return false }
        }
        return true
    }
}
