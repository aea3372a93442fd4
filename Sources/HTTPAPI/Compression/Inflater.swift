import CZlib

/// Inflates gzip and zlib data piece by piece.
///
/// Concurrency: bound to its owner.
@safe final class Inflater: BodyDecoder {
    private let stream: UnsafeMutablePointer<z_stream>
    private(set) var isComplete = false

    /// nil when there is no memory.
    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15: the largest window; + 32: gzip and zlib are told apart by their first octets.
        let result = unsafe inflateInit2_(
            stream, 47, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        unsafe _ = inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func decode(_ input: [UInt8], into output: inout [UInt8], limit: Int) throws(Problem) {
        guard !isComplete || input.isEmpty else { throw Self.malformed }
        var input = input
        var block = [UInt8](repeating: 0, count: 65_536)
        var failed = false
        var left = UInt32(input.count)
        while left > 0, !isComplete {
            let offset = input.count - Int(left)
            var produced = 0
            unsafe input.withUnsafeMutableBufferPointer { source in
                unsafe block.withUnsafeMutableBufferPointer { target in
                    unsafe stream.pointee.next_in = source.baseAddress.map { unsafe $0 + offset }
                    unsafe stream.pointee.avail_in = left
                    unsafe stream.pointee.next_out = target.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(target.count)
                    let result = unsafe inflate(stream, Z_NO_FLUSH)
                    unsafe left = stream.pointee.avail_in
                    unsafe produced = target.count - Int(stream.pointee.avail_out)
                    isComplete = result == Z_STREAM_END
                    failed = result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR
                }
            }
            guard !failed else { throw Self.malformed }
            guard output.count + produced <= limit else { throw Self.tooLarge }
            output += block[..<produced]
            if produced == 0, left > 0, !isComplete { throw Self.malformed }
        }
        // What zlib could not put into the last block.
        guard !isComplete || left == 0 else { throw Self.malformed }
    }
}
