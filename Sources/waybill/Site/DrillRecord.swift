import HTTPAPI
import SmallFiles

/// What a data directory knows of the last drill: `DATA/drill`, a file of lines, each a name and a value.
enum DrillRecord {
    private static let octetsMax: Int64 = 65_536

    private static func path(_ data: String) -> String { data + "/drill" }

    /// Notes what a drill came to.
    static func note(_ drill: SiteReport.Drill, data: String) throws(SmallFileError) {
        try SmallFile.replace(
            path(data),
            with: """
                time \(drill.time)
                well \(drill.isWell ? "yes" : "no")
                sequence \(drill.sequence)
                recovery \(drill.recoveryMilliseconds)
                finding \(drill.finding.replacing("\n", with: " "))

                """)
    }

    /// The last one; nil when there was none.
    static func last(data: String) -> SiteReport.Drill? {
        guard let (text, _) = try? SmallFile.read(path(data), octetsMax: octetsMax) else {
            return nil
        }
        var values: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        guard let time = values["time"].flatMap({ Int64($0) }),
            let sequence = values["sequence"].flatMap({ UInt64($0) }),
            let recovery = values["recovery"].flatMap({ Int64($0) })
        else { return nil }
        return SiteReport.Drill(
            time: time, isWell: values["well"] == "yes", sequence: sequence,
            recoveryMilliseconds: recovery, finding: String(values["finding"] ?? ""))
    }
}
