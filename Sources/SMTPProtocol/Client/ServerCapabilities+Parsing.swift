extension ServerCapabilities {
    /// Reads the text of a `250` to EHLO, lines separated by LF.
    ///
    /// The first line is the server's name. Keywords in any case; unknown ones, and malformed
    /// parameters, are passed over: what is not understood is not used.
    package init(ehloText text: [UInt8]) {
        self.init()
        isExtended = true
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false).dropFirst() {
            let words = line.split { $0 == 0x20 || $0 == 0x3D }
            guard let keyword = words.first else { continue }
            let parameters = words.dropFirst().lazy.map(Self.uppercased)
            switch Self.uppercased(keyword) {
            case "PIPELINING": pipelining = true
            case "8BITMIME": eightBitMIME = true
            case "CHUNKING": chunking = true
            case "BINARYMIME": binaryMIME = true
            case "SMTPUTF8": smtpUTF8 = true
            case "DSN": dsn = true
            case "ENHANCEDSTATUSCODES": enhancedStatusCodes = true
            case "STARTTLS": startTLS = true
            case "SIZE":
                size = true
                if let limit = parameters.first.flatMap({ Int($0) }), limit > 0 {
                    sizeLimitOctets = limit
                }
            // Lenient: `AUTH=LOGIN` is what some servers say for the sake of old clients.
            case "AUTH":
                mechanisms.formUnion(
                    parameters.compactMap { ClientCredentials.Mechanism(rawValue: $0) })
            default: break
            }
        }
    }

    private static func uppercased(_ word: ArraySlice<UInt8>) -> String {
        String(decoding: word.map { $0 &- 0x61 < 26 ? $0 & 0xDF : $0 }, as: UTF8.self)
    }
}
