import MailEvents
import Testing

@Suite("Reading JSON")
struct JSONParserTests {
    @Test("RFC 8259: values, escapes and nesting are read")
    func json() throws {
        let text = #"{"a": [1, -2.5e+3, true, null], "b": "\u00e4\ud83d\ude00\n\/", "c": {}}"#
        let value = try JSONParser.parse(Array(text.utf8))
        #expect(value["a"][1] == .number("-2.5e+3"))
        #expect(value["a"][3] == .null)
        #expect(value["b"] == .string("ä😀\n/"))
        #expect(value["c"] == .object([]))
    }

    @Test(
        "RFC 8259: what is not JSON is not read",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.", "-", "+1", "\"\u{1}\"",
            "\"\\x\"",
            "\"\\ud800\"", "\"\\udc00\"", "nul", "{a:1}", "[1] 2", "\"abc", "\"\\u12g4\"", "NaN",
        ])
    func notJSON(text: String) {
        #expect(throws: JSONError.self) { try JSONParser.parse(Array(text.utf8)) }
    }

    @Test("Values are counted with those within them, and no more are read than there may be")
    func values() throws {
        // The object, the array and its two, the other object and its one.
        let text = Array(#"{"a": [1, 2], "b": {"c": null}}"#.utf8)
        #expect(try JSONParser.parse(text, valuesMax: 6)["a"].count == 2)
        let few = #expect(throws: JSONError.self) { try JSONParser.parse(text, valuesMax: 5) }
        #expect(few?.hasTooManyValues == true)
        let many = Array(("[" + String(repeating: "0,", count: 100_000) + "0]").utf8)
        let error = #expect(throws: JSONError.self) { try JSONParser.parse(many, valuesMax: 1000) }
        #expect(error?.hasTooManyValues == true && error?.offset == 1999)
        #expect(try JSONParser.parse(many).count == 100_001)
        let mistake = #expect(throws: JSONError.self) { try JSONParser.parse([0x5B], valuesMax: 5) }
        #expect(mistake?.hasTooManyValues == false)
    }

    @Test("Nesting is bounded, and invalid UTF-8 is refused")
    func hostile() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSONParser.parse(Array(deep.utf8)) }
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
    }
}
