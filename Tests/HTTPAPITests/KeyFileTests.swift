import MailModel
import SMTPProtocol
import SmallFiles
import Testing
import WaybillTesting

@testable import HTTPAPI

/// Base 64 for tests.
enum Base64Text {
    static func encode(_ octets: [UInt8]) -> String { Base64.encode(octets) }
}

@Suite("File of keys")
struct KeyFileTests {
    private let now = EventTime(microseconds: 1_800_000_000_000_000)

    @Test("A key survives the file, and its token is not in it")
    func roundTrip() throws {
        let directory = try TemporaryDirectory()
        let (key, token) = APIKey.make(
            name: "shop", roles: [.read, .inject], tenant: "acme", now: now)
        var file = APIKeyFile(path: directory.path + "/keys")
        file.add(key)
        try file.save()
        let loaded = try APIKeyFile.load(file.path)
        #expect(loaded.keys == [key])
        #expect(!loaded.isReadableByOthers)
        #expect(key.roles == [.inject, .read])
        let secret = token.split(separator: "_").last.map(String.init) ?? ""
        #expect(secret.count == 52)
        #expect(!key.description.contains(secret))
        let keys = try APIKeyDirectory(path: file.path)
        #expect(keys.key(token: token) == key)
        #expect(keys.key(token: token.dropLast() + "0") == nil || token.hasSuffix("0"))
        #expect(keys.key(token: "wb_\(key.id)_") == nil)
    }

    @Test("Revoking is by id or by name, and is seen when the file is read again")
    func revoke() throws {
        let directory = try TemporaryDirectory()
        var file = APIKeyFile(path: directory.path + "/keys")
        let (one, oneToken) = APIKey.make(name: "a", roles: [.read], tenant: "", now: now)
        let (two, twoToken) = APIKey.make(name: "b", roles: [.read], tenant: "", now: now)
        file.add(one)
        file.add(two)
        try file.save()
        let keys = try APIKeyDirectory(path: file.path)
        #expect(file.remove(one.id) == [one])
        #expect(file.remove("b") == [two])
        #expect(file.remove("b").isEmpty)
        try file.save()
        #expect(keys.key(token: oneToken) == one)
        try keys.reload()
        #expect(keys.key(token: oneToken) == nil)
        #expect(keys.key(token: twoToken) == nil)
    }

    @Test(
        "A line that is no key is named with its number",
        arguments: [
            "x", "4gk2v9x0ab shop fly - sha256$AA 2026", "4gk2v9x0ab shop read - sha256$AAAA now",
        ])
    func mistakes(line: String) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/keys"
        try SmallFile.replace(path, with: "# comment\n\(line)\n")
        #expect {
            _ = try APIKeyFile.load(path)
        } throws: { error in
            (error as? SmallFileError)?.line == 2
        }
    }

    @Test("Roles: admin has all, operate has read, nobody else has more than its own")
    func roles() {
        #expect(APIRole.allCases.allSatisfy { APIRole.admin.includes($0) })
        #expect(APIRole.operate.includes(.read))
        #expect(!APIRole.operate.includes(.inject))
        #expect(!APIRole.inject.includes(.read))
        #expect(!APIRole.read.includes(.operate))
    }

    @Test("Plain HTTP beyond loopback needs to be allowed")
    func loopback() {
        for host in ["127.0.0.1", "::1", "localhost"] {
            let api = APIConfiguration(host: host, port: 1, serverName: "x")
            #expect(api.problems().isEmpty)
        }
        var open = APIConfiguration(host: "0.0.0.0", port: 1, serverName: "x")
        #expect(open.problems().count == 1)
        open.allowsPlaintextBeyondLoopback = true
        #expect(open.problems().isEmpty)
        open.allowsPlaintextBeyondLoopback = false
        open.tls = APITLSFiles(certificateChainFile: "a", privateKeyFile: "b")
        #expect(open.problems().isEmpty)
    }
}
