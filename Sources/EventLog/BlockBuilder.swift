/// Collects messages into content blocks.
///
/// Concurrency: bound to its owner.
struct BlockBuilder: ~Copyable {
    /// Raw octets of a block; a larger message is a block of its own.
    private let octetsMax: Int
    private let former: ValueFormer
    private var entries: [ContentBlock.Entry] = []
    private var raw: [UInt8] = []

    init(level: Int32, octetsMax: Int) {
        former = ValueFormer(level: level)
        self.octetsMax = octetsMax
    }

    /// Whether a message begins a new block: it has no room in this one.
    func isFull(for octets: Int) -> Bool { !entries.isEmpty && raw.count + octets > octetsMax }

    /// Adds a message, whose sequence is greater than the last one's.
    mutating func add(_ sequence: UInt64, _ bytes: some Collection<UInt8>) {
        entries.append(ContentBlock.Entry(sequence: sequence, octets: UInt64(bytes.count)))
        raw += bytes
    }

    /// The value of what was collected, and begins anew; nil when there is nothing.
    mutating func take() -> (key: UInt64, value: [UInt8])? {
        guard let first = entries.first else { return nil }
        defer {
            entries.removeAll(keepingCapacity: true)
            // The room of one very large message is not kept.
            raw.removeAll(keepingCapacity: raw.count <= octetsMax)
        }
        let block = ContentBlock(
            codec: .none, entries: entries, rawLength: UInt64(raw.count))
        return (first.sequence, former.value(prefix: block.prefix, raw: raw).bytes)
    }
}
