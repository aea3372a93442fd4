import CLinux
import EventLog
import Glibc
import HTTPAPI
import Logging
import MailEvents
import NIOCore
import NIOPosix
import Orders
import Projections
import Synchronization

/// Where orders for a data directory are given: to the server that runs there, or in this process
/// when none does.
///
/// Concurrency: value.
enum ControlPoint {
    case server(socket: String)
    case here(LocalAPI, EventLog<MailEventCodec>)

    /// Finds the server of a data directory; opens the log for writing when none runs.
    ///
    /// Complains and throws an exit code when neither can be.
    private static func open(_ options: DataOptions) async throws -> ControlPoint {
        let directory = try options.directory()
        let path = DataDirectory.controlSocket(directory)
        let isTooLong = path.utf8.count > APILimits.socketPathOctets
        var reason = "the path \(path) is longer than \(APILimits.socketPathOctets) octets"
        if !isTooLong {
            do {
                let channel = try await ClientBootstrap(
                    group: MultiThreadedEventLoopGroup.singleton
                ).connect(unixDomainSocketPath: path).get()
                try? await channel.close()
                return .server(socket: path)
            } catch {
                reason = "\((error as? IOError).map(Self.words) ?? "\(error)")"
            }
        }
        // Complains where there is no log.
        _ = try options.openLog()
        guard !LogLock.isHeld(directory: DataDirectory.log(directory)) else {
            complain(
                "waybill: a server runs on \(directory), and its control socket cannot be used: "
                    + reason
                    + (isTooLong
                        ? ". Start the server with a shorter path, for example --data . in that"
                            + " directory, and give commands the same."
                        : ". Run this command as the server's user."))
            throw Exit.unavailable
        }
        return try openLog(directory)
    }

    /// Does something at the place where orders are given, and closes it afterwards.
    static func use<Result>(
        _ options: DataOptions, _ body: (ControlPoint) async throws -> Result
    ) async throws -> Result {
        let point = try await open(options)
        do {
            let result = try await body(point)
            await point.close()
            return result
        } catch {
            await point.close()
            throw error
        }
    }

    private static func words(_ error: IOError) -> String {
        unsafe strerror(error.errnoCode).map { unsafe String(cString: $0) } ?? "\(error)"
    }

    private static func openLog(_ directory: String) throws -> ControlPoint {
        var mode: UInt32 = 0
        var owner: UInt32 = 0
        guard unsafe waybill_path_status(DataDirectory.log(directory), &mode, &owner) == 0,
            owner == geteuid()
        else {
            complain(
                "waybill: \(directory) belongs to another user (\(owner)), and no server runs on"
                    + " it. Run this command as that user, so that the server can go on with the"
                    + " files.")
            throw Exit.unavailable
        }
        do {
            let log = try EventLog.open(
                directory: DataDirectory.log(directory), codec: MailEventCodec())
            let bar = ReplayBar(title: "replaying")
            defer { bar.finish() }
            let state = try LiveFolds.followed(
                directory, log, MultiThreadedEventLoopGroup.singleton
            ) { bar.show($0) }
            let api = try LocalAPI(
                log: log, state: state, now: { SystemClock.now() },
                logger: Logger(label: "control", factory: { _ in SwiftLogNoOpLogHandler() }))
            return .here(api, log)
        } catch {
            complain("waybill: cannot write the log of \(directory): \(error)")
            throw Exit.unavailable
        }
    }

    /// Asks, and gives the answer's lines as they come, then what is left of it.
    func call(
        _ request: LocalRequest, onLine: @escaping @Sendable (JSONValue) -> Void = { _ in }
    ) async throws -> (status: Int, body: [UInt8]) {
        let octets = Mutex<[UInt8]>([])
        let onBody: @Sendable (ByteBuffer) -> Void = { buffer in
            let lines = octets.withLock { octets -> [[UInt8]] in
                octets += buffer.readableBytesView
                guard request.accept == "application/x-ndjson" else { return [] }
                var lines = octets.split(separator: 0x0A, omittingEmptySubsequences: false)
                octets = Array(lines.removeLast())
                return lines.map { Array($0) }
            }
            for line in lines {
                if let value = JSONValue(line) { onLine(value) }
            }
        }
        do {
            let status =
                switch self {
                case .server(let path):
                    try await SocketClient.call(path, request, onBody: onBody)
                case .here(let api, _): try await api.call(request, onBody: onBody)
                }
            return (status, octets.withLock { $0 })
        } catch {
            complain("waybill: the server did not answer: \(error)")
            throw Exit.temporary
        }
    }

    /// Closes what was opened.
    private func close() async {
        guard case .here(let api, let log) = self else { return }
        await api.close()
        log.close()
    }
}
