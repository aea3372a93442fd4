"""What proves that sites are fit: verify, drills, and acknowledgements of tenants and of the API."""

import json
import os
import smtplib
import subprocess

from harness.support import wait_until

from test_sites import pair, record, send


def verdicts(one, status: int = 0) -> dict[str, str]:
    """What `site verify` says of each other site, by address's port; checks the exit code."""
    result = one.site("verify", "--json", check=False)
    assert result.returncode == status, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["log"]["whole"] is True
    return {int(row["address"].rsplit(":")[-1]): row["verdict"] for row in report["sites"]}


# Verify

def test_sites_with_one_history_are_told_so_and_one_that_is_gone_is_named(site, sink, tmp_path):
    first, second = pair(site, sink)
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 100, 60, "100 messages")
    # Under load, too: what is compared is where each log ends at that moment.
    assert verdicts(first) == {second.site_port: "same"}
    recorder.stop()
    first.wait_drained(120)
    second.wait_caught_up(first)
    assert verdicts(second) == {first.site_port: "same"}
    shown = first.site("verify").stdout
    assert "anna: whole" in shown and "same history through" in shown
    second.kill()
    assert verdicts(first, status=75) == {second.site_port: "unreachable"}


def test_a_site_with_another_history_is_found(site, sink, tmp_path):
    first, second = pair(site, sink)
    send(first.port, "both@recipient.example")
    second.wait_caught_up(first)
    second.kill()
    send(first.port, "only-here@recipient.example")
    first.kill()
    second.start_site("standby")
    second.promote()
    send(second.port, "only-there@recipient.example")
    # It learns at once that it is no primary any more, and answers all the same.
    first.start_site("fenced")
    wait_until(
        lambda: verdicts(second, status=1) == {first.site_port: "parted"}, 30, "the finding")


# Drills

def test_a_drill_at_a_standby_under_load_changes_nothing_and_is_remembered(site, sink, tmp_path):
    first, second = pair(site, sink)
    recorder = record(first.port, tmp_path, body_octets=20_000)
    wait_until(lambda: len(second.segments()) >= 3, 120, "three segments")
    before = sorted(path.name for path in second.data.iterdir())
    assert "would:" in second.site("drill", "--dry-run").stdout
    assert "drill" not in second.report()
    scratch = tmp_path / "scratch"
    # What a drill leaves behind that was killed, and one of a process that lives.
    process = subprocess.Popen(["true"])
    process.wait()
    (scratch / f".drill-{process.pid}" / "log").mkdir(parents=True)
    (scratch / f".drill-{process.pid}" / "log" / "0000000000000001.mdb").write_bytes(b"half")
    living = scratch / f".drill-{os.getpid()}"
    living.mkdir()
    result = json.loads(second.site("drill", "--scratch", str(scratch), "--json").stdout)
    recorder.stop()
    assert result["passed"] and not result["findings"]
    assert result["epoch"] == 2 and result["sequence"] > 100
    assert result["projections"] and all(row["equal"] for row in result["projections"])
    assert "behind the primary" in result["at_stake"]
    assert list(scratch.iterdir()) == [living]
    assert sorted(path.name for path in second.data.iterdir()) == sorted(before + ["drill"])
    # The site is what it was.
    report = second.report()
    assert (report["role"], report["epoch"]) == ("standby", 1)
    assert report["drill"]["passed"] and report["drill"]["sequence"] == result["sequence"]
    assert "drill       " in second.site("status").stdout
    assert "waybill_site_drill_passed 1" in second.api.get("/metrics").body.decode()
    first.wait_drained(120)
    second.wait_caught_up(first)
    assert second.verify().returncode == 0


def test_a_drill_finds_flipped_bits(site, sink, tmp_path):
    first, second = pair(site, sink)
    recorder = record(first.port, tmp_path, body_octets=20_000)
    wait_until(lambda: len(second.segments()) >= 3, 120, "three segments")
    recorder.stop()
    first.stop(), second.stop()
    sealed = second.segments()[0]
    octets = bytearray(sealed.read_bytes())
    # One alone may meet the empty part of a page, which means nothing.
    for place in range(len(octets) // 3, len(octets) * 2 // 3, 500):
        octets[place] ^= 0x10
    sealed.write_bytes(octets)
    result = second.site("drill", check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "FOUND:" in result.stdout and sealed.stem in result.stdout
    assert "the drill FAILED" in result.stdout


# Ack levels

def injection(tenant: str | None = None, **more) -> dict:
    """A message for the API."""
    body = {
        "sender": "b@client.example", "recipients": ["one@recipient.example"],
        "content": {"from": "b@client.example", "subject": "one", "text": "one"}, **more}
    return body if tenant is None else {**body, "tenant": tenant}


def test_a_request_and_a_tenant_ask_for_standbys_where_the_listener_does_not(site, sink, tmp_path):
    first, second = pair(
        site, sink, tenants=[{"name": "bank", "ack": "replicated"}])
    inject = "/api/v1/inject"
    assert "ack" not in first.api.post(inject, injection()).json()
    answer = first.api.post(inject, injection(ack="replicated"))
    assert (answer.status, answer.json()["ack"]) == (200, "replicated")
    assert first.api.post(inject, injection("bank")).json()["ack"] == "replicated"

    def post(tenant: str) -> bytes:
        with smtplib.SMTP("127.0.0.1", first.port, timeout=20) as client:
            client.ehlo()
            client.mail("sender@client.example")
            client.rcpt("one@recipient.example")
            code, text = client.data(f"X-Tenant: {tenant}\r\nSubject: one\r\n\r\none\r\n")
            return b"%d %s" % (code, text)

    assert post("bank").startswith(b"250") and b"on 1 other site" in post("bank")
    assert b"other site" not in post("shop")
    second.kill()
    wait_until(
        lambda: not any(row["connected"] for row in first.report()["standbys"]), 60,
        "the primary's notice")
    before = len(first.of_type("received"))
    refused = first.api.post(inject, injection("bank"))
    assert refused.status == 503 and refused.json()["type"] == "/docs#not-replicated"
    assert post("bank").startswith(b"451")
    assert len(first.of_type("received")) == before, "refused before it was written"
    assert post("shop").startswith(b"250")
    degraded = first.api.post(inject, injection(ack="replicated", ack_when_away="accept"))
    assert degraded.json()["ack"] == "degraded"
    assert {row["ack_level"] for row in first.of_type("received")} == {0, 1}
