"""Statistics of a real server: over HTTP, on the command line, as metrics, and their projections."""

import json
import re
import signal
import threading
import time

import pytest
from harness.http import start_with_api
from harness.peer import Peer
from harness.stones import Sink, source
from harness.support import Skip, program, run, wait_until, waybill_binary

# What may be asked: the path, and the command that asks the same.
ASKED = [
    ("campaigns", ("campaign", "list")),
    ("campaigns?domain=a.example", ("campaign", "list", "--domain", "a.example")),
    ("campaigns/spring", ("campaign", "stats", "spring")),
    ("campaigns/spring/history?by=minute", ("campaign", "history", "spring", "--by", "minute")),
    ("campaigns/spring/compare?with=autumn", ("campaign", "compare", "spring", "autumn")),
    ("clients", ("client", "list")),
    ("clients/acme", ("client", "stats", "acme")),
    ("clients/acme/history?by=day", ("client", "history", "acme", "--by", "day")),
    ("providers", ("provider", "list")),
    ("sources", ("source", "list")),
    ("analytics/delivery?by=hour", ("analytics", "delivery", "--by", "hour")),
    ("analytics/bounces", ("analytics", "bounces")),
    ("analytics/domains", ("analytics", "domains")),
    ("analytics/domains?campaign=spring", ("analytics", "domains", "--campaign", "spring")),
    ("analytics/latency", ("analytics", "latency")),
]


def message(campaign: str, domain: str, count: int = 20) -> dict:
    return {
        "sender": "", "campaign": campaign, "tenant": "acme", "content": "Subject: x\n\nHello\n",
        "recipients": [f"r{number}@{domain}" for number in range(count)]}


def answered(api, path: str, key: str | None = None) -> dict:
    answer = api.get(f"/api/v1/{path}", key=key)
    assert answer.status == 200, (path, answer.body)
    return answer.json()


@pytest.fixture
def sent(server):
    """A server that has sent two campaigns, some of it refused."""
    with Peer() as peer:
        one, api, keys = start_with_api(server, "--smarthost", f"127.0.0.1:{peer.port}")
        for campaign, domain in [("spring", "a.example"), ("spring", "b.example"),
                                 ("autumn", "a.example")]:
            assert api.post("/api/v1/inject", message(campaign, domain)).status == 200
        one.wait_for("delivered", 60)
        one.wait_drained()
        yield one, api, keys


def test_http_and_the_command_line_give_the_same_numbers(sent):
    one, api, _ = sent
    wait_until(lambda: answered(api, "clients/acme")["delivered"] == 60, 10, "the live statistics")
    for path, command in ASKED:
        over_http = answered(api, path)
        sequence = over_http.pop("sequence")
        assert over_http.pop("as_of")
        by_command = one.json(*command, "--at", str(sequence))
        if "items" in over_http:
            assert over_http["items"] == by_command, path
            assert over_http["total"] == len(by_command), path
        else:
            assert [over_http] == by_command, path
    assert answered(api, "campaigns/spring")["delivered"] == 40
    assert answered(api, "domains/b.example")["delivered"] == 20
    windows = answered(api, "reputation/sources?by_provider=true")["items"]
    assert [row["window"] for row in windows] == ["1h", "24h", "7d"]
    assert all(row["delivered"] == 60 for row in windows)


def test_an_event_that_was_just_appended_is_in_the_answer(sent):
    one, api, _ = sent
    for number in range(1, 6):
        assert api.post("/api/v1/inject", message("fresh", "c.example", 1)).status == 200
        # The fold takes events at most 50 ms after their commit.
        deadline = time.monotonic() + 2
        while True:
            answer = api.get("/api/v1/campaigns/fresh")
            if answer.status == 200 and answer.json()["messages"] == number:
                break
            assert time.monotonic() < deadline, answer.body


def test_commands_are_answered_by_the_server_and_say_the_same_without_it(sent, tmp_path):
    one, api, _ = sent
    commands = [command for _, command in ASKED] + [
        ("provider", "stats", "127.0.0.1"), ("source", "reputation"), ("campaign", "export"),
        ("campaign", "list", "--limit", "1"), ("client", "list", "--format", "csv"),
        ("analytics", "latency", "--json")]
    # Where there is nothing but the socket, it is the server that answers.
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "control.sock").symlink_to(one.data / "control.sock")
    by_server = {
        command: run(waybill_binary(), *command, "--data", beside).stdout for command in commands}
    assert "and 1 more" in by_server["campaign", "list", "--limit", "1"]
    for number in range(1, 21):
        assert api.post("/api/v1/inject", message("fresh", "c.example", 1)).status == 200
        shown = run(waybill_binary(), "campaign", "stats", "fresh", "--json", "--data", beside).stdout
        assert json.loads(shown)["messages"] == number
    absent = one.command("campaign", "stats", "nonsense", check=False)
    assert (absent.returncode, absent.stdout) == (1, "")
    assert 'no campaign "nonsense"' in absent.stderr
    one.wait_drained()
    by_server = {
        command: run(waybill_binary(), *command, "--data", beside).stdout for command in commands}
    one.process.send_signal(signal.SIGSTOP)
    try:
        # A server that does not answer is passed by.
        assert one.command("campaign", "stats", "spring").stdout == by_server[
            "campaign", "stats", "spring"]
    finally:
        one.process.send_signal(signal.SIGCONT)
    assert one.stop() == 0
    for command in commands:
        assert one.command(*command).stdout == by_server[command], command


def test_a_moment_in_the_past_is_what_was_so_then(sent):
    one, api, _ = sent
    events = one.events()
    half = next(event["sequence"] for event in events if event["type"] == "delivered") - 1
    then = answered(api, f"campaigns/spring?at={half}")
    assert (then["sequence"], then["delivered"]) == (half, 0)
    last = [event for event in events if event["sequence"] <= half][-1]
    assert answered(api, f"campaigns/spring?at={last['time']}")["sequence"] >= half


def test_a_tenants_key_sees_its_own_numbers_only(sent):
    one, api, keys = sent
    acme = keys.add("acme", "read", tenant="acme")
    zeta = keys.add("zeta", "read", tenant="zeta")
    one.process.send_signal(1)
    wait_until(lambda: api.get("/api/v1/campaigns", key=zeta).status == 200, 10, "the keys")
    assert len(answered(api, "campaigns", key=acme)["items"]) == 2
    assert answered(api, "campaigns", key=zeta)["items"] == []
    assert answered(api, "clients", key=zeta)["items"] == []
    assert api.get("/api/v1/campaigns/spring", key=zeta).status == 404
    assert api.get("/api/v1/clients/acme", key=zeta).status == 404
    for path in ["sources", "providers/127.0.0.1", "domains/a.example", "reputation/sources"]:
        assert api.get(f"/api/v1/{path}", key=acme).status == 403


def metric(text: str, line: str) -> int:
    found = re.search(rf"^{re.escape(line)} (\d+)$", text, re.MULTILINE)
    assert found, f"{line} is not in\n{text}"
    return int(found.group(1))


def test_metrics_are_wellformed_and_go_on_after_a_restart(sent):
    one, api, _ = sent
    delivered = 'waybill_recipients_delivered_total{tenant="acme"}'
    wait_until(lambda: metric(api.get("/metrics").body.decode(), delivered) == 60, 10, "60")
    one.kill()
    one.start(port=api.port)
    wait_until(lambda: delivered in api.get("/metrics").body.decode(), 30, "the statistics")
    text = api.get("/metrics").body.decode()
    assert metric(text, delivered) == 60
    assert metric(text, "waybill_time_to_delivery_seconds_count") == 60
    assert metric(text, 'waybill_projection_quarantined_events{projection="statistics"}') == 0
    assert metric(text, 'waybill_queue_recipients{state="fresh"}') == 0
    assert metric(text, "waybill_log_sequence") == one.events()[-1]["sequence"]
    checked = run(program("promtool"), "check", "metrics", input=text, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_projections_are_listed_verified_and_rebuilt_while_mail_flows(server):
    with Sink() as sink:
        one, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{sink.port}")
        names = [row["name"] for row in one.json("projection", "list")]
        assert {"queue", "suppression", "statistics"} <= set(names)
        failures: list[BaseException] = []
        going = threading.Event()

        def flow() -> None:
            try:
                while not going.is_set():
                    source(one.port, 100, sessions=4)
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        mail = threading.Thread(target=flow)
        mail.start()
        try:
            one.wait_for("delivered", 200)
            # The server writes its status once a second.
            live = wait_until(
                lambda: [row for row in one.json("projection", "status")
                         if (row["name"], row["state"]) == ("statistics", "live")], 10, "live")
            assert live[0]["refused"] == []
            wait_until(
                lambda: all(row.get("checkpoint", 0) > 0
                            for row in one.json("projection", "list")), 30, "checkpoints")
            for row in one.json("projection", "verify"):
                assert row["equal"], row
                assert row["sequence"] > 0
            rebuilt = one.json("projection", "rebuild", "statistics")
            assert rebuilt == [{"name": "statistics", "result": "rebuilt"}]
            assert one.json("projection", "rebuild", "queue")[0]["result"] == "asked"
            status = one.json("projection", "status", "statistics")[0]
            assert (status["rebuilds"], status["setbacks"]) == (1, [])
        finally:
            going.set()
            mail.join()
        assert not failures, failures
        one.wait_drained()
        end = one.events()[-1]["sequence"]
        wait_until(
            lambda: answered(api, "analytics/delivery")["sequence"] >= end, 10, "the last event")
        assert one.stop() == 0
        # At rest: the digest of the files, of a replay, and of a rebuild are one.
        kept = {row["name"]: row["digest"] for row in one.json("projection", "digest")}
        for row in one.json("projection", "verify"):
            assert row["equal"], row
        for name in names:
            assert one.json("projection", "rebuild", name)[0]["digest"] == kept[name], name
        assert one.command("projection", "status").returncode == 0
        assert one.command("projection", "rebuild", check=False).returncode == 64
        assert one.command("projection", "verify", "nonsense", check=False).returncode == 64
        path = one.data / "projections" / "statistics-v2.mdb"
        octets = bytearray(path.read_bytes())
        octets[8192 + 100:] = bytes(len(octets) - 8292)
        path.write_bytes(octets)
        found = one.command("projection", "verify", "statistics", "--json", check=False)
        assert found.returncode == 1
        assert json.loads(found.stdout)["equal"] is False
