import MailEvents
import MailModel
import MailProjections
import Testing

@testable import Orders

@Suite("Orders: suppressed addresses")
struct SuppressionOrderTests {
    private let operators = OrderGiver(name: "cli")
    private let acme = OrderGiver(name: "shop", tenant: "acme")

    private func address(_ text: String, tenant: String = "") throws -> SuppressedAddress {
        try #require(SuppressedAddress(text: text, tenant: tenant))
    }

    @Test("What is on the list already changes nothing; another end or reason does")
    func addTwice() async throws {
        let test = try TestDesk()
        let draft = SuppressionDraft(address: try address("Ann@Example.org"), reason: "asked")
        let first = try await test.desk.suppress([draft], by: operators)
        #expect(first.added == 1 && first.sequence == 1)
        var same = SuppressionDraft(address: try address("ann@example.ORG"))
        #expect(try await test.desk.suppress([same], by: operators).unchanged == 1)
        same.reason = "asked again"
        #expect(try await test.desk.suppress([same], by: operators).replaced == 1)
        same.expires = test.now.adding(seconds: 60)
        #expect(try await test.desk.suppress([same], by: operators, isDryRun: true).replaced == 1)
        #expect(try test.facts().count == 2)
    }

    @Test("One that is over is not on the list, and is added anew")
    func over() async throws {
        let test = try TestDesk()
        var draft = SuppressionDraft(address: try address("example.org"))
        draft.expires = test.now.adding(seconds: 60)
        _ = try await test.desk.suppress([draft], by: operators)
        test.advance(seconds: 61)
        let page = try await test.desk.suppressions(
            OrderDesk.SuppressionFilter(), after: 0, limit: 10, for: operators)
        #expect(page.entries.isEmpty && page.next == nil)
        let gone = try await test.desk.unsuppress(draft.address, reason: "", by: operators)
        #expect(!gone.hasChanged)
        await #expect(throws: OrderError.self) {
            try await test.desk.suppress([draft], by: operators)
        }
        draft.expires = nil
        #expect(try await test.desk.suppress([draft], by: operators).added == 1)
    }

    @Test("Pages follow each other, each with what its filter fits")
    func pages() async throws {
        let test = try TestDesk()
        var drafts: [SuppressionDraft] = []
        for number in 0..<400 {
            drafts.append(
                SuppressionDraft(
                    address: try address(
                        "r\(number)@example.\(number % 2 == 0 ? "org" : "net")",
                        tenant: number % 5 == 0 ? "acme" : "")))
        }
        _ = try await test.desk.suppress(drafts, by: operators)
        for number in stride(from: 0, to: 400, by: 3) {
            _ = try await test.desk.unsuppress(drafts[number].address, reason: "", by: operators)
        }
        let kept = drafts.indices.filter { $0 % 3 != 0 }.map { drafts[$0].address }
        var filter = OrderDesk.SuppressionFilter()
        filter.domain = "example.org"
        for (giver, expected) in [
            (operators, kept.filter { $0.domain == "example.org" }),
            (acme, kept.filter { $0.domain == "example.org" && $0.tenant == "acme" }),
        ] {
            var seen: [SuppressedAddress] = []
            var place: UInt64? = 0
            while let after = place {
                let page = try await test.desk.suppressions(
                    filter, after: after, limit: 7, for: giver)
                #expect(page.entries.count <= 7)
                seen += page.entries.map(\.address)
                place = page.next
            }
            #expect(seen == expected)
        }
    }

    @Test("The filter by address finds the domain's entry and the mailbox's, in any case")
    func byAddress() async throws {
        let test = try TestDesk()
        let drafts = try ["ann@example.org", "example.org", "bob@example.org", "example.net"].map {
            SuppressionDraft(address: try address($0))
        }
        _ = try await test.desk.suppress(drafts, by: operators)
        var filter = OrderDesk.SuppressionFilter()
        filter.mailbox = Mailbox(localPart: "ANN", domain: "example.org")
        let page = try await test.desk.suppressions(filter, after: 0, limit: 10, for: operators)
        #expect(page.entries.map(\.address.text) == ["ann@example.org", "example.org"])
    }

    @Test("A tenant's entries are its own: it neither names another's nor sees everybody's")
    func tenants() async throws {
        let test = try TestDesk()
        let draft = SuppressionDraft(address: try address("ann@example.org"))
        _ = try await test.desk.suppress([draft], by: operators)
        let own = try await test.desk.suppress([draft], by: acme)
        #expect(own.added == 1)
        let foreign = SuppressionDraft(address: try address("ann@example.org", tenant: "zeta"))
        await #expect(throws: OrderError.self) {
            try await test.desk.suppress([foreign], by: acme)
        }
        let page = try await test.desk.suppressions(
            OrderDesk.SuppressionFilter(), after: 0, limit: 10, for: acme)
        #expect(page.entries.map(\.address.tenant) == ["acme"])
        #expect(page.entries.first?.actor == "shop (tenant acme)")
        #expect(try await test.desk.unsuppress(draft.address, reason: "", by: acme).hasChanged)
        #expect(await test.state.withSuppression { $0.count } == 1)
    }

    @Test(
        "An entry is an address or a domain",
        arguments: [
            ("ann@example.org", "ann", "example.org"), ("Example.ORG", "", "example.org"),
            ("@example.org", "", "example.org"), ("<ann@example.org>", "ann", "example.org"),
            ("[192.0.2.1]", "", "[192.0.2.1]"),
        ])
    func texts(_ text: String, _ localPart: String, _ domain: String) throws {
        let address = try address(text)
        #expect(address.localPart == localPart && address.domain == domain)
        #expect(SuppressedAddress(text: address.text) == address)
    }

    @Test(
        "What is neither is refused", arguments: ["", "@", "a b", "ann@", "a@b@c", "x..y", "é é"])
    func noAddress(_ text: String) {
        #expect(SuppressedAddress(text: text) == nil)
    }
}
