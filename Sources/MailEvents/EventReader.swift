import MailModel

/// Makes values of a batch, event by event.
///
/// Concurrency: value.
struct EventReader: ~Copyable {
    var columns: ColumnReader
    /// All texts of the batch, when most of them will be needed; else empty.
    private let strings: [String]
    private let texts: BatchTexts
    /// Events passed over since a group's columns were read last.
    private var passed = InlineArray<14, Int>(repeating: 0)
    private var sessions = Interned<SessionKey, IngressSession>()
    private var peers = Interned<PeerKey, DeliveryPeer>()
    let epoch: UInt32
    /// Sequence of the next event.
    private(set) var sequence: UInt64
    /// Time of the event before, in microseconds; of the current one while it is read.
    private(set) var time: Int64

    /// Begins with the first event of a batch. Makes all its texts now where `makesTexts` is true,
    /// which is right when every event will be read.
    init(
        _ index: consuming BatchIndex, _ bytes: [UInt8], firstSequence: UInt64, epoch: UInt32,
        firstTime: Int64, makesTexts: Bool = true
    ) {
        texts = BatchTexts(bytes: bytes, ranges: index.strings)
        let input = bytes.span
        strings =
            makesTexts ? index.strings.map { String(repairing: input.extracting($0)) } : []
        columns = ColumnReader(index)
        self.epoch = epoch
        sequence = firstSequence
        time = firstTime
    }

    /// The next event. Must be called exactly as often as the batch has events.
    mutating func next(_ bytes: Span<UInt8>) throws(BatchDecodingError) -> RecordedEvent {
        let type = try columns.small(.batchType, bytes)
        time &+= try columns.signed(.batchTimeDelta, bytes)
        let back = try columns.large(.batchMessageBack, bytes)
        let epochBack = try columns.small(.batchMessageEpochBack, bytes)
        let message = MessageID(epoch: epoch &- epochBack, sequence: sequence &- back)
        let isAboutNone = back == 0 && epochBack == 0
        try catchUp(type, bytes)
        let fact =
            try fact(type, message, isAboutNone: isAboutNone, bytes)
            ?? .unknown(type: type, message: isAboutNone ? nil : message)
        let event = RecordedEvent(
            sequence: sequence, epoch: epoch,
            event: Event(time: EventTime(microseconds: time), fact: fact))
        sequence &+= 1
        return event
    }

    /// Passes over the next event, without looking at what its type has.
    mutating func pass(_ bytes: Span<UInt8>) throws(BatchDecodingError) {
        let type = try columns.small(.batchType, bytes)
        time &+= try columns.signed(.batchTimeDelta, bytes)
        _ = try columns.large(.batchMessageBack, bytes)
        _ = try columns.small(.batchMessageEpochBack, bytes)
        sequence &+= 1
        guard let type = EventType(rawValue: type) else { return }
        for group in type.groups { passed[group.rawValue] += 1 }
    }

    /// Brings the columns of a type to its next event, behind those that were passed over.
    private mutating func catchUp(
        _ type: UInt32, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) {
        guard strings.isEmpty, let type = EventType(rawValue: type) else { return }
        for group in type.groups where passed[group.rawValue] > 0 {
            try columns.skip(group, passed[group.rawValue], bytes)
            passed[group.rawValue] = 0
        }
    }

    /// The text of a string column's entry.
    @inline(__always)
    mutating func text(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> String {
        let number = try columns.textNumber(column, bytes)
        return text(number)
    }

    /// The text with a number that was checked.
    @inline(__always)
    func text(_ number: UInt32) -> String {
        guard !strings.isEmpty else { return texts[number] }
        return number == 0 ? "" : strings[Int(number) - 1]
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
