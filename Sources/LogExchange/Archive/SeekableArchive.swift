/// Lines as a file in Zstandard's seekable format: independent frames that begin and end with a line,
/// then an ``ExportMark``, then the ``SeekTable``.
///
/// The caller writes out what ``take()`` gives; no more than a frame is ever held.
///
/// Concurrency: bound to its owner.
package struct SeekableArchive: ~Copyable {
    private let compressor: FrameCompressor
    private let frameOctets: Int
    private var table: SeekTable
    private var raw: [UInt8] = []
    private var output: [UInt8] = []
    /// Octets that the frames inflate to, those of an earlier part included.
    package private(set) var rawOctets: UInt64

    /// - Parameters:
    ///   - level: Zstandard's.
    ///   - frameOctets: a frame is closed with the line that brings it to so many octets or more.
    ///   - table: the frames of the file that is continued; they stand before what comes.
    package init(level: Int32, frameOctets: Int, continuing table: SeekTable = SeekTable()) {
        compressor = FrameCompressor(level: level)
        self.frameOctets = min(
            max(frameOctets, ExchangeLimits.frameOctets.lowerBound),
            ExchangeLimits.frameOctets.upperBound)
        self.table = table
        rawOctets = table.entries.reduce(0) { $0 + UInt64($1.raw) }
    }

    /// Lets `write` append whole lines.
    package mutating func add<Result>(
        _ write: (inout [UInt8]) throws -> Result
    ) rethrows -> Result {
        let result = try write(&raw)
        if raw.count >= frameOctets { closeFrame() }
        return result
    }

    /// Takes the octets that are ready to be written to the file; empty for none.
    package mutating func take() -> [UInt8] {
        defer { output = [] }
        return output
    }

    /// Closes the last frame and ends the file; what ``take()`` then gives is the rest.
    package mutating func finish(_ mark: ExportMark) {
        closeFrame()
        let bytes = mark.bytes
        output += bytes
        table.entries.append(SeekTable.Entry(compressed: UInt32(bytes.count), raw: 0))
        output += table.bytes
    }

    private mutating func closeFrame() {
        guard !raw.isEmpty else { return }
        let octets = compressor.append(raw, to: &output)
        precondition(octets > 0, "no memory to compress a frame")
        table.entries.append(
            SeekTable.Entry(compressed: UInt32(octets), raw: UInt32(raw.count)))
        rawOctets += UInt64(raw.count)
        raw.removeAll(keepingCapacity: true)
    }
}
