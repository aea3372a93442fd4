import Glibc
import MailEvents

/// Events to standard output, gathered into large writes.
struct EventOutput {
    private let json: Bool
    private var buffer: [UInt8] = []

    init(json: Bool) { self.json = json }

    mutating func write(_ event: RecordedEvent) {
        buffer.append(contentsOf: (json ? event.json : EventLine.line(event)).utf8)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count > 1 << 16 { flush() }
    }

    /// Octets as they are.
    mutating func write(raw octets: [UInt8]) { buffer.append(contentsOf: octets) }

    /// Writes what has gathered; a closed pipe ends the process quietly, as `head` expects.
    mutating func flush() {
        unsafe buffer.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count {
                let wrote = unsafe Glibc.write(
                    STDOUT_FILENO, bytes.baseAddress.map { unsafe $0 + start }, bytes.count - start)
                if wrote < 0 {
                    if errno == EINTR { continue }
                    exit(errno == EPIPE ? 0 : 74)
                }
                start += wrote
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
