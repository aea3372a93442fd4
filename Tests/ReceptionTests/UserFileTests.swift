import MailModel
import SMTPProtocol
import SmallFiles
import Testing
import WaybillTesting

@testable import Reception

@Suite("Users")
struct UserFileTests {
    private var cheap: PasswordHash.Cost {
        var cost = PasswordHash.Cost()
        cost.logN = 14
        return cost
    }

    @Test("RFC 7914 section 12: scrypt with N=16384, r=8, p=1 gives the published hash")
    func testVector() throws {
        let expected: [UInt8] = [
            0x70, 0x23, 0xbd, 0xcb, 0x3a, 0xfd, 0x73, 0x48, 0x46, 0x1c, 0x06, 0xcd, 0x81, 0xfd,
            0x38, 0xeb, 0xfd, 0xa8, 0xfb, 0xba, 0x90, 0x4f, 0x8e, 0x3e, 0xa9, 0xb5, 0x43, 0xf6,
            0x54, 0x5d, 0xa1, 0xf2,
        ]
        let hash = try #require(
            PasswordHash(
                password: Array("pleaseletmein".utf8), salt: Array("SodiumChloride".utf8),
                cost: cheap))
        #expect(hash.hash == expected)
        #expect(hash.matches(Array("pleaseletmein".utf8)))
        #expect(!hash.matches(Array("pleaseletmeiN".utf8)))
    }

    @Test("a hash's text is the PHC form and reads back the same")
    func hashText() throws {
        let hash = try #require(
            PasswordHash(password: [1, 2, 3], salt: Array(repeating: 7, count: 16), cost: cheap))
        #expect(hash.description.hasPrefix("$scrypt$ln=14,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$"))
        #expect(PasswordHash(hash.description) == hash)
    }

    @Test(
        "text that is no acceptable hash is refused",
        arguments: [
            "", "$scrypt$", "$argon2$ln=15,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw",
            "$scrypt$ln=9,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw",
            "$scrypt$ln=30,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw",
            "$scrypt$r=8,ln=15,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw",
            "$scrypt$ln=15,r=8,p=1$Bw$BwcHBwcHBwcHBwcHBwcHBw",
            "$scrypt$ln=15,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw==$BwcHBwcHBwcHBwcHBwcHBw",
        ])
    func badHash(text: String) {
        #expect(PasswordHash(text) == nil)
    }

    @Test("users are added, replaced and removed; comments survive; the file is for its owner")
    func fileRoundTrip() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/users"
        try TextFile.write("# our users\n\n", to: path)
        var file = try UserFile.load(path)
        #expect(file.users.isEmpty)
        let ann = try User.register(name: "ann@example.org", password: "a", cost: cheap)
        let bob = try User.register(
            name: "bob", tenant: "acme", password: "b", cost: cheap, scram: false)
        file.put(ann)
        file.put(bob)
        try file.save()
        #expect(TextFile.mode(path) == 0o600)
        var again = try UserFile.load(path)
        #expect(again.users == [ann, bob])
        #expect(!again.isReadableByOthers)
        let renewed = try User.register(name: "bob", password: "c", cost: cheap)
        again.put(renewed)
        let removed = again.remove(name: "ann@example.org")
        #expect(removed)
        let removedTwice = again.remove(name: "ann@example.org")
        #expect(!removedTwice)
        try again.save()
        #expect(try UserFile.load(path).users == [renewed])
        #expect(SmallFileText.read(path).hasPrefix("# our users\n\nbob - $scrypt$"))
    }

    @Test(
        "an error names file, line and what was expected",
        arguments: [
            ("ann acme", 1, "expected name, tenant"),
            ("# c\nann acme hash", 2, "expected a password hash"),
            (
                "ann - $scrypt$ln=14,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw SCRAM",
                1,
                "expected a verifier"
            ),
            ("- - x", 1, "expected a name"),
            (
                "ann - $scrypt$ln=14,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw\nann - "
                    + "$scrypt$ln=14,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw", 2,
                "twice"
            ),
        ])
    func errors(text: String, line: Int, expected: String) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/users"
        try TextFile.write(text, to: path)
        let error = try #require(throws: SmallFileError.self) { _ = try UserFile.load(path) }
        #expect(error.line == line)
        #expect(error.description.hasPrefix("\(path):\(line): "))
        #expect(error.message.contains(expected), "\(error)")
    }

    @Test("a file that is not there is an error with its name and the system's reason")
    func missing() throws {
        let error = try #require(throws: SmallFileError.self) {
            _ = try UserFile.load("/nowhere/users")
        }
        #expect(error.description == "/nowhere/users: cannot be opened: No such file or directory")
    }

    @Test(
        "names that could not stand in the file are refused",
        arguments: ["", "a b", "-", "#a", "a\n"])
    func badNames(name: String) {
        #expect(throws: SmallFileError.self) {
            _ = try User.register(name: name, password: "x", cost: cheap)
        }
    }

    @Test("names and passwords are kept as SASLprep (RFC 4013) gives them")
    func prepared() throws {
        let user = try User.register(
            name: "ju\u{308}rgen", password: "gru\u{308}n\u{A0}", cost: cheap)
        #expect(user.name.utf8.elementsEqual("j\u{FC}rgen".utf8))
        #expect(user.password.matches(Array("gr\u{FC}n ".utf8)))
        #expect(!user.password.matches(Array("gru\u{308}n\u{A0}".utf8)))
        var file = UserFile(path: "unwritten")
        file.put(user)
        file.put(try User.register(name: "j\u{FC}rgen\u{AD}", password: "b", cost: cheap))
        #expect(file.users.count == 1)
        let removed = file.remove(name: "ju\u{308}rgen")
        #expect(removed && file.users.isEmpty)
    }

    @Test("a password that SASLprep does not allow is kept as it is where SCRAM is not asked for")
    func prohibited() throws {
        let error = try #require(throws: SmallFileError.self) {
            _ = try User.register(name: "ann", password: "a\tb", cost: cheap)
        }
        #expect(error.description.contains("--no-scram"))
        let user = try User.register(name: "ann", password: "a\tb", cost: cheap, scram: false)
        #expect(user.password.matches(Array("a\tb".utf8)) && user.scram == nil)
        // Names likewise: an address whose parts are written in different directions.
        let name = "\u{5D3}@example.org"
        #expect(throws: SmallFileError.self) {
            _ = try User.register(name: name, password: "a", cost: cheap)
        }
        let plain = try User.register(name: name, password: "a", cost: cheap, scram: false)
        #expect(plain.name == name && plain.preparedName == name)
    }

    @Test("two names that are one when they are prepared cannot both stand in a file")
    func alike() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/users"
        let hash = "$scrypt$ln=14,r=8,p=1$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw"
        try TextFile.write("\u{2168} - \(hash)\nIX - \(hash)\n", to: path)
        let error = try #require(throws: SmallFileError.self) { _ = try UserFile.load(path) }
        #expect(error.line == 2 && error.message.contains("twice"))
    }
}

@Suite("Guessing and remembering")
struct AuthenticationGuardTests {
    private let second: UInt64 = 1_000_000_000

    @Test("failures delay more and more, shut out at the limit, and are forgotten")
    func failures() throws {
        var policy = AuthenticationPolicy()
        policy.failures = 3
        policy.failureSeconds = 60
        var memory = AuthenticationGuard(policy: policy)
        let address = try #require(IPAddress("192.0.2.1"))
        let delays = (0..<3).map { _ in memory.failed(address, now: 0) }
        #expect(delays == [1, 2, 3])
        #expect(memory.refuses(address, now: 59 * second))
        #expect(!memory.refuses(IPAddress("192.0.2.2"), now: 0))
        #expect(!memory.refuses(address, now: 60 * second))
        let later = memory.failed(address, now: 61 * second)
        #expect(later == 1)
    }

    @Test("the delay has an upper bound")
    func delayBound() throws {
        var memory = AuthenticationGuard(policy: AuthenticationPolicy())
        let address = try #require(IPAddress("192.0.2.1"))
        let delays = (0..<20).map { _ in memory.failed(address, now: 0) }
        #expect(delays.last == 5)
    }

    @Test("what was right is remembered for its time, within a bounded table")
    func remembering() {
        var policy = AuthenticationPolicy()
        policy.cacheSeconds = 10
        var memory = AuthenticationGuard(policy: policy, capacity: 2)
        memory.succeeded([1], now: 0)
        #expect(memory.wasRight([1], now: 9 * second))
        #expect(!memory.wasRight([1], now: 10 * second))
        #expect(!memory.wasRight([2], now: 0))
        memory.succeeded([2], now: 0)
        memory.succeeded([3], now: 0)
        #expect(memory.wasRight([3], now: 0))
    }

    @Test("only so many checks wait at a time")
    func queue() {
        var policy = AuthenticationPolicy()
        policy.threads = 1
        policy.queue = 1
        var memory = AuthenticationGuard(policy: policy)
        let begun = (0..<3).map { _ in memory.beginCheck() }
        #expect(begun == [true, true, false])
        memory.endCheck()
        let again = memory.beginCheck()
        #expect(again)
    }
}
