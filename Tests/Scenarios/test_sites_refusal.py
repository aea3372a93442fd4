"""Messages that had to be on a standby before their sender was told, and were not in time.

Such a message is in the primary's log when it is refused: it must be taken back there first, and never
be sent, whatever happens next.
"""

import smtplib
import threading
import time

import pytest

from harness.client import Recorder
from harness.sites import check_sites
from harness.support import wait_until
from harness.wire import UP, Wire
from test_sites import send

REFUSE = {"ack": "replicated", "ack_when_away": "refuse"}


@pytest.fixture
def strict(site, sink):
    """A primary that refuses after a second, a standby, and the wire between them."""
    wires = []

    def start(seconds: int = 1):
        options = {"acknowledge": REFUSE, "replication": {"ack_timeout": f"{seconds}s"}}
        first = site("anna", sink.port, **options).start_site()
        wires.append(Wire(first.site_port).start())
        second = site("bert", sink.port, standby_of=wires[0].port, **options)
        second.start_site("standby")
        second.wait_connected()
        return first, second, wires[0]

    yield start
    for wire in wires:
        wire.stop()


def refused(port: int, recipient: str) -> None:
    """Sends a message that is refused after its content."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo()
        client.mail("sender@client.example")
        assert client.rcpt(recipient)[0] == 250
        code, text = client.data("Subject: one\r\n\r\none\r\n")
        assert (code, text) == (451, b"4.4.0 other sites cannot be reached, try later")


def ends(site) -> list[tuple[str, str, str]]:
    """How recipients ended: mailbox, event, command."""
    rows = site.of_type("delivered") + site.of_type("bounced")
    return sorted((row["recipient"], row["type"], row["command"]) for row in rows)


def test_what_is_refused_in_the_end_is_never_sent(strict, sink, tmp_path):
    first, second, wire = strict()
    send(first.port, "one@recipient.example")
    # The standby gets everything, and its word does not come back.
    wire.hold(UP)
    refused(first.port, "two@recipient.example")
    first.wait_drained()
    wire.reset()
    wire.mend()
    second.wait_connected()
    wait_until(
        lambda: any(row["connected"] for row in first.report()["standbys"]), 60, "the standby")
    # What its client does: it tries again.
    send(first.port, "two@recipient.example")
    first.wait_drained()
    assert ends(first) == [
        ("one@recipient.example", "delivered", "dot"),
        ("two@recipient.example", "bounced", "retraction"),
        ("two@recipient.example", "delivered", "dot")]
    [bounced] = first.of_type("bounced")
    assert (bounced["said_by"], bounced["reply"]["code"]) == ("policy", 451)
    assert sink.taken() == 2
    second.wait_caught_up(first)
    assert ends(second) == ends(first), "the standby does not send it either, should it take over"
    assert first.stop() == 0 and second.stop() == 0
    check_sites(first, second, acknowledged=[], planned=True, drained=True)


def test_a_crash_behind_the_refusal_does_not_bring_it_back(strict, sink):
    first, second, wire = strict()
    send(first.port, "one@recipient.example")
    wire.hold(UP)
    refused(first.port, "two@recipient.example")
    first.kill()
    wire.reset()
    wire.mend()
    first.start_site()
    second.wait_connected()
    send(first.port, "three@recipient.example")
    first.wait_drained()
    assert [row["recipient"] for row in first.of_type("delivered")] == [
        "one@recipient.example", "three@recipient.example"]
    assert sink.taken() == 2


def test_nothing_is_sent_while_its_sender_waits(strict, sink):
    """The next hop gets a message only once it is certain that its sender is told 250."""
    first, second, wire = strict(seconds=8)
    send(first.port, "one@recipient.example")
    wait_until(lambda: sink.taken() == 1, 30, "the first one")
    wire.hold(UP)
    waiting = threading.Thread(target=send, args=(first.port, "two@recipient.example"))
    waiting.start()
    wait_until(lambda: len(first.of_type("queued")) == 2, 30, "the second one in the log")
    # Time enough for a delivery, were there one.
    time.sleep(1)
    assert sink.taken() == 1 and waiting.is_alive()
    wire.mend()
    waiting.join(30)
    assert not waiting.is_alive()
    wait_until(lambda: sink.taken() == 2, 30, "the second one")


def test_under_load_what_was_refused_and_what_was_sent_never_meet(strict, sink, tmp_path):
    """The standby's word stops and comes again, over and over, with clients that try again."""
    first, second, wire = strict()
    recorder = Recorder(first.port, tmp_path / "acknowledged", clients=4).start()
    for _ in range(3):
        goal = recorder.acknowledged + 50
        wait_until(lambda goal=goal: recorder.acknowledged >= goal, 60, "50 more messages")
        wire.hold(UP)
        before = len(first.of_type("bounced"))
        wait_until(lambda before=before: len(first.of_type("bounced")) > before, 60, "a refusal")
        wire.reset()
        wire.mend()
        second.wait_connected()
    goal = recorder.acknowledged + 50
    wait_until(lambda: recorder.acknowledged >= goal, 60, "50 more messages")
    recorder.stop()
    first.wait_drained(120)
    second.wait_caught_up(first)
    taken_back = {(row["message_id"]) for row in first.of_type("bounced")}
    sent = {row["message_id"] for row in first.of_type("delivered")}
    assert taken_back and not taken_back & sent
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    assert sink.taken() == len(sent)
    counts = check_sites(
        first, second, acknowledged=[recorder.path], sink=sink, planned=True, drained=True)
    assert counts["missing"] == 0
