import EventLog
import Testing

@testable import Backup

@Suite("The objects of a backup")
struct FormatTests {
    static let plain = Array("What an object holds.".utf8)

    static func header(_ octets: Int) -> ObjectHeader {
        ObjectHeader(
            kind: .tail, logID: Array(0..<16), firstSequence: 3, lastSequence: 9, epoch: 2,
            firstTime: 1_700_000_000_000_000, lastTime: 1_700_000_000_000_007,
            hashBefore: Array(repeating: 1, count: 32), hashAfter: Array(repeating: 2, count: 32),
            payloadOctets: UInt64(octets), madeAt: 1_700_000_001_000_000)
    }

    static func key(_ byte: UInt8 = 7) throws -> ArchiveKey {
        try #require(ArchiveKey(Array(repeating: byte, count: 32)))
    }

    static func object(_ payload: [UInt8], key: ArchiveKey?) throws -> [UInt8] {
        var header = header(payload.count)
        if let key {
            header.keyID = key.id
            header.salt = Array(repeating: 9, count: 16)
        }
        let encoder = ObjectEncoder(header, key: key) { offset, count in
            Array(payload[Int(offset)..<Int(offset) + count])
        }
        var bytes: [UInt8] = []
        while let piece = try encoder.next() { bytes += piece }
        #expect(UInt64(bytes.count) == header.objectOctets)
        return bytes
    }

    static func read(
        _ bytes: [UInt8], key: ArchiveKey?, step: Int = 1000
    ) throws -> (ObjectHeader, [UInt8]) {
        var payload: [UInt8] = []
        let decoder = ObjectDecoder(name: "an object", key: key) { payload += $0 }
        for start in stride(from: 0, to: bytes.count, by: step) {
            try decoder.take(Array(bytes[start..<min(start + step, bytes.count)]))
        }
        return (try decoder.finish(), payload)
    }

    @Test("an object is read as it was written, encrypted or not, whatever pieces it comes in")
    func roundTrip() throws {
        let large = (0..<(BackupLimits.pieceOctets + 77)).map { UInt8(truncatingIfNeeded: $0) }
        for key in [nil, try Self.key()] {
            for payload in [[], Self.plain, large] {
                let bytes = try Self.object(payload, key: key)
                for step in [1 << 16, payload.count > 1000 ? 99_991 : 1] {
                    let (header, read) = try Self.read(bytes, key: key, step: step)
                    #expect(read == payload)
                    #expect(header.isEncrypted == (key != nil))
                    #expect(header.lastSequence == 9 && header.epoch == 2)
                }
            }
        }
    }

    @Test("nothing of what an encrypted object holds can be read in it")
    func secrecy() throws {
        let bytes = try Self.object(Self.plain, key: Self.key())
        #expect(bytes.firstRange(of: Self.plain) == nil)
        #expect(try Self.object(Self.plain, key: nil).firstRange(of: Self.plain) != nil)
    }

    @Test("every octet that is altered, left out or added is found")
    func alterations() throws {
        for key in [nil, try Self.key()] {
            let bytes = try Self.object(Self.plain, key: key)
            for place in bytes.indices {
                var altered = bytes
                altered[place] ^= 0x20
                #expect(throws: ArchiveError.self) { try Self.read(altered, key: key) }
                #expect(throws: ArchiveError.self) {
                    try Self.read(Array(bytes[..<place]), key: key)
                }
            }
            #expect(throws: ArchiveError(.damaged, "")) { try Self.read(bytes + [0], key: key) }
        }
    }

    @Test("the wrong key, and none, are said to be that")
    func wrongKey() throws {
        let bytes = try Self.object(Self.plain, key: Self.key())
        for key in [nil, try Self.key(8)] {
            #expect(throws: ArchiveError(.wrongKey, "")) { try Self.read(bytes, key: key) }
        }
        #expect(throws: ArchiveError(.wrongKey, "")) {
            _ = try ArchiveKey(text: "0123", file: "backup.key")
        }
        let text = String(repeating: "07", count: 32)
        #expect(try ArchiveKey(text: " \(text)\n", file: "backup.key") == Self.key())
    }

    @Test("names say what they say, and one name means one object")
    func names() {
        let names: [ObjectName] = [
            .segment(first: 1, last: 255, epoch: 3), .tail(first: 256, epoch: 3),
            .site(time: 1_700_000_000_000_000, epoch: 1),
        ]
        #expect(names[0].path == "segments/0000000000000001-00000000000000ff-e00000003")
        #expect(names[1].path == "tail/0000000000000100-e00000003")
        for name in names { #expect(ObjectName(name.path) == name) }
        for text in [
            "", "tail/1-e00000003", "tail/0000000000000100-e3", "tail/0000000000000100",
            "segments/00000000000000ff-0000000000000001-e00000003",
            "other/0000000000000100-e00000003",
            "tail/0000000000000100-E00000003", "tail/000000000000010A-e00000003",
            "tail/0000000000000000-e00000003", "tail/+000000000000100-e00000003",
        ] { #expect(ObjectName(text) == nil, "\(text)") }
    }

    @Test("the record of an archive is read as it was written, and an altered one is not")
    func head() {
        let head = ArchiveHead(
            archiveID: Array(0..<16), logID: Array(16..<32),
            lines: [
                .init(
                    epoch: 1, claim: Array(repeating: 3, count: 16), after: 0,
                    chainHash: Array(repeating: 0, count: 32)),
                .init(
                    epoch: 4, claim: Array(repeating: 4, count: 16), after: 77,
                    chainHash: Array(repeating: 5, count: 32)),
            ],
            position: .init(
                epoch: 4, sequence: 99, chainHash: Array(repeating: 6, count: 32)),
            time: 1_700_000_000_000_000)
        #expect(ArchiveHead(bytes: head.bytes) == head)
        #expect(head.limit(ofEpoch: 1) == 77)
        #expect(head.limit(ofEpoch: 4) == .max)
        #expect(head.limit(ofEpoch: 2) == nil)
        // A third writer that began further back than the second one.
        var further = head
        further.lines.append(
            .init(
                epoch: 7, claim: Array(repeating: 7, count: 16), after: 50,
                chainHash: Array(repeating: 8, count: 32)))
        #expect(further.limit(ofEpoch: 1) == 50)
        #expect(further.limit(ofEpoch: 4) == 50)
        #expect(further.limit(ofEpoch: 7) == .max)
        for place in head.bytes.indices {
            var altered = head.bytes
            altered[place] ^= 1
            #expect(ArchiveHead(bytes: altered) == nil)
        }
    }

    @Test("a request is signed as AWS's own example has it")
    func signature() {
        // Amazon S3 API reference, "Authenticating requests: header-based", GET object.
        let signer = RequestSigner(
            credentials: S3Credentials(
                accessKeyID: "AKIAIOSFODNN7EXAMPLE",
                secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), region: "us-east-1")
        let fields = signer.fields(
            method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/test.txt", query: "",
            fields: [("range", "bytes=0-9")], payloadHash: Hex.text(Digest.of([])),
            time: 1_369_353_600_000_000)
        let authorization = fields.last { $0.name == "authorization" }?.value ?? ""
        #expect(
            authorization.hasSuffix(
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"))
        #expect(RequestSigner.stamp(1_369_353_600_000_000) == "20130524T000000Z")
        #expect(RequestSigner.stamp(1_709_210_096_000_000) == "20240229T123456Z")
        #expect(RequestSigner.encoded("a b/ü~", keepsSlash: true) == "a%20b/%C3%BC~")
    }

    @Test("an answer in XML is read")
    func answers() {
        let text = """
            <?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><Contents>\
            <Key>a&amp;b</Key><Size>12</Size></Contents><Contents><Key>c</Key><Size>3</Size>\
            </Contents><CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes></ListBucketResult>
            """
        let xml = XMLText(Array(text.utf8))
        #expect(xml.all("Contents").map { $0.first("Key") } == ["a&b", "c"])
        #expect(xml.all("CommonPrefixes").map { $0.first("Prefix") } == ["d/"])
        #expect(xml.first("IsTruncated") == "false")
        #expect(xml.first("Nothing") == nil)
    }
}
