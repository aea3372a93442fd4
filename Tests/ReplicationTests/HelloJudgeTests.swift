import EventLog
import ReplicationSchema
import Testing

@testable import Replication

@Suite("What a site makes of another one's Hello")
struct HelloJudgeTests {
    static let logID = [UInt8](repeating: 7, count: 16)

    static func hash(_ octet: UInt8) -> [UInt8] { [UInt8](repeating: octet, count: 32) }

    /// This site: batches end at 10, 20, 30, 40 with hashes 10, 20, 30, 40; epoch 2 begins at 31.
    static func judge(
        isPrimary: Bool = true, logID: [UInt8]? = logID, firstSequence: UInt64 = 1
    ) -> HelloJudge {
        HelloJudge(
            standing: SiteStanding(
                site: "here", logID: logID,
                position: Position(epoch: 2, sequence: 40, chainHash: hash(40)), knownEpoch: 2,
                isPrimary: isPrimary,
                epochs: [
                    EpochStart(epoch: 1, firstSequence: 1), EpochStart(epoch: 2, firstSequence: 31),
                ]), firstSequence: firstSequence
        ) { sequence in
            guard sequence <= 40 else { return nil }
            let end = (sequence + 9) / 10 * 10
            return Position(
                epoch: end > 30 ? 2 : 1, sequence: end, chainHash: hash(UInt8(end)))
        }
    }

    static func hello(
        epoch: UInt32 = 1, sequence: UInt64, hash octet: UInt8? = nil, knownEpoch: UInt32 = 1,
        purpose: Waybill_Replication_V1_LinkPurpose = .follow
    ) -> Waybill_Replication_V1_Hello {
        var hello = Waybill_Replication_V1_Hello()
        hello.protocol = ReplicationLimits.protocolVersion
        hello.purpose = purpose
        hello.logIDOctets = logID
        hello.site = "there"
        hello.position = .init(
            Position(
                epoch: epoch, sequence: sequence,
                chainHash: hash(octet ?? UInt8(truncatingIfNeeded: sequence))))
        hello.knownEpoch = knownEpoch
        return hello
    }

    @Test("a site whose log is a beginning of this one may follow", arguments: [0, 10, 30, 40])
    func beginning(sequence: UInt64) throws {
        let verdict = try Self.judge().judge(
            Self.hello(epoch: sequence > 30 ? 2 : 1, sequence: sequence))
        #expect(verdict == .welcome)
    }

    @Test(
        "what cannot be is refused, whoever says it",
        arguments: ["", "a\u{1B}[2J", String(repeating: "x", count: 256)])
    func unusableName(name: String) throws {
        var hello = Self.hello(sequence: 10)
        hello.site = name
        guard case .refused(.otherProtocol, let text, _) = try Self.judge().judge(hello) else {
            Issue.record("it was taken")
            return
        }
        #expect(text.contains("name has 1 to 255 octets"))
    }

    @Test("a position or an epoch that leaves no room for another one is refused")
    func exhausted() throws {
        var hellos = [Self.hello(sequence: .max), Self.hello(epoch: .max, sequence: 10)]
        hellos.append(Self.hello(sequence: 10, knownEpoch: .max))
        hellos.append(Self.hello(sequence: 0, knownEpoch: .max, purpose: .ask))
        for hello in hellos {
            guard case .refused(.otherProtocol, _, _) = try Self.judge().judge(hello) else {
                Issue.record("\(hello.position) \(hello.knownEpoch) was taken")
                return
            }
        }
        let last = Self.hello(
            sequence: 0, knownEpoch: ReplicationLimits.epochMax, purpose: .ask)
        #expect(try Self.judge().judge(last) == .fencedBy(ReplicationLimits.epochMax))
    }

    @Test("a site without a log may follow")
    func empty() throws {
        var hello = Self.hello(sequence: 0)
        hello.logIDOctets = []
        #expect(try Self.judge().judge(hello) == .welcome)
    }

    @Test("a site that went on in the old epoch has diverged where the new one began")
    func tail() throws {
        for sequence in [UInt64(33), 40, 55] {
            let verdict = try Self.judge().judge(Self.hello(sequence: sequence, hash: 99))
            guard case .refused(.diverged, _, let common) = verdict else {
                Issue.record("\(verdict)")
                continue
            }
            #expect(common == Position(epoch: 1, sequence: 30, chainHash: Self.hash(30)))
        }
    }

    @Test("a site ahead of this one in the same epoch has diverged at this one's end")
    func ahead() throws {
        let verdict = try Self.judge().judge(
            Self.hello(epoch: 2, sequence: 50, knownEpoch: 2))
        guard case .refused(.diverged, _, let common) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(common?.sequence == 40)
    }

    @Test("a position within a batch, or with another hash, is not in this log")
    func otherHash() throws {
        for hello in [Self.hello(sequence: 15, hash: 20), Self.hello(sequence: 20, hash: 21)] {
            guard case .refused(.diverged, _, _) = try Self.judge().judge(hello) else {
                Issue.record("not refused")
                continue
            }
        }
    }

    @Test("a primary is fenced by whoever knows a higher epoch of its log, whatever it asks for")
    func fenced() throws {
        for purpose in [Waybill_Replication_V1_LinkPurpose.ask, .follow, .fetch] {
            let hello = Self.hello(sequence: 10, knownEpoch: 3, purpose: purpose)
            #expect(try Self.judge().judge(hello) == .fencedBy(3))
        }
        #expect(
            try Self.judge(isPrimary: false).judge(Self.hello(sequence: 10, knownEpoch: 3))
                == .welcome)
    }

    @Test("a site that needs what was pruned is refused, and told what to do")
    func pruned() throws {
        guard
            case .refused(.notReady, let text, _) = try Self.judge(firstSequence: 21).judge(
                Self.hello(sequence: 10))
        else {
            Issue.record("not refused")
            return
        }
        #expect(text.contains("copy"))
        #expect(try Self.judge(firstSequence: 21).judge(Self.hello(sequence: 20)) == .welcome)
        // Where the states can be sent, it is enough to begin with nothing.
        var sending = Self.judge(firstSequence: 21)
        sending.sendsStates = true
        guard
            case .refused(.notReady, let text, _) = try sending.judge(Self.hello(sequence: 10))
        else {
            Issue.record("not refused")
            return
        }
        #expect(text.contains("empty data directory"))
    }

    @Test("a site without a log begins behind a cut, if it knows how and the states can be sent")
    func behindCut() throws {
        for (sends, takes) in [(true, true), (true, false), (false, true)] {
            var judge = Self.judge(firstSequence: 21)
            judge.sendsStates = sends
            var hello = Self.hello(sequence: 0)
            hello.logIDOctets = []
            hello.takesPruned = takes
            #expect((try judge.judge(hello) == .welcome) == (sends && takes))
        }
    }

    @Test("another log's epochs fence nobody")
    func otherLog() throws {
        var hello = Self.hello(sequence: 10, knownEpoch: 99)
        hello.logIDOctets = [UInt8](repeating: 8, count: 16)
        guard case .refused(.otherLog, _, _) = try Self.judge().judge(hello) else {
            Issue.record("not refused")
            return
        }
    }

    @Test("another protocol, a primary that would follow, and a site without a log are refused")
    func refused() throws {
        var other = Self.hello(sequence: 10)
        other.protocol = 2
        guard case .refused(.otherProtocol, _, _) = try Self.judge().judge(other) else {
            Issue.record("not refused")
            return
        }
        var primary = Self.hello(sequence: 10)
        primary.isPrimary = true
        guard case .refused(.notReady, _, _) = try Self.judge().judge(primary) else {
            Issue.record("not refused")
            return
        }
        guard
            case .refused(.notReady, _, _) = try Self.judge(logID: nil).judge(
                Self.hello(sequence: 0))
        else {
            Issue.record("not refused")
            return
        }
    }
}
