"""Messages of many megabytes: written piece by piece while they come in, read back the same."""

import hashlib
import json
import random
import smtplib
import subprocess

import pytest

from harness.client import Conversation
from harness.configuration import configuration
from harness.http import start_with_api
from harness.peer import Peer
from harness.sites import check_sites
from harness.support import ROOT, free_port, wait_until
from harness.wire import Wire

READER = ROOT / "tools" / "waybill-log-reader"
PIECE = 1 << 20


def message(octets: int, seed: int) -> bytes:
    """Base64-like lines that do not compress well, some of which begin with a dot."""
    source = random.Random(seed)
    lines = [b"Subject: large %d" % seed, b"From: a@client.example", b""]
    size = 0
    while size < octets:
        line = source.randbytes(38).hex().encode()
        if source.random() < 0.02:
            line = b"." + line
        lines.append(line)
        size += len(line) + 2
    return b"\r\n".join(lines) + b"\r\n"


def with_attachment(name: str, octets: int, seed: int) -> bytes:
    """A message to somebody, with an attachment that is the same in all of them."""
    attachment = message(octets, seed).split(b"\r\n\r\n", 1)[1]
    boundary = f"boundary of {name}".encode()
    return (
        b"Subject: for " + name.encode() + b"\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n'
        b"--" + boundary + b"\r\nContent-Type: text/plain\r\n\r\nDear " + name.encode()
        + b"\r\n--" + boundary + b"\r\nContent-Type: application/octet-stream\r\n\r\n"
        + attachment + b"--" + boundary + b"--\r\n")


def pieces_of(content: bytes) -> int:
    """How many a message without parts is stored in."""
    body = content.split(b"\r\n\r\n", 1)[1]
    return 1 + -(-len(body) // PIECE)


def send(port: int, recipient: str, content: bytes) -> str:
    """Returns the message's id."""
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo()
        assert client.mail("sender@client.example")[0] == 250
        assert client.rcpt(recipient)[0] == 250
        code, reply = client.data(content)
        assert code == 250, reply
    return reply.decode().split("queued as ")[1].split(",")[0].strip()


def kept(waybill, message_id: str) -> bytes:
    """The content as an independent reader finds it."""
    return subprocess.run(
        [str(READER), "content", str(waybill.data), message_id], stdout=subprocess.PIPE,
        check=True, timeout=120).stdout


@pytest.fixture
def later():
    """Addresses that the next hop defers."""
    return set()


@pytest.fixture
def peer(later):
    with Peer(on_rcpt=lambda address: "451 4.3.0 later" if address in later else None) as peer:
        yield peer


def test_a_large_message_arrives_as_it_was_sent(server, peer):
    contents = [message(octets, number) for number, octets in enumerate(
        [PIECE - 200, PIECE + 5, 3 * PIECE, 12_345_678])]
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        ids = [send(waybill.port, f"r{number}@recipient.example", content)
               for number, content in enumerate(contents)]
        waybill.wait_for("delivered", 4, seconds=60)
        received = {event["message_id"]: event for event in waybill.of_type("received")}
        for number, (message_id, content) in enumerate(zip(ids, contents)):
            event = received[message_id]
            assert event["size"] == len(content)
            assert event["content_sha256"] == hashlib.sha256(content).hexdigest()
            assert len(event.get("content_pieces", [])) == pieces_of(content)
            assert kept(waybill, message_id) == content
            (arrived,) = peer.received(f"r{number}@recipient.example")
            assert arrived.data.endswith(content)
            shown = waybill.command("message", "show", message_id, "--raw", check=True)
            assert shown.stdout.encode().replace(b"\r\n", b"\n").endswith(
                content.replace(b"\r\n", b"\n"))
        sizes = [event["size"] for event in waybill.of_type("content_received")]
        assert max(sizes) == PIECE
        assert waybill.command("log", "verify").returncode == 0
        assert waybill.reader("verify").returncode == 0
    assert waybill.command("projection", "verify").returncode == 0


def test_a_server_that_does_not_read_for_a_while_gets_every_octet_once(server):
    """What is sent fills the connection; then it is written in small portions."""
    contents = [message(octets, number) for number, octets in enumerate([9 * PIECE, 14 * PIECE])]
    with Peer(pause_seconds=1.5) as peer, server(
            "--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        for number, content in enumerate(contents):
            send(waybill.port, f"r{number}@recipient.example", content)
        waybill.wait_for("delivered", 2, seconds=60)
        for number, content in enumerate(contents):
            (arrived,) = peer.received(f"r{number}@recipient.example")
            assert arrived.data.endswith(content), "not the octets that were sent"
            assert len(arrived.data) < len(content) + 1000


def test_small_messages_pass_a_large_one_that_is_coming_in(server, peer):
    """A client that sends slowly keeps nobody waiting, and what it sent is durable before its end."""
    content = message(4 * PIECE, 7)
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        with Conversation(waybill.port, timeout=60) as slow:
            slow.hello()
            slow.command("MAIL FROM:<sender@client.example>")
            slow.command("RCPT TO:<slow@recipient.example>")
            slow.command("DATA")
            stuffed = content.replace(b"\r\n.", b"\r\n..")
            half = len(stuffed) // 2
            slow.send(stuffed[:half])
            waybill.wait_for("content_received", 2)
            small = send(waybill.port, "small@recipient.example", b"Subject: small\r\n\r\nhi\r\n")
            waybill.wait_for("delivered", 1)
            slow.send(stuffed[half:] + b".\r\n")
            assert "queued as" in slow.reply()
        waybill.wait_for("delivered", 2, seconds=60)
        order = [event for event in waybill.events() if event["type"] in ("received", "content_received")]
        places = [event.get("message_id") for event in order]
        assert places.index(small) > 1, "two pieces are in the log before the small message"
        (arrived,) = peer.received("slow@recipient.example")
        assert arrived.data.endswith(content)


def test_pieces_outlive_compaction_a_restart_and_a_crash(server, peer, later):
    later.add("later@recipient.example")
    content = message(5 * PIECE, 3)
    port = free_port()
    with server(port=port, listen=False, relay_from=None, configuration=configuration(
            port, smarthost=f"127.0.0.1:{peer.port}", content_retention="0s")) as waybill:
        kept_id = send(port, "later@recipient.example", content)
        send(port, "now@recipient.example", message(2 * PIECE, 4))
        waybill.wait_for("deferred")
        waybill.wait_for("delivered", 1)
        waybill.command("log", "seal")
        wait_until(
            lambda: json.loads(waybill.command("log", "info", "--json").stdout)
            ["segments"][0]["compacted"], 30, "the compaction")
        assert kept(waybill, kept_id) == content
        # A client that never gets to the end, and the death of the server.
        with Conversation(port, timeout=60) as client:
            client.hello()
            client.command("MAIL FROM:<sender@client.example>")
            client.command("RCPT TO:<never@recipient.example>")
            client.command("DATA")
            before = len(waybill.of_type("content_received"))
            client.send(message(3 * PIECE, 5))
            wait_until(lambda: len(waybill.of_type("content_received")) > before, 30, "a piece")
            waybill.kill()
    later.clear()
    with waybill:
        waybill.wait_for("delivered", 2, seconds=60)
        (arrived,) = peer.received("later@recipient.example")
        assert arrived.data.endswith(content)
        assert peer.received("never@recipient.example") == []
        assert waybill.command("log", "verify").returncode == 0
        assert waybill.reader("verify").returncode == 0
    assert waybill.command("projection", "verify").returncode == 0


def test_a_large_message_is_sent_by_the_site_that_takes_over(site, sink, tmp_path):
    """And what only the old primary had is queued anew with its whole content."""
    first = site("anna", sink.port).start_site()
    with Wire(first.site_port) as wire:
        second = site("bert", sink.port, standby_of=wire.port).start_site("standby")
        second.wait_connected()
        first.command("queue", "suspend", "--domain", "stays.example", "--reason", "a test")
        shared = message(3 * PIECE, 11)
        shared_id = send(first.port, "shared@stays.example", shared)
        second.wait_caught_up(first)
        assert kept(second, shared_id) == shared
        wire.cut()
        second.wait_lost()
        alone = message(3 * PIECE, 12)
        send(first.port, "alone@stays.example", alone)
        first.pause()
        second.promote()
        wire.mend()
        first.wake()
        first.wait_role("fenced")
        first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
        first.wait_connected()
        (export,) = first.salvaged()
        assert "queued 1 message(s)" in second.site("salvage", str(export)).stdout
        (event,) = [event for event in second.of_type("received")
                    if "salvaged_from" in event.get("metadata", {})]
        assert len(event["content_pieces"]) == pieces_of(alone)
        assert kept(second, event["message_id"]) == alone
        second.command("queue", "resume", "--domain", "stays.example")
        second.wait_drained(120)
        first.wait_caught_up(second)
        assert first.reader("verify").returncode == 0
        assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(second, first, acknowledged=[], salvage=[export], sink=sink, drained=True)


def test_a_large_message_by_http_is_stored_in_pieces(server, peer):
    content = message(2 * PIECE, 21)
    waybill, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{peer.port}")
    with waybill:
        answer = api.call(
            "POST", "/api/v1/inject?sender=a@client.example&recipient=web@recipient.example",
            content, headers={"Content-Type": "message/rfc822"})
        assert answer.status == 200, answer.body
        result = answer.json()
        message_id = result["results"][0]["message_id"]
        waybill.wait_for("delivered", 1, seconds=60)
        assert kept(waybill, message_id) == content
        (arrived,) = peer.received("web@recipient.example")
        assert arrived.data.endswith(content)


@pytest.mark.parametrize("octets", [80_000, 700_000, 2_500_000])
def test_an_attachment_is_stored_once_and_arrives_with_every_message(server, peer, octets):
    names = ["ann", "maximilian", "bo", "eve"]
    contents = {name: with_attachment(name, octets, 31) for name in names}
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        ids = {name: send(waybill.port, f"{name}@recipient.example", contents[name])
               for name in names}
        waybill.wait_for("delivered", len(names), seconds=60)
        received = {event["message_id"]: event for event in waybill.of_type("received")}
        for name in names:
            (arrived,) = peer.received(f"{name}@recipient.example")
            assert arrived.data.endswith(contents[name])
            assert kept(waybill, ids[name]) == contents[name]
            assert received[ids[name]]["content_sha256"] == hashlib.sha256(
                contents[name]).hexdigest()
        stored = sum(event["size"] for event in waybill.of_type("content_received"))
        assert octets <= stored < octets * 1.1 + len(names) * 1000
        assert waybill.command("log", "verify").returncode == 0
        assert waybill.reader("verify").returncode == 0
    assert waybill.command("projection", "verify").returncode == 0


def test_a_shared_attachment_stays_while_one_message_waits(server, peer, later):
    """Compaction drops it with the last message that has it, and not before."""
    later.add("later@recipient.example")
    port = free_port()
    first, second = (with_attachment(name, 300_000, 41) for name in ("ann", "later"))
    with server(port=port, listen=False, relay_from=None, configuration=configuration(
            port, smarthost=f"127.0.0.1:{peer.port}", content_retention="0s")) as waybill:
        send(port, "ann@recipient.example", first)
        waiting = send(port, "later@recipient.example", second)
        waybill.wait_for("deferred")
        waybill.wait_for("delivered", 1)
        waybill.command("log", "seal")
        wait_until(
            lambda: json.loads(waybill.command("log", "info", "--json").stdout)
            ["segments"][0]["compacted"], 30, "the compaction")
        assert kept(waybill, waiting) == second
        waybill.kill()
    later.clear()
    with waybill:
        waybill.wait_for("delivered", 2, seconds=60)
        (arrived,) = peer.received("later@recipient.example")
        assert arrived.data.endswith(second)
        assert waybill.reader("verify").returncode == 0


def test_a_salvaged_message_has_the_attachment_that_came_before_the_sites_parted(
        site, sink, tmp_path):
    first = site("anna", sink.port).start_site()
    with Wire(first.site_port) as wire:
        second = site("bert", sink.port, standby_of=wire.port).start_site("standby")
        second.wait_connected()
        first.command("queue", "suspend", "--domain", "stays.example", "--reason", "a test")
        send(first.port, "shared@now.example", with_attachment("shared", 400_000, 51))
        second.wait_caught_up(first)
        wire.cut()
        second.wait_lost()
        alone = with_attachment("alone", 400_000, 51)
        alone_id = send(first.port, "alone@stays.example", alone)
        (event,) = [event for event in first.of_type("received")
                    if event["message_id"] == alone_id]
        assert min(event["content_pieces"]) < event["sequence"], "it names what both have"
        first.pause()
        second.promote()
        wire.mend()
        first.wake()
        first.wait_role("fenced")
        first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
        first.wait_connected()
        (export,) = first.salvaged()
        assert "queued 1 message(s)" in second.site("salvage", str(export)).stdout
        (event,) = [event for event in second.of_type("received")
                    if "salvaged_from" in event.get("metadata", {})]
        assert kept(second, event["message_id"]) == alone
        second.command("queue", "resume", "--domain", "stays.example")
        second.wait_drained(120)
        first.wait_caught_up(second)
        assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(second, first, acknowledged=[], salvage=[export], sink=sink, drained=True)
