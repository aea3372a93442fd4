import Glibc
import MailModel

/// The addresses of a hosts file, hosts(5).
enum HostsFile {
    /// Reads a file; one that is not there has no entries.
    static func load(_ path: String) -> [String: [IPAddress]] {
        guard !path.isEmpty, let file = unsafe fopen(path, "re") else { return [:] }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < Limits.hostsFileOctetsMaximum {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe fread($0.baseAddress, 1, $0.count, file)
            }
            guard count > 0 else { break }
            bytes += buffer.prefix(count)
        }
        return parse(String(decoding: bytes, as: UTF8.self))
    }

    /// Reads lines of an address and names; `#` begins a comment.
    static func parse(_ text: String) -> [String: [IPAddress]] {
        var entries: [String: [IPAddress]] = [:]
        for line in text.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let words = line.prefix { $0 != UInt8(ascii: "#") }
                .split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
                .map { String(decoding: $0, as: UTF8.self) }
            guard let first = words.first, let address = IPAddress(first) else { continue }
            for word in words.dropFirst() {
                guard let name = DomainName.lookupForm(word) else { continue }
                if entries[name]?.contains(address) != true {
                    entries[name, default: []].append(address)
                }
            }
        }
        return entries
    }
}
