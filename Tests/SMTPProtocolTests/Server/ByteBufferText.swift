import NIOCore

/// An output buffer whose text can be compared.
struct ByteBufferText {
    var buffer = ByteBuffer()
    var text: String { String(decoding: buffer.readableBytesView, as: UTF8.self) }
}
