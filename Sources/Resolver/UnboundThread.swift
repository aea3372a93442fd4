import Glibc
import Synchronization

/// The thread that asks libunbound and takes its results.
///
/// Requests come from any thread into a list; a pipe wakes the thread for them. Everything else
/// belongs to the thread. It ends when ``stop()`` is called, failing what is still open.
///
/// Concurrency: ``submit(_:)`` and ``stop()`` from any thread.
final class UnboundThread: Sendable {
    /// What is asked of the thread: runs there, and may call ``Worker/ask(_:)``.
    typealias Job = @Sendable (Worker) -> Void

    private struct State {
        var jobs: [Job] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    /// The ends of a pipe: to read, to write.
    private let wake: (read: Int32, write: Int32)
    private let context: UnboundContext
    private let timeoutMilliseconds: Int64
    private let onReply: @Sendable (Worker, DNSQuestion, DNSReply) -> Void

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - context: Used by this thread alone from now on.
    ///   - timeoutSeconds: How long a question may take.
    ///   - onReply: Called on the thread with each reply; every question gets exactly one.
    /// - Throws: ``ResolverError`` when the system has no more descriptors or threads.
    init(
        _ context: UnboundContext, timeoutSeconds: Int,
        onReply: @escaping @Sendable (Worker, DNSQuestion, DNSReply) -> Void
    ) throws(ResolverError) {
        self.context = context
        self.onReply = onReply
        timeoutMilliseconds = Int64(timeoutSeconds) * 1000
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            throw ResolverError(message: "DNS: pipe: errno \(errno)")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        wake = (ends[0], ends[1])
        var thread = pthread_t()
        let reference = unsafe Unmanaged.passRetained(self)
        let code = unsafe pthread_create(
            &thread, nil,
            { reference in
                guard let reference = unsafe reference else { return nil }
                unsafe Unmanaged<UnboundThread>.fromOpaque(reference).takeRetainedValue().run()
                return nil
            }, reference.toOpaque())
        guard code == 0 else {
            unsafe reference.release()
            throw ResolverError(message: "DNS: thread: error \(code)")
        }
        pthread_detach(thread)
    }

    deinit {
        close(wake.read)
        close(wake.write)
    }

    /// Runs a job on the thread.
    ///
    /// - Returns: False when the thread has ended or is about to.
    func submit(_ job: @escaping Job) -> Bool {
        let accepted = state.withLock { state in
            guard !state.isStopping else { return false }
            state.jobs.append(job)
            return true
        }
        if accepted { signal() }
        return accepted
    }

    /// Ends the thread soon; jobs given before are still run.
    func stop() {
        state.withLock { $0.isStopping = true }
        signal()
    }

    private func signal() {
        // A full pipe wakes the thread as well.
        var octet: UInt8 = 1
        _ = unsafe write(wake.write, &octet, 1)
    }

    private func run() {
        let worker = Worker(context, timeoutMilliseconds: timeoutMilliseconds, onReply: onReply)
        while true {
            let (jobs, isStopping) = state.withLock { state in
                defer { state.jobs = [] }
                return (state.jobs, state.isStopping)
            }
            for job in jobs { job(worker) }
            if isStopping {
                worker.failAll()
                return
            }
            worker.startWaiting()
            var descriptors = [
                pollfd(fd: context.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&descriptors, 2, worker.millisecondsToDeadline)
            if descriptors[1].revents != 0 {
                var octets = [UInt8](repeating: 0, count: 512)
                _ = unsafe read(wake.read, &octets, octets.count)
            }
            if descriptors[0].revents != 0 { context.process() }
            worker.expire()
        }
    }
}

/// The questions of an ``UnboundThread``.
///
/// Concurrency: its thread only.
final class Worker {
    private let context: UnboundContext
    private let timeoutMilliseconds: Int64
    private let onReply: (Worker, DNSQuestion, DNSReply) -> Void
    /// With the library.
    private var asked: [DNSQuestion: PendingQuestion] = [:]
    /// In the order of their deadlines, answered ones included until their turn.
    private var deadlines: [PendingQuestion] = []
    private var firstDeadline = 0
    /// Not yet with the library because too many are.
    private var waiting: [PendingQuestion] = []

    fileprivate init(
        _ context: UnboundContext, timeoutMilliseconds: Int64,
        onReply: @escaping (Worker, DNSQuestion, DNSReply) -> Void
    ) {
        self.context = context
        self.timeoutMilliseconds = timeoutMilliseconds
        self.onReply = onReply
    }

    /// Asks, now or as soon as there is room. The same question must not be open already.
    func ask(_ question: DNSQuestion) {
        let pending = PendingQuestion(
            question, deadline: MonotonicClock.milliseconds() + timeoutMilliseconds,
            onReply: { [unowned self] pending in finish(pending) })
        deadlines.append(pending)
        waiting.append(pending)
    }

    /// Gives waiting questions to the library as far as there is room.
    fileprivate func startWaiting() {
        while !waiting.isEmpty, asked.count < Limits.questionsMaximum {
            let room = Limits.questionsMaximum - asked.count
            let starting = waiting.prefix(room)
            waiting.removeFirst(starting.count)
            for pending in starting where pending.reply == nil {
                asked[pending.question] = pending
                pending.id = context.ask(pending.question, pending)
                guard pending.id == nil, pending.reply == nil else { continue }
                pending.reply = .failed("libunbound refused the question")
                finish(pending)
            }
        }
    }

    private func finish(_ pending: PendingQuestion) {
        asked[pending.question] = nil
        guard let reply = pending.reply else { return }
        onReply(self, pending.question, reply)
    }

    /// How long nothing is to be done, for poll(2); -1 without end.
    fileprivate var millisecondsToDeadline: Int32 {
        guard firstDeadline < deadlines.count else { return -1 }
        let rest = deadlines[firstDeadline].deadline - MonotonicClock.milliseconds()
        return Int32(clamping: max(0, rest) + 1)
    }

    /// Fails the questions whose time is over.
    fileprivate func expire() {
        let now = MonotonicClock.milliseconds()
        while firstDeadline < deadlines.count {
            let pending = deadlines[firstDeadline]
            guard pending.reply != nil || pending.deadline <= now else { break }
            firstDeadline += 1
            guard pending.reply == nil else { continue }
            giveUp(pending, "no answer within \(timeoutMilliseconds / 1000) seconds")
        }
        if firstDeadline > 1024, firstDeadline * 2 > deadlines.count {
            deadlines.removeFirst(firstDeadline)
            firstDeadline = 0
        }
    }

    /// Fails every question, those that the failures lead to included.
    fileprivate func failAll() {
        while firstDeadline < deadlines.count {
            let pending = deadlines[firstDeadline]
            firstDeadline += 1
            if pending.reply == nil { giveUp(pending, "the resolver is closed") }
        }
    }

    private func giveUp(_ pending: PendingQuestion, _ reason: String) {
        if let id = pending.id { context.cancel(id, pending) }
        pending.reply = .failed(reason)
        finish(pending)
    }
}

/// Time that does not jump.
enum MonotonicClock {
    /// Milliseconds since some moment in the past.
    static func milliseconds() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
