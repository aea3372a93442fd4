import HTTPAPI
import SmallFiles

/// The server that runs on a command's data directory, asked for what it has in memory.
enum RunningServer {
    /// A server that has not answered by then is passed by: it is stopped, or has too much to do.
    private static let patience = Duration.seconds(3)

    /// What this process's command prints, as the running server says it; nil where the command has
    /// to find out by itself.
    static func text(_ options: StatisticsOptions) -> String? {
        guard options.at == nil, let directory = try? options.data.directory() else { return nil }
        let path = DataDirectory.controlSocket(directory)
        guard path.utf8.count <= APILimits.socketPathOctets, SmallFile.exists(path) else {
            return nil
        }
        let words = CommandLine.arguments.dropFirst().flatMap { Array($0.utf8) + [UInt8(0)] }
        guard
            let answer = BlockingCall.post(
                "/control/v1/command", words, at: path, patience: patience),
            answer.status == 200
        else { return nil }
        return String(decoding: answer.body, as: UTF8.self)
    }
}
