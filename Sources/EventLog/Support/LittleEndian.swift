extension [UInt8] {
    /// The little-endian integer at `offset`, which the caller has checked to be inside.
    func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Integer.Type = Integer.self
    ) -> Integer {
        Integer(
            littleEndian: unsafe span.bytes.unsafeLoadUnaligned(
                fromByteOffset: offset, as: type))
    }

    /// Appends an integer, little-endian.
    mutating func append<Integer: FixedWidthInteger & BitwiseCopyable>(integer: Integer) {
        unsafe Swift.withUnsafeBytes(of: integer.littleEndian) { unsafe append(contentsOf: $0) }
    }

    /// Overwrites what stands at `offset` with an integer, little-endian.
    mutating func store<Integer: FixedWidthInteger & BitwiseCopyable>(
        integer: Integer, at offset: Int
    ) {
        precondition(offset >= 0 && offset + MemoryLayout<Integer>.size <= count)
        unsafe withUnsafeMutableBytes { buffer in
            unsafe buffer.storeBytes(
                of: integer.littleEndian, toByteOffset: offset, as: Integer.self)
        }
    }
}
