import CZstd

/// Inflates Zstandard frames (RFC 8878) piece by piece.
///
/// Concurrency: bound to its owner.
@safe final class ZstdInflater: BodyDecoder {
    private let stream: OpaquePointer
    private(set) var isComplete = false

    /// nil when there is no memory.
    init?() {
        guard let stream = unsafe ZSTD_createDStream() else { return nil }
        unsafe self.stream = stream
        // RFC 8878 section 3.1.1.1.2: 8 MiB is the window every decoder should take.
        unsafe _ = ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 23)
    }

    deinit { unsafe _ = ZSTD_freeDStream(stream) }

    func decode(_ input: [UInt8], into output: inout [UInt8], limit: Int) throws(Problem) {
        var block = [UInt8](repeating: 0, count: 131_072)
        var position = 0
        var isFull = false
        while position < input.count || isFull {
            var produced = 0
            var result = 0
            unsafe input.withUnsafeBytes { source in
                unsafe block.withUnsafeMutableBytes { target in
                    var from = unsafe ZSTD_inBuffer(
                        src: source.baseAddress, size: source.count, pos: position)
                    var to = unsafe ZSTD_outBuffer(
                        dst: target.baseAddress, size: target.count, pos: 0)
                    result = unsafe ZSTD_decompressStream(stream, &to, &from)
                    unsafe position = from.pos
                    unsafe produced = to.pos
                }
            }
            guard ZSTD_isError(result) == 0 else { throw Self.malformed }
            guard output.count + produced <= limit else { throw Self.tooLarge }
            output += block[..<produced]
            isComplete = result == 0
            // A frame that is done has nothing left, however full the block is: asked again, it
            // would be the beginning of another one.
            isFull = produced == block.count && !isComplete
        }
    }
}
