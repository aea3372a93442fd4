import EventLog
import NIOCore
import ReplicationSchema
import SwiftProtobuf

extension WireFrame {
    /// What stands behind the length.
    private enum Kind: UInt8 {
        case control = 1
        case batches = 2
        case piece = 3
    }

    /// A frame that cannot be read.
    struct Malformed: Error, CustomStringConvertible {
        var description: String
    }

    /// Writes the frame with its length before it.
    func write(to buffer: inout ByteBuffer) throws {
        let start = buffer.writerIndex
        buffer.writeInteger(UInt32(0))
        switch self {
        case .control(let kind):
            buffer.writeInteger(Kind.control.rawValue)
            var frame = Waybill_Replication_V1_ControlFrame()
            frame.kind = kind
            let bytes: [UInt8] = try frame.serializedBytes()
            buffer.writeBytes(bytes)
        case .batches(let batches):
            buffer.writeInteger(Kind.batches.rawValue)
            batches.write(to: &buffer)
        case .piece(let octets):
            buffer.writeInteger(Kind.piece.rawValue)
            buffer.writeBytes(octets)
        }
        let octets = buffer.writerIndex - start - 4
        guard octets <= ReplicationLimits.frameOctets else {
            throw Malformed(description: "a frame of \(octets) octets is too large")
        }
        buffer.setInteger(UInt32(octets), at: start, endianness: .little)
    }

    /// Reads a frame whose length has been read.
    init(_ buffer: inout ByteBuffer) throws {
        guard let octet = buffer.readInteger(as: UInt8.self), let kind = Kind(rawValue: octet)
        else { throw Malformed(description: "a frame of an unknown kind") }
        switch kind {
        case .control:
            let bytes = buffer.readBytes(length: buffer.readableBytes) ?? []
            let frame = try Waybill_Replication_V1_ControlFrame(serializedBytes: bytes)
            guard let kind = frame.kind else {
                throw Malformed(description: "a control frame of an unknown kind")
            }
            self = .control(kind)
        case .batches:
            self = .batches(try ShippedBatches(&buffer))
        case .piece:
            self = .piece(buffer.readBytes(length: buffer.readableBytes) ?? [])
        }
    }
}

extension ShippedBatches {
    func write(to buffer: inout ByteBuffer) {
        buffer.writeInteger(segmentFirst, endianness: .little)
        buffer.writeInteger(end.epoch, endianness: .little)
        buffer.writeInteger(end.sequence, endianness: .little)
        buffer.writeBytes(end.chainHash)
        buffer.writeInteger(UInt32(batches.count), endianness: .little)
        for batch in batches {
            buffer.writeInteger(UInt32(batch.value.count), endianness: .little)
            buffer.writeInteger(UInt32(batch.blocks.count), endianness: .little)
            for block in batch.blocks {
                buffer.writeInteger(block.key, endianness: .little)
                buffer.writeInteger(UInt32(block.value.count), endianness: .little)
            }
            buffer.writeBytes(batch.value)
            for block in batch.blocks { buffer.writeBytes(block.value) }
        }
    }

    init(_ buffer: inout ByteBuffer) throws {
        segmentFirst = try buffer.number()
        end = Position(
            epoch: try buffer.number(), sequence: try buffer.number(),
            chainHash: try buffer.octets(Position.hashOctets))
        let count: UInt32 = try buffer.number()
        batches = []
        for _ in 0..<count {
            let octets: UInt32 = try buffer.number()
            let blockCount: UInt32 = try buffer.number()
            var heads: [(key: UInt64, octets: UInt32)] = []
            for _ in 0..<blockCount { heads.append((try buffer.number(), try buffer.number())) }
            let value = try buffer.octets(Int(octets))
            let blocks = try heads.map {
                ShippedBatch.Block(key: $0.key, value: try buffer.octets(Int($0.octets)))
            }
            batches.append(ShippedBatch(value: value, blocks: blocks))
        }
        guard buffer.readableBytes == 0 else {
            throw WireFrame.Malformed(description: "a frame is longer than its batches")
        }
    }
}

extension Position {
    /// Octets of a chain hash.
    static let hashOctets = 32
}

extension ByteBuffer {
    fileprivate mutating func number<Number: FixedWidthInteger>() throws -> Number {
        guard let number = readInteger(endianness: .little, as: Number.self) else {
            throw WireFrame.Malformed(description: "a frame is cut off")
        }
        return number
    }

    fileprivate mutating func octets(_ count: Int) throws -> [UInt8] {
        guard let octets = readBytes(length: count) else {
            throw WireFrame.Malformed(description: "a frame is cut off")
        }
        return octets
    }
}
