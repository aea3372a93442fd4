import Hummingbird
import MailEvents
import MailModel
import Orders

/// Takes a list of suppressions line by line, an append for every few hundred; what is wrong with a
/// line is noted, and the others are taken.
///
/// Concurrency: used by one task.
struct SuppressionImport {
    private struct Refusal {
        var line: Int
        var detail: String
    }

    let desk: OrderDesk
    let giver: OrderGiver
    let isDryRun: Bool
    private(set) var tally = SuppressionTally()
    private var lines = 0
    private var refused = 0
    private var refusals: [Refusal] = []
    private var drafts: [(line: Int, draft: SuppressionDraft)] = []

    init(desk: OrderDesk, giver: OrderGiver, isDryRun: Bool) {
        self.desk = desk
        self.giver = giver
        self.isDryRun = isDryRun
    }

    /// Reads a body to its end.
    ///
    /// Throws when it cannot be read, or the log takes no more; what came before is in force.
    mutating func run(_ request: Request, _ lines: SuppressionLines) async throws {
        var lines = lines
        var reader = try LineReader(request)
        while let line = try await reader.line() {
            self.lines += 1
            do throws(Problem) {
                guard let draft = try lines.read(line) else { continue }
                drafts.append((self.lines, draft))
            } catch {
                refuse(self.lines, error.detail)
            }
            if drafts.count == OrderLimits.suppressionsPerAppend { try await flush() }
        }
        try await flush()
    }

    /// Hands over what was gathered. When the desk refuses one of them, each goes by itself, so that
    /// only that one is left out.
    private mutating func flush() async throws {
        guard !drafts.isEmpty else { return }
        let batch = drafts
        drafts = []
        do throws(OrderError) {
            tally.add(try await desk.suppress(batch.map(\.draft), by: giver, isDryRun: isDryRun))
        } catch {
            guard Self.isOfOne(error) else { throw Problem(error) }
            for (line, draft) in batch {
                do throws(OrderError) {
                    tally.add(try await desk.suppress([draft], by: giver, isDryRun: isDryRun))
                } catch {
                    guard Self.isOfOne(error) else { throw Problem(error) }
                    refuse(line, Problem(error).detail)
                }
            }
        }
    }

    /// Whether an error is about an entry rather than about all of them.
    private static func isOfOne(_ error: OrderError) -> Bool {
        switch error {
        case .invalid, .forbidden: true
        default: false
        }
    }

    private mutating func refuse(_ line: Int, _ detail: String) {
        refused += 1
        guard refusals.count < APILimits.errorsListed else { return }
        refusals.append(Refusal(line: line, detail: detail))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.number(lines, "lines")
        tally.writeMembers(to: &writer)
        writer.number(refused, "refused")
        writer.bool(isDryRun, "dry_run")
        writer.beginArray("errors")
        for refusal in refusals {
            writer.beginObject()
            writer.number(refusal.line, "line")
            writer.string(refusal.detail, "detail")
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}
