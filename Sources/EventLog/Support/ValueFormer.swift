/// Makes the values of a segment's tables: a prefix, a frame behind it, and the checksum over both.
///
/// Concurrency: bound to its owner.
struct ValueFormer: ~Copyable {
    private let sha256 = SHA256()
    private let compressor = ZstdCompressor()
    private let level: Int32

    /// - Parameter level: Zstandard level of the frames.
    init(level: Int32) { self.level = level }

    /// A value as it stands on the disk.
    ///
    /// - Parameters:
    ///   - prefix: Header and index, with a codec and a checksum of 0.
    ///   - raw: What the frame holds.
    /// - Returns: The value, and how its frame is stored.
    func value(prefix: [UInt8], raw: [UInt8]) -> (bytes: [UInt8], codec: FrameCodec) {
        var (bytes, codec) = unsafe compressor.value(
            prefix: prefix, source: raw.span.bytes, level: level)
        bytes[8] = codec.rawValue
        unsafe bytes.store(integer: sha256.checksum(ofValue: bytes.span.bytes), at: 16)
        return (bytes, codec)
    }

    /// The chain hash after a batch.
    ///
    /// - Parameters:
    ///   - header: Of the batch, as on the disk.
    ///   - raw: Its uncompressed bytes.
    /// - Returns: 32 octets.
    func chainHash(header: [UInt8], raw: [UInt8]) -> [UInt8] {
        unsafe sha256.hash(
            header.span.bytes.extracting(droppingFirst: BatchHeader.chainedFrom), raw.span.bytes)
    }
}
