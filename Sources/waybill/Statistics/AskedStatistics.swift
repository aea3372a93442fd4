import ArgumentParser
import MailModel
import MailProjections

/// A question about statistics as a command puts it, and how its answer is shown.
///
/// Concurrency: value.
struct AskedStatistics: Sendable {
    /// A second table below the first, for people only.
    struct Addition: Sendable {
        var title: String
        var question: StatisticsQuestion
        var empty: String
    }

    var question: StatisticsQuestion
    var since: TimePoint?
    var until: TimePoint?
    /// nil: everything.
    var page: Page?
    var format: OutputFormat
    /// What a table without rows says.
    var empty: String
    var addition: Addition?

    /// What of the statistics the answer is made of.
    var need: StatisticsNeed {
        addition.map { question.need.union($0.question.need) } ?? question.need
    }

    /// Makes what the command prints; in a table with a word on what is left out.
    ///
    /// - Parameters:
    ///   - statistics: What is asked.
    ///   - now: The instant that `24h` counts back from.
    /// - Returns: The text, with its last line end.
    /// - Throws: ``AnswerError``; `ValidationError` for a span that ends before it begins.
    func text(_ statistics: Statistics, now: EventTime) throws -> String {
        let span = Span(since: since?.time(now: now), until: until?.time(now: now))
        if let from = span.since, let to = span.until, from >= to {
            throw ValidationError("--since must be before --until")
        }
        let answer = try statistics.answer(question, span: span, now: now, page: page ?? .all)
        var text = answer.text(format, empty: empty)
        guard format == .table else { return text }
        if let page, case .rows(let rows, let total) = answer {
            text += page.rest(shown: rows.rows.count, of: total)
        }
        if let addition {
            let more = try statistics.answer(addition.question, span: span, now: now, page: .all)
            text += "\n\(addition.title)\n" + more.text(.table, empty: addition.empty)
        }
        return text
    }
}

extension Page {
    /// Says how many rows there are beyond the page; empty when there are none.
    func rest(shown: Int, of total: Int) -> String {
        let left = total - offset - shown
        return left > 0 ? "and \(left) more; --limit and --offset show them\n" : ""
    }
}
