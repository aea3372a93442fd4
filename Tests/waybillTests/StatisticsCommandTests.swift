import MailModel
import MailProjections
import Testing

@testable import waybill

@Suite("Commands about statistics")
struct StatisticsCommandTests {
    private func text(_ words: String...) -> String? {
        AskedStatistics.answers(words).flatMap { $0(Statistics()) }
    }

    @Test("A server answers the same words as the command line")
    func answers() {
        #expect(text("campaign", "list") == "no campaign\n")
        #expect(text("client", "list", "--data", "/nowhere") == "no client\n")
        #expect(text("provider", "list", "--limit", "3") == "no delivery was attempted\n")
        #expect(text("source", "reputation", "--by-provider") == "no attempt within 7 days\n")
        #expect(text("analytics", "delivery", "--last", "24h") == "nothing happened then\n")
        #expect(text("campaign", "list", "--json") == "")
        #expect(text("campaign", "list", "--format", "json") == "[]\n")
    }

    @Test(
        "What a server has no answer to, the command finds out by itself",
        arguments: [
            [], ["serve"], ["campaign"], ["campaign", "list", "--nonsense"], ["--help"],
            ["log", "info", "--data", "/nowhere"], ["campaign", "list", "--at", "5"],
            ["campaign", "stats", "nonsense"], ["campaign", "export"],
            ["campaign", "compare", "one"],
            ["campaign", "list", "--since", "1h", "--until", "2h"],
        ])
    func without(words: [String]) {
        let make = AskedStatistics.answers(words)
        #expect(make?(Statistics()) == nil)
    }

    @Test("A page says how many rows there are beyond it")
    func rest() {
        #expect(
            Page(offset: 2, limit: 3).rest(shown: 3, of: 9)
                == "and 4 more; --limit and --offset show them\n")
        #expect(Page(offset: 6, limit: 3).rest(shown: 3, of: 9).isEmpty)
        #expect(Page(offset: 20, limit: 3).rest(shown: 0, of: 9).isEmpty)
    }
}
