internal import CLMDB

extension MDB_val {
    /// The octets of a buffer, which must outlive the call they are passed to. LMDB does not
    /// write through the pointer of a key or a value that is put.
    init(_ buffer: UnsafeRawBufferPointer) {
        unsafe self.init(
            mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
    }

    /// The octets it points at.
    var buffer: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: mv_data, count: mv_size)
    }
}

extension [UInt8] {
    /// The octets of a span.
    package init(copying span: RawSpan) {
        self = unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
    }
}
