import MailModel
import MailProjections
import Testing

@testable import waybill

@Suite("Listings")
struct ListingTests {
    private var listing: Listing {
        var listing = Listing([
            .init("NAME", "name"), .init(">COUNT", "count"), .init(">RATE", "rate"),
            .shape("BAR"),
        ])
        listing.add([.text("plain"), .number(12), .rate(0.5), .share(1, of: 2, width: 2)])
        listing.add([.text("a \"b\", c"), .number(-3), .rate(nil), .share(0, of: 2, width: 2)])
        return listing
    }

    @Test("A table has every column, and words for what is not known")
    func table() {
        #expect(
            listing.text(.table) == """
                NAME      COUNT    RATE  BAR
                plain        12  50.0 %  █
                a "b", c     -3       -

                """)
        #expect(Listing([.init("A", "a")]).text(.table, empty: "no row") == "no row\n")
    }

    @Test("JSON leaves out shapes and what is not known")
    func json() {
        let first = #"{"name":"plain","count":12,"rate":0.5000}"#
        let second = #"{"name":"a \"b\", c","count":-3}"#
        #expect(listing.text(.ndjson) == first + "\n" + second + "\n")
        #expect(listing.text(.json) == "[" + first + "," + second + "]\n")
    }

    @Test("RFC 4180 section 2: a field with a comma or a quote is quoted, and quotes are doubled")
    func csv() {
        #expect(
            listing.text(.csv)
                == "name,count,rate\r\nplain,12,0.5000\r\n\"a \"\"b\"\", c\",-3,\r\n")
    }

    @Test("A text that a spreadsheet would run has a quote before it")
    func formula() {
        var listing = Listing([.init("A", "a")])
        listing.add([.text("=cmd()")])
        listing.add([.text("@x")])
        #expect(listing.text(.csv) == "a\r\n'=cmd()\r\n'@x\r\n")
    }

    @Test("A page is a part of the rows, also beyond the end")
    func page() {
        #expect(listing.page(Page(offset: 1, limit: 5)).rows.count == 1)
        #expect(listing.page(Page(offset: 9, limit: 5)).rows.isEmpty)
        #expect(listing.page(Page(offset: -3, limit: -1)).rows.isEmpty)
    }

    @Test("Control characters of a name never reach the terminal")
    func printable() {
        #expect(Cell.text("a\u{1B}[2J").words == "a [2J")
    }
}

@Suite("Shapes")
struct ShapeTests {
    @Test("A bar is in proportion, and seen for anything above zero")
    func bar() {
        #expect(Shape.bar(0, of: 10) == "")
        #expect(Shape.bar(10, of: 10, width: 4) == "████")
        #expect(Shape.bar(5, of: 10, width: 4) == "██")
        #expect(Shape.bar(1, of: 1_000_000, width: 4) == "▏")
        #expect(Shape.bar(3, of: 0) == "")
    }

    @Test("A sparkline shows zero as a blank and the greatest as a full block")
    func sparkline() {
        #expect(Shape.sparkline([0, 1, 8]) == " ▁█")
        #expect(Shape.sparkline([0, 0]) == "")
        #expect(Shape.sparkline([Int](repeating: 1, count: 100), width: 10).count == 10)
    }
}
