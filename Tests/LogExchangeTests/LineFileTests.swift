import MailModel
import Testing
import WaybillTesting

@testable import LogExchange

@Suite("Files of lines")
struct LineFileTests {
    /// All lines of a file with these octets.
    private func lines(_ bytes: [UInt8]) throws -> (lines: [LineFile.Line], isTruncated: Bool) {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/lines"
        try overwrite(path, bytes)
        let file = try LineFile(path: path)
        var lines: [LineFile.Line] = []
        while let line = try file.next() { lines.append(line) }
        #expect(file.lineNumber == lines.count)
        return (lines, file.isTruncated)
    }

    private func text(_ text: String) -> LineFile.Line { .text(Array(text.utf8)) }

    @Test("Lines end with LF or CR LF, the last one with the file")
    func ends() throws {
        #expect(
            try lines(Array("a\r\n\nbc\nd".utf8)).lines == [
                text("a"), text(""), text("bc"), text("d"),
            ])
        #expect(try lines([]).lines.isEmpty)
    }

    @Test("Frames of Zstandard are read through, skippable ones passed over")
    func compressed() throws {
        var archive = SeekableArchive(level: 1, frameOctets: 4_096)
        let all = (0..<2_000).map { "line \($0)" }
        for line in all { archive.add { $0 += Array((line + "\n").utf8) } }
        archive.finish(
            ExportMark(
                logID: [UInt8](repeating: 1, count: 16), format: .ndjson, selection: "",
                nextSequence: 1, records: 0))
        let bytes = archive.take()
        #expect(try lines(bytes).lines == all.map(text))
        // A writer that was killed leaves a part of a frame.
        let cut = try lines(Array(bytes.prefix(bytes.count / 2)))
        #expect(cut.isTruncated)
        #expect(cut.lines.count > 500 && cut.lines.count < 2_000)
        var damaged = bytes
        damaged[40] ^= 0xFF
        #expect(throws: ImportFileError.self) { try lines(damaged) }
    }

    @Test("A line that is too long is passed over, and the next one is read")
    func tooLong() throws {
        let long = [UInt8](repeating: 0x61, count: ExchangeLimits.lineOctetsMax + 200_000)
        #expect(
            try lines(Array("a\n".utf8) + long + Array("\nb\n".utf8)).lines
                == [text("a"), .tooLong, text("b")])
    }

    @Test("A compressed line that is too long takes no more memory than a line may")
    func longInflated() throws {
        var frame: [UInt8] = []
        var bytes: [UInt8] = []
        let compressor = FrameCompressor(level: 1)
        let long = [UInt8](repeating: 0x61, count: 2 * ExchangeLimits.lineOctetsMax)
        _ = compressor.append(long, to: &frame)
        for _ in 0..<3 { bytes += frame }
        _ = compressor.append(Array("\nb\n".utf8), to: &bytes)
        // All of it is one piece of the file.
        #expect(bytes.count < ExchangeLimits.pieceOctets)
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/lines"
        try overwrite(path, bytes)
        let file = try LineFile(path: path)
        let first = try file.next()
        #expect(first == .tooLong)
        #expect(file.buffer.count < ExchangeLimits.lineOctetsMax + 2 * ExchangeLimits.pieceOctets)
        // An array that grows may have room for twice as much.
        #expect(file.buffer.capacity < 3 * ExchangeLimits.lineOctetsMax)
        let second = try file.next()
        #expect(second == text("b"))
        let end = try file.next()
        #expect(end == nil)
        #expect(!file.isTruncated)
    }

    @Test("A frame that ends where a block does is whole")
    func wholeBlocks() throws {
        var bytes: [UInt8] = []
        let line = [UInt8](repeating: 0x61, count: ExchangeLimits.pieceOctets - 1) + [0x0A]
        let compressor = FrameCompressor(level: 1)
        _ = compressor.append(line + line, to: &bytes)
        let text = LineFile.Line.text(Array(line.dropLast()))
        let whole = try lines(bytes)
        #expect(whole.lines == [text, text])
        #expect(!whole.isTruncated)
        let cut = try lines(Array(bytes.dropLast(2)))
        #expect(cut.lines == [text, text])
        #expect(cut.isTruncated)
    }

    @Test("gzip is refused with what to do")
    func gzip() {
        #expect(throws: ImportFileError.self) { try lines([0x1F, 0x8B, 8, 0]) }
    }

    @Test("Files are opened when their time has come, and their lines put in order")
    func merged() throws {
        let directory = try TemporaryDirectory()
        var paths: [String] = []
        for file in 0..<70 {
            let path = "\(directory.path)/\(file)"
            let lines = [file, file + 3].map { second in
                "2026-11-21T09:\(10 + second / 50):\(10 + second % 50)Z mail postfix/qmgr[1]: "
                    + "3AB1C2D3E4: removed\n"
            }
            try overwrite(path, Array(lines.joined().utf8))
            paths.append(path)
        }
        let lines = try LogLines(
            paths: paths.reversed(), format: nil,
            options: SyslogOptions(now: EventTime(microseconds: 0)))
        #expect(lines.format == .postfix)
        var times: [EventTime] = []
        while let (time, _) = try lines.next() { times.append(time) }
        #expect(times.count == 140)
        #expect(times == times.sorted())
    }
}
