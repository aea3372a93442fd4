/// Makes equal texts one string, so that a million recipients at one domain share its bytes.
///
/// A fixed number of places, each with the last text that fell there: bounded whatever comes.
///
/// Concurrency: value.
struct StringCache: Sendable {
    private var places: [String]

    /// Creates a cache with 1,024 places, or with none for a single message.
    init(isShared: Bool = true) {
        places = isShared ? [String](repeating: "", count: 1024) : []
    }

    /// The text as a string, shared with the last equal one where that is worth it.
    mutating func string(_ bytes: ArraySlice<UInt8>) -> String {
        // Up to 15 octets a string holds its bytes itself.
        guard bytes.count > 15, !places.isEmpty else {
            return String(decoding: bytes, as: UTF8.self)
        }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        let place = Int(hash >> 54)
        if places[place].utf8.elementsEqual(bytes) { return places[place] }
        let string = String(decoding: bytes, as: UTF8.self)
        places[place] = string
        return string
    }
}
