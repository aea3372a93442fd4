"""`waybill log repair`: what a damaged log still holds, held against the recorded events."""

import hashlib
import json
import os
import random
import shutil
import signal
import smtplib
import subprocess
import sys

import pytest

from harness.peer import Peer
from harness.support import ROOT, run, waybill_binary
from log_reader import storage

READER = ROOT / "tools" / "waybill-log-reader"
LOGS = ROOT / "replay" / "logs"
NAMES = sorted(path.name for path in LOGS.iterdir())


def repair(data, new, *flags):
    """(exit code, report)."""
    result = run(
        waybill_binary(), "log", "repair", "--data", data, "--to", new, "--json", *flags,
        check=False)
    return result.returncode, json.loads(result.stdout) if result.stdout.strip() else None


def verify(data):
    """Both readers call the log whole."""
    ours = run(waybill_binary(), "log", "verify", "--data", data, check=False)
    assert ours.returncode == 0, ours.stdout + ours.stderr
    theirs = run(sys.executable, READER, "verify", data, check=False)
    assert theirs.returncode == 0, theirs.stdout + theirs.stderr


def lines(data):
    return run(sys.executable, READER, "events", data).stdout.splitlines()


def lost(report):
    """The sequences that a report calls lost."""
    return {
        sequence for one in report["lost_events"]
        for sequence in range(one["first_sequence"], one["last_sequence"] + 1)}


@pytest.fixture
def golden(tmp_path):
    """Copies a golden log to where it may be damaged."""

    def make(name="v1-basic"):
        return shutil.copytree(LOGS / name, tmp_path / name)

    return make


def holds(before, data, new, report):
    """The new log has every event of before, octet by octet, but those the report calls lost.

    `before` is what the independent reader read from the log when it was whole.
    """
    verify(new)
    gone, after = lost(report), lines(new)
    assert len(after) <= len(before)
    for number, (then, now) in enumerate(zip(before, after), 1):
        if number in gone:
            assert json.loads(now)["type"] == "lost" and json.loads(now)["sequence"] == number
        else:
            assert then == now
    # What is behind the end is not known, and the report says so.
    assert len(after) == len(before) or not report["end_certain"]
    contentless = {one["message_id"] for one in report["lost_contents"]}
    contents = {}
    for segment in storage.segments(new):
        for block in storage.contents(segment):
            contents |= dict(block)
        storage.close_segment(segment)
    for line in after:
        event = json.loads(line)
        if event["type"] != "received":
            continue
        octets = contents.pop(event["sequence"], None)
        assert (octets is None) == (event["message_id"] in contentless)
        assert octets is None or (
            hashlib.sha256(octets).hexdigest() == event["content_sha256"])
    assert not contents


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_log_is_copied_whole(golden, tmp_path, name):
    data, new = golden(name), tmp_path / "new"
    before = lines(data)
    files = {path: path.read_bytes() for path in (data / "log").iterdir()}
    code, report = repair(data, new)
    # The golden log that was pruned has no states as of its cut, which the command misses.
    assert code == (1 if name == "v2-pruned" else 0) and report["complete"], report
    assert report["old_position"]["chain_hash"] == report["new_position"]["chain_hash"]
    assert report["old_log_id"] != report["new_log_id"]
    assert lines(new) == before
    verify(new)
    assert files == {path: path.read_bytes() for path in (data / "log").iterdir()}


def test_a_log_that_a_newer_version_wrote_to_is_refused(golden, tmp_path):
    lmdb = pytest.importorskip("lmdb")
    data, new = golden(), tmp_path / "new"
    before = lines(data)
    file = sorted((data / "log").glob("*.mdb"))[1]
    environment = lmdb.open(str(file), subdir=False, max_dbs=3, map_size=1 << 24)
    with environment.begin(write=True) as transaction:
        transaction.put(
            b"format", (3).to_bytes(4, "little"), db=environment.open_db(b"meta", transaction))
    environment.close()
    command = (waybill_binary(), "log", "repair", "--data", data, "--to", new)
    refused = run(*command, check=False)
    assert refused.returncode == 69 and not new.exists()
    assert "format 3" in refused.stderr and "version of Waybill that wrote it" in refused.stderr
    found = run(waybill_binary(), "log", "verify", "--data", data, check=False)
    assert found.returncode == 1 and "format 3" in found.stdout + found.stderr
    assert "Restore this file" not in found.stdout + found.stderr
    # Where it is known that the record is damaged, nothing is lost.
    code, report = repair(data, new, "--ignore-format")
    assert lost(report) == set() and code == 0, report
    assert lines(new) == before
    verify(new)


@pytest.mark.parametrize("place", [0, 1, -2])
def test_a_missing_segment(golden, tmp_path, place):
    data, new = golden(), tmp_path / "new"
    before = lines(data)
    files = sorted((data / "log").glob("*.mdb"))
    file = files[place]
    first = int(file.name[:16], 16)
    after = int(files[files.index(file) + 1].name[:16], 16)
    file.unlink()
    code, report = repair(data, new)
    assert code == 1 and lost(report) == set(range(first, after))
    assert [one["file"] for one in report["lost_events"]] == [str(file)]
    assert ("after" in report["lost_events"][0]) == (place != 0)
    assert "before" in report["lost_events"][0]
    holds(before, data, new, report)
    # What it says to run where the events still are gives those that are lost.
    whole = shutil.copytree(LOGS / "v1-basic", tmp_path / "whole")
    fetch = report["lost_events"][0]["fetch"]
    assert fetch["backup"][0].startswith("waybill restore --archive ARCHIVE --to RESTORED")
    for command, directory in ((fetch["backup"][1], "RESTORED"), (fetch["standby"][0], "DATA")):
        words = [str(whole) if word == directory else word for word in command.split()]
        fetched = run(waybill_binary(), *words[1:], "--json").stdout.splitlines()
        assert [json.loads(line)["sequence"] for line in fetched] == list(range(first, after))
    assert "waybill site status" in report["where_to_get_them"]
    told = run(waybill_binary(), "log", "repair", "--data", data, "--dry-run", check=False)
    assert f"events {first} to {after - 1}: waybill restore" in told.stdout


def test_a_lost_end_is_said_from_where_it_is_to_be_fetched(golden, tmp_path):
    data = golden()
    file = sorted((data / "log").glob("*.mdb"))[-1]
    first = int(file.name[:16], 16)
    file.unlink()
    code, report = repair(data, tmp_path / "new")
    assert code == 1 and not report["end_certain"]
    end = report["lost_end"]
    assert end["first_sequence"] == first
    assert end["fetch"]["standby"] == [f"waybill log cat --data DATA --from {first}"]


def test_damage_of_every_kind_and_the_independent_reader_agree(golden, tmp_path):
    data = golden()
    before = lines(data)
    files = sorted((data / "log").glob("*.mdb"))
    originals = [file.read_bytes() for file in files]
    generator = random.Random(11)
    rounds = 300 if os.environ.get("WAYBILL_DAMAGE") else 12
    for number in range(rounds):
        place = generator.randrange(len(files))
        content = bytearray(originals[place])
        kind = ("flip", "cut", "zeros")[number % 3]
        if kind == "flip":
            for _ in range(8):
                content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        elif kind == "cut":
            del content[512 * generator.randrange(len(content) // 512):]
        else:
            start = 512 * generator.randrange(len(content) // 512)
            content[start:start + 6000] = bytes(len(content[start:start + 6000]))
        files[place].write_bytes(content)
        found = run(waybill_binary(), "log", "verify", "--data", data, check=False)
        new = tmp_path / f"new{number}"
        code, report = repair(data, new)
        what = f"{kind}, round {number}, {files[place].name}: {report}"
        assert code in (0, 1), what
        assert code == (0 if report["complete"] else 1), what
        assert report["complete"] or found.returncode == 1, what
        for one in report["lost_events"]:
            assert one["file"] == str(files[place]), what
        holds(before, data, new, report)
        files[place].write_bytes(originals[place])
        shutil.rmtree(new)


def test_what_cannot_be_repaired_is_refused_and_leaves_nothing(golden, tmp_path, server):
    data = golden()
    full = tmp_path / "full"
    full.mkdir()
    (full / "something").write_text("mine")
    assert repair(data, full)[0] == 69
    assert [path.name for path in full.iterdir()] == ["something"]
    assert repair(tmp_path / "nowhere", tmp_path / "new")[0] == 69
    for file in (data / "log").glob("*.mdb"):
        file.write_bytes(os.urandom(20_000))
    assert repair(data, tmp_path / "new")[0] == 69
    assert run(waybill_binary(), "log", "repair", "--data", data, check=False).returncode == 64
    with server() as waybill:
        assert repair(waybill.data, tmp_path / "new")[0] == 69
    assert not (tmp_path / "new").exists()
    # The server is stopped: now it may.
    assert repair(waybill.data, tmp_path / "new")[0] == 0


def test_a_dry_run_makes_nothing(golden, tmp_path):
    data = golden()
    sorted((data / "log").glob("*.mdb"))[1].unlink()
    result = run(
        waybill_binary(), "log", "repair", "--data", data, "--dry-run", check=False)
    assert result.returncode == 1 and "LOST FROM" in result.stdout
    assert "nothing was written" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == [data.name]


def test_a_killed_repair_leaves_nothing_under_the_name(golden, tmp_path):
    data, new = golden(), tmp_path / "new"
    before = lines(data)
    sorted((data / "log").glob("*.mdb"))[2].unlink()
    for delay in (0.02, 0.05, 0.1, 0.2):
        process = subprocess.Popen(
            [waybill_binary(), "log", "repair", "--data", data, "--to", new, "--json"],
            stdout=subprocess.DEVNULL)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if new.exists():
            # It was faster: then it is complete.
            verify(new)
            shutil.rmtree(new)
    code, report = repair(data, new)
    assert code == 1
    assert not (tmp_path / "new.repairing").exists()
    holds(before, data, new, report)


def zero_values(file, table, wanted):
    """Zeros the values of a table whose first messages are wanted, wherever the file has them."""
    lmdb = pytest.importorskip("lmdb")
    environment = lmdb.open(str(file), subdir=False, readonly=True, lock=False, max_dbs=3)
    with environment.begin() as transaction:
        database = environment.open_db(table, transaction, integerkey=True, create=False)
        values = [bytes(value) for key, value in transaction.cursor(database)
                  if int.from_bytes(key, "little") in wanted]
    environment.close()
    assert values
    data = file.read_bytes()
    for value in values:
        assert value in data
        data = data.replace(value, bytes(len(value)))
    file.write_bytes(data)


def test_a_server_goes_on_with_a_repaired_log(server, tmp_path):
    """One message's content is lost while it waits, another's events are: the first bounces with
    the reason, the second is unknown, a third goes out, and all projections agree with the log."""
    accepts = False

    def reply(_):
        return None if accepts else "451 4.3.0 later"

    with Peer(on_rcpt=reply) as peer:
        flags = ("--smarthost", f"127.0.0.1:{peer.port}")
        ids = []
        with server(*flags) as waybill:
            for name in ("content", "events", "whole"):
                with smtplib.SMTP("127.0.0.1", waybill.port) as client:
                    client.sendmail(
                        "sender@client.example", [f"{name}@recipient.example"],
                        f"Subject: {name}\r\n\r\n{name} {os.urandom(40).hex()}\r\n")
                waybill.wait_for("deferred", len(ids) + 1)
                ids.append(waybill.of_type("received")[-1])
        file = next((waybill.data / "log").glob("*.mdb"))
        zero_values(file, b"content", {ids[0]["sequence"]})
        zero_values(file, b"events", {ids[1]["sequence"]})
        assert waybill.verify(check=False).returncode == 1

        new = tmp_path / "repaired"
        code, report = repair(waybill.data, new)
        assert code == 1
        assert [(one["message_id"], one["queued"]) for one in report["lost_contents"]] == [
            (ids[0]["message_id"], True)]
        assert ids[1]["sequence"] in lost(report)
        verify(new)

        accepts = True
        with server(*flags, data=new) as again:
            last = report["new_position"]["sequence"]
            with smtplib.SMTP("127.0.0.1", again.port) as client:
                client.sendmail("sender@client.example", ["new@recipient.example"], "x\r\n")
            again.command("queue", "requeue", "--domain", "recipient.example")
            again.wait_for("bounced")
            again.wait_drained()
            events = again.events()
            assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
            assert {event["epoch"] for event in events[:last]} == {1}
            assert {event["epoch"] for event in events[last:]} == {2}
            bounced = [event for event in events if event["type"] == "bounced"]
            assert [event["message_id"] for event in bounced] == [ids[0]["message_id"]]
            assert bounced[0]["reply"]["text"] == "the content of the message is lost"
            notices = [event for event in events if event.get("reports_on")]
            assert [event["reports_on"] for event in notices] == [ids[0]["message_id"]]
            delivered = {
                event["recipient"] for event in events if event["type"] == "delivered"}
            assert {"whole@recipient.example", "new@recipient.example"} <= delivered
        verify(new)
        assert again.command("projection", "verify").returncode == 0
