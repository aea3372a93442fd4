import Delivery
import EventLog
import HTTPAPI
import MailModel
import Reception
import Resolver
import Testing

@testable import ConfigurationFile

@Suite("The configuration file")
struct WaybillConfigurationTests {
    private func read(_ text: String) throws -> WaybillConfiguration {
        try WaybillConfiguration.read(
            text, file: "w.yaml", defaultHostName: "host.example", readSecret: { "pw of \($0)" })
    }

    private func problems(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test("server.http: TLS beyond loopback by default, plain on loopback, and never by accident")
    func http() throws {
        let full = try #require(try read(Self.full).http)
        #expect(full.host == "0.0.0.0" && full.port == 8443)
        #expect(full.tls?.certificateChainFile == "/etc/ssl/a.pem")
        #expect(full.keysFile == "/etc/waybill/keys")
        #expect(full.bodyOctets == 1 << 20 && full.streams == 3)
        #expect(full.serverName == "mx.example.org")
        let plain = try #require(try read("server: {http: {}}").http)
        #expect(plain.host == "127.0.0.1" && plain.tls == nil)
        #expect(try read("server: {}").http == nil)
        #expect(problems("server: {http: {listen: \"0.0.0.0:80\"}}").count == 1)
        #expect(problems("server: {http: {tls: true}}").count == 1)
        #expect(problems("server: {http: {listn: \"127.0.0.1:80\"}}").count == 1)
        let open = "server: {http: {listen: \"0.0.0.0:80\", allow_plaintext_beyond_loopback: true}}"
        #expect(problems(open).isEmpty)
    }

    @Test("server.skip_refused_events: only projections that can go on without an event")
    func skipping() throws {
        let read = try read("server: {skip_refused_events: [statistics, history]}")
        #expect(read.server.skipsRefusedEvents == ["statistics", "history"])
        for name in ["statistic", "queue", "suppression", "Statistics"] {
            let found = problems("server: {skip_refused_events: [history, \(name)]}")
            #expect(found.count == 1, "\(name)")
            #expect(found.first?.contains("\"\(name)\"") == true)
            #expect(found.first?.contains("statistics, history") == true)
        }
    }

    static let full = """
        data: /srv/mail
        hostname: MX.Example.org
        site: west
        users: /etc/waybill/users
        server:
          event_loops: 2
          stop_within: 10s
          log_level: debug
          log_format: json
          http:
            listen: 0.0.0.0:8443
            keys: /etc/waybill/keys
            limits: {body_size: 1MiB, streams: 3}
        log:
          segment_size: 64MiB
          segment_age: 1h
          free_space_floor: 1GiB
          event_retention: 90d
          event_retention_bytes: 50GiB
          prune_archive: /srv/archive
        tls:
          certificate: /etc/ssl/a.pem
          key: /etc/ssl/a.key
        reception: {rejected_events: full, sessions: 100}
        listeners:
          - name: submission
            address: 0.0.0.0:587
            tls: required
            require_auth: true
            limits: {message_size: 10MiB, message_rate: 600/m}
          - name: bulk
            address: "[::1]:2525"
            tls: none
            relay_from: [127.0.0.0/8, "::1"]
            attribution: {tenant: acme, campaign_header: X-Job, unusable_names: ignore}
            timeouts: {command: 1m}
        resolver: {servers: ["127.0.0.1@5353"]}
        delivery:
          connections: 50
          memory_for_retries: 64MiB
          default_route: {tls: opportunistic, addresses: ipv4_only, eight_bit: send_as_is}
          routes:
            - domains: [example.net, "*.example.net"]
              smarthost: smtp.example.net:587
              tls: required
              pipelining: false
              chunking: never
              eight_bit: undeclared
              user: u
              password_file: /etc/pw
          retry: {first: 10m, give_up_after: 3d}
          queues:
            - tenant: acme
              retry: {first: 1m}
          notifications: {delay_warning_after: 2h}
        backup:
          to: s3://mail/mx1
          endpoint: "http://127.0.0.1:9000"
          region: eu-central-1
          credentials: /etc/s3
          key: /etc/backup.key
          interval: 5s
          verify_every: never
          keep_configurations: 4
        """

    @Test("backup: where the log is archived, and what cannot be")
    func backup() throws {
        let full = try #require(try read(Self.full).backup)
        #expect(full.destination == "s3://mail/mx1" && full.endpoint == "http://127.0.0.1:9000")
        #expect(full.region == "eu-central-1" && full.credentialsFile == "/etc/s3")
        #expect(full.keyFile == "/etc/backup.key" && full.intervalMilliseconds == 5000)
        #expect(full.verifyMilliseconds == 0 && full.configurationsKept == 4)
        let small = try #require(try read("backup: {to: /mnt/backup}").backup)
        #expect(small.intervalMilliseconds == 1000)
        #expect(small.verifyMilliseconds == 7 * 86_400_000)
        #expect(try read("data: /srv").backup == nil)
        for wrong in [
            "backup: {}", "backup: {to: \"\"}", "backup: {to: \"s3://\"}",
            "backup: {to: \"ftp://host/x\"}", "backup: {to: /b, endpoint: host}",
            "backup: {to: /b, endpoint: \"https://host/path\"}", "backup: {to: /b, interval: 1ms}",
            "backup: {to: /b, verify_every: 5ms}", "backup: {to: /b, keys: /k}",
            "{log: {segment_size: 5GiB}, backup: {to: \"s3://b\"}}",
        ] { #expect(problems(wrong).count == 1, "\(wrong)") }
        #expect(problems("{log: {segment_size: 5GiB}, backup: {to: /b}}").isEmpty)
    }

    @Test("every part of a file reaches the policy it is for")
    func everything() throws {
        let configuration = try read(Self.full)
        #expect(configuration.dataDirectory == "/srv/mail")
        #expect(configuration.hostName == "mx.example.org")
        #expect(configuration.reception.serverName == "mx.example.org")
        #expect(configuration.delivery.hostName == "mx.example.org")
        #expect(configuration.site == "west")
        #expect(configuration.log.segmentBytesMax == 64 << 20)
        #expect(configuration.log.segmentSecondsMax == 3600)
        #expect(configuration.pruning.keepSeconds == 7_776_000)
        #expect(configuration.pruning.keepOctets == 53_687_091_200)
        #expect(configuration.pruneArchive == "/srv/archive")
        #expect(configuration.reception.rejectedEvents == .full)
        let submission = try #require(configuration.reception.listeners.first)
        #expect(submission.requiresTLS && submission.requiresAuthentication)
        #expect(submission.offersAuthentication)
        #expect(submission.tls?.privateKeyFile == "/etc/ssl/a.key")
        #expect(submission.limits.messageRate == Rate(600, perSeconds: 60))
        let bulk = try #require(configuration.reception.listeners.last)
        #expect(bulk.host == "::1" && bulk.port == 2525 && bulk.tls == nil)
        #expect(bulk.relayNetworks.count == 2)
        #expect(bulk.attribution.tenant == "acme")
        #expect(bulk.attribution.campaignField == "X-Job")
        #expect(!bulk.attribution.refusesUnusableNames)
        #expect(submission.attribution.refusesUnusableNames)
        #expect(bulk.timeouts.commandSeconds == 60)
        let route = configuration.delivery.router.route(for: "a.example.net")
        #expect(route.nextHop == .smarthosts([HostPort(host: "smtp.example.net", port: 587)]))
        #expect(route.credentials == Credentials(username: "u", password: "pw of /etc/pw"))
        #expect(
            route.extensions
                == ExtensionUse(pipelining: false, chunking: .never, eightBit: .undeclared))
        let standard = configuration.delivery.router.defaultRoute
        #expect(standard.addressFamily == .ipv4Only)
        #expect(standard.extensions == ExtensionUse(eightBit: .sendAsIs))
        #expect(configuration.delivery.readMemoryOctets == 64 << 20)
        let queue = QueueName(campaign: "", tenant: "acme", domain: "a.example")
        #expect(configuration.delivery.retry.schedule(for: queue).firstIntervalSeconds == 60)
        #expect(configuration.delivery.retry.schedule(for: queue).ageSecondsMax == 3 * 86_400)
    }

    @Test("events are kept for ever unless a retention is given, and what is none is refused")
    func retention() throws {
        #expect(try read("hostname: a.example").pruning.isOff)
        #expect(try read("log: {event_retention: off}").pruning.isOff)
        #expect(try read("log: {event_retention_bytes: off}").pruning.isOff)
        #expect(try !read("log: {event_retention_bytes: 1GiB}").pruning.isOff)
        #expect(problems("log: {event_retention: long}").count == 1)
        #expect(problems("log: {event_retention_bytes: much}").count == 1)
    }

    @Test("what `config show` prints reads back as the same configuration, passwords left out")
    func showReadsBack() throws {
        let configuration = try read(Self.full)
        let shown = configuration.effectiveText
        #expect(!shown.contains("pw of"))
        let again = try read(shown)
        let expected = shown.split(separator: "\n").filter { !$0.contains("# user u") }
        #expect(again.effectiveText.split(separator: "\n").difference(from: expected).isEmpty)
        #expect(again.reception == configuration.reception)
        #expect(again.delivery.readMemoryOctets == configuration.delivery.readMemoryOctets)
        #expect(shown.contains("chunking: never") && shown.contains("eight_bit: undeclared"))
        for domain in ["example.net", "example.org"] {
            #expect(
                again.delivery.router.route(for: domain).extensions
                    == configuration.delivery.router.route(for: domain).extensions)
        }
        #expect(again.resolver == configuration.resolver)
    }

    @Test(
        "each mistake is told with line, key and what was expected",
        arguments: [
            (
                "hostname: a_b!\n",
                "w.yaml:1: hostname: \"a_b!\" does not fit; expected a host name such as mail.example.org"
            ),
            (
                "listeners:\n  - name: x\n",
                "w.yaml:2: listeners[0].address: is missing; expected HOST:PORT such as 0.0.0.0:587"
            ),
            (
                "listeners:\n  - address: 1.2.3.4:25\n    relay_from: [1.2.3.4/33]\n",
                "w.yaml:3: listeners[0].relay_from[0]: \"1.2.3.4/33\" does not fit; "
                    + "expected a network such as 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "delivery:\n  retry: {factor: 0.5}\n",
                "w.yaml:2: delivery.retry.factor: \"0.5\" does not fit; expected a number from 1 to 10"
            ),
            (
                "delivery:\n  retry:\n    give_up_after: 110000000d\n",
                "w.yaml:3: delivery.retry.give_up_after: \"110000000d\" does not fit; "
                    + "expected a duration such as 500ms, 30s, 5m, 4h or 7d, 1s to 36500d"
            ),
            (
                "server:\n  stop_within: 400000d\n",
                "w.yaml:2: server.stop_within: \"400000d\" does not fit; "
                    + "expected a duration such as 500ms, 30s, 5m, 4h or 7d, at most 1d"
            ),
            (
                "delivery:\n  backoff: {first: 36501d}\n",
                "w.yaml:2: delivery.backoff.first: \"36501d\" does not fit; "
                    + "expected a duration such as 500ms, 30s, 5m, 4h or 7d, 1s to 36500d"
            ),
            (
                "delivery:\n  routes:\n    - smarthost: a:1\n",
                "w.yaml:3: delivery.routes[0].domains: names no domain; expected a list of domains"
            ),
            (
                "delivery:\n  default_route: {chunking: yes}\n",
                "w.yaml:2: delivery.default_route.chunking: \"yes\" does not fit; "
                    + "expected one of when_needed, preferred, never"
            ),
            (
                "log:\n  segment_size: 10\n",
                "w.yaml:2: log.segment_size: \"10\" does not fit; expected \(Quantity.sizeForm)"
            ),
            (
                "listeners:\n  - address: 1.2.3.4:25\n    ack: everywhere\n",
                "w.yaml:3: listeners[0].ack: \"everywhere\" does not fit; "
                    + "expected one of local, replicated"
            ),
            (
                "replication: {listen: \"1.2.3.4\", certificate: c, key: k, authority: a}\n",
                "w.yaml:1: replication.listen: \"1.2.3.4\" does not fit; "
                    + "expected HOST:PORT such as 192.0.2.1:7025"
            ),
        ])
    func mistakes(text: String, message: String) {
        #expect(problems(text) == [message])
    }

    @Test("the longest durations can be counted with, whatever the time is")
    func longestDuration() throws {
        let configuration = try read("delivery: {retry: {give_up_after: 36500d, first: 1s}}")
        let schedule = configuration.delivery.retry.standard
        #expect(schedule.ageSecondsMax == 3_153_600_000 && schedule.firstIntervalSeconds == 1)
        // The year 2200.
        let late = EventTime(microseconds: 7_258_118_400_000_000)
        #expect(late.adding(seconds: schedule.ageSecondsMax) > late)
        let stop = try read("server: {stop_within: 1d}").server.stopMilliseconds
        #expect(stop == 86_400_000)
    }

    @Test("a listener with TLS but no certificate, and two of one name, are refused")
    func listenerMistakes() {
        let text = """
            listeners:
              - {name: a, address: "127.0.0.1:1", tls: starttls}
              - {name: a, address: "127.0.0.1:2"}
            """
        let found = problems(text)
        #expect(found.contains { $0.contains("listeners[0].tls: there is no certificate") })
        #expect(found.contains { $0.contains("listeners[1].name: \"a\" is the name of another") })
    }

    @Test("an empty file gives a server that listens nowhere and sends to the MX")
    func empty() throws {
        let configuration = try read("")
        #expect(configuration.hostName == "host.example")
        #expect(configuration.reception.listeners.isEmpty)
        #expect(configuration.delivery.router.defaultRoute.nextHop == .mx)
    }
}
