"""The independent reader on the golden logs, whole and damaged; no server is needed for most."""

import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys

import lmdb
import pytest

from harness.stones import source
from harness.peer import Peer
from harness.support import ROOT
from log_reader import storage
from log_reader.events import message_id

READER = ROOT / "tools" / "waybill-log-reader"
LOGS = ROOT / "replay" / "logs"
NAMES = sorted(path.name for path in LOGS.iterdir())


def read(*arguments):
    """(exit code, standard output as octets, standard error as text)."""
    result = subprocess.run(
        [sys.executable, READER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=120)
    return result.returncode, result.stdout, result.stderr.decode()


@pytest.fixture
def golden(tmp_path):
    """Copies a golden log to where it may be damaged."""

    def make(name="v1-basic"):
        return shutil.copytree(LOGS / name, tmp_path / name)

    return make


@pytest.mark.parametrize("name", NAMES)
def test_events_are_octet_by_octet_those_of_waybill(golden, name):
    directory = golden(name)
    code, output, error = read("events", directory)
    assert (code, error) == (0, "")
    lines, recorded = output.splitlines(), (LOGS / name / "events.jsonl").read_bytes().splitlines()
    assert len(lines) == len(recorded)
    for line, then in zip(lines, recorded):
        if line != then:
            # Of a type that had only a number then, more can be told now.
            line, then = json.loads(line), json.loads(then)
            assert then.pop("type_number") and "type_number" not in line
            assert then.items() <= line.items()


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_log_verifies_and_nothing_is_written(golden, name):
    directory = golden(name)
    before = sorted((path.name, path.read_bytes()) for path in (directory / "log").iterdir())
    code, output, error = read("verify", directory)
    assert code == 0 and error == "" and output.startswith(b"intact: ")
    assert before == sorted((path.name, path.read_bytes()) for path in (directory / "log").iterdir())


def test_a_range_of_events(golden):
    directory = golden() / "log"
    lines = (LOGS / "v1-basic" / "events.jsonl").read_bytes().splitlines(keepends=True)
    for first, last in ((1, 1), (2, 70), (60, 200), (len(lines), len(lines))):
        code, output, _ = read("events", directory, "--from", str(first), "--to", str(last))
        assert code == 0 and output == b"".join(lines[first - 1:last])
    assert read("events", directory, "--from", str(len(lines) + 1))[:2] == (0, b"")


def test_every_content_is_what_its_event_says(golden):
    directory = golden()
    checked = 0
    for line in (directory / "events.jsonl").read_text().splitlines()[::9]:
        event = json.loads(line)
        if event["type"] != "received":
            continue
        code, octets, _ = read("content", directory, event["message_id"])
        assert code == 0 and len(octets) == event["size"]
        assert hashlib.sha256(octets).hexdigest() == event["content_sha256"]
        checked += 1
    assert checked > 3


def test_exit_codes(golden, tmp_path):
    directory = golden()
    assert read("events", tmp_path)[0] == 66
    assert read("verify", tmp_path / "missing")[0] == 66
    assert read("content", directory, "1-1")[0] == 66
    assert read("content", directory, "1-zzzz")[0] == 66
    assert read("content", directory, "u-1")[0] == 64
    assert read("content", directory)[0] == 64
    assert read()[0] == 64


def change(file, body):
    """Runs `body` in a transaction that writes to a segment's file; it gets the tables by name."""
    environment = lmdb.open(str(file), subdir=False, max_dbs=8, map_size=1 << 24)
    with environment.begin(write=True) as transaction:
        tables = {
            name: environment.open_db(name.encode(), transaction, integerkey=name != "meta")
            for name in ("meta", "events", "content")}
        body(transaction, tables)
    environment.close()


class TestWorkedExamples:
    """Of schemas/log-format.md, as they stand there."""

    TEXT = (ROOT / "schemas" / "log-format.md").read_text()

    def octets(self, caption):
        """The first block behind some words."""
        assert self.TEXT.count(caption) == 1, caption
        return bytes.fromhex("".join(self.TEXT.split(caption)[1].split("```")[1].split()))

    def test_batches_chain_whatever_their_frames(self):
        first = storage.read_batch("file", 1, self.octets("Key 1 of `events`: epoch 1"))
        second = storage.read_batch("file", 2, self.octets("Key 2 of `events`: epoch 2"))
        third = storage.read_batch("file", 3, self.octets("key 3 of `events`: codec 1"))
        assert third.raw == b"1700000000003000|0||0|" + b"four " * 20 + b"\n"
        assert second.previous == first.chain and third.previous == second.chain
        assert third.chain == self.octets("of the *uncompressed* 123 octets")
        group = storage.read_group("file", 1, self.octets("Both batches as a group"))
        assert [batch.chain for batch in group] == [first.chain, second.chain]

    def test_the_record_of_what_was_pruned(self, tmp_path):
        (tmp_path / "pruned").write_bytes(self.octets("The file `pruned` of a log that begins"))
        record = storage.pruned(tmp_path)
        assert (record.log_id, record.last, record.epoch) == (bytes(range(16)), 2, 2)
        chain = storage.read_batch("file", 2, self.octets("Key 2 of `events`: epoch 2")).chain
        assert record.chain == chain
        assert record.archive == "/srv/archive"
        assert record.bases == [("queue", 4, bytes(range(32)))]

    def test_the_records_of_meta(self, tmp_path):
        rows = self.TEXT.split("The table `meta` of a compacted segment with these")[1].split("```")[0]
        records = dict(re.findall(r"^\| `(\w+)` \| `([0-9a-f]+)` \|$", rows, re.MULTILINE))
        assert len(records) == 11
        file = tmp_path / "0000000000000001.mdb"
        change(file, lambda transaction, tables: [
            transaction.put(name.encode(), bytes.fromhex(value), db=tables["meta"])
            for name, value in records.items()])
        meta = storage.meta(storage.Segment(file, 1))
        assert (meta.format, meta.log_id, meta.first) == (2, bytes(range(16)), 1)
        assert (meta.previous_last, meta.previous_chain) == (0, bytes(32))
        assert meta.epochs == [(1, 1), (2, 2)] and meta.dropped == [(1, 2)]
        chain = storage.read_batch("file", 2, self.octets("Key 2 of `events`: epoch 2")).chain
        assert meta.sealed == (2, chain, 1700000000004000)
        assert meta.compacted == (1700000000005000, 2, 49152)

    def test_a_dictionary_is_refused_as_of_a_later_version(self):
        for caption, read_value in (
                ("Key 1 of `events`: epoch 1", storage.read_batch),
                ("Both batches as a group", storage.read_group),
                ("Key 1 of `content`", storage.read_block)):
            value = bytearray(self.octets(caption))
            value[12] = 7
            with pytest.raises(storage.Damage, match="checksum"):
                read_value("file", 1, bytes(value))
            value[16:24] = hashlib.sha256(bytes(value[:16] + value[24:])).digest()[:8]
            with pytest.raises(storage.Newer, match="dictionary"):
                read_value("file", 1, bytes(value))


@pytest.mark.parametrize("place", [0, 2, -1])
def test_a_segment_of_a_later_format_is_refused_with_the_format(golden, place):
    directory = golden()
    files = sorted((directory / "log").glob("*.mdb"))
    file = files[place]
    first = int(file.name[:16], 16)
    change(file, lambda transaction, tables: transaction.put(
        b"format", struct.pack("<I", 3), db=tables["meta"]))
    for command in (("events", directory, "--from", str(first)), ("verify", directory),
                    ("info", directory), ("content", directory, message_id(1, first))):
        code, _, error = read(*command)
        assert code == 1 and file.name in error, command
        assert "format 3" in error and "use a later one" in error, command
    if place:
        # What stands in the segments before is read.
        lines = (directory / "events.jsonl").read_bytes().splitlines(keepends=True)
        assert read("events", directory, "--to", str(first - 1))[:2] == (
            0, b"".join(lines[:first - 1]))


def test_a_file_may_end_before_its_last_pages_when_these_are_free(golden):
    directory = golden()
    file = sorted((directory / "log").glob("*.mdb"))[1]
    before = file.stat().st_size
    key = struct.pack("<Q", 1 << 60)
    change(file, lambda transaction, tables: transaction.put(
        key, bytes(100 * 4096), db=tables["content"]))
    change(file, lambda transaction, tables: transaction.delete(key, db=tables["content"]))
    # Until what stands behind those pages has moved before them.
    for _ in range(6):
        change(file, lambda transaction, tables: transaction.put(
            b"lmdb", transaction.get(b"lmdb", db=tables["meta"]), db=tables["meta"]))
    assert file.stat().st_size >= before + 100 * 4096
    with open(file, "r+b") as handle:
        handle.truncate(before + 20 * 4096)
    code, output, error = read("verify", directory)
    assert (code, error) == (0, "") and output.startswith(b"intact: ")
    assert read("events", directory)[1] == (directory / "events.jsonl").read_bytes()
    with open(file, "r+b") as handle:
        handle.truncate(before - 4 * 4096)
    code, _, error = read("verify", directory)
    assert code == 1 and file.name in error and "octets" in error


class TestDamage:
    """Whatever is changed in a log is found, and named with its file."""

    @staticmethod
    def files(directory):
        return sorted((directory / "log").glob("*.mdb"))

    def change(self, file, table, offset, mask=0x10):
        """Flips bits of the table's first value, wherever the file has it: pages that LMDB has
        freed still hold copies, and changing only those would damage nothing."""
        environment, _, value = self.first(file, table)
        environment.close()
        changed = bytearray(value)
        changed[offset] ^= mask
        data = file.read_bytes()
        assert bytes(value) in data
        file.write_bytes(data.replace(bytes(value), bytes(changed)))

    @staticmethod
    def found(directory, file, words):
        code, output, error = read("verify", directory)
        assert code == 1 and not output.startswith(b"intact")
        assert file.name in error and words in error, error

    # Offsets in the header: sequence, count, time, previous hash, and then the frame.
    @pytest.mark.parametrize("offset", [24, 40, 48, 72, 104, 130])
    def test_a_flipped_bit_in_a_batch(self, golden, offset):
        directory = golden()
        file = self.files(directory)[2]
        self.change(file, b"events", offset)
        self.found(directory, file, "checksum")

    def test_a_flipped_bit_in_a_content(self, golden):
        directory = golden()
        file = self.files(directory)[0]
        self.change(file, b"content", 90)
        self.found(directory, file, "checksum")

    def test_a_batch_with_another_past(self, golden):
        """The checksum is made to fit, so only the chain can tell."""
        directory = golden()
        file = self.files(directory)[1]
        environment, key, value = self.first(file, b"events")
        value[80] ^= 1
        self.put(environment, key, value)
        self.found(directory, file, "chain")

    def test_a_header_with_another_time(self, golden):
        directory = golden()
        file = self.files(directory)[-1]
        environment, key, value = self.first(file, b"events")
        value[48:56] = struct.pack("<q", struct.unpack("<q", value[48:56])[0] + 1)
        self.put(environment, key, value)
        self.found(directory, file, "times")

    def test_a_batch_that_is_gone(self, golden):
        directory = golden()
        file = self.files(directory)[1]
        environment, key, value = self.first(file, b"events")
        with environment.begin(write=True) as transaction:
            transaction.delete(key, db=environment.open_db(b"events", transaction, integerkey=True))
        environment.close()
        self.found(directory, file, f"event {struct.unpack('<Q', key)[0]} should stand here")

    def test_a_content_that_is_gone(self, golden):
        directory = golden()
        file = self.files(directory)[0]
        environment = lmdb.open(str(file), subdir=False, max_dbs=8, map_size=1 << 24)
        table = environment.open_db(b"content", integerkey=True)
        with environment.begin(write=True, db=table) as transaction:
            with transaction.cursor() as cursor:
                cursor.first()
                cursor.delete()
        environment.close()
        self.found(directory, file, "content is missing")

    def test_a_segment_that_is_gone(self, golden):
        directory = golden()
        file = self.files(directory)[2]
        following = self.files(directory)[3]
        file.unlink()
        self.found(directory, following, "does not continue")

    def test_the_last_segment_that_is_gone(self, golden):
        directory = golden()
        self.files(directory)[-1].unlink()
        self.found(directory, self.files(directory)[-1], "one that follows is missing")

    @pytest.mark.parametrize("octets", [0, 100, 4096, 8192, 40960])
    def test_a_truncated_segment(self, golden, octets):
        directory = golden()
        file = self.files(directory)[1]
        with open(file, "r+b") as handle:
            handle.truncate(octets)
        self.found(directory, file, "octets" if octets >= 8192 else "meta page")
        assert read("events", directory)[0] == 1

    def test_a_segment_of_another_log(self, golden):
        directory = golden()
        file = self.files(directory)[-1]
        environment = lmdb.open(str(file), subdir=False, max_dbs=8, map_size=1 << 24)
        table = environment.open_db(b"meta")
        with environment.begin(write=True, db=table) as transaction:
            transaction.put(b"log_id", bytes(16))
        environment.close()
        self.found(directory, file, "another log")

    @staticmethod
    def first(file, name):
        """(environment, key, value) of a table's first entry."""
        environment = lmdb.open(str(file), subdir=False, max_dbs=8, map_size=1 << 24)
        table = environment.open_db(name, integerkey=True)
        with environment.begin(db=table) as transaction, transaction.cursor() as cursor:
            cursor.first()
            return environment, bytes(cursor.key()), bytearray(cursor.value())

    @staticmethod
    def put(environment, key, value):
        value[16:24] = hashlib.sha256(bytes(value[:16] + value[24:])).digest()[:8]
        table = environment.open_db(b"events", integerkey=True)
        with environment.begin(write=True, db=table) as transaction:
            transaction.put(key, bytes(value))
        environment.close()


def test_it_works_beside_a_running_server(server):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        source(waybill.port, 200, sessions=10)
        waybill.wait_for("delivered", 200)
        code, output, error = read("events", waybill.data)
        assert (code, error) == (0, "")
        lines = output.decode().splitlines()
        assert [json.loads(line) for line in lines] == waybill.events()[:len(lines)]
        assert len(lines) >= 600
        for _ in range(5):
            source(waybill.port, 100, sessions=10)
            assert read("verify", waybill.data)[0] == 0
