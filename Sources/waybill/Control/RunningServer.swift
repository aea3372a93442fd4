import HTTPAPI
import NIOCore
import SmallFiles
import Synchronization

/// The server that runs on a command's data directory, asked for what it has in memory.
enum RunningServer {
    /// A server that has not answered by then is passed by: it is stopped, or has too much to do.
    private static let patience = Duration.seconds(3)

    /// What this process's command prints, as the running server says it; nil where the command has
    /// to find out by itself.
    static func text(_ options: StatisticsOptions) async -> String? {
        guard options.at == nil, let directory = try? options.data.directory() else { return nil }
        let path = DataDirectory.controlSocket(directory)
        guard path.utf8.count <= APILimits.socketPathOctets, SmallFile.exists(path) else {
            return nil
        }
        let words = CommandLine.arguments.dropFirst().flatMap { Array($0.utf8) + [UInt8(0)] }
        var request = LocalRequest(.post, "/control/v1/command", body: LocalBody(words))
        request.contentType = "application/octet-stream"
        return await answer(request, at: path)
    }

    private static func answer(_ request: LocalRequest, at path: String) async -> String? {
        await withTaskGroup(of: String?.self) { tasks in
            tasks.addTask {
                let octets = Mutex<[UInt8]>([])
                let status = try? await SocketClient.call(path, request) { buffer in
                    octets.withLock { $0 += buffer.readableBytesView }
                }
                guard status == 200 else { return nil }
                return octets.withLock { String(decoding: $0, as: UTF8.self) }
            }
            tasks.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            let first = await tasks.next()
            tasks.cancelAll()
            return first ?? nil
        }
    }
}
