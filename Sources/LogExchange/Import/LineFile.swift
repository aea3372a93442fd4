import CZstd
import Glibc

/// Why a file cannot be read on.
package struct ImportFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String
}

/// A file of lines, plain or compressed with Zstandard, read piece by piece.
///
/// Concurrency: bound to its owner.
@safe final class LineFile {
    /// A line of the file.
    enum Line: Equatable {
        case text([UInt8])
        /// Longer than ``ExchangeLimits/lineOctetsMax``; passed over.
        case tooLong
    }

    let path: String
    /// From 1, of the line that was returned last.
    private(set) var lineNumber = 0
    /// Octets of the file read so far: compressed ones, where they are.
    private(set) var octetsRead = 0
    /// The compressed data ended in the middle: what came before it has been returned.
    private(set) var isTruncated = false
    private let descriptor: Int32
    /// What was read of the file last, and how far that was used.
    private var piece = [UInt8](repeating: 0, count: ExchangeLimits.pieceOctets)
    private var pieceEnd = 0
    private var pieceUsed = 0
    /// Lines that were not returned yet, from ``start`` on: a line's length and one piece at most.
    private(set) var buffer: [UInt8] = []
    private var start = 0
    private var scanned = 0
    private var isAtEnd = false
    private var isSkipping = false
    private var isFirst = true
    private var inflater: OpaquePointer?
    private var isFrameOpen = false
    /// What one call has inflated; empty while nothing is compressed.
    private var block: [UInt8] = []
    /// The inflater may have more of what it was given.
    private var isBlockFull = false

    /// Opens a file; `-` is standard input.
    init(path: String) throws(ImportFileError) {
        self.path = path
        descriptor = path == "-" ? STDIN_FILENO : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ImportFileError(description: "cannot open \(path): \(Self.problem())")
        }
    }

    deinit {
        if let inflater = unsafe inflater { unsafe _ = ZSTD_freeDStream(inflater) }
        if descriptor > STDERR_FILENO { _ = close(descriptor) }
    }

    private static func problem() -> String {
        unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
    }

    /// The next line without its end; nil at the end of the file.
    func next() throws(ImportFileError) -> Line? {
        while true {
            if let end = buffer[scanned...].firstIndex(of: 0x0A) {
                let line = buffer[start..<end]
                start = end + 1
                scanned = start
                lineNumber += 1
                if isSkipping {
                    isSkipping = false
                    return .tooLong
                }
                return .text(Array(line.last == 0x0D ? line.dropLast() : line))
            }
            scanned = buffer.count
            if isSkipping || buffer.count - start > ExchangeLimits.lineOctetsMax {
                isSkipping = true
                start = buffer.count
            }
            if isAtEnd {
                guard start < buffer.count || isSkipping else { return nil }
                let line = buffer[start...]
                let wasSkipping = isSkipping
                start = buffer.count
                isSkipping = false
                lineNumber += 1
                return wasSkipping ? .tooLong : .text(Array(line))
            }
            buffer.removeFirst(start)
            scanned -= start
            start = 0
            try fill()
        }
    }

    /// Brings one piece more, or the end: of compressed data no more than one block at a time, that
    /// a line's length is looked at before it takes memory.
    private func fill() throws(ImportFileError) {
        if pieceUsed == pieceEnd, !isBlockFull {
            try readPiece()
            if isAtEnd { return }
        }
        if unsafe inflater == nil {
            buffer += piece[pieceUsed..<pieceEnd]
            pieceUsed = pieceEnd
        } else {
            try inflate()
        }
    }

    private func readPiece() throws(ImportFileError) {
        let count = unsafe piece.withUnsafeMutableBytes { bytes in
            while true {
                let count = unsafe read(descriptor, bytes.baseAddress, bytes.count)
                if count >= 0 || errno != EINTR { return count }
            }
        }
        guard count >= 0 else {
            throw ImportFileError(description: "cannot read \(path): \(Self.problem())")
        }
        octetsRead += count
        if isFirst { try begin(piece[..<count]) }
        isFirst = false
        pieceUsed = 0
        pieceEnd = count
        if count == 0 {
            isAtEnd = true
            isTruncated = isFrameOpen
        }
    }

    /// Looks at the first octets: which compression there is.
    private func begin(_ bytes: ArraySlice<UInt8>) throws(ImportFileError) {
        if bytes.starts(with: [0x1F, 0x8B]) {
            throw ImportFileError(
                description:
                    "\(path) is compressed with gzip: `zcat \(path) | waybill log import "
                    + "--format FORMAT -`")
        }
        let isFrame = bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
        let isSkippable =
            bytes.count >= 4 && bytes[0] & 0xF0 == 0x50 && bytes[1...3] == [0x2A, 0x4D, 0x18]
        guard isFrame || isSkippable else { return }
        unsafe inflater = ZSTD_createDStream()
        guard unsafe inflater != nil else {
            throw ImportFileError(description: "no memory to read \(path)")
        }
        block = [UInt8](repeating: 0, count: ExchangeLimits.pieceOctets)
    }

    /// Inflates one block from the piece, which may hold thousands of times as much.
    private func inflate() throws(ImportFileError) {
        var position = pieceUsed
        var produced = 0
        var result = 0
        let end = pieceEnd
        unsafe piece.withUnsafeBytes { source in
            unsafe block.withUnsafeMutableBytes { target in
                var from = unsafe ZSTD_inBuffer(src: source.baseAddress, size: end, pos: position)
                var to = unsafe ZSTD_outBuffer(
                    dst: target.baseAddress, size: target.count, pos: 0)
                result = unsafe ZSTD_decompressStream(inflater, &to, &from)
                unsafe position = from.pos
                unsafe produced = to.pos
            }
        }
        guard ZSTD_isError(result) == 0 else {
            throw ImportFileError(
                description: "\(path) is damaged: no Zstandard data before octet \(octetsRead)")
        }
        pieceUsed = position
        buffer += block[..<produced]
        // At the end of a frame it holds nothing back.
        isBlockFull = produced == block.count && result != 0
        isFrameOpen = result != 0
    }
}
