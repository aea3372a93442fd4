import MailModel
import NIOCore
import NIOEmbedded
import SMTPProtocol
import Synchronization
import Testing

@testable import Reception

@Suite("Answers about users")
struct AuthenticatorTests {
    private final class Answers: Sendable {
        private let state = Mutex<[AuthenticationAnswer]>([])

        var all: [AuthenticationAnswer] { state.withLock { $0 } }

        func add(_ answer: AuthenticationAnswer) { state.withLock { $0.append(answer) } }
    }

    @Test("A failed SCRAM exchange is refused as late as a wrong password, and counts as one")
    func failedProof() async throws {
        var policy = AuthenticationPolicy()
        policy.delaySeconds = 2
        policy.failures = 2
        let authenticator = Authenticator(users: try UserDirectory(path: nil), policy: policy)
        let eventLoop = NIOAsyncTestingEventLoop()
        let address = IPAddress("192.0.2.1")
        let answers = Answers()
        // The second one of an address is held back for twice as long.
        for (count, seconds) in [(1, 2), (2, 4)] {
            let answer = authenticator.answer(
                .failedProof(user: "ann"), address: address, now: 0, on: eventLoop
            ) { answers.add($0) }
            #expect(answer == nil)
            await eventLoop.advanceTime(by: .milliseconds(Int64(seconds) * 1000 - 1))
            #expect(answers.all.count == count - 1)
            await eventLoop.advanceTime(by: .milliseconds(1))
            #expect(answers.all.count == count)
        }
        #expect(answers.all == [.refused, .refused])
        // Nobody is listened to from there any more.
        let answer = authenticator.answer(
            .scramVerifier(user: "ann"), address: address, now: 0, on: eventLoop
        ) { answers.add($0) }
        #expect(answer == .unavailable)
        await authenticator.shutDown()
        await eventLoop.shutdownGracefully()
    }
}
