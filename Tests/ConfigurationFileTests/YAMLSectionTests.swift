import Testing

@testable import ConfigurationFile

@Suite("Reading a YAML file key by key")
struct YAMLSectionTests {
    private func problems(
        of text: String, _ read: (YAMLSection) -> Void
    ) -> [ConfigurationProblem] {
        let notes = YAMLSection.Notes(file: "waybill.yaml")
        if let section = YAMLSection.top(of: text, notes: notes) {
            read(section)
            section.finish()
        }
        return notes.problems
    }

    @Test("a wrong value names file, line, key and what was expected")
    func wrongValue() {
        let found = problems(of: "hostname: a.example\n\nidle: soon\n") {
            _ = $0.string("hostname")
            #expect($0.milliseconds("idle", default: 7) == 7)
        }
        #expect(
            found.map(\.description) == [
                "waybill.yaml:3: idle: \"soon\" does not fit; expected \(Quantity.durationForm)"
            ])
    }

    @Test("an unknown key names its line and the nearest known key")
    func unknownKey() {
        let found = problems(of: "data: /var\nhostnam: a\n") {
            _ = $0.string("data")
            _ = $0.string("hostname")
        }
        #expect(
            found.map(\.description) == [
                "waybill.yaml:2: hostnam: unknown key; expected perhaps `hostname`"
            ])
    }

    @Test("keys of sections in lists carry their path")
    func nestedPath() {
        let found = problems(of: "listeners:\n  - port: 25\n  - port: 99999\n") {
            for section in $0.sections("listeners") ?? [] {
                _ = section.integer("port", default: 25, in: 1...65_535)
                section.finish()
            }
        }
        #expect(found.map(\.key) == ["listeners[1].port"])
        #expect(found.map(\.line) == [3])
    }

    @Test("everything wrong is found in one go, in order")
    func allProblems() {
        let found = problems(of: "a: x\nb: y\nc: [1, two]\n") {
            _ = $0.integer("a", default: 0, in: 0...9)
            _ = $0.bool("b", default: false)
            #expect($0.list("c", expected: "numbers") { Int($0) } == [1])
        }
        #expect(found.map(\.key) == ["a", "b", "c[1]"])
    }

    @Test(
        "what is not YAML names the line",
        arguments: [
            ("a: [1, 2\nb: 3\n", 2), ("a: 1\na: 2\n", 1), ("- a\n- b\n", 1), ("\ta: 1\n", 1),
        ])
    func notYAML(text: String, line: Int) {
        let found = problems(of: text) { _ = $0.string("a") }
        #expect(found.count == 1)
        #expect(found.first.map { abs($0.line - line) <= 1 } == true, "\(found)")
    }

    @Test("a character that YAML does not allow is told with its line, and without the whole file")
    func controlCharacter() {
        let found = problems(of: "a: 1\r\nb: 2\nc: x\u{7}y\n") { _ = $0.string("a") }
        #expect(
            found.map(\.description) == [
                "waybill.yaml:3: not valid YAML: control characters are not allowed"
            ])
    }

    @Test("an empty file, null values and absent keys give the defaults without a problem")
    func defaults() {
        let found = problems(of: "a:\nb: ~\n") {
            #expect($0.string("a", default: "x") == "x")
            #expect($0.octets("b", default: 5) == 5)
            #expect($0.section("c") == nil)
        }
        #expect(found.isEmpty)
        #expect(problems(of: "") { _ in }.isEmpty)
    }

    @Test("bytes at random never crash the reader")
    func fuzz() {
        var state: UInt64 = 42
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        let alphabet = Array("a:b- []{}\n\t\"'#&*!|>%@`~0\u{0}é".unicodeScalars)
        for _ in 0..<3000 {
            var text = ""
            for _ in 0..<Int(next() % 40) {
                text.unicodeScalars.append(alphabet[Int(next() % UInt64(alphabet.count))])
            }
            _ = problems(of: text) {
                _ = $0.string("a")
                _ = $0.section("b")?.integer("a", default: 1, in: 0...5)
                _ = $0.sections("b")
            }
        }
    }
}
