/// Where an object stands below its log's folder, and what its name says.
///
/// Concurrency: value.
package enum ObjectName: Hashable, Sendable {
    /// A sealed segment, by its sequences and the epoch of who put it there.
    case segment(first: UInt64, last: UInt64, epoch: UInt32)
    /// Batches from a sequence on. Its end is not in the name: of two writers that go on from the same
    /// place only one can put its object there.
    case tail(first: UInt64, epoch: UInt32)
    /// The configuration as of a time.
    case site(time: Int64, epoch: UInt32)

    static let segments = "segments/"
    static let tails = "tail/"
    static let sites = "site/"
    /// The record of who writes and how far the archive goes.
    static let head = "epoch"

    /// With its folder.
    package var path: String {
        switch self {
        case .segment(let first, let last, let epoch):
            Self.segments + Hex.text(first, digits: 16) + "-" + Hex.text(last, digits: 16)
                + "-e" + Hex.text(UInt64(epoch), digits: 8)
        case .tail(let first, let epoch):
            Self.tails + Hex.text(first, digits: 16) + "-e" + Hex.text(UInt64(epoch), digits: 8)
        case .site(let time, let epoch):
            Self.sites + Hex.text(UInt64(max(0, time)), digits: 16) + "-e"
                + Hex.text(UInt64(epoch), digits: 8)
        }
    }

    /// Reads a name with its folder.
    ///
    /// - Returns: nil when it is none.
    init?(_ path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let fields = parts[1].split(separator: "-", omittingEmptySubsequences: false)
        guard let last = fields.last, last.utf8.count == 9, last.hasPrefix("e"),
            let epoch = UInt32(last.dropFirst(), radix: 16)
        else { return nil }
        let numbers = fields.dropLast().map { field in
            field.utf8.count == 16 ? UInt64(field, radix: 16) : nil
        }
        let name: ObjectName
        switch (parts[0], numbers.count) {
        case ("segments", 2):
            guard let first = numbers[0], let last = numbers[1], first >= 1, last >= first,
                last < 1 << 62
            else { return nil }
            name = .segment(first: first, last: last, epoch: epoch)
        case ("tail", 1):
            guard let first = numbers[0], first >= 1, first < 1 << 62 else { return nil }
            name = .tail(first: first, epoch: epoch)
        case ("site", 1):
            guard let time = numbers[0].flatMap({ Int64(exactly: $0) }) else { return nil }
            name = .site(time: time, epoch: epoch)
        default: return nil
        }
        // One name for one object: no upper case, no sign.
        guard name.path == path else { return nil }
        self = name
    }

    /// First sequence; 0 for the configuration.
    package var first: UInt64 {
        switch self {
        case .segment(let first, _, _), .tail(let first, _): first
        case .site: 0
        }
    }

    /// Of who put it there.
    package var epoch: UInt32 {
        switch self {
        case .segment(_, _, let epoch), .tail(_, let epoch), .site(_, let epoch): epoch
        }
    }
}
