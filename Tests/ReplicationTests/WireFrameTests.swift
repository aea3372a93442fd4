import EventLog
import NIOCore
import NIOEmbedded
import ReplicationSchema
import Testing
import WaybillTesting

@testable import Replication

@Suite("Frames between sites")
struct WireFrameTests {
    static let batches = ShippedBatches(
        segmentFirst: 17, end: Position(epoch: 3, sequence: 99, chainHash: .init(repeating: 5, count: 32)),
        batches: [
            ShippedBatch(value: [1, 2, 3], blocks: []),
            ShippedBatch(
                value: Array(0...200),
                blocks: [.init(key: 20, value: [9]), .init(key: 21, value: [])]),
        ])

    static func bytes(_ frame: WireFrame) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        try frame.write(to: &buffer)
        return buffer
    }

    /// A channel that only cuts frames.
    static func channel() throws -> EmbeddedChannel {
        EmbeddedChannel(handler: ByteToMessageHandler(FrameDecoder()))
    }

    @Test("what is written is read, in whatever pieces it arrives")
    func roundTrip() throws {
        var hello = Waybill_Replication_V1_Hello()
        hello.site = "here"
        hello.knownEpoch = 7
        var all = try Self.bytes(.control(.hello(hello)))
        all.writeImmutableBuffer(try Self.bytes(.batches(Self.batches)))
        all.writeImmutableBuffer(try Self.bytes(.piece([1, 2, 3])))
        all.writeImmutableBuffer(try Self.bytes(.piece([])))
        for size in [1, 2, 7, 64, 1_000] {
            let channel = try Self.channel()
            var rest = all
            while let piece = rest.readSlice(length: min(size, max(1, rest.readableBytes))),
                piece.readableBytes > 0
            {
                try channel.writeInbound(piece)
            }
            guard case .control(.hello(let read)) = try channel.readInbound(as: WireFrame.self),
                case .batches(let batches) = try channel.readInbound(as: WireFrame.self),
                case .piece(let piece) = try channel.readInbound(as: WireFrame.self),
                case .piece(let empty) = try channel.readInbound(as: WireFrame.self)
            else {
                Issue.record("a frame is missing at \(size) octets a piece")
                return
            }
            #expect(read == hello)
            #expect(batches == Self.batches)
            #expect(piece == [1, 2, 3])
            #expect(empty.isEmpty)
            _ = try? channel.finish()
        }
    }

    @Test("a frame that is too long ends the link before anything of it is kept")
    func tooLong() throws {
        let channel = try Self.channel()
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt32(ReplicationLimits.frameOctets + 1), endianness: .little)
        #expect(throws: WireFrame.Malformed.self) { try channel.writeInbound(buffer) }
        _ = try? channel.finish()
    }

    @Test("every cut and every changed octet of a frame is an error or another frame, never a trap")
    func hostile() throws {
        let frames = [
            try Self.bytes(.batches(Self.batches)), try Self.bytes(.control(.hello(.init()))),
        ]
        for frame in frames {
            let octets = Array(frame.readableBytesView.dropFirst(4))
            for count in 0..<octets.count {
                var cut = ByteBuffer(bytes: octets[..<count])
                _ = try? WireFrame(&cut)
            }
            for place in octets.indices {
                for bit in 0..<8 {
                    var changed = octets
                    changed[place] ^= 1 << UInt8(bit)
                    var buffer = ByteBuffer(bytes: changed)
                    _ = try? WireFrame(&buffer)
                }
            }
        }
    }

    @Test("counts that the frame cannot hold are refused before memory is taken for them")
    func counts() throws {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt8(2))
        buffer.writeBytes([UInt8](repeating: 0, count: 8 + 4 + 8 + 32))
        buffer.writeInteger(UInt32.max, endianness: .little)
        buffer.writeInteger(UInt32.max, endianness: .little)
        buffer.writeInteger(UInt32.max, endianness: .little)
        #expect(throws: WireFrame.Malformed.self) { _ = try WireFrame(&buffer) }
    }
}
