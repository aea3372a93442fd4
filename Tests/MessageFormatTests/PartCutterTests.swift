import MessageFormat
import Testing
import WaybillTesting

@Suite("PartCutter: contents are cut where attachments begin and end")
struct PartCutterTests {
    private typealias Run = PartCutter.Run

    /// With small sizes: runs of 100 octets, bodies of 30 are large.
    private static func cut(_ text: String, piece: Int = .max) -> [Run] {
        var cutter = PartCutter(runOctets: 100, bodyOctets: 30)
        let octets = Array(text.utf8)
        var runs: [Run] = []
        var start = 0
        while start < octets.count {
            let end = start + min(piece, octets.count - start)
            runs += cutter.add(Array(octets[start..<end]))
            start = end
        }
        runs += cutter.finish()
        #expect(runs.flatMap(\.octets) == octets)
        #expect(runs.map(\.octets.count).filter { !(1...100).contains($0) }.isEmpty)
        return runs
    }

    private static func bodies(_ text: String, piece: Int = .max) -> [String] {
        cut(text, piece: piece).filter(\.isBody).map { String(decoding: $0.octets, as: UTF8.self) }
    }

    private static func lines(_ number: Int, _ letter: Character = "a") -> String {
        String(repeating: String(repeating: letter, count: 8) + "\r\n", count: number)
    }

    private static func message(_ name: String, boundary: String, _ attachment: String) -> String {
        """
        To: \(name)
        Content-Type: multipart/mixed; boundary="\(boundary)"

        --\(boundary)
        Content-Type: text/plain

        Dear \(name),
        --\(boundary)
        Content-Type: application/pdf
        Content-Transfer-Encoding: base64


        """.replacing("\n", with: "\r\n") + attachment + "--\(boundary)--\r\n"
    }

    @Test("An attachment is the same octets in messages that differ before and behind it")
    func attachment() {
        let attachment = Self.lines(25)
        let first = Self.bodies(Self.message("ann", boundary: "x1", attachment))
        let second = Self.bodies(Self.message("maximilian", boundary: "another", attachment))
        #expect(first == second)
        #expect(first.joined() == attachment)
        #expect(first.map(\.utf8.count) == [100, 100, 50])
    }

    @Test("It does not matter in which portions the content comes")
    func portions() {
        let text = Self.message("ann", boundary: "xyz", Self.lines(25)) + "epilogue\r\n"
        let whole = Self.bodies(text)
        for piece in 1...150 { #expect(Self.bodies(text, piece: piece) == whole) }
    }

    @Test("Small parts stay with what is around them")
    func small() {
        let runs = Self.cut(Self.message("ann", boundary: "x1", Self.lines(2)))
        #expect(runs.filter(\.isBody).isEmpty)
    }

    @Test("Parts within parts: the inner ones end where an outer boundary comes, too")
    func nested() {
        let text =
            "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
            + "Content-Type: multipart/related; boundary=i\r\n\r\n"
            + "--i\r\nContent-Type: text/html\r\n\r\n" + Self.lines(4, "h")
            + "--i\r\nContent-Type: image/png\r\n\r\n" + Self.lines(5, "p") + "--i--\r\n"
            + "--o\r\nContent-Type: text/csv\r\n\r\n" + Self.lines(6, "c")
            + "--o\r\nContent-Type: text/x-log\r\n\r\n" + Self.lines(7, "l") + "--o--\r\n"
        #expect(
            Self.bodies(text) == [
                Self.lines(4, "h"), Self.lines(5, "p"), Self.lines(6, "c"), Self.lines(7, "l"),
            ])
    }

    @Test("The body of a message without parts is one, and so is a part without a header")
    func plain() {
        #expect(Self.bodies("Subject: a\r\n\r\n" + Self.lines(3)) == [Self.lines(3)])
        #expect(Self.bodies("\r\n" + Self.lines(3)) == [Self.lines(3)])
        let text =
            "Subject: a\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\n\r\n"
            + Self.lines(3, "n") + "--b--\r\n"
        #expect(Self.bodies(text) == [Self.lines(3, "n")])
    }

    @Test(
        "Lines that look like a boundary, and are none, do not cut an attachment",
        arguments: [
            "--- a/Makefile\r\n+++ b/Makefile\r\n", "-- \r\nann\r\n", "--x\r\n\r\n", "--\r\n",
            "-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----\r\n",
            "--odd\r\nnot a field\r\n", "--odd\r\nSubject: no Content- field\r\n\r\n",
        ])
    func misleading(line: String) {
        let attachment = Self.lines(2) + line + Self.lines(2)
        let bodies = Self.bodies(Self.message("ann", boundary: "b1", attachment))
        #expect(bodies.joined() == attachment)
    }

    @Test("Ends of lines without CR, folded fields and a content that is cut off are taken too")
    func lenient() {
        let text =
            "Subject: a\n\n--b\nContent-Type: text/plain;\n charset=utf-8\n\n"
            + String(repeating: "line\n", count: 10) + "--b--\n"
        #expect(Self.bodies(text) == [String(repeating: "line\n", count: 10)])
        let torn = "Subject: a\r\n\r\n--b\r\nContent-Type: a/b\r\n\r\n" + Self.lines(3) + "no end"
        #expect(Self.bodies(torn) == [Self.lines(3) + "no end"])
        #expect(Self.cut("").isEmpty)
        #expect(Self.cut("Subject: a").map(\.isBody) == [false])
        #expect(Self.bodies("--b").isEmpty)
    }

    @Test("A line without end is no reason to keep all of it in memory")
    func longLine() {
        var cutter = PartCutter(runOctets: 100, bodyOctets: 30)
        var octets = 0
        _ = cutter.add(Array("Subject: a\r\n\r\n".utf8))
        for _ in 0..<100 {
            octets += cutter.add(Array(repeating: 0x2D, count: 99)).reduce(0) {
                $0 + $1.octets.count
            }
            #expect(cutter.pendingOctets < 300)
        }
        octets += cutter.finish().reduce(0) { $0 + $1.octets.count }
        #expect(octets == 14 + 9900)
    }

    @Test(
        "Neither is one behind a boundary, in what would be a part's header",
        arguments: [true, false])
    func longField(isOwn: Bool) {
        var cutter = PartCutter(runOctets: 1 << 16, bodyOctets: 1 << 10)
        let header = isOwn ? "Subject: " : "Subject: a\r\n\r\n--b\r\nContent-Type: "
        var octets = 0
        _ = cutter.add(Array(header.utf8))
        for _ in 0..<50 {
            octets += cutter.add(Array(repeating: 0x61, count: 1 << 16)).reduce(0) {
                $0 + $1.octets.count
            }
            #expect(cutter.pendingOctets < 4 << 16)
        }
        octets += cutter.finish().reduce(0) { $0 + $1.octets.count }
        #expect(octets == header.utf8.count + 50 << 16)
    }

    @Test("A content in memory is cut the same way, one run after the other")
    func contentRuns() {
        let text = Self.message("ann", boundary: "xyz", Self.lines(25))
        let runs = Array(ContentRuns(Array(text.utf8), runOctets: 100, bodyOctets: 30))
        #expect(runs.filter(\.isBody) == Self.cut(text).filter(\.isBody))
        #expect(runs.flatMap(\.octets) == Array(text.utf8))
        #expect(Array(ContentRuns([], runOctets: 100, bodyOctets: 30)).isEmpty)
    }

    @Test("Whatever comes, in whatever portions, all of it is there, in order, and bounded")
    func anything() {
        var random = SeededRandom(seed: 7)
        let words = [
            "--a\r\n", "--a--\r\n", "--b\r\n", "Content-Type: x\r\n", " more\r\n", "\r\n", "\n",
            "text text text\r\n", "a: b\r\n", "-", "--", "\r", String(repeating: "z", count: 120),
        ]
        for _ in 0..<300 {
            let text = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                words.randomElement(using: &random) ?? ""
            }.joined()
            let whole = Self.cut(text)
            let portions = Self.cut(text, piece: Int.random(in: 1...130, using: &random))
            #expect(whole.filter(\.isBody) == portions.filter(\.isBody))
        }
    }
}
