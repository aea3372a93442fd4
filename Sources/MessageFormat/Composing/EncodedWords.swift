/// Text that is not ASCII, for a header field: RFC 2047.
enum EncodedWords {
    /// Characters of the text within one encoded word. With `=?utf-8?Q?`, `?=` and `Subject: ` the
    /// first one makes a line of 78; RFC 2047 section 2 would allow 6 more.
    private static let room = 57
    private static let hexadecimal = Array("0123456789ABCDEF".utf8)

    /// The text as encoded words, each at most 75 octets long, none of which ends within a
    /// character. White space between them is not part of the text.
    static func encode(_ text: String) -> [String] {
        let octets = Array(text.utf8)
        let special = octets.count { !isPlain($0) && $0 != 0x20 }
        // Q where it is shorter: 2 more octets for each special one, against a third more of all.
        return special * 6 <= octets.count ? words(text, quoted) : base64Words(text)
    }

    private static func words(_ text: String, _ encode: (Unicode.Scalar) -> [UInt8]) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        for scalar in text.unicodeScalars {
            let encoded = encode(scalar)
            if word.count + encoded.count > room {
                words.append("=?utf-8?Q?\(String(decoding: word, as: UTF8.self))?=")
                word = []
            }
            word += encoded
        }
        words.append("=?utf-8?Q?\(String(decoding: word, as: UTF8.self))?=")
        return words
    }

    private static func quoted(_ scalar: Unicode.Scalar) -> [UInt8] {
        UTF8.encode(scalar).map(Array.init)?.flatMap { octet -> [UInt8] in
            if octet == 0x20 { return [0x5F] }
            if isPlain(octet) { return [octet] }
            return [0x3D, hexadecimal[Int(octet >> 4)], hexadecimal[Int(octet & 15)]]
        } ?? []
    }

    private static func base64Words(_ text: String) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        func finish() {
            var encoded: [UInt8] = []
            TransferEncoding.appendBase64(word[...], to: &encoded)
            words.append("=?utf-8?B?\(String(decoding: encoded, as: UTF8.self))?=")
            word = []
        }
        for scalar in text.unicodeScalars {
            let octets = UTF8.encode(scalar).map(Array.init) ?? []
            if word.count + octets.count > room / 4 * 3 { finish() }
            word += octets
        }
        finish()
        return words
    }

    /// What may stand for itself in a `Q` word wherever it is (RFC 2047 section 5, rule 3).
    private static func isPlain(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x21, 0x2A, 0x2B, 0x2D, 0x2F: true
        default: false
        }
    }
}

/// A parameter's value that is not ASCII or too long: RFC 2231.
enum ExtendedParameter {
    private static let hexadecimal = Array("0123456789ABCDEF".utf8)

    /// Appends `; name*0*=utf-8''...`, each piece on a line of its own.
    static func append(_ name: String, _ value: String, to out: inout [UInt8]) {
        var pieces: [[UInt8]] = [Array("utf-8''".utf8)]
        for octet in value.utf8 {
            let isPlain =
                (0x30...0x39).contains(octet) || (0x41...0x5A).contains(octet)
                || (0x61...0x7A).contains(octet) || octet == 0x2D || octet == 0x2E || octet == 0x5F
            let encoded =
                isPlain
                ? [octet] : [0x25, hexadecimal[Int(octet >> 4)], hexadecimal[Int(octet & 15)]]
            if pieces[pieces.count - 1].count + encoded.count > 60 { pieces.append([]) }
            pieces[pieces.count - 1] += encoded
        }
        for (number, piece) in pieces.enumerated() {
            let part = pieces.count == 1 ? "\(name)*" : "\(name)*\(number)*"
            out += ";\r\n \(part)=".utf8
            out += piece
        }
    }
}
