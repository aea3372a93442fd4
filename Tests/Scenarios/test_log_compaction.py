"""Sealing and compaction of a log, beside a running server and on a stopped one's directory."""

import json
import os
import smtplib

import pytest

from harness.configuration import configuration
from harness.peer import Peer
from harness.stones import source
from harness.support import ROOT, free_port, run, wait_until

READER = ROOT / "tools" / "waybill-log-reader"


TEXT = "Subject: {}\r\n\r\n" + "The same words in every message, as a campaign has them.\r\n" * 60


def segments(waybill) -> list[dict]:
    return json.loads(waybill.command("log", "info", "--json").stdout)["segments"]


def content(waybill, message: str):
    return run(READER, "content", waybill.data, message, check=False)


def send(waybill, recipient: str, subject: str) -> None:
    with smtplib.SMTP("127.0.0.1", waybill.port) as client:
        client.sendmail("news@client.example", [recipient], TEXT.format(subject))


def messages(waybill) -> dict[str, str]:
    """Message ids by recipient."""
    return {event["recipient"]: event["message_id"] for event in waybill.events()
            if event["type"] == "queued"}


@pytest.fixture
def slow():
    """Addresses that the next hop defers."""
    return {"slow@recipient.example"}


@pytest.fixture
def peer(slow):
    with Peer(on_rcpt=lambda address: "451 4.3.0 later" if address in slow else None) as peer:
        yield peer


def test_a_server_compacts_what_is_sealed_and_delivers_from_it(server, peer, slow):
    port = free_port()
    with server(port=port, listen=False, relay_from=None, configuration=configuration(
            port, smarthost=f"127.0.0.1:{peer.port}", content_retention="0s")) as waybill:
        for number in range(40):
            send(waybill, f"r{number}@recipient.example", f"number {number}")
        send(waybill, "slow@recipient.example", "kept")
        waybill.wait_for("delivered", 40)
        waybill.wait_for("deferred")
        before = waybill.events()
        ids = messages(waybill)
        kept = content(waybill, ids["slow@recipient.example"]).stdout
        assert "kept" in kept
        assert "sealed the segment that begins at 1" in waybill.command("log", "seal").stdout
        wait_until(lambda: segments(waybill)[0]["compacted"], 30, "the compaction")

        assert waybill.events()[:len(before)] == before, "history has changed"
        assert content(waybill, ids["slow@recipient.example"]).stdout == kept
        assert content(waybill, ids["r7@recipient.example"]).returncode != 0
        for arguments in (("log", "verify"), ("trace", ids["r7@recipient.example"])):
            assert waybill.command(*arguments).returncode == 0
        assert waybill.reader("verify").returncode == 0
        shown = waybill.command("message", "show", ids["r7@recipient.example"], check=False)
        assert "no longer kept; its events are" in shown.stderr

        slow.clear()
        waybill.wait_for("delivered", 41)
        (arrived,) = peer.received("slow@recipient.example")
        assert b"Subject: kept" in arrived.data
    with waybill:
        # Started anew, everything is there, and the projections can be made from it.
        assert waybill.command("log", "verify").returncode == 0
    assert waybill.command("projection", "verify").returncode == 0


def test_a_stopped_log_is_compacted_by_command(server, peer):
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        source(waybill.port, 400, sessions=5)
        send(waybill, "slow@recipient.example", "kept")
        waybill.wait_for("delivered", 400)
        waybill.wait_for("deferred")
    events = waybill.events()
    assert waybill.command("log", "compact").stdout == "nothing to compact\n"
    assert json.loads(waybill.command("log", "seal", "--json").stdout) == {
        "sealed": True, "first_sequence": 1}
    (first,) = [json.loads(line) for line in
                waybill.command("log", "compact", "--json").stdout.splitlines()]
    assert first["contents_dropped"] == 0
    assert first["octets_after"] < first["octets_before"]
    assert waybill.command("log", "compact").stdout == "nothing to compact\n"
    (second,) = [json.loads(line) for line in waybill.command(
        "log", "compact", "--drop-content-after", "0s", "--json").stdout.splitlines()]
    assert (second["contents_dropped"], second["contents_kept"]) == (400, 1)
    assert waybill.events()[:len(events)] == events
    assert waybill.command("log", "verify").returncode == 0
    assert waybill.reader("verify").returncode == 0
    ids = messages(waybill)
    assert "kept" in content(waybill, ids["slow@recipient.example"]).stdout


def test_wrong_use_is_named(server, peer):
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        source(waybill.port, 5, sessions=1)
        answer = waybill.command("log", "compact", "--drop-content-after", "1h", check=False)
        assert answer.returncode == 69
        assert "content_retention" in answer.stderr
        assert "the server looks now" in waybill.command("log", "compact").stdout
        answer = waybill.command("log", "compact", "--drop-content-after", "soon", check=False)
        assert answer.returncode == 64
        assert "expected a time such as" in answer.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may open another user's files")
def test_another_users_log_is_left_alone(server, peer):
    """Files that root had rewritten would be root's, and the server could not open them."""
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        source(waybill.port, 5, sessions=1)
    os.chown(waybill.data / "log", 65534, 65534)
    answer = waybill.command("log", "compact", check=False)
    assert answer.returncode == 69
    assert "belongs to another user" in answer.stderr
