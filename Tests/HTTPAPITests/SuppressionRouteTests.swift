import HTTPTypes
import MailEvents
import MailModel
import MailProjections
import Orders
import Testing

@testable import HTTPAPI

@Suite("Suppressed addresses over HTTP")
struct SuppressionRouteTests {
    private func give(
        _ api: TestAPI, _ type: String, _ body: String, query: String = "", key: String = "operate"
    ) async throws -> TestAnswer {
        try await api.call(
            .post, "/api/v1/suppressions\(query)", key: key, headers: ["Content-Type": type],
            body: Array(body.utf8))
    }

    private func addresses(
        _ api: TestAPI, _ query: String = "", key: String = "read"
    ) async throws
        -> [String]
    {
        let answer = try await api.call(.get, "/api/v1/suppressions\(query)", key: key)
        return answer.json["suppressions"].elements.map { $0["address"].text }
    }

    @Test("Added once it is there, added again nothing changes, removed it is gone")
    func addAndRemove() async throws {
        let api = try await TestAPI()
        let body = #"{"address": "Ann+a/b@Example.org", "reason": "asked", "duration_seconds": 60}"#
        let added = try await api.post("/api/v1/suppressions", body)
        #expect(added.status == 200 && added.json["changed"].isTrue)
        #expect(added.json["address"].text == "Ann+a/b@example.org")
        #expect(try await !api.post("/api/v1/suppressions", body).json["changed"].isTrue)
        #expect(try await addresses(api) == ["ann+a/b@example.org"])
        let path = "/api/v1/suppressions/ann%2Ba%2Fb%40example.org"
        let dry = try await api.call(.delete, path + "?dry_run=true", key: "operate")
        #expect(dry.json["changed"].isTrue && dry.json["sequence"] == .null)
        let gone = try await api.call(.delete, path + "?reason=wrote", key: "operate")
        #expect(gone.json["changed"].isTrue && gone.json["sequence"].number == 2)
        let again = try await api.call(.delete, path, key: "operate")
        #expect(again.status == 200 && again.json["changed"] == .bool(false))
        let nonsense = try await api.call(
            .delete, "/api/v1/suppressions/not%20an%20address", key: "operate")
        #expect(nonsense.status == 400)
    }

    @Test("A list is taken line by line: what is wrong is named, the rest is taken")
    func csv() async throws {
        let api = try await TestAPI()
        let list = """
            \u{FEFF}Reason,Address,Tenant,Expires\r
            "said ""no"", twice",ann@example.org,,\r
            ,example.net,acme,2040-01-01T00:00:00Z

            x,"unbalanced,,
            x,nobody,at,all,of,it
            x,'+tag@example.org
            x,bob@example.org,,not a time
            x,eve@example.org,a:b,
            """
        let answer = try await give(api, "text/csv; charset=utf-8", list)
        #expect(answer.status == 200)
        #expect(answer.json["lines"].number == 9 && answer.json["added"].number == 3)
        #expect(answer.json["refused"].number == 4)
        #expect(answer.json["errors"].elements.map { $0["line"].number } == [5, 6, 8, 9])
        let listed = try await addresses(api)
        #expect(listed == ["ann@example.org", "example.net", "+tag@example.org"])
        #expect(try await give(api, "text/csv", list).json["unchanged"].number == 3)
        #expect(try await addresses(api, "?tenant=acme") == ["example.net"])
        #expect(try await addresses(api, "?address=ANN@example.org") == ["ann@example.org"])
    }

    @Test("A list of JSON takes what an export has, and names what it does not know")
    func lines() async throws {
        let api = try await TestAPI()
        let answer = try await give(
            api, "application/x-ndjson",
            """
            {"address":"ann@example.org","tenant":"","reason":"x","sequence":1,"since":"y","actor":"z"}
            {"address":"bob@example.org","nonsense":1}
            {"address":7}
            not json
            {"address":"eve@example.org","expires":"2001-01-01"}
            """, query: "?dry_run=true")
        #expect(answer.json["added"].number == 1 && answer.json["refused"].number == 4)
        #expect(answer.json["errors"].elements.map { $0["line"].number } == [2, 3, 4, 5])
        #expect(try api.events().isEmpty)
    }

    @Test("A long list becomes appends of a bounded size; a line that is too long ends it")
    func bounds() async throws {
        let api = try await TestAPI()
        let list = (0..<1201).map { "r\($0)@example.org\n" }.joined()
        #expect(try await give(api, "text/csv", list).json["added"].number == 1201)
        #expect(try api.events().count == 1201)
        let long = "ok@example.org\n" + String(repeating: "x", count: 20_000)
        #expect(try await give(api, "text/csv", long).status == 413)
        let octets: [UInt8] = [0x1F, 0x8B, 0, 0, 0, 0]
        let coded = try await api.call(
            .post, "/api/v1/suppressions", key: "operate",
            headers: ["Content-Type": "text/csv", "Content-Encoding": "gzip"], body: octets)
        #expect(coded.status == 400)
    }

    @Test("A tenant's key has a list of its own, whatever a line says")
    func tenants() async throws {
        let api = try await TestAPI()
        _ = try await api.post("/api/v1/suppressions", #"{"address": "secret@example.org"}"#)
        _ = try await api.post(
            "/api/v1/suppressions", #"{"address": "hidden@example.org", "tenant": "zeta"}"#)
        #expect(
            try await api.post(
                "/api/v1/suppressions", #"{"address": "a@example.org", "tenant": "zeta"}"#,
                key: "acme"
            ).status == 403)
        let list = "address,tenant\na@example.org,\nb@example.org,zeta\nc@example.org,acme\n"
        let given = try await give(api, "text/csv", list, key: "acme")
        #expect(given.json["added"].number == 2 && given.json["refused"].number == 1)
        #expect(try await addresses(api, key: "acme") == ["a@example.org", "c@example.org"])
        #expect(
            try await api.call(.get, "/api/v1/suppressions?tenant=zeta", key: "acme").status == 403)
        let foreign = try await api.call(
            .delete, "/api/v1/suppressions/secret@example.org", key: "acme")
        #expect(foreign.json["changed"] == .bool(false))
        #expect(
            try await api.call(
                .delete, "/api/v1/suppressions/hidden@example.org?tenant=zeta", key: "acme"
            ).status == 403)
        #expect(await api.folds.withSuppression { $0.count } == 4)
    }

    @Test(
        "Fields of a line of values are read as RFC 4180 has them",
        arguments: [
            ("a,b", ["a", "b"]), ("", [""]), (",", ["", ""]), ("\"a,\"\"b\"", ["a,\"b"]),
            ("\"\",x", ["", "x"]), ("'=1", ["=1"]), ("'x", ["'x"]), ("\"'-1\"", ["-1"]),
        ])
    func fields(_ line: String, _ expected: [String]) {
        #expect(CSVLine.fields(line) == expected)
    }

    @Test("Quotes where they cannot be are refused", arguments: ["\"a", "a\"b", "\"a\"b", "x,\""])
    func quotes(_ line: String) { #expect(CSVLine.fields(line) == nil) }
}
