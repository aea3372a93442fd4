package import EventLog
package import MailEvents
import MailModel

/// What is asked of the pruning of a running server.
///
/// Concurrency: value.
package struct PruneRequest: Hashable, Sendable {
    /// What is to be kept; off: what the configuration says.
    package var limits = PruneLimits()
    /// Only says what would go.
    package var isDryRun = false

    /// Asks for what the configuration says.
    package init() {}
}

/// What a pruning came to.
///
/// Concurrency: value.
package struct PruneOutcome: Hashable, Sendable {
    /// What went, or would go.
    package var plan: PrunePlan
    package var isDryRun: Bool
    /// Where copies went, or would go; empty: nowhere.
    package var archive: String

    /// Creates an outcome.
    package init(plan: PrunePlan, isDryRun: Bool, archive: String) {
        self.plan = plan
        self.isDryRun = isDryRun
        self.archive = archive
    }

    /// The object that a client gets, and a command prints.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        defer { writer.endObject() }
        writer.bool(isDryRun, "dry_run")
        writer.number(plan.firstKept, "first_sequence")
        writer.number(plan.octets, "octets")
        writer.bool(!archive.isEmpty, "archived")
        switch plan.reason {
        case .retained: writer.string("retained", "stopped_by")
        case .written: writer.string("active", "stopped_by")
        case .needed(let sequence):
            writer.string("needed", "stopped_by")
            writer.number(sequence, "needed_sequence")
        }
        writer.beginArray("segments")
        for segment in plan.segments {
            writer.beginObject()
            writer.string(String(segment.path.split(separator: "/").last ?? ""), "file")
            writer.number(segment.firstSequence, "first_sequence")
            writer.number(segment.lastSequence, "last_sequence")
            writer.number(segment.fileBytes, "octets")
            if let time = segment.lastTime {
                writer.time(EventTime(microseconds: time), "last_time")
            }
            writer.endObject()
        }
        writer.endArray()
    }
}

/// What the pruning of a server has done since its start.
///
/// Concurrency: value.
package struct PruneTotals: Hashable, Sendable {
    package var segments = 0
    package var octets: UInt64 = 0
    /// 1 when the last one failed.
    package var failures = 0
    /// The first event that is kept.
    package var firstSequence: UInt64 = 1

    /// Nothing yet.
    package init() {}
}
