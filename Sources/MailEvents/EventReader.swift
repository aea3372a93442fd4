import MailModel

/// Makes values of a batch, event by event.
///
/// Concurrency: value.
struct EventReader: ~Copyable {
    private var columns: InlineArray<72, WireReader>
    private let strings: [String]
    private var sessions = Interned<SessionKey, IngressSession>()
    private var peers = Interned<PeerKey, DeliveryPeer>()
    let epoch: UInt32
    /// Sequence of the next event.
    private(set) var sequence: UInt64
    /// Time of the event before, in microseconds; of the current one while it is read.
    private(set) var time: Int64

    /// Begins with the first event of a batch; makes its texts.
    init(
        _ index: consuming BatchIndex, _ bytes: Span<UInt8>, firstSequence: UInt64, epoch: UInt32,
        firstTime: Int64
    ) {
        strings = index.strings.map { String(repairing: bytes.extracting($0)) }
        columns = index.columns
        self.epoch = epoch
        sequence = firstSequence
        time = firstTime
    }

    /// The next event. Must be called exactly as often as the batch has events.
    mutating func next(_ bytes: Span<UInt8>) throws(BatchDecodingError) -> RecordedEvent {
        let type = try small(.batchType, bytes)
        time &+= try signed(.batchTimeDelta, bytes)
        let back = try large(.batchMessageBack, bytes)
        let epochBack = try small(.batchMessageEpochBack, bytes)
        let message = MessageID(epoch: epoch &- epochBack, sequence: sequence &- back)
        let fact =
            try fact(type, message, bytes)
            ?? .unknown(type: type, message: back == 0 && epochBack == 0 ? nil : message)
        let event = RecordedEvent(
            sequence: sequence, epoch: epoch,
            event: Event(time: EventTime(microseconds: time), fact: fact))
        sequence &+= 1
        return event
    }

    /// An entry of a column of up to 64 bits; zero where the column is absent.
    @inline(__always)
    mutating func large(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> UInt64 {
        if columns[column.rawValue].isAtEnd { return 0 }
        return try columns[column.rawValue].varint(bytes, column)
    }

    /// An entry of a column of 32 bits.
    @inline(__always)
    mutating func small(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> UInt32 {
        let value = try large(column, bytes)
        guard value <= UInt64(UInt32.max) else { throw outOfRange(column) }
        return UInt32(truncatingIfNeeded: value)
    }

    /// An entry of a column of numbers that a Swift integer must hold.
    @inline(__always)
    mutating func number(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> Int {
        let value = try large(column, bytes)
        guard value <= UInt64(Int.max) else { throw outOfRange(column) }
        return Int(truncatingIfNeeded: value)
    }

    /// An entry of a zigzag column.
    @inline(__always)
    mutating func signed(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> Int64 {
        Int64(zigzag: try large(column, bytes))
    }

    /// A number of the string table, checked; zero is the empty text.
    @inline(__always)
    mutating func textNumber(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> UInt32 {
        let value = try large(column, bytes)
        guard value <= UInt64(strings.count) else {
            throw BatchDecodingError(
                .noSuchString, offset: columns[column.rawValue].position - 1, column)
        }
        return UInt32(truncatingIfNeeded: value)
    }

    /// The text of a string column's entry.
    @inline(__always)
    mutating func text(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> String {
        let number = try textNumber(column, bytes)
        return text(number)
    }

    /// The text with a number that was checked.
    @inline(__always)
    func text(_ number: UInt32) -> String { number == 0 ? "" : strings[Int(number) - 1] }

    /// The next 32 octets of the content hashes; zeros where the column is absent.
    mutating func hash(_ bytes: Span<UInt8>) -> [UInt8] {
        let column = BatchColumn.receivedContentSha256.rawValue
        let position = columns[column].position
        let end = columns[column].end
        guard position < end else { return Array(repeating: 0, count: 32) }
        columns[column] = WireReader(position: position + 32, end: end)
        let octets = bytes.extracting(position..<position + 32)
        return unsafe octets.withUnsafeBufferPointer { unsafe Array($0) }
    }

    /// The session with these columns: one object for all messages of the batch.
    mutating func session(_ key: SessionKey) -> IngressSession {
        if let known = sessions.value(of: key) { return known }
        let session = IngressSession(
            listener: text(key.listener), serverName: text(key.serverName),
            transmissionType: TransmissionType(rawValue: key.transmissionType) ?? .local,
            clientAddress: text(key.clientAddress), clientName: text(key.clientName),
            identity: text(key.identity), sessionID: text(key.sessionID),
            tlsVersion: text(key.tlsVersion), tlsCipher: text(key.tlsCipher))
        sessions.keep(session, as: key)
        return session
    }

    /// The peer with these columns: one object for all attempts of the batch; nil for none.
    mutating func peer(_ key: PeerKey) -> DeliveryPeer? {
        if key == PeerKey() { return nil }
        if let known = peers.value(of: key) { return known }
        let peer = DeliveryPeer(
            host: text(key.host), address: text(key.address), port: Int(key.port),
            sourceAddress: text(key.sourceAddress), tlsVersion: text(key.tlsVersion),
            tlsCipher: text(key.tlsCipher))
        peers.keep(peer, as: key)
        return peer
    }

    func outOfRange(_ column: BatchColumn) -> BatchDecodingError {
        BatchDecodingError(
            .valueOutOfRange, offset: columns[column.rawValue].position - 1, column)
    }
}

extension String {
    /// The text of UTF-8 octets; what is not UTF-8 becomes U+FFFD.
    init(repairing octets: Span<UInt8>) {
        if let text = try? UTF8Span(validating: octets) {
            self.init(copying: text)
        } else {
            self = unsafe octets.withUnsafeBufferPointer {
                unsafe String(decoding: $0, as: UTF8.self)
            }
        }
    }
}
