import ConfigurationFile
import Testing

@Suite("Quantities with units")
struct QuantityTests {
    @Test(
        "a duration is read to the millisecond",
        arguments: [
            ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("4h", 14_400_000),
            ("7d", 604_800_000), ("1h30m", 5_400_000), ("1 d", 86_400_000), ("0s", 0),
            ("36500d", 3_153_600_000_000),
        ])
    func durations(text: String, milliseconds: Int) {
        #expect(Quantity.milliseconds(text) == milliseconds)
    }

    @Test(
        "what is no duration is refused",
        arguments: [
            "", "5", "m", "5 minutes", "-5s", "1.5h", "99999999999999999d", "5m x", "٣s", "36501d",
            "9223372036854775807ms",
        ])
    func notDurations(text: String) {
        #expect(Quantity.milliseconds(text) == nil)
    }

    @Test(
        "a size is read to the octet",
        arguments: [
            ("512", 512), ("64KiB", 65_536), ("25MiB", 26_214_400), ("1GiB", 1_073_741_824),
            ("10 MB", 10_000_000), ("0", 0),
        ])
    func sizes(text: String, octets: Int) {
        #expect(Quantity.octets(text) == octets)
    }

    @Test(
        "what is no size is refused", arguments: ["", "MiB", "-1", "1.5MiB", "9999999TiB", "1 mb"])
    func notSizes(text: String) {
        #expect(Quantity.octets(text) == nil)
    }

    @Test("a rate is read as events a second")
    func rates() {
        #expect(Quantity.perSecond("100/s") == 100)
        #expect(Quantity.perSecond("600/m") == 10)
        #expect(Quantity.perSecond("7200/h") == 2)
        for text in ["", "100", "/s", "0/s", "-1/s", "100/d", "1/s/s"] {
            #expect(Quantity.perSecond(text) == nil, "\(text)")
        }
    }
}
