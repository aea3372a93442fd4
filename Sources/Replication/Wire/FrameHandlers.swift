import NIOCore

/// Cuts what arrives into frames.
///
/// Concurrency: bound to its channel's event loop.
struct FrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = WireFrame

    mutating func decode(
        context: ChannelHandlerContext, buffer: inout ByteBuffer
    ) throws -> DecodingState {
        guard
            let length = buffer.getInteger(
                at: buffer.readerIndex, endianness: .little, as: UInt32.self)
        else { return .needMoreData }
        guard length <= ReplicationLimits.frameOctets else {
            throw WireFrame.Malformed(description: "a frame of \(length) octets is too large")
        }
        guard buffer.readableBytes >= 4 + Int(length) else { return .needMoreData }
        buffer.moveReaderIndex(forwardBy: 4)
        guard var frame = buffer.readSlice(length: Int(length)) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(try WireFrame(&frame)))
        return .continue
    }

    mutating func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) throws -> DecodingState {
        // A frame that was cut off by the connection's end says nothing.
        try decode(context: context, buffer: &buffer)
    }
}

/// Writes frames.
///
/// Concurrency: bound to its channel's event loop.
final class FrameEncoder: ChannelOutboundHandler {
    typealias OutboundIn = WireFrame
    typealias OutboundOut = ByteBuffer

    func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        let frame = unwrapOutboundIn(data)
        var buffer = context.channel.allocator.buffer(capacity: frame.octets + 128)
        do {
            try frame.write(to: &buffer)
        } catch {
            promise?.fail(error)
            return
        }
        context.write(wrapOutboundOut(buffer), promise: promise)
    }
}
