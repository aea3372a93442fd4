import MailEvents
import MailModel
import Testing

@testable import Orders

@Suite("Orders: scope")
struct OrderScopeTests {
    private let operators = OrderGiver(name: "cli")
    private let acme = OrderGiver(name: "shop", tenant: "acme")

    private func scope(_ change: (inout OrderScope) -> Void) -> OrderScope {
        var scope = OrderScope()
        change(&scope)
        return scope
    }

    @Test("A scope that names nothing is refused; everything has to be said, and by itself")
    func everything() throws {
        #expect(throws: OrderError.self) { try OrderScope().selector(for: operators) }
        let all = scope { $0.isEverything = true }
        #expect(try all.selector(for: operators) == RecipientSelector())
        #expect(throws: OrderError.self) {
            try scope {
                $0.isEverything = true
                $0.domain = "example.org"
            }.selector(for: operators)
        }
    }

    @Test("A tenant's everything is what it has, and another tenant's is forbidden")
    func tenants() throws {
        let all = scope { $0.isEverything = true }
        #expect(try all.selector(for: acme) == RecipientSelector(tenant: "acme"))
        #expect(throws: OrderError.self) { try OrderScope().selector(for: acme) }
        let domain = scope { $0.domain = "Example.ORG" }
        #expect(
            try domain.selector(for: acme)
                == RecipientSelector(tenant: "acme", domain: "example.org"))
        #expect(throws: OrderError.forbidden("The key is for another tenant.")) {
            try scope { $0.tenant = "zeta" }.selector(for: acme)
        }
        #expect(throws: OrderError.forbidden("The key is for another tenant.")) {
            try scope { $0.queue = "spring:zeta@example.org" }.selector(for: acme)
        }
    }

    @Test(
        "A queue's name stands for its parts",
        arguments: [
            ("example.org", RecipientSelector(domain: "example.org")),
            ("acme@Example.org", RecipientSelector(tenant: "acme", domain: "example.org")),
            ("spring:@example.org", RecipientSelector(campaign: "spring", domain: "example.org")),
            (
                "spring:acme@[ipv6:2001:db8::1]",
                RecipientSelector(
                    campaign: "spring", tenant: "acme", domain: "[ipv6:2001:db8::1]")
            ),
        ])
    func queues(_ text: String, _ expected: RecipientSelector) throws {
        #expect(try scope { $0.queue = text }.selector(for: operators) == expected)
        #expect(QueueName(QueueName(text)?.description ?? "") == QueueName(text))
    }

    @Test("What no recipient can have is refused")
    func refused() {
        for change: (inout OrderScope) -> Void in [
            { $0.domain = "no domain" }, { $0.domain = "a@b.example" }, { $0.tenant = "a:b" },
            { $0.campaign = String(repeating: "x", count: 200) }, { $0.queue = "@example.org" },
            { $0.queue = "acme@" },
            {
                $0.queue = "acme@example.org"
                $0.tenant = "acme"
            },
        ] {
            #expect(throws: OrderError.self) { try scope(change).selector(for: operators) }
        }
    }

    @Test("A tenant does not undo what somebody else has ordered")
    func actors() {
        #expect(acme.actor == "shop (tenant acme)")
        #expect(acme.mayUndo("other (tenant acme)"))
        #expect(!acme.mayUndo("shop"))
        #expect(!acme.mayUndo("shop (tenant zeta)"))
        #expect(operators.mayUndo("shop (tenant acme)"))
    }
}
