import CZstd

/// Makes Zstandard frames, each whole by itself and with a checksum of what it holds.
///
/// Concurrency: bound to its owner.
@safe struct FrameCompressor: ~Copyable {
    private let context: OpaquePointer

    /// - Parameter level: Zstandard's, see ``ExchangeLimits/levels``; others are taken to its ends.
    init(level: Int32) {
        guard let context = unsafe ZSTD_createCCtx() else {
            preconditionFailure("no memory for a zstd context")
        }
        unsafe self.context = context
        unsafe _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        // So that `zstd -t` and every reader find a damaged frame.
        unsafe _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit {
        unsafe _ = ZSTD_freeCCtx(context)
    }

    /// Appends the bytes as one frame.
    ///
    /// - Returns: the octets of the frame; 0 when the library failed, which it does for lack of
    ///   memory only.
    func append(_ bytes: [UInt8], to output: inout [UInt8]) -> Int {
        let frame = unsafe [UInt8](
            unsafeUninitializedCapacity: Int(ZSTD_compressBound(bytes.count))
        ) { buffer, count in
            let result = unsafe bytes.withUnsafeBytes { source in
                unsafe ZSTD_compress2(
                    context, buffer.baseAddress, buffer.count, source.baseAddress, source.count)
            }
            count = ZSTD_isError(result) == 0 ? Int(result) : 0
        }
        output += frame
        return frame.count
    }
}
