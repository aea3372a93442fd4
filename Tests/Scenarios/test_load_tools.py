"""smtp-source to Waybill to smtp-sink: every message arrives once, and the log says so."""

from collections import Counter

import pytest

from harness.stones import Sink, source
from harness.support import run, waybill_binary


def stored(directory) -> list:
    return [path for path in directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize("reuse", [True, False], ids=["connections reused", "a connection a message"])
def test_every_message_arrives_once(server, tmp_path, reuse):
    mail = tmp_path / "mail"
    mail.mkdir(mode=0o777)
    mail.chmod(0o777)
    messages = 1000
    with Sink("-d", f"{mail}/%M.") as sink, server(
            "--smarthost", f"127.0.0.1:{sink.port}") as waybill:
        source(waybill.port, messages, sessions=20, reuse=reuse)
        waybill.wait_for("delivered", messages, seconds=60)
        waybill.wait_drained()
        counts = Counter(event["type"] for event in waybill.events())
        assert counts["received"] == counts["queued"] == counts["delivered"] == messages
        assert counts["deferred"] == counts["bounced"] == counts["expired"] == 0
        assert len(stored(mail)) == messages
        assert waybill.verify().returncode == 0


def test_several_recipients_share_a_message(server, tmp_path):
    with Sink() as sink, server("--smarthost", f"127.0.0.1:{sink.port}") as waybill:
        source(waybill.port, 50, "-r", "5", sessions=5)
        waybill.wait_for("delivered", 250)
        counts = Counter(event["type"] for event in waybill.events())
        assert counts["received"] == 50
        assert counts["queued"] == counts["delivered"] == 250


def test_large_messages_arrive_whole(server, tmp_path):
    mail = tmp_path / "mail"
    mail.mkdir()
    mail.chmod(0o777)
    with Sink("-d", f"{mail}/%M.") as sink, server(
            "--smarthost", f"127.0.0.1:{sink.port}") as waybill:
        source(waybill.port, 20, sessions=4, size_octets=1_000_000)
        waybill.wait_for("delivered", 20)
        sizes = [path.stat().st_size for path in stored(mail)]
        # smtp-sink stores lines without their CR.
        assert len(sizes) == 20 and 980_000 < min(sizes) and max(sizes) < min(sizes) + 50


@pytest.mark.parametrize(
    "options,kind",
    [(("-f", "rcpt"), "bounced"), (("-r", "rcpt"), "deferred"), (("-f", "."), "bounced"),
     (("-r", "."), "deferred"), (("-q", "mail"), "deferred"), (("-f", "mail"), "bounced")],
    ids=["RCPT 5xx", "RCPT 4xx", "dot 5xx", "dot 4xx", "disconnect at MAIL", "MAIL 5xx"])
def test_failures_of_the_next_hop_are_recorded(server, options, kind):
    with Sink(*options) as sink, server("--smarthost", f"127.0.0.1:{sink.port}") as waybill:
        source(waybill.port, 5, sessions=1, sender="")
        events = waybill.wait_for(kind, 5)
        assert len({event["message_id"] for event in events}) == 5
        assert not waybill.of_type("delivered")


def test_send_takes_the_octets_of_a_file(tmp_path):
    """Latin-1 is no UTF-8: it must arrive as it is, declared as 8-bit where the server offers that."""
    mail = tmp_path / "mail"
    mail.mkdir()
    mail.chmod(0o777)
    message = b"Subject: latin\n\nGr\xfc\xdfe\n"
    (tmp_path / "message").write_bytes(message)
    with Sink("-d", f"{mail}/%M.") as sink:
        run(waybill_binary(), "send", "--server", f"127.0.0.1:{sink.port}", "--to",
            "someone@recipient.example", "--file", tmp_path / "message", "--quiet")
    [path] = stored(mail)
    found = path.read_bytes()
    assert message in found
    assert b" BODY=8BITMIME" in found[:found.index(message)]
