import BenchmarkSupport
import CEpoll
import Glibc

/// Tells which of many descriptors have something to receive.
///
/// Concurrency: bound to the main thread.
@safe final class Readiness {
    private let descriptor = epoll_create1(0)
    private var events: [epoll_event]

    /// Watches these.
    init(_ descriptors: [Int32]) throws(BenchmarkError) {
        unsafe events = unsafe [epoll_event](repeating: epoll_event(), count: descriptors.count)
        for (index, watched) in descriptors.enumerated() {
            var event = unsafe epoll_event()
            unsafe event.events = EPOLLIN.rawValue
            unsafe event.data.u32 = UInt32(index)
            guard unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event) == 0 else {
                throw BenchmarkError("epoll refuses a connection")
            }
        }
    }

    deinit {
        close(descriptor)
    }

    /// Waits until there are some: their places in the list.
    func wait() throws(BenchmarkError) -> [Int] {
        let count = unsafe epoll_wait(descriptor, &events, Int32(events.count), 60_000)
        guard count > 0 else { throw BenchmarkError("no answer within 60 s") }
        return unsafe events[..<Int(count)].map { unsafe Int($0.data.u32) }
    }
}
