import Foundation
import Reception
import Testing
import WaybillTesting

@testable import ConfigurationFile

/// Seeded mutation: the same texts on every machine. WAYBILL_FUZZ_ROUNDS makes it longer.
@Suite("The configuration file: fuzzing")
struct ConfigurationFuzzTests {
    private static let rounds =
        ProcessInfo.processInfo.environment["WAYBILL_FUZZ_ROUNDS"].flatMap(Int.init) ?? 300

    /// Every section, and most of the keys.
    private static let whole =
        WaybillConfigurationTests.full + """

            tenants:
              - {name: acme, ack: replicated, ack_standbys: 1, ack_when_away: accept}
              - name: shop
                ack: local
            replication:
              certificate: /etc/waybill/site.pem
              key: /etc/waybill/site.key
              authority: /etc/waybill/sites.pem
              listen: 192.0.2.1:7025
              address: 198.51.100.1:7025
              standby_of: 192.0.2.2:7025
              peers: ["192.0.2.2:7025", "[2001:db8::1]:7025"]
              delay: 0s
              bandwidth: 10MiB
              slot_size: 8GiB
              ack_timeout: 5s
              lease:
                endpoints: ["http://127.0.0.1:2379"]
                prefix: /waybill/
                ttl: 10s
                promote: automatic
                witness: trusted
                max_lag: 100
                user: u
                password_file: /etc/waybill/etcd.password

            """

    /// What YAML, or the reader of a value, might stumble over.
    private static let pieces: [String] = [
        "~", "null", "true", "-1", "0", "1e9", "nan", "inf", "0x7f", "9223372036854775807",
        "9223372036854775808", "9223372036854775807ms", "36500d", "36501d", "9223372036854775807/h",
        "8EiB", "9999999TiB", "1h1h1h", "[", "]", "{", "}", "[]", "{}", "- ", ": ", "? ", ", ", "#",
        "&a ", "*a", "<<: *a", "!!binary ", "!x ", "|\n", ">-\n", "\"", "'", "%TAG ", "---\n",
        "...\n", "\t", "\n", "\r\n", "\r", "\u{0}", "\u{7}", "\u{7F}", "\u{85}", "\u{2028}",
        "\u{FEFF}", "\u{FFFE}", "é", "\u{1F4EC}", "e\u{301}", ":0", "[::1]:0", "0.0.0.0/33",
        "@", "s3://", "://", "*.", "..", ".", " ", "  ", "data: x\n", "listeners:\n",
    ]

    private static func mutated(_ random: inout SeededRandom) -> String {
        var text = Array(whole.unicodeScalars)
        for _ in 0...random.below(4) where !text.isEmpty {
            let place = random.below(text.count)
            switch random.below(6) {
            case 0: text.removeSubrange(place..<min(text.count, place + 1 + random.below(30)))
            case 1: text[place] = random.pick(text) ?? " "
            case 2: text.insert(contentsOf: (random.pick(pieces) ?? "").unicodeScalars, at: place)
            case 3:
                let end = min(text.count, place + random.below(200))
                text.insert(contentsOf: Array(text[place..<end]), at: random.below(text.count))
            case 4: replaceValue(of: &text, from: place, &random)
            default: indent(&text, from: place, by: random.below(7))
            }
        }
        var mutated = String.UnicodeScalarView()
        mutated.append(contentsOf: text)
        return String(mutated)
    }

    /// Puts something else behind the next colon.
    private static func replaceValue(
        of text: inout [Unicode.Scalar], from place: Int, _ random: inout SeededRandom
    ) {
        guard let colon = text[place...].firstIndex(of: ":") else { return }
        let end = text[colon...].firstIndex(of: "\n") ?? text.count
        let value = " " + (random.pick(pieces) ?? "")
        text.replaceSubrange((colon + 1)..<end, with: Array(value.unicodeScalars))
    }

    /// Gives the next line another indentation.
    private static func indent(_ text: inout [Unicode.Scalar], from place: Int, by count: Int) {
        guard let lineEnd = text[place...].firstIndex(of: "\n") else { return }
        let start = lineEnd + 1
        let end = text[start...].firstIndex { $0 != " " } ?? text.count
        text.replaceSubrange(start..<end, with: Array(repeating: " ", count: count))
    }

    private static func read(_ text: String) throws(ConfigurationError) -> WaybillConfiguration {
        try WaybillConfiguration.read(
            text, file: "w.yaml", defaultHostName: "host.example",
            readSecret: { path in
                guard path.hasPrefix("/") else { throw Unreadable() }
                return "secret"
            })
    }

    private struct Unreadable: Error {}

    @Test("what is mutated is a file that can be used")
    func beginning() throws {
        let configuration = try Self.read(Self.whole)
        #expect(configuration.replication?.lease?.isAutomatic == true)
        #expect(configuration.reception.tenantAckLevels.count == 2)
    }

    @Test("any text is a configuration that can be shown, or refused with a line for each problem")
    func mutations() {
        var usable = 0
        for round in 0..<Self.rounds {
            var random = SeededRandom(seed: UInt64(round))
            let text = Self.mutated(&random)
            do throws(ConfigurationError) {
                let configuration = try Self.read(text)
                #expect(!configuration.effectiveText.isEmpty)
                usable += 1
            } catch {
                let lines = 1 + text.count(where: { $0.isNewline })
                #expect(!error.problems.isEmpty, "round \(round)")
                #expect(
                    error.problems.allSatisfy { (1...lines).contains($0.line) },
                    "round \(round): \(error)")
            }
        }
        // Both ways have been gone.
        #expect(Self.rounds < 100 || (usable > 0 && usable < Self.rounds))
    }
}
