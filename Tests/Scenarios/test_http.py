"""The HTTP API of a real server: injection, events, messages, keys, health, metrics."""

import json
import shutil
import signal
import threading
from pathlib import Path

import pytest
import yaml
from harness.http import API, Keys, compressed, start_with_api
from harness.support import ROOT, Skip, free_port, program, run, wait_until, waybill_binary

SHOP = {
    "sender": "bounce@shop.example",
    "recipients": [{"address": "ann@example.net", "name": "Ann", "metadata": {"order": "17"}}],
    "campaign": "spring",
    "content": {
        "from": {"address": "shop@shop.example", "name": "Der Händler"},
        "subject": "Grüße an {{name}}",
        "text": "Hello {{name}}",
        "html": "<p>Hello {{name}}</p>",
        "attachments": [{"name": "a.txt", "content_type": "text/plain", "data": "aGVsbG8="}],
    },
    "substitutions": {"shop": "north"},
}


def simple(**more) -> dict:
    return {"sender": "", "recipients": ["ann@example.net"],
            "content": "Subject: x\n\nHello\n", **more}


@pytest.fixture
def held(server):
    """A server that keeps what it takes."""
    return start_with_api(server, "--hold-delivery")


def test_a_message_is_in_the_log_before_it_is_answered(held):
    one, api, _ = held
    answer = api.post("/api/v1/inject", SHOP)
    assert answer.status == 200, answer.body
    # No time for a last commit: what was answered must be there all the same.
    one.kill()
    received, queued = one.of_type("received", "queued")
    assert received["protocol"] == "HTTP"
    assert received["identity"] == "everything"
    assert received["campaign"] == "spring"
    assert received["metadata"] == {"order": "17"}
    assert queued["recipient"] == "ann@example.net"
    assert answer.json()["results"][0]["message_id"] == received["message_id"]
    read = [json.loads(line) for line in one.reader("events").stdout.splitlines()]
    assert read == one.events()
    assert one.verify().returncode == 0


def test_an_injected_message_is_delivered_as_described(server, tmp_path):
    from email import message_from_bytes, policy

    sink_port = free_port()
    sink = server("--hold-delivery", port=sink_port).start()
    one, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{sink_port}")
    identifier = api.post("/api/v1/inject", SHOP).json()["results"][0]["message_id"]
    one.wait_for("delivered")
    trace = api.get(f"/api/v1/messages/{identifier}").json()
    assert [event["type"] for event in trace["events"]] == ["received", "queued", "delivered"]
    assert trace["final"] is True
    assert trace["recipients"][0]["state"] == "delivered"
    raw = sink.command("message", "show", "--raw", sink.of_type("received")[0]["message_id"]).stdout
    message = message_from_bytes(raw.encode(), policy=policy.default)
    assert message["subject"] == "Grüße an Ann"
    assert message["from"].addresses[0].display_name == "Der Händler"
    assert message["to"] == "Ann <ann@example.net>"
    assert message["message-id"] and message["date"]
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html",
                     "text/plain"]
    assert message.get_body(("plain",)).get_content() == "Hello Ann\n"
    attachment = list(message.iter_attachments())[0]
    assert attachment.get_filename() == "a.txt"
    assert attachment.get_content().strip() == "hello"


def test_a_repeated_key_is_answered_the_same_also_after_a_crash(held):
    one, api, _ = held
    headers = {"Idempotency-Key": "order-17"}
    first = api.post("/api/v1/inject", SHOP, headers=headers)
    assert first.status == 200
    one.kill()
    one.start(port=api.port)
    again = api.post("/api/v1/inject", SHOP, headers=headers)
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["idempotency-replayed"] == "true"
    assert len(one.of_type("received")) == 1
    other = api.post("/api/v1/inject", simple(), headers=headers)
    assert other.status == 422
    assert other.headers["content-type"] == "application/problem+json"


def test_bodies_may_be_compressed(held):
    one, api, _ = held
    assert api.post("/api/v1/inject", compressed(simple()), headers={
        "Content-Type": "application/json", "Content-Encoding": "gzip"}).status == 200
    try:
        import zstandard
    except ImportError:
        zstandard = None
    if zstandard:
        body = zstandard.ZstdCompressor().compress(json.dumps(simple()).encode())
        assert api.post("/api/v1/inject", body, headers={
            "Content-Type": "application/json", "Content-Encoding": "zstd"}).status == 200
    assert len(one.of_type("received")) == (2 if zstandard else 1)


def test_a_client_of_kumomta_needs_only_another_address(held):
    one, api, _ = held
    answer = api.post("/api/inject/v1", {
        "envelope_sender": "noreply@example.com", "content": "Subject: hello\n\nHello there",
        "recipients": [{"email": "recipient@example.com"}]})
    assert answer.status == 200
    assert answer.json() == {
        "success_count": 1, "fail_count": 0, "failed_recipients": [], "errors": []}
    assert one.of_type("queued")[0]["recipient"] == "recipient@example.com"


def test_a_raw_message_through_curl(held, tmp_path):
    one, api, _ = held
    curl = shutil.which("curl")
    if not curl:
        raise Skip("curl is not installed")
    message = tmp_path / "message.eml"
    # Large enough for curl to ask with Expect: 100-continue.
    message.write_text("Subject: large\n\n" + "x" * 70 + "\n" * 2 + ("y" * 70 + "\n") * 40_000)
    result = run(
        curl, "--silent", "--show-error", "--fail-with-body", "--max-time", "20",
        "-H", f"Authorization: Bearer {api.key}", "-H", "Content-Type: message/rfc822",
        "--data-binary", f"@{message}",
        f"http://127.0.0.1:{api.port}/api/v1/inject?sender=a@example.org&recipient=b@example.net")
    assert json.loads(result.stdout)["accepted"] == 1
    assert one.of_type("received")[0]["size"] == len(message.read_bytes()) + 40_004


def test_events_reach_a_consumer_once_each_across_reconnections(held):
    one, api, _ = held
    seen: list[int] = []
    for round_number in range(3):
        for _ in range(5):
            assert api.post("/api/v1/inject", simple()).status == 200
        stream = api.stream(
            "/api/v1/events", headers={
                "Accept": "text/event-stream",
                **({"Last-Event-ID": str(seen[-1])} if seen else {})})
        wanted = 10 * (round_number + 1)
        mail = 0
        while True:
            block = []
            while line := stream.readline().rstrip(b"\n"):
                block.append(line.decode())
            fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
            if fields.get("event") == "caught_up":
                break
            seen.append(int(fields["id"]))
            assert json.loads(fields["data"])["sequence"] == seen[-1]
        # Cut in the middle: nothing is said to the server.
        stream.connection_to_close.close()
        mail = sum(event["type"] in ("received", "queued") for event in one.events())
        assert mail == wanted
    assert seen == [event["sequence"] for event in one.events()]


def test_a_consumer_that_does_not_read_costs_no_memory_and_no_other_consumer(held):
    one, api, _ = held
    recipients = [f"r{number}@example.net" for number in range(5000)]
    for _ in range(6):
        assert api.post("/api/v1/inject", simple(recipients=recipients)).status == 200

    def resident() -> int:
        status = Path(f"/proc/{one.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    assert len(api.get("/api/v1/events").lines()) > 30_000
    before = resident()
    slow = [api.stream("/api/v1/events") for _ in range(20)]
    for stream in slow:
        assert stream.readline()
    assert len(api.get("/api/v1/events").lines()) > 30_000
    # 20 streams of more than 8 MB each; each may hold a piece of 256 KiB and what it was made of.
    assert resident() - before < 60_000
    lines = slow[0].read().splitlines()
    assert json.loads(lines[-1])["type"] == "caught_up"
    assert len(lines) > 30_000
    for stream in slow:
        stream.connection_to_close.close()


def test_streams_end_when_the_server_stops(held):
    one, api, _ = held
    stream = api.stream("/api/v1/events?follow=true")
    ended = threading.Event()

    def read():
        while stream.readline():
            pass
        ended.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert one.stop(20) == 0
    assert ended.wait(10)


def test_keys_are_made_listed_and_revoked(held):
    one, api, keys = held
    token = keys.add("shop", "inject", tenant="acme")
    assert api.post("/api/v1/inject", simple(), key=token).status == 401
    one.process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: api.post("/api/v1/inject", simple(), key=token).status == 200, 10, "the new key")
    assert one.of_type("received")[0]["tenant"] == "acme"
    assert api.get("/api/v1/events", key=token).status == 403
    listed = keys.command("list", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in listed] == ["everything", "shop"]
    assert token not in keys.path.read_text()
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert keys.command("revoke", "shop").returncode == 0
    one.process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: api.post("/api/v1/inject", simple(), key=token).status == 401, 10, "revocation")


def test_plain_http_beyond_loopback_is_refused(tmp_path):
    result = run(
        waybill_binary(), "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0",
        "--http", "0.0.0.0:0", check=False, timeout=30)
    assert result.returncode == 69
    assert "allow_plaintext_beyond_loopback" in result.stderr


def test_https_with_the_configured_certificate(server, authority):
    import ssl
    import urllib.request

    certificate, key = authority.issue("api.test")
    port = free_port()
    one = server("--hold-delivery", configuration={"server": {"http": {
        "listen": f"127.0.0.1:{port}", "tls": True,
        "certificate": {"certificate": str(certificate), "key": str(key)}}}})
    token = Keys(one.directory / "keys").add("everything", "admin")
    one.flags += ["--keys", str(one.directory / "keys")]
    one.start(port=port)
    request = urllib.request.Request(
        f"https://localhost:{port}/api/v1/inject", json.dumps(simple()).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    context = ssl.create_default_context(cafile=authority.certificate)
    with urllib.request.urlopen(request, context=context, timeout=20) as answer:
        assert json.load(answer)["accepted"] == 1
    assert one.of_type("received")[0]["tls"]["version"] == "TLSv1.3"


def test_a_full_disk_is_503_with_retry_after(server):
    port = free_port()
    one = server(
        "--hold-delivery", "--http", f"127.0.0.1:{port}",
        configuration={"log": {"free_space_floor": "1000TB"}})
    api = API(port, Keys(one.directory / "keys").add("everything", "admin"))
    one.flags += ["--keys", str(one.directory / "keys")]
    one.start(port=port)
    answer = wait_until(
        lambda: (lambda got: got if b"full" in got.body else None)(api.get("/health/ready")),
        20, "the reason")
    assert answer.status == 503
    answer = api.post("/api/v1/inject", simple())
    assert answer.status == 503
    assert answer.json()["type"] == "/docs#out-of-space"
    assert int(answer.headers["retry-after"]) > 0
    assert api.get("/health/live").status == 200


def test_metrics_go_on_across_a_restart(server):
    sink_port = free_port()
    server("--hold-delivery", port=sink_port).start()
    one, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{sink_port}")
    assert api.post("/api/v1/inject", simple()).status == 200
    one.wait_for("delivered")

    def delivered() -> bool:
        return b'\nwaybill_recipients_delivered_total{tenant=""} 1\n' in api.get("/metrics").body

    wait_until(delivered, 10, "the metric")
    one.stop()
    one.start(port=api.port)
    # Mail is taken before the statistics have been brought up to date.
    wait_until(lambda: api.get("/health/ready").status == 200, 30, "readiness")
    wait_until(delivered, 10, "the metric after the restart")


def test_promtool_takes_the_metrics(held):
    _, api, _ = held
    wait_until(lambda: api.get("/health/ready").status == 200, 30, "readiness")
    checked = run(
        program("promtool"), "check", "metrics", input=api.get("/metrics").body.decode(), check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_page_of_documentation_is_what_the_description_gives():
    run(ROOT / "tools" / "generate-api-docs", "--check")


def test_the_description_is_served_as_it_stands_in_schemas(held):
    _, api, _ = held
    text = (ROOT / "schemas" / "openapi.yaml").read_bytes()
    assert api.get("/openapi.yaml", key="").body == text
    page = api.get("/docs", key="").body.decode()
    for path in yaml.safe_load(text)["paths"]:
        assert path in page
    assert "http://" not in page and "https://" not in page and "<script" not in page
