/// A host name or IP address, with a port when it is not the route's.
package struct HostPort: Hashable, Sendable, LosslessStringConvertible {
    /// Name or address; an IPv6 address without brackets.
    package var host: String
    /// nil: the route's port.
    package var port: Int?

    /// Creates a host with a port.
    package init(host: String, port: Int? = nil) {
        self.host = host
        self.port = port
    }

    /// Reads `smtp.example.org:587`, `192.0.2.1`, `[2001:db8::1]:25`; nil when it is none of them.
    package init?(_ text: String) {
        var host = Substring(text)
        var port: Int?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            if !rest.isEmpty {
                guard let number = Int(rest.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            host = text[..<colon]
            guard let number = Int(text[text.index(after: colon)...]) else { return nil }
            port = number
        }
        guard !host.isEmpty, port.map({ (1...65_535).contains($0) }) ?? true else { return nil }
        self.init(host: String(host), port: port)
    }

    /// The form that is read.
    package var description: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port.map { "\(name):\($0)" } ?? name
    }
}
