import MailModel
import NIOCore
import NIOPosix
import SMTPProtocol
import Synchronization

/// Answers the session's questions about users: passwords and SCRAM verifiers.
///
/// Passwords are checked on a few threads of their own, because scrypt takes a core for 50 ms and
/// more; how many may wait is bounded. A password that was right is remembered for a few minutes
/// as an HMAC under a key that lives in memory only, so that clients that authenticate for each
/// message are cheap; the key covers the stored hash, so a changed password is asked for at once.
///
/// Concurrency: any thread.
final class Authenticator: Sendable {
    private let users: UserDirectory
    private let policy: AuthenticationPolicy
    private let memory: Mutex<AuthenticationGuard>
    private let threads: NIOThreadPool
    private let cacheKey = Randomness.octets(32)
    /// What an unknown user's password is compared with, so that it takes the same time.
    private let nobody: PasswordHash?

    init(users: UserDirectory, policy: AuthenticationPolicy) {
        self.users = users
        self.policy = policy
        memory = Mutex(AuthenticationGuard(policy: policy))
        threads = NIOThreadPool(numberOfThreads: max(1, policy.threads))
        nobody = PasswordHash("$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
        threads.start()
    }

    /// Ends the threads; nothing may be asked any more.
    func shutDown() async { try? await threads.shutdownGracefully() }

    /// The tenant a user is bound to; empty for none, or when there is no such user.
    func tenant(of identity: String) -> String { users.user(named: identity)?.tenant ?? "" }

    /// Answers at once, or returns nil and calls `done` later, on the event loop.
    func answer(
        _ request: AuthenticationRequest, address: IPAddress?, now: UInt64,
        on eventLoop: any EventLoop, done: @escaping @Sendable (AuthenticationAnswer) -> Void
    ) -> AuthenticationAnswer? {
        let isRefused = memory.withLock { $0.refuses(address, now: now) }
        switch request {
        case .failedProof:
            // Also of an address that is not listened to any more: the exchange had begun before.
            let delay = memory.withLock { $0.failed(address, now: now) }
            Self.answer(.refused, after: delay, on: eventLoop, done)
            return nil
        case _ where isRefused:
            return .unavailable
        case .scramVerifier(let user):
            return .verifier(
                users.user(named: user)?.scram, nonce: Base64.encode(Randomness.octets(18)))
        case .password(let attempt):
            let user = users.user(named: attempt.user)
            let isOwn =
                attempt.authorizationIdentity.isEmpty
                || attempt.authorizationIdentity == attempt.user
            let key = cacheKey(of: attempt, hash: user?.password)
            if user != nil, isOwn, memory.withLock({ $0.wasRight(key, now: now) }) {
                return .accepted(identity: attempt.user)
            }
            guard memory.withLock({ $0.beginCheck() }) else { return .unavailable }
            check(attempt, user: isOwn ? user : nil, key: key, address: address) { delay, answer in
                Self.answer(answer, after: delay, on: eventLoop, done)
            }
            return nil
        }
    }

    /// Answers later, on the event loop.
    private static func answer(
        _ answer: AuthenticationAnswer, after seconds: Double, on eventLoop: any EventLoop,
        _ done: @escaping @Sendable (AuthenticationAnswer) -> Void
    ) {
        eventLoop.scheduleTask(in: .nanoseconds(Int64(seconds * 1e9))) { done(answer) }
    }

    private func check(
        _ attempt: PasswordAttempt, user: User?, key: [UInt8], address: IPAddress?,
        done: @escaping @Sendable (_ delaySeconds: Double, AuthenticationAnswer) -> Void
    ) {
        threads.submit { [self] state in
            guard case .active = state, let hash = user?.password ?? nobody else {
                memory.withLock { $0.endCheck() }
                return done(0, .unavailable)
            }
            let isRight =
                SASLprep.candidates(attempt.password).contains { hash.matches($0) } && user != nil
            let now = NIODeadline.now().uptimeNanoseconds
            let delay = memory.withLock { memory in
                memory.endCheck()
                guard !isRight else {
                    memory.succeeded(key, now: now)
                    return 0.0
                }
                return memory.failed(address, now: now)
            }
            done(delay, isRight ? .accepted(identity: attempt.user) : .refused)
        }
    }

    private func cacheKey(of attempt: PasswordAttempt, hash: PasswordHash?) -> [UInt8] {
        var data = Array(attempt.user.utf8)
        data.append(0)
        data += hash?.hash ?? []
        data += hash?.salt ?? []
        data.append(0)
        data += attempt.password
        return SHA256Functions.hmac(key: cacheKey, data)
    }
}
