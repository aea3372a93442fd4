import MailEvents

/// Events that are lost in a log, and the commands that fetch them from where they may still be.
///
/// In the commands ARCHIVE stands for a backup's archive, RESTORED for a directory that does not exist
/// yet, and DATA for a standby's data directory: what only the operator knows.
///
/// Concurrency: value.
struct LostRange {
    var first: UInt64
    /// nil: whatever followed.
    var last: UInt64?

    /// Where a backup goes on far enough.
    var fromBackup: [String] {
        ["waybill restore --archive ARCHIVE --to RESTORED", cat("RESTORED")]
    }

    /// On a standby, whether its server runs or not.
    var fromStandby: [String] { [cat("DATA")] }

    /// For people, one line.
    var text: String {
        let events = last.map { "events \(first) to \($0)" } ?? "events from \(first) on"
        return "\(events): \(fromBackup.joined(separator: ", then ")); or on a standby: "
            + fromStandby.joined(separator: ", then ")
    }

    /// Writes the commands as a member `fetch`.
    func write(to writer: inout JSONWriter) {
        writer.beginObject("fetch")
        writer.beginArray("backup")
        for command in fromBackup { writer.string(command) }
        writer.endArray()
        writer.beginArray("standby")
        for command in fromStandby { writer.string(command) }
        writer.endArray()
        writer.endObject()
    }

    private func cat(_ directory: String) -> String {
        "waybill log cat --data \(directory) --from \(first)" + (last.map { " --to \($0)" } ?? "")
    }
}
