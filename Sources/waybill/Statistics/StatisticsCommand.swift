import ArgumentParser
import HTTPAPI
import MailProjections

/// A command that asks one question about statistics and prints the answer.
///
/// The server that runs on the data directory is asked first: it has the statistics in memory. Where
/// none runs, or it cannot say, they are read from the files, which takes as long as these are large.
protocol StatisticsCommand: AsyncParsableCommand {
    var options: StatisticsOptions { get }
    /// What is asked, and how the answer is shown.
    var asked: AskedStatistics { get }
}

extension StatisticsCommand {
    func run() async throws {
        if let text = RunningServer.text(options) {
            put(text)
        } else {
            try options.answerHere(asked)
        }
    }
}

extension AskedStatistics {
    /// How a running server answers a command.
    static let answers: CommandAnswers = { words in
        guard let command = try? Waybill.parseAsRoot(words) as? any StatisticsCommand,
            command.options.at == nil
        else { return nil }
        let asked = command.asked
        return { try? asked.text($0, now: max(SystemClock.now(), $0.time)) }
    }
}
