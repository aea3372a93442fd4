import HTTPTypes
import SMTPProtocol
import Testing

@testable import HTTPAPI

@Suite("Compressed bodies")
struct CompressionTests {
    private static let gzip =
        "H4sIAAAAAAACA6tWKk7NS0ktUrJSUtJRKkpNzizITM0rKVayilZKdEitSMwtyEnVy0stUYrVUUrOzysBSgLVBpcmZaUm"
        + "l1gpVMTkxeRVKNUCAM5HYAVIAAAA"
    private static let zlib =
        "eJyrVipOzUtJLVKyUlLSUSpKTc4syEzNKylWsopWSnRIrUjMLchJ1ctLLVGK1VFKzs8rAUoC1QaXJmWlJpdYKVTE5MXk"
        + "VSjVAgB2bRix"
    private static let zstd =
        "KLUv/SRIJQIAggQQF5DFOVvQ5HpbnjNPI3BNqzeu0825/8sKgb6joxdgKidHQxSbd55RPUbTF6ywJT0PqQXW5b3YUm49"
        + "LbYZuV0BAQDGtkZq"
    /// 200,000 times `x`.
    private static let gzipBomb =
        "H4sIAAAAAAACA+3BMQEAAADCoNqLbwZ/oAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAACA1wByAr9RQA0DAA=="
    /// 3,000,000 zeros.
    private static let zstdBomb =
        "KLUv/QRYVAAAEAAAAQD7/znAAgIAEAACABAAAgAQAAIAEAACABAAAgAQAAIAEAACABAAAgAQAAIAEAACABAAAgAQAA"
        + "IAEAACABAAAgAQAAIAEAACABAAAgAQAAIAEAACABAAAgAQAAM2DgADya/W"

    /// Frames of so many times the digit 0, without a checksum and with one. A block that is inflated
    /// has 131,072 octets.
    private static let fullBlocks = [
        (131_072, "KLUv/aAAAAIAVQAAEDAwAQD7/znAAg=="),
        (131_072, "KLUv/aQAAAIAVQAAEDAwAQD7/znAAmBVvwE="),
        (262_144, "KLUv/aAAAAQAVAAAEDAwAQD7/znAAgMAEDA="),
        (262_144, "KLUv/aQAAAQAVAAAEDAwAQD7/znAAgMAEDDwdu8Z"),
    ]

    private func octets(_ text: String) throws -> [UInt8] { try #require(Base64.decode(text)) }

    private func send(
        _ api: TestAPI, _ coding: String, _ body: [UInt8]
    ) async throws -> TestAnswer {
        try await api.call(
            .post, "/api/v1/inject", key: "inject",
            headers: ["Content-Type": "application/json", "Content-Encoding": coding], body: body)
    }

    @Test(
        "gzip, deflate and zstd bodies are inflated",
        arguments: [
            ("gzip", Self.gzip), ("deflate", Self.zlib), ("zstd", Self.zstd),
        ])
    func codings(name: String, body: String) async throws {
        let api = try await TestAPI()
        #expect(try await send(api, name, octets(body)).status == 200)
        #expect(try api.events().count == 2)
    }

    @Test(
        "A body that is cut short, longer, or not of its coding is 400",
        arguments: [
            ("gzip", Self.gzip), ("zstd", Self.zstd),
        ])
    func malformed(name: String, body: String) async throws {
        let api = try await TestAPI()
        let whole = try octets(body)
        for bad in [Array(whole.dropLast(5)), whole + [1, 2, 3, 4, 5], [0x7B, 0x7D, 0x0A], []] {
            #expect(try await send(api, name, bad).status == 400, "\(bad.count) octets")
        }
        #expect(try api.events().isEmpty)
    }

    @Test(
        "A small body that inflates to a large one is stopped at the limit",
        arguments: [
            ("gzip", Self.gzipBomb), ("zstd", Self.zstdBomb),
        ])
    func bombs(name: String, body: String) async throws {
        let api = try await TestAPI { $0.bodyOctets = 100_000 }
        #expect(try await send(api, name, octets(body)).status == 413)
        #expect(api.services.memory.usedOctets == 0)
    }

    @Test("Pieces of any size inflate to the same")
    func pieces() throws {
        let whole = try octets(Self.gzipBomb)
        for size in [1, 7, 100] {
            let inflater = try #require(Inflater())
            var out: [UInt8] = []
            var start = 0
            while start < whole.count {
                let end = min(start + size, whole.count)
                try inflater.decode(Array(whole[start..<end]), into: &out, limit: 1_000_000)
                start = end
            }
            #expect(inflater.isComplete)
            #expect(out.count == 200_000)
            #expect(out.allSatisfy { $0 == 0x78 })
        }
    }

    @Test(
        "RFC 8878 3: a frame that fills whole blocks is complete, in pieces and before another frame",
        arguments: Self.fullBlocks)
    func wholeBlocks(count: Int, text: String) throws {
        let frame = try octets(text)
        // How many octets there are; nil when the end is missing.
        func inflate(_ input: [UInt8], piece size: Int) throws -> Int? {
            let inflater = try #require(ZstdInflater())
            var out: [UInt8] = []
            for start in stride(from: 0, to: input.count, by: size) {
                let piece = Array(input[start..<min(start + size, input.count)])
                try inflater.decode(piece, into: &out, limit: 1_000_000)
            }
            #expect(out.allSatisfy { $0 == 0x30 })
            return inflater.isComplete ? out.count : nil
        }
        let cut = Array(frame.dropLast())
        for size in [1, 5, 1000] {
            #expect(try inflate(frame, piece: size) == count, "pieces of \(size)")
            #expect(try inflate(frame + frame, piece: size) == 2 * count, "pieces of \(size)")
            #expect(try inflate(cut, piece: size) == nil, "pieces of \(size)")
            #expect(try inflate(frame + cut, piece: size) == nil, "pieces of \(size)")
            #expect(throws: Problem.self) { try inflate(frame + [1, 2, 3, 4, 5], piece: size) }
        }
    }
}
