/// Words, tokens and numbers that texts are made of.
///
/// Concurrency: no state.
enum TrafficNames {
    private static let words = [
        "anna", "berg", "casa", "dora", "elm", "fritz", "gold", "haus", "ida", "jung", "karl",
        "linde", "moor", "nora", "otto", "platz", "quell", "rosa", "stein", "tal", "ulm", "vera",
        "wald", "xenia", "york", "zinn", "adler", "bach", "cora", "dorn", "eva", "feld",
    ]
    private static let digits = Array("0123456789abcdefghijklmnopqrstuv".utf8)

    /// One of 32 words.
    static func word(_ bits: UInt64) -> String { words[Int(bits % 32)] }

    /// The local-part of a person.
    static func localPart(_ person: UInt64) -> String {
        "\(word(person >> 40)).\(word(person >> 45))\(person >> 50 & 0x3FFF)"
    }

    /// Random letters and digits, up to 24.
    static func token(_ length: Int, _ random: inout SeededRandom) -> String {
        var octets: [UInt8] = []
        octets.reserveCapacity(length)
        var bits: UInt64 = 0
        for place in 0..<length {
            if place % 12 == 0 { bits = random.next() }
            octets.append(digits[Int(bits & 31)])
            bits >>= 5
        }
        return String(decoding: octets, as: UTF8.self)
    }

    /// 32 random octets.
    static func hash(_ random: inout SeededRandom) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(32)
        for _ in 0..<4 {
            var bits = random.next()
            for _ in 0..<8 {
                octets.append(UInt8(truncatingIfNeeded: bits))
                bits >>= 8
            }
        }
        return octets
    }

    /// Mixes a number so that neighbours have nothing in common.
    static func mixed(_ number: UInt64) -> UInt64 {
        var random = SeededRandom(seed: number &* 0xD6E8_FEB8_6659_FD93)
        return random.next()
    }
}
