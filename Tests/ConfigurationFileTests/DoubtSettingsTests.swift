import Delivery
import EventLog
import MailModel
import Testing

@testable import ConfigurationFile

@Suite("Mail in doubt in the configuration file")
struct DoubtSettingsTests {
    private func read(_ text: String) throws(ConfigurationError) -> WaybillConfiguration {
        try WaybillConfiguration.read(
            text, file: "w.yaml", defaultHostName: "mx.example.org", readSecret: { _ in "" })
    }

    private func problems(_ text: String) -> [String] {
        do throws(ConfigurationError) {
            _ = try read(text)
            return []
        } catch {
            return error.problems.map { "\($0)" }
        }
    }

    private static let text = """
        delivery:
          in_doubt: hold
          in_doubt_after: 4h
          in_doubt_then: bounce
          queues:
            - tenant: cheap
              in_doubt: retry
            - domain: dear.example
              in_doubt_after: never
        """

    @Test("retry unless something else is said")
    func standard() throws {
        #expect(try read("hostname: a.example").delivery.doubt == DoubtPolicy())
        #expect(try read("hostname: a.example").deliveryInForce.doubt == DoubtPolicy())
    }

    @Test("a queue's own word counts, the rest is inherited; what is shown reads back the same")
    func queues() throws {
        let configuration = try read(Self.text)
        func terms(_ tenant: String, _ domain: String) -> DoubtPolicy.Terms {
            configuration.delivery.doubt.terms(
                for: QueueName(campaign: "", tenant: tenant, domain: domain))
        }
        let bounce = DoubtPolicy.Terms(
            mode: .hold, decideAfterSeconds: 4 * 3600, verdict: .bounce)
        #expect(terms("", "a.example") == bounce)
        #expect(terms("cheap", "a.example").mode == .retry)
        #expect(terms("", "dear.example").mode == .hold)
        #expect(terms("", "dear.example").decideAfterSeconds == nil)
        let shown = configuration.effectiveText
        #expect(shown.contains("in_doubt: hold") && shown.contains("in_doubt_after: 14400s"))
        #expect(try read(shown).effectiveText == shown)
    }

    @Test(
        "each mistake is told with line, key and what was expected",
        arguments: [
            (
                "delivery:\n  in_doubt: maybe\n",
                "w.yaml:2: delivery.in_doubt: \"maybe\" does not fit; expected one of retry, hold"
            ),
            (
                "delivery:\n  in_doubt_after: soon\n",
                "w.yaml:2: delivery.in_doubt_after: \"soon\" does not fit; expected never, or a "
                    + "duration such as 500ms, 30s, 5m, 4h or 7d, 1s to 36500d"
            ),
            (
                "delivery:\n  in_doubt_after: 110000000d\n",
                "w.yaml:2: delivery.in_doubt_after: \"110000000d\" does not fit; expected never, or "
                    + "a duration such as 500ms, 30s, 5m, 4h or 7d, 1s to 36500d"
            ),
            (
                "delivery:\n  in_doubt_then: retry\n",
                "w.yaml:2: delivery.in_doubt_then: nothing says when; expected `in_doubt_after` "
                    + "beside it, or neither"
            ),
            (
                "delivery:\n  queues:\n    - domain: a.example\n      in_dout: hold\n",
                "w.yaml:4: delivery.queues[0].in_dout: unknown key; expected perhaps `in_doubt`"
            ),
        ])
    func mistakes(_ text: String, _ expected: String) {
        #expect(problems(text) == [expected])
    }

    @Test("intents wait for as many standbys as whoever asks for most")
    func demand() throws {
        let sites = """
            replication: {certificate: c.pem, key: k.pem, authority: a.pem}
            listeners:
              - {address: "0.0.0.0:25", ack: local}

            """
        #expect(try read(sites).deliveryInForce.doubt.demand == nil)
        let more = """
              - {address: "0.0.0.0:26", ack: replicated, ack_standbys: 2, ack_when_away: accept}
              - {address: "0.0.0.0:27", ack: replicated}
            """
        #expect(
            try read(sites + more).deliveryInForce.doubt.demand
                == StandbyDemand(standbys: 2, whenAway: .refuse))
    }
}
