"""The log as an operator sees it: commands, the independent reader, damage."""

import json
import smtplib
import subprocess

import pytest

from harness.peer import Peer
from harness.stones import source
from harness.support import ROOT, run, wait_until, waybill_binary

READER = ROOT / "tools" / "waybill-log-reader"


@pytest.fixture
def used(server):
    """A stopped server's directory with deliveries, a deferral, a bounce and its notification."""
    replies = {"bad@recipient.example": "550 5.1.1 no such mailbox",
               "slow@recipient.example": "451 4.3.0 later"}
    with Peer(on_rcpt=replies.get) as peer, server(
            "--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        source(waybill.port, 300, sessions=10)
        with smtplib.SMTP("127.0.0.1", waybill.port) as client:
            client.sendmail(
                "jörg@client.example", ["good@recipient.example", *replies],
                'X-Tenant: a"b\r\nX-Campaign: spring\r\nSubject: x\r\n\r\nx\r\n'.encode(),
                mail_options=["SMTPUTF8"])
        waybill.wait_for("bounced")
        waybill.wait_for("deferred")
        waybill.wait_for("delivered", 302)
    return waybill


def test_the_independent_reader_prints_the_same_events(used):
    if not READER.exists():
        pytest.skip("tools/waybill-log-reader is not there")
    ours = used.events()
    theirs = [json.loads(line) for line in used.reader("events").stdout.splitlines()]
    assert len(ours) == len(theirs)
    for left, right in zip(ours, theirs):
        assert left == right
    assert used.reader("verify").returncode == 0


def test_events_have_the_promised_fields_and_no_gaps(used):
    events = used.events()
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    times = [event["time"] for event in events]
    assert times == sorted(times)
    for event in events:
        if event["type"] in ("delivered", "deferred", "bounced"):
            assert {"message_id", "recipient", "attempt", "reply"} <= event.keys()
    message = next(event for event in events if event.get("tenant") == 'a"b')["message_id"]
    named = [event for event in events if event.get("message_id") == message]
    assert {event["type"] for event in named} >= {
        "received", "queued", "delivered", "deferred", "bounced"}
    assert all((event["tenant"], event["campaign"]) == ('a"b', "spring") for event in named)
    assert {event["type"] for event in events} >= {
        "epoch_started", "received", "queued", "delivered", "deferred", "bounced"}


def test_commands_work_beside_a_running_server_and_after_it(server):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        source(waybill.port, 10, sessions=2)
        waybill.wait_for("delivered", 10)
        running = [commands(waybill), waybill.events()]
    assert [commands(waybill), waybill.events()[:len(running[1])]] == running


def commands(waybill):
    """What reading commands say of the first message; all must succeed."""
    first = next(event for event in waybill.events() if event["type"] == "received")["message_id"]
    for arguments in (
            ("queue", "depth"), ("queue", "list"), ("queue", "summary"), ("log", "info"),
            ("log", "verify"), ("trace", "someone@recipient.example"), ("log", "cat")):
        assert waybill.command(*arguments).returncode == 0
        for line in waybill.command(*arguments, "--json").stdout.splitlines():
            json.loads(line)
    shown = waybill.command("message", "show", first).stdout
    assert "\nReceived: " in shown and "\nMessage-Id: " in shown
    assert waybill.command("message", "show", first, "--raw").stdout.startswith("Received: ")
    return [event["type"] for event in waybill.json("trace", first)]


def test_the_tail_follows_from_another_process(server):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        tail = subprocess.Popen(
            [waybill_binary(), "log", "tail", "--json", "--data", waybill.data],
            stdout=subprocess.PIPE, text=True)
        try:
            source(waybill.port, 3, sessions=1)
            seen = []
            for line in tail.stdout:
                seen.append(json.loads(line)["type"])
                if seen.count("delivered") == 3:
                    break
            assert seen.count("received") == seen.count("queued") == 3
        finally:
            tail.kill()
            tail.wait()
            tail.stdout.close()


def test_an_unknown_message_is_an_answer_not_a_crash(used):
    result = used.command("trace", "1-zzzzzz", check=False)
    assert result.returncode in (1, 2, 64) and result.stderr.strip()
    result = used.command("message", "show", "nonsense", check=False)
    assert result.returncode not in (0, 70, -6, -11)


def flip(file, table: str, last: bool) -> None:
    """Flips one bit in the frame of the first or last value of a table, wherever it is in the file.

    LMDB never writes a page in place, so a file holds stale copies; all of them get the bit.
    """
    lmdb = pytest.importorskip("lmdb")
    environment = lmdb.open(str(file), subdir=False, readonly=True, lock=False, max_dbs=3)
    with environment.begin() as transaction:
        cursor = transaction.cursor(environment.open_db(table.encode(), transaction, create=False))
        assert cursor.last() if last else cursor.first()
        value = bytes(cursor.value())
    environment.close()
    data = bytearray(file.read_bytes())
    place, found = data.find(value[:110]), 0
    while place >= 0:
        data[place + 112] ^= 0x10
        found += 1
        place = data.find(value[:110], place + 1)
    assert found
    file.write_bytes(data)


class TestDamage:
    """A damaged log is refused, and the message names the file and what to run."""

    def segment(self, waybill):
        return sorted((waybill.data / "log").glob("*.mdb"))[-1]

    def refused(self, waybill):
        file = self.segment(waybill)
        waybill.launch()
        code = waybill.process.wait(30)
        waybill.process = None
        assert code not in (0, -7, -11), f"ended with {code}"
        output = waybill.output()
        last = output[output.rindex("--- start"):]
        assert file.name in last and "waybill log verify" in last
        found = waybill.verify(check=False)
        assert found.returncode == 1 and file.name in found.stdout + found.stderr
        if READER.exists():
            assert waybill.reader("verify", check=False).returncode != 0
        return last

    def test_a_truncated_file(self, used):
        file = self.segment(used)
        size = file.stat().st_size
        with open(file, "r+b") as handle:
            handle.truncate(size // 2 // 4096 * 4096)
        self.refused(used)

    def test_a_flipped_bit_in_the_last_batch(self, used):
        flip(self.segment(used), "events", last=True)
        self.refused(used)

    def test_a_flipped_bit_in_an_old_batch_is_found_by_verify(self, used):
        file = self.segment(used)
        flip(file, "events", last=False)
        found = used.verify(check=False)
        text = found.stdout + found.stderr
        assert found.returncode == 1 and file.name in text and "sequence" in text

    def test_a_flipped_bit_in_content_is_found_by_verify(self, used):
        file = self.segment(used)
        flip(file, "content", last=False)
        found = used.verify(check=False)
        assert found.returncode == 1 and file.name in found.stdout + found.stderr

    def test_a_missing_segment_directory_is_a_new_log_only_when_empty(self, used):
        file = self.segment(used)
        file.rename(file.with_suffix(".away"))
        used.launch()
        # Either a new log is begun, or it refuses; never a crash by signal.
        wait_until(
            lambda: used.process.poll() is not None or "listening" in used.output(), 20, "a decision")
        assert used.process.poll() is None or used.process.poll() > 0
