internal import Glibc

extension EventLogError {
    /// Something on the disk is not what it must be.
    static func damaged(
        _ message: String, file: String, sequences: ClosedRange<UInt64>? = nil
    ) -> EventLogError {
        EventLogError(
            .damaged, message, file: file, sequences: sequences, hint: verifyHint(file: file))
    }

    /// A newer version made what cannot be read; it is not damaged.
    static func newer(
        _ message: String, file: String, sequences: ClosedRange<UInt64>? = nil
    ) -> EventLogError {
        EventLogError(
            .unsupported, message, file: file, sequences: sequences,
            hint: "Use the version of Waybill that wrote it, or a later one.")
    }

    /// A call of the operating system failed.
    static func system(
        _ operation: String, errno code: Int32, file: String
    ) -> EventLogError {
        let words = unsafe String(cString: strerror(code))
        let full = code == ENOSPC || code == EDQUOT
        return EventLogError(
            full ? .outOfSpace : .inaccessible, "\(operation): \(words)", file: file,
            hint: full ? "Free some space on this file system." : "")
    }

    /// The command that tells what is wrong with a log, for a file of its directory.
    static func verifyHint(file: String) -> String {
        "Run: waybill log verify --data \(dataDirectory(file: file))"
    }

    /// The data directory that a file of its log stands in.
    private static func dataDirectory(file: String) -> String {
        var parts = file.split(separator: "/", omittingEmptySubsequences: false)
        if parts.last?.hasSuffix(".mdb") == true { parts.removeLast() }
        if parts.last == "log" { parts.removeLast() }
        let path = parts.joined(separator: "/")
        return path.isEmpty ? (file.hasPrefix("/") ? "/" : ".") : path
    }
}
