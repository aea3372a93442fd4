import MailModel
import NIOCore
import SMTPProtocol
import SMTPTransport

/// Runs a plan over several connections side by side.
///
/// Concurrency: bound to its event loop.
final class SendRun {
    /// What became of it all.
    struct Summary: Sendable {
        var accepted: Int
        var failures: [String: Int]
        var lastReply: Reply?
        /// Microseconds, in order of the replies.
        var latencies: [Int]
    }

    private let plan: SendPlan
    private let configuration: ClientSessionConfiguration
    private let tls: TLSClientContext
    private let target: SocketAddress
    private let hostName: String
    private let eventLoop: any EventLoop
    private let progress: Progress
    /// Connections in a row that failed before a transaction: then the rest is given up.
    private static let failuresMax = 3

    init(
        plan: SendPlan, configuration: ClientSessionConfiguration, tls: TLSClientContext,
        target: SocketAddress, hostName: String, eventLoop: any EventLoop, progress: Progress
    ) {
        self.plan = plan
        self.configuration = configuration
        self.tls = tls
        self.target = target
        self.hostName = hostName
        self.eventLoop = eventLoop
        self.progress = progress
    }

    func run(sessions: Int) -> EventLoopFuture<Summary> {
        let box = NIOLoopBound(self, eventLoop: eventLoop)
        let report = eventLoop.scheduleRepeatedTask(
            initialDelay: .milliseconds(100), delay: .milliseconds(100)
        ) { _ in box.value.progress.show(box.value.plan.finished) }
        let all = (0..<sessions).map { _ in connect(failures: 0) }
        return EventLoopFuture.andAllComplete(all, on: eventLoop).map {
            report.cancel()
            let plan = box.value.plan
            return Summary(
                accepted: plan.accepted, failures: plan.failures, lastReply: plan.lastReply,
                latencies: plan.latencies)
        }
    }

    /// One connection after another until the plan is done or the server cannot be spoken to.
    private func connect(failures: Int) -> EventLoopFuture<Void> {
        let ended = eventLoop.makePromise(of: SendHandler.Failure?.self)
        let begunBefore = plan.begun
        let bound = NIOLoopBound(
            SendHandler(
                session: ClientSession(configuration: configuration), plan: plan, tls: tls,
                hostName: hostName, ended: ended), eventLoop: eventLoop)
        Dialer().connect(to: target, on: eventLoop) { _ in bound.value }
            .whenFailure {
                ended.succeed(
                    SendHandler.Failure(reason: Dialer.describe($0), isTimeout: false))
            }
        let box = NIOLoopBound(self, eventLoop: eventLoop)
        return ended.futureResult.flatMap { failure in
            let run = box.value
            let progressed = run.plan.begun > begunBefore
            guard let failure, !run.plan.isFinished, run.plan.hasMore else {
                return run.eventLoop.makeSucceededVoidFuture()
            }
            let inARow = progressed ? 0 : failures + 1
            // A server that said nothing for minutes is not asked again.
            let isMute = failure.isTimeout && !progressed
            guard inARow < Self.failuresMax, !isMute else {
                while run.plan.hasMore { run.plan.note(failure: failure.reason) }
                return run.eventLoop.makeSucceededVoidFuture()
            }
            return run.connect(failures: inARow)
        }
    }
}
