internal import CZstd

/// Compresses with a context that is used again and again.
///
/// Concurrency: bound to its owner.
@safe struct ZstdCompressor: ~Copyable {
    private let context: OpaquePointer

    init() {
        guard let context = unsafe ZSTD_createCCtx() else {
            preconditionFailure("no memory for a zstd context")
        }
        unsafe self.context = context
    }

    deinit {
        unsafe _ = ZSTD_freeCCtx(context)
    }

    /// `prefix`, and after it `source` as one frame, or as it is where that is not longer.
    func value(
        prefix: [UInt8], source: RawSpan, level: Int32
    ) -> (bytes: [UInt8], codec: FrameCodec) {
        let length = source.byteCount
        let bound = length == 0 ? 0 : Int(ZSTD_compressBound(length))
        var codec = FrameCodec.none
        let bytes = unsafe [UInt8](
            unsafeUninitializedCapacity: prefix.count + max(bound, length)
        ) { buffer, count in
            _ = unsafe buffer.update(fromContentsOf: prefix)
            let room = unsafe UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[prefix.count...])
            var used = length
            unsafe source.withUnsafeBytes { source in
                if length > 0 {
                    let result = unsafe ZSTD_compressCCtx(
                        context, room.baseAddress, room.count, source.baseAddress, length, level)
                    // A failed compression costs space, nothing else.
                    if ZSTD_isError(result) == 0, result < length {
                        codec = .zstd
                        used = result
                    }
                }
                if codec == .none { unsafe room.copyMemory(from: source) }
            }
            count = prefix.count + used
        }
        return (bytes, codec)
    }
}

/// Inflates with a context that is used again and again.
///
/// Concurrency: bound to its owner.
@safe struct ZstdDecompressor: ~Copyable {
    private let context: OpaquePointer

    init() {
        guard let context = unsafe ZSTD_createDCtx() else {
            preconditionFailure("no memory for a zstd context")
        }
        unsafe self.context = context
    }

    deinit {
        unsafe _ = ZSTD_freeDCtx(context)
    }

    /// The bytes of a frame that must be `rawLength` long.
    ///
    /// - Returns: nil when it is not, or is no frame.
    func inflate(_ frame: RawSpan, codec: FrameCodec, rawLength: UInt64) -> [UInt8]? {
        guard rawLength <= EventLogLimits.inflatedOctetsMax else { return nil }
        let length = Int(rawLength)
        switch codec {
        case .none:
            return frame.byteCount == length
                ? unsafe frame.withUnsafeBytes { unsafe Array($0) } : nil
        case .zstd:
            var complete = false
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
                let result = unsafe frame.withUnsafeBytes { frame in
                    unsafe ZSTD_decompressDCtx(
                        context, buffer.baseAddress, length, frame.baseAddress, frame.count)
                }
                complete = ZSTD_isError(result) == 0 && result == length
                count = complete ? length : 0
            }
            return complete ? bytes : nil
        }
    }
}
