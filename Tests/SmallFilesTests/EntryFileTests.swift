import Glibc
import SmallFiles
import Testing
import WaybillTesting

/// A name and a number, as `name number`.
private struct Pair: CustomStringConvertible, Equatable, Sendable {
    var name: String
    var number: Int

    var description: String { "\(name) \(number)" }

    static func parse(_ line: String) -> Result<Pair, EntryFile<Pair>.Misfit> {
        let parts = line.split(separator: " ")
        guard parts.count == 2, let number = Int(parts[1]) else {
            return .failure(.init("expected a name and a number"))
        }
        return .success(Pair(name: String(parts[0]), number: number))
    }
}

@Suite("A file with an entry a line")
struct EntryFileTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func load(_ text: String, octetsMax: Int64 = 1 << 20) throws -> EntryFile<Pair> {
        let path = directory.path + "/pairs"
        try SmallFile.replace(path, with: text)
        return try EntryFile.load(path, octetsMax: octetsMax, parse: Pair.parse)
    }

    private func text(_ file: EntryFile<Pair>) throws -> String {
        try file.save()
        return try SmallFile.read(file.path, octetsMax: 1 << 20).0
    }

    @Test("entries, comments and empty lines survive a rewrite in their order")
    func keepsComments() throws {
        let written = "# first\n\nb 2\n  # indented\na 1\n"
        let file = try load(written)
        #expect(file.entries == [Pair(name: "b", number: 2), Pair(name: "a", number: 1)])
        #expect(try text(file) == written)
    }

    @Test("an entry takes the place of the first one that is named, or goes to the end")
    func puts() throws {
        var file = try load("a 1\n# between\nb 2\n")
        file.put(Pair(name: "a", number: 3)) { $0.name == "a" }
        file.put(Pair(name: "c", number: 4)) { $0.name == "c" }
        #expect(try text(file) == "a 3\n# between\nb 2\nc 4\n")
    }

    @Test("removing takes out every entry that is named, and says which")
    func removes() throws {
        var file = try load("a 1\n# stays\na 2\nb 3\n")
        #expect(file.remove { $0.name == "a" }.map(\.number) == [1, 2])
        #expect(file.remove { $0.name == "a" }.isEmpty)
        #expect(try text(file) == "# stays\nb 3\n")
    }

    @Test("a line that cannot be used is named with its number in the file")
    func namesTheLine() {
        let error = #expect(throws: SmallFileError.self) {
            try load("# comment\na 1\nnonsense\n")
        }
        let description = error.map { "\($0)" } ?? ""
        #expect(description.contains("pairs:3"), "\(description)")
        #expect(description.contains("expected a name and a number"), "\(description)")
    }

    @Test("a last line without its end counts as a line")
    func lastLine() throws {
        #expect(try text(load("a 1\nb 2")) == "a 1\nb 2\n")
    }

    @Test("lines may end with CRLF, as on Windows; a rewrite ends them with LF")
    func windowsLines() throws {
        let file = try load("# first\r\n\r\na 1\r\nb 2")
        #expect(file.entries == [Pair(name: "a", number: 1), Pair(name: "b", number: 2)])
        #expect(try text(file) == "# first\n\na 1\nb 2\n")
    }

    @Test(
        "a file that root writes anew stays its owner's and its group's, for the owner alone",
        .enabled(if: geteuid() == 0, "only root gives files away"))
    func keepsOwner() throws {
        var file = try load("a 1\n")
        let isGiven = unsafe chown(file.path, 1, 2) == 0
        try #require(isGiven)
        file.append(Pair(name: "b", number: 2))
        #expect(try text(file) == "a 1\nb 2\n")
        var status = stat()
        let isThere = unsafe stat(file.path, &status) == 0
        try #require(isThere)
        #expect(status.st_uid == 1 && status.st_gid == 2)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test("a file above its limit is refused")
    func limit() {
        #expect(throws: SmallFileError.self) { try load("a 1\nb 2\n", octetsMax: 4) }
    }
}
