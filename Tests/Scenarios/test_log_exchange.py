"""Exports that other programs read, and logs of other servers as logs of ours."""

import csv
import io
import json
import os
import shutil
import signal
import smtplib
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import zstandard

from harness.peer import Peer
from harness.postfix import Postfix
from harness.stones import source
from harness.support import ROOT, program, run, wait_until, waybill_binary

READER = [sys.executable, ROOT / "tools" / "waybill-log-reader"]
MAGIC = b"\xb1\xea\x92\x8f"


def waybill(*arguments, check=True, **options):
    """A waybill command."""
    return run(waybill_binary(), *arguments, check=check, **options)


@pytest.fixture
def used(server):
    """A running server with deliveries, a deferral, a bounce with its notification, and a refusal."""
    replies = {"bad@recipient.example": "550 5.1.1 no such, \"mailbox\"",
               "slow@recipient.example": "451 4.3.0 later"}
    with Peer(on_rcpt=replies.get) as peer, server(
            "--smarthost", f"127.0.0.1:{peer.port}") as running:
        source(running.port, 200, sessions=10)
        with smtplib.SMTP("127.0.0.1", running.port) as client:
            client.sendmail(
                "a@client.example", ["good@recipient.example", *replies],
                "X-Tenant: acme\r\nX-Campaign: spring\r\nMessage-ID: <1@x>\r\n\r\nx\r\n")
        running.wait_for("bounced")
        running.wait_for("deferred")
        running.wait_for("delivered", 202)
        yield running


def frames(octets):
    """The seek table of a file: (compressed, raw) of each frame."""
    assert octets.endswith(MAGIC)
    count, descriptor = struct.unpack("<IB", octets[-9:-4])
    assert descriptor == 0
    table = octets[-(17 + 8 * count):]
    magic, size = struct.unpack("<II", table[:8])
    assert (magic, size) == (0x184D2A5E, 8 * count + 9)
    return list(struct.iter_unpack("<II", table[8:-9]))


def zstdcat(path):
    """What the zstd program makes of a file."""
    return subprocess.run(
        [program("zstdcat"), path], stdout=subprocess.PIPE, check=True).stdout


def test_an_export_is_read_by_zstd_and_by_python_frame_by_frame(used, tmp_path):
    path = tmp_path / "events.zst"
    said = json.loads(used.command(
        "log", "export", "--output", path, "--frame-octets", "8192", "--until", "300",
        "--json").stdout)
    lines = zstdcat(path)
    assert [json.loads(line) for line in lines.splitlines()] == used.events()[:300]
    assert (said["records"], said["next_sequence"]) == (300, 301)
    assert (said["file_octets"], said["raw_octets"]) == (path.stat().st_size, len(lines))
    assert subprocess.run([program("zstd"), "-t", "-q", path]).returncode == 0
    octets = path.read_bytes()
    table, place, joined = frames(octets), 0, b""
    assert len(table) > 5
    for compressed, raw in table:
        frame = octets[place:place + compressed]
        place += compressed
        if raw:
            part = zstandard.ZstdDecompressor().decompress(frame)
            assert len(part) == raw and part.endswith(b"\n")
            joined += part
    assert joined == lines
    stream = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(octets), read_across_frames=True)
    assert stream.read() == lines


def test_an_export_goes_on_where_it_ended(used, tmp_path):
    whole, parts, rest = (tmp_path / name for name in ("whole", "parts", "rest"))
    last = used.events()[-1]["sequence"]
    used.command("log", "export", "--output", whole, "--until", last)
    used.command("log", "export", "--output", parts, "--until", "100", "--frame-octets", "4096")
    used.command("log", "export", "--output", rest, "--after", parts, "--until", last)
    assert zstdcat(parts) + zstdcat(rest) == zstdcat(whole)
    used.command("log", "export", "--output", parts, "--append", "--until", "250")
    used.command("log", "export", "--output", parts, "--append", "--until", last)
    said = json.loads(used.command(
        "log", "export", "--output", parts, "--append", "--until", last, "--json").stdout)
    assert (said["events"], said["records"]) == (0, last)
    assert zstdcat(parts) == zstdcat(whole)
    assert sum(raw for _, raw in frames(parts.read_bytes())) == said["raw_octets"]
    for arguments, words in (
            (("--format", "kumomta"), "--format ndjson"), (("--type", "bounced"), "other filters")):
        refused = used.command(
            "log", "export", "--output", parts, "--append", *arguments, check=False)
        assert refused.returncode == 65 and words in refused.stderr
    assert used.command("log", "export", "--output", parts, check=False).returncode == 73
    other = tmp_path / "other"
    other.write_bytes(b"not an export\n")
    assert used.command(
        "log", "export", "--output", other, "--append", check=False).returncode == 65
    assert other.read_bytes() == b"not an export\n"


def test_kumomta_records_have_the_members_that_pipelines_read(used, tmp_path):
    path = tmp_path / "kumo.zst"
    used.command("log", "export", "--format", "kumomta", "--output", path)
    records = [json.loads(line) for line in zstdcat(path).splitlines()]
    required = {
        "type", "id", "sender", "recipient", "queue", "site", "size", "response", "peer_address",
        "timestamp", "created", "num_attempts", "bounce_classification", "egress_pool",
        "egress_source", "source_address", "feedback_report", "meta", "headers",
        "delivery_protocol", "reception_protocol", "nodeid"}
    for record in records:
        assert required <= record.keys()
        assert set(record["response"]) == {"code", "enhanced_code", "content", "command"}
        assert isinstance(record["timestamp"], int) and len(record["id"]) == 32
    mine = {record["type"]: record for record in records if "@recipient.example" in
            record["recipient"] and record["meta"].get("tenant") == "acme"}
    assert set(mine) == {"Reception", "Delivery", "TransientFailure", "Bounce"}
    bounce = mine["Bounce"]
    assert bounce["queue"] == "spring:acme@recipient.example"
    assert bounce["response"]["enhanced_code"] == {"class": 5, "subject": 1, "detail": 1}
    assert bounce["bounce_classification"] == "InvalidRecipient"
    assert bounce["headers"] == {"Message-ID": "<1@x>"}
    events = used.events()
    for ours, theirs in (("queued", "Reception"), ("delivered", "Delivery"),
                         ("deferred", "TransientFailure"), ("bounced", "Bounce")):
        assert (sum(event["type"] == ours for event in events)
                >= sum(record["type"] == theirs for record in records) > 0)


def test_powermta_rows_are_csv_with_its_columns(used):
    text = used.command(
        "log", "export", "--format", "powermta", "--tenant", "acme").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.startswith("type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag")
    assert text.count("\n") == len(rows) + 1
    # Not the notification, which is the same client's.
    types = [row["type"] for row in rows if row["rcpt"].endswith("@recipient.example")]
    assert types.count("r") == 3 and types.count("b") == 1 and types.count("d") == 1
    bounce = next(row for row in rows if row["type"] == "b")
    assert bounce["dsnDiag"] == 'smtp;550 5.1.1 no such, "mailbox"'
    assert (bounce["bounceCat"], bounce["dsnAction"]) == ("bad-mailbox", "failed")
    assert (bounce["jobId"], bounce["orig"]) == ("spring", "a@client.example")


def test_since_and_until_take_sequences_and_times(used):
    events = used.events()
    middle = events[100]["time"]
    for arguments, expected in (
            (("--since", "50", "--until", "60"), events[49:60]),
            (("--since", middle), [event for event in events if event["time"] >= middle]),
            (("--until", middle), [event for event in events if event["time"] < middle])):
        shown = used.command("log", "export", "--compress", "none", *arguments).stdout
        shown = [json.loads(line) for line in shown.splitlines()]
        assert shown[:len(expected)] == expected
        assert shown[-1]["sequence"] >= expected[-1]["sequence"]


def test_a_killed_export_leaves_no_file_under_the_name(used, tmp_path):
    path = tmp_path / "events.zst"
    # Killed while it writes: the partial file is there, the name is not.
    for delay in (0.0, 0.02, 0.05):
        process = subprocess.Popen(
            [waybill_binary(), "log", "export", "--data", used.data, "--output", path,
             "--level", "19"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if path.exists():
            # It had been complete.
            zstdcat(path)
            path.unlink()
    used.command("log", "export", "--output", path)
    assert len(zstdcat(path).splitlines()) > 600
    assert not (tmp_path / "events.zst.partial").exists()


def test_binary_is_not_written_to_a_terminal(used):
    master, slave = os.openpty()
    process = subprocess.run(
        [waybill_binary(), "log", "export", "--data", used.data], stdout=slave,
        stderr=subprocess.PIPE, text=True)
    os.close(slave)
    os.close(master)
    assert process.returncode == 64 and "zstdcat" in process.stderr


def test_stats_add_up(used):
    said = json.loads(used.command("log", "stats", "--json").stdout)
    events = used.events()
    assert said["events"] == sum(row["events"] for row in said["types"])
    assert said["batches"] == sum(row["batches"] for row in said["batch_sizes"])
    assert said["contents"] == sum(row["events"] for row in said["types"]
                                   if row["type"] == "received")
    parts = ("batch_octets_stored", "content_octets_stored", "table_overhead_octets",
             "free_octets", "other_octets")
    assert sum(said[part] for part in parts) == said["file_octets"]
    assert said["content_octets_raw"] == sum(
        event["size"] for event in events if event["type"] == "received")
    table = used.command("log", "stats").stdout
    assert "delivered" in table and "free pages" in table


# Importing


def check_history(data):
    """A log without content is whole for both readers, and nothing in it waits."""
    assert waybill("log", "verify", "--data", data).stdout.startswith("whole")
    checked = run(*READER, "verify", data, check=False)
    assert checked.returncode == 0, checked.stderr
    depth = waybill("queue", "depth", "--data", data, "--json").stdout
    assert json.loads(depth.splitlines()[0])["recipients"] == 0
    return [json.loads(line)
            for line in waybill("log", "cat", "--data", data, "--json").stdout.splitlines()]


def test_an_exported_log_comes_back_as_history(used, server, tmp_path):
    path = tmp_path / "kumo.zst"
    used.command("log", "export", "--format", "kumomta", "--output", path)
    data = tmp_path / "history"
    said = json.loads(waybill(
        "log", "import", path, "--data", data, "--json").stdout)
    assert said["lines_refused"] == 0 and said["format"] == "kumomta"
    events = check_history(data)
    ours = used.events()
    for kind in ("delivered", "deferred", "bounced"):
        theirs = [(event["time"], event["recipient"], event.get("campaign"),
                   event["reply"].get("text"))
                  for event in events if event["type"] == kind and event["said_by" if kind ==
                  "bounced" else "type"] != "administrator"]
        own = [(event["time"], event["recipient"], event.get("campaign"),
                event["reply"].get("text")) for event in ours if event["type"] == kind]
        assert sorted(map(str, theirs)) == sorted(map(str, own))[:len(theirs)]
    # One recipient still waited: it is given up.
    assert said["given_up"] >= 1
    history = waybill("recipient", "history", "good@recipient.example", "--data", data).stdout
    assert "delivered" in history
    assert "spring" in waybill("campaign", "stats", "spring", "--data", data).stdout
    trace = waybill("trace", "bad@recipient.example", "--data", data).stdout
    assert "no such" in trace
    # Refused where there is a log.
    refused = waybill("log", "import", path, "--data", data, check=False)
    assert refused.returncode == 73 and "--data" in refused.stderr


def test_a_server_on_an_imported_log_sends_nothing(used, server, tmp_path):
    path = tmp_path / "kumo.zst"
    used.command("log", "export", "--format", "kumomta", "--output", path)
    data = tmp_path / "history"
    waybill("log", "import", path, "--data", data)
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}", data=data) as history:
        source(history.port, 1, sessions=1)
        wait_until(lambda: len(peer.messages) >= 1, 20, "the new message")
        assert history.events()[-1]["sequence"] > 1
    assert len(peer.messages) == 1


@pytest.fixture
def place():
    """Below /var/tmp: Postfix's processes drop privileges and must be able to walk there."""
    directory = Path(tempfile.mkdtemp(prefix="waybill-exchange-", dir="/var/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def test_a_log_of_a_real_postfix_becomes_history(place, tmp_path):
    replies = {"bad@recipient.example": "550 5.1.1 no such mailbox",
               "slow@recipient.example": "451 4.3.0 later"}
    settings = {"smtpd_recipient_restrictions":
                "check_recipient_access inline:{{refused@recipient.example=554 5.7.1 go away}},"
                " permit_mynetworks, reject"}
    with Peer(on_rcpt=replies.get) as peer, Postfix(
            place, {"relayhost": f"[127.0.0.1]:{peer.port}", **settings}) as postfix:
        source(postfix.port, 50, sessions=5)
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            refused = client.sendmail(
                "a@client.example",
                ["good@recipient.example", "refused@recipient.example", *replies],
                "Message-ID: <7@client.example>\r\nSubject: x\r\n\r\nx\r\n")
            assert list(refused) == ["refused@recipient.example"]
        wait_until(lambda: "status=bounced" in postfix.log() and "status=deferred" in postfix.log()
                   and postfix.log().count("status=sent") >= 52, 30, "Postfix's deliveries")
        time.sleep(0.5)
    log = tmp_path / "mail.log"
    log.write_text(postfix.log())
    data = tmp_path / "history"
    said = json.loads(waybill("log", "import", log, "--data", data, "--strict", "--json").stdout)
    assert said["format"] == "postfix" and said["lines_refused"] == 0
    assert said["unnamed"] == 0
    events = check_history(data)
    kinds = [event["type"] for event in events]
    text = log.read_text()
    assert kinds.count("delivered") == text.count("status=sent")
    assert kinds.count("deferred") == text.count("status=deferred")
    assert kinds.count("rejected") == 1
    received = next(event for event in events
                    if event.get("header_message_id") == "<7@client.example>")
    assert received["recipients"] == 3 and set(received["content_sha256"]) == {"0"}
    bounced = [event for event in events if event["type"] == "bounced"]
    remote = [event for event in bounced if event["said_by"] == "remote"]
    assert [event["recipient"] for event in remote] == ["bad@recipient.example"]
    assert remote[0]["reply"]["code"] == 550 and remote[0]["command"] == "rcpt"
    given_up = [event for event in bounced if event["said_by"] == "administrator"]
    assert [event["recipient"] for event in given_up] == ["slow@recipient.example"]
    notice = next(event for event in events if event.get("reports_on"))
    assert notice["reports_on"] == received["message_id"] and notice["reverse_path"] == ""
    assert "good@recipient.example" in waybill("trace", received["message_id"], "--data", data).stdout


def test_lines_that_cannot_be_read_are_named(tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(
        "Nov 21 09:41:00 mail postfix/smtp[1]: 3AB1C2D3E4: to=<a@b.example>, relay=none, delay=1, "
        "dsn=2.0.0, status=sent (ok)\nthis is no line of a log\n")
    data = tmp_path / "history"
    strict = waybill("log", "import", log, "--data", data, "--strict", check=False)
    assert strict.returncode == 65 and f"{log}:2: " in strict.stderr
    assert not (data / "log").exists() and not (data / "log.importing").exists()
    loose = waybill("log", "import", log, "--data", data, "--year", "2025")
    assert f"{log}:2: " in loose.stderr and "1 lines could not be read" in loose.stdout
    assert check_history(data)[1]["time"].startswith("2025-11-21T09:40:59")
    missing = waybill("log", "import", tmp_path / "none", "--data", tmp_path / "x", check=False)
    assert missing.returncode == 66
    (tmp_path / "empty").write_text("")
    nothing = waybill(
        "log", "import", tmp_path / "empty", "--data", tmp_path / "y", check=False)
    assert nothing.returncode == 1 and not (tmp_path / "y" / "log").exists()


def test_several_files_are_put_in_the_order_of_their_times(tmp_path):
    def line(second, text):
        return f"2026-11-21T09:41:{second:02}Z mail postfix/{text}\n"

    first, second = tmp_path / "mail.log.1", tmp_path / "mail.log"
    first.write_text(
        line(1, "qmgr[1]: 3AB1C2D3E4: from=<a@b.example>, size=7, nrcpt=1 (queue active)"))
    done = line(2, "smtp[1]: 3AB1C2D3E4: to=<x@y.example>, relay=none, delay=1, dsn=2.0.0, "
                   "status=sent (250 ok)") + line(3, "qmgr[1]: 3AB1C2D3E4: removed")
    second.write_bytes(zstandard.ZstdCompressor().compress(done.encode()))
    data = tmp_path / "history"
    waybill("log", "import", second, first, "--data", data)
    events = check_history(data)
    assert [event["type"] for event in events] == [
        "epoch_started", "received", "queued", "delivered"]
    assert events[0]["time"] == events[1]["time"] == "2026-11-21T09:41:01.000000Z"
