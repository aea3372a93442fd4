import EventLog
import MailEvents
import NIOCore
import NIOPosix

/// The contents in memory: those of messages accepted a moment ago, and those read back from the log.
///
/// A fresh content is kept until the last group of its message is done with, as far as there is room;
/// beyond that it is read back when its turn comes. One read back is kept as long as it is used, hence
/// by a transaction under way: what waits for a connection holds none, so that reads that wait for
/// room always get it in the end.
///
/// Concurrency: bound to delivery's event loop.
final class ContentMemory {
    /// Called with the content, or with why it cannot be read.
    typealias Reader = (Result<ActiveMessage.Stored, any Error>) -> Void

    /// Who waits for room.
    private enum Wanted {
        /// The readers of a message that is to be sent.
        case message(ActiveMessage)
        /// One who wants all of a large message, and does not keep it.
        case whole(ActiveMessage, Reader)
    }

    private let log: any DeliveryLog
    private let messages: MessageReader
    private let threads: NIOThreadPool
    private let eventLoop: any EventLoop
    private var freshOctetsMax: Int
    private var budget: ReadBudget<Wanted>

    /// Octets of fresh contents.
    private(set) var freshOctets = 0
    /// Octets of contents read back, or being read.
    var readOctets: Int { budget.octets }
    /// Messages whose read waits for room.
    var waitingReads: Int { budget.waitingCount }

    init(
        log: any DeliveryLog, threads: NIOThreadPool, eventLoop: any EventLoop,
        policy: DeliveryPolicy
    ) {
        self.log = log
        messages = MessageReader(log: log)
        self.threads = threads
        self.eventLoop = eventLoop
        freshOctetsMax = policy.contentMemoryOctets
        budget = ReadBudget(octetsMax: policy.readMemoryOctets)
    }

    /// Applies changed bounds to what comes from now on.
    func update(policy: DeliveryPolicy) {
        freshOctetsMax = policy.contentMemoryOctets
        budget.octetsMax = policy.readMemoryOctets
        serve()
    }

    /// Keeps the content of a message just accepted, if there is room.
    func keep(_ stored: ActiveMessage.Stored, of message: ActiveMessage) {
        guard freshOctets + stored.content.count <= freshOctetsMax else { return }
        message.stored = stored
        message.freshOctets = stored.content.count
        freshOctets += stored.content.count
    }

    /// Begins a use of a content that is in memory; nil when it must be read.
    func use(_ message: ActiveMessage) -> ActiveMessage.Stored? {
        guard let stored = message.stored else { return nil }
        message.useCount += 1
        return stored
    }

    /// Reads a content on a thread of its own, once there is room for it; `body` is called on the
    /// event loop. With success a use begins. If `isWanted` says no meanwhile, nothing is called.
    func read(
        _ message: ActiveMessage, while isWanted: @escaping () -> Bool, _ body: @escaping Reader
    ) {
        message.readers.append((isWanted, body))
        guard message.readers.count == 1 else { return }
        budget.ask(for: message.heldOctets, .message(message))
        serve()
    }

    /// Reads all of a large content, once there is room for it; `body` is called on the event loop, and
    /// what it is given counts as being in memory until it returns.
    func readWhole(_ message: ActiveMessage, _ body: @escaping Reader) {
        budget.ask(for: message.facts.sizeOctets, .whole(message, body))
        serve()
    }

    /// The pieces behind the first one of a content in pieces; nil when there are none.
    func feed(_ stored: ActiveMessage.Stored) -> ContentFeed? {
        guard stored.followingOctets > 0 else { return nil }
        return ContentFeed(stored.following, log: log, threads: threads, eventLoop: eventLoop)
    }

    /// A use is over.
    func endUse(_ message: ActiveMessage) {
        message.useCount -= 1
        if message.readOctets > 0 || message.groupCount == 0 { release(message) }
    }

    /// Drops a content that nobody uses; who needs it reads it from the log.
    func release(_ message: ActiveMessage) {
        guard message.useCount == 0, message.stored != nil else { return }
        message.stored = nil
        freshOctets -= message.freshOctets
        message.freshOctets = 0
        guard message.readOctets > 0 else { return }
        budget.giveBack(message.readOctets)
        message.readOctets = 0
        serve()
    }

    /// Begins the reads for which there is room.
    private func serve() {
        while let wanted = budget.next() {
            switch wanted {
            case .message(let message): begin(message)
            case .whole(let message, let body): beginWhole(message, body)
            }
        }
    }

    private func begin(_ message: ActiveMessage) {
        message.readers.removeAll { !$0.isWanted() }
        guard !message.readers.isEmpty else { return budget.giveBack(message.heldOctets) }
        let messages = messages
        let id = message.facts.id
        threads.runIfActive(eventLoop: eventLoop) { try messages.message(id) }
            .assumeIsolated().whenComplete { result in
                switch result {
                case .success(let stored):
                    message.stored = stored
                    message.readOctets = message.heldOctets
                    self.finish(message, result)
                case .failure:
                    self.budget.giveBack(message.heldOctets)
                    self.finish(message, result)
                    self.serve()
                }
            }
    }

    private func beginWhole(_ message: ActiveMessage, _ body: @escaping Reader) {
        let messages = messages
        let id = message.facts.id
        threads.runIfActive(eventLoop: eventLoop) { try messages.wholeMessage(id) }
            .assumeIsolated().whenComplete { result in
                body(result)
                self.budget.giveBack(message.facts.sizeOctets)
                self.serve()
            }
    }

    /// Tells those who wait for the message.
    private func finish(
        _ message: ActiveMessage, _ result: Result<ActiveMessage.Stored, any Error>
    ) {
        let readers = message.readers
        message.readers = []
        // Held while they are told, that the first to finish does not drop it.
        message.useCount += 1
        for reader in readers where reader.isWanted() {
            if case .success = result { message.useCount += 1 }
            reader.body(result)
        }
        endUse(message)
    }
}
