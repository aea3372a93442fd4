"""Backup and restore with real servers, real load, and object storage from PyPI."""

import json
import os
import random
import secrets
import shutil
import smtplib
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.configuration import configuration
from harness.objectstorage import ObjectStorage
from harness.peer import Peer
from harness.stones import source
from harness.support import ROOT, free_port, run, wait_until, waybill_binary

READER = ROOT / "tools" / "waybill-backup-reader"


def waybill(*arguments, check: bool = True, environment: dict | None = None):
    """A command that has no data directory of its own."""
    return run(
        waybill_binary(), *arguments, check=check, timeout=300,
        env={**os.environ, **(environment or {})})


def archived(*place) -> dict:
    """What `backup list` says of the one log there; {} while there is none."""
    answer = waybill("backup", "list", *place, "--json", check=False)
    return json.loads(answer.stdout) if answer.returncode == 0 else {}


def wait_archived(server, *place, seconds: float = 30) -> int:
    """Waits until everything that is in the log now is archived."""
    last = server.events()[-1]["sequence"]
    wait_until(lambda: archived(*place).get("sequence", 0) >= last, seconds, "the backup", every=0.1)
    return last


def cat(data: Path) -> list[dict]:
    """The events of a log."""
    lines = waybill("log", "cat", "--data", data, "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def send(port: int, number: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail(
            "news@client.example", [f"r{number}@recipient.example"],
            f"Subject: number {number}\r\n\r\n" + f"The text of number {number}.\r\n" * 20)


@pytest.fixture
def key(tmp_path) -> Path:
    """A key's file."""
    path = tmp_path / "backup.key"
    path.write_text(secrets.token_hex(32) + "\n")
    return path


@pytest.fixture
def archive(tmp_path) -> Path:
    return tmp_path / "archive"


@pytest.fixture(params=["moto", "ministack"])
def storage(request, tmp_path):
    with ObjectStorage(request.param, tmp_path / request.param) as one:
        yield one


@pytest.fixture
def backing(server, archive):
    """Makes a server that archives to a directory and sends nothing."""
    def make(segment_size: str | None = None, **backup):
        port = free_port()
        settings = {"to": str(archive), "interval": "200ms", "verify_every": "never", **backup}
        return server(
            "--hold-delivery", port=port, listen=False, relay_from=None,
            configuration=configuration(port, segment_size=segment_size, backup=settings))
    return make


def folder(archive: Path) -> Path:
    """Of the one log."""
    (one,) = [path for path in archive.iterdir() if not path.name.startswith(".")]
    return one


def test_a_killed_server_is_restored_elsewhere_and_goes_on(server, backing, archive, key, tmp_path):
    """Everything that was acknowledged and archived is there, and is delivered."""
    acknowledged: list[tuple[float, int]] = []

    with backing(segment_size="1MiB", key=str(key)) as one:
        source(one.port, 500, sessions=10, size_octets=8000)
        stop = threading.Event()

        def load() -> None:
            for number in range(100_000):
                try:
                    send(one.port, number)
                except OSError:
                    return
                acknowledged.append((time.monotonic(), number))
                if stop.is_set():
                    return

        thread = threading.Thread(target=load)
        thread.start()
        wait_until(lambda: len(acknowledged) > 200, 60, "some load")
        wait_until(lambda: archived("--archive", archive).get("sequence", 0) > 1100, 30, "a backup")
        one.kill()
        killed = time.monotonic()
        stop.set()
        thread.join()
    before = cat(one.data)

    target = tmp_path / "elsewhere" / "data"
    target.parent.mkdir()
    answer = waybill("restore", "--archive", archive, "--key", key, "--to", target, "--json")
    report = json.loads(answer.stdout)
    assert report["next_epoch"] == 2 and not report["cuts_batch"]
    restored = cat(target)
    assert restored == before[:len(restored)]
    there = {event["recipient"] for event in restored if event["type"] == "queued"}
    lost = [at for at, number in acknowledged if f"r{number}@recipient.example" not in there]
    assert all(killed - at < 3 for at in lost), "more was lost than the last seconds"
    assert waybill("log", "verify", "--data", target).returncode == 0

    # It begins a new epoch, delivers, and may not write where it came from.
    with Peer() as peer:
        port = free_port()
        other = server(
            port=port, listen=False, relay_from=None, data=target, configuration=configuration(
                port, smarthost=f"127.0.0.1:{peer.port}",
                backup={"to": str(archive), "key": str(key), "verify_every": "never"}))
        place = ("--archive", archive, "--key", key)
        sequence = archived(*place)["sequence"]
        with other:
            other.wait_for("delivered", len(there))
            (opened,) = [event for event in other.of_type("epoch_started") if event["sequence"] > 1]
            assert opened["epoch"] == 2 and "restored from" in opened["reason"]
            wait_until(lambda: "restored from this very archive" in other.output(100_000), 20,
                       "the refusal")
            assert archived(*place)["sequence"] == sequence
        second = tmp_path / "second"
        waybill("backup", "create", "--data", target, "--archive", second)
        assert archived("--archive", second)["epoch"] == 2
        assert waybill(
            "backup", "verify", "--data", target, "--archive", second).returncode == 0


def test_a_log_is_restored_to_any_event_and_to_any_time(backing, archive, tmp_path):
    with backing(segment_size="1MiB") as one:
        source(one.port, 600, sessions=20, size_octets=6000)
        one.command("log", "seal")
        source(one.port, 200, sessions=20)
        wait_archived(one, "--archive", archive)
    whole = cat(one.data)
    wait = archived("--archive", archive)
    assert wait["segments"] >= 1 and wait["tail_objects"] >= 1
    cut = 0
    for number, sequence in enumerate(random.Random(4).sample(range(1, len(whole)), 12)):
        target = tmp_path / f"at-{number}"
        answer = waybill("restore", "--archive", archive, "--to", target, "--json",
                         "--to-sequence", sequence)
        cut += json.loads(answer.stdout)["cuts_batch"]
        assert cat(target) == whole[:sequence]
        assert waybill("log", "verify", "--data", target).returncode == 0
        shutil.rmtree(target)
    assert cut > 0, "no batch was cut"
    when = whole[len(whole) // 2]["time"]
    target = tmp_path / "at-time"
    waybill("restore", "--archive", archive, "--to", target, "--to-time", when)
    assert cat(target) == [event for event in whole if event["time"] <= when]
    again = waybill("restore", "--archive", archive, "--to", target, check=False)
    assert again.returncode != 0 and "not empty" in again.stderr


def test_a_server_that_is_killed_again_and_again_archives_everything_once(backing, archive, key):
    one = backing(segment_size="1MiB", key=str(key))
    for number in range(6):
        one.start()
        source(one.port, 120, sessions=10, size_octets=6000)
        wait_until(lambda: archived("--archive", archive).get("sequence", 0) > 0, 20, "a backup")
        # In the middle of something, and each time of something else.
        time.sleep(0.07 * number)
        one.kill()
    with one:
        source(one.port, 10)
        wait_archived(one, "--archive", archive)
        proved = waybill("backup", "verify", "--archive", archive, "--key", key, "--data", one.data)
        assert "the backup is proved" in proved.stdout
    listed = archived("--archive", archive)
    assert listed["leftovers"] == 0 and listed["sequence"] >= 6 * 240


def test_damaged_objects_are_found_and_named(backing, archive):
    with backing(segment_size="1MiB") as one:
        source(one.port, 400, sessions=10, size_octets=9000)
        one.command("log", "seal")
        for number in range(6):
            send(one.port, number)
            wait_archived(one, "--archive", archive)
    waybill("backup", "prune", "--archive", archive)

    def verify():
        return waybill(
            "backup", "verify", "--archive", archive, "--data", one.data, check=False)

    def restore():
        return waybill(
            "restore", "--archive", archive, "--to", archive.parent / "never", check=False)

    assert verify().returncode == 0
    events = cat(one.data)
    there = folder(archive)
    objects = sorted((there / "segments").iterdir()) + sorted((there / "tail").iterdir())[-3:]
    assert len(objects) >= 4
    for path in objects:
        whole = path.read_bytes()
        place = len(whole) * 2 // 3
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        altered = verify()
        assert altered.returncode == 1 and f"FOUND: {path}" in altered.stdout
        refused = restore()
        assert refused.returncode == 1 and path.name[:16] in refused.stderr
        assert not (archive.parent / "never").exists()
        path.unlink()
        deleted = verify()
        assert deleted.returncode == 1 and path.name[:16] in deleted.stdout
        assert "missing" in deleted.stdout
        refused = restore()
        assert refused.returncode == 1 and path.name[:16] in refused.stderr
        assert not (archive.parent / "never").exists()
        path.write_bytes(whole)
    for source_path, name in ((objects[0], "00000000000fffff"), (objects[-1], "0000000000000002")):
        copy = source_path.with_name(name + source_path.name[16:])
        shutil.copy(source_path, copy)
        duplicated = verify()
        assert duplicated.returncode == 1 and f"FOUND: {copy}" in duplicated.stdout
        # It is passed over: what is restored is the log as it was.
        assert restore().returncode == 0
        assert cat(archive.parent / "never") == events
        shutil.rmtree(archive.parent / "never")
        copy.unlink()
    assert verify().returncode == 0
    assert restore().returncode == 0
    assert cat(archive.parent / "never") == events


def test_an_encrypted_backup_is_read_without_waybill(backing, archive, key, tmp_path):

    with backing(segment_size="1MiB", key=str(key)) as one:
        source(one.port, 300, sessions=10, size_octets=9000)
        one.command("log", "seal")
        send(one.port, 1)
        wait_archived(one, "--archive", archive)
        wait_until(lambda: archived("--archive", archive)["segments"] > 0, 20, "a segment")
        wait_until(lambda: archived("--archive", archive)["configurations"] > 0, 20, "a configuration")
    there = folder(archive)
    for path in there.rglob("*"):
        if path.is_file():
            assert b"recipient.example" not in path.read_bytes()

    def read(*arguments, key_file=key):
        return run(sys.executable, READER, arguments[0], there, *arguments[1:], "--key", key_file,
                   check=False)

    checked = read("check")
    assert checked.returncode == 0 and "all is well" in checked.stdout, checked.stderr
    # The segments it decrypts are the log's own files: the other reader verifies them.
    read("log", tmp_path / "log")
    segments = sorted((tmp_path / "log").iterdir())
    assert segments
    for segment in segments:
        original = one.data / "log" / segment.name
        if not json.loads(one.command("log", "info", "--json").stdout)["segments"][0]["compacted"]:
            assert segment.read_bytes() == original.read_bytes()
    listed = read("site", tmp_path / "site")
    assert (tmp_path / "site" / one.configuration_file.name).read_text() == \
        one.configuration_file.read_text(), listed.stdout

    wrong = tmp_path / "wrong.key"
    wrong.write_text(secrets.token_hex(32))
    assert read("check", key_file=wrong).returncode == 78
    refused = waybill("restore", "--archive", archive, "--key", wrong, "--to", tmp_path / "no",
                      check=False)
    assert refused.returncode == 78 and "encrypted with the key" in refused.stderr
    keyless = waybill("restore", "--archive", archive, "--to", tmp_path / "no", check=False)
    assert keyless.returncode == 78 and "--key" in keyless.stderr


def test_the_server_verifies_its_backup_and_says_so(server, archive):
    port, http = free_port(), free_port()
    settings = {"to": str(archive), "interval": "100ms", "verify_every": "1s"}
    whole = configuration(port, backup=settings)
    with server("--hold-delivery", "--http", f"127.0.0.1:{http}", port=port, listen=False,
                relay_from=None, configuration=whole) as one:
        for number in range(20):
            send(one.port, number)
        last = wait_archived(one, "--archive", archive)

        def metrics() -> dict[str, int]:
            text = run("curl", "-s", "--unix-socket", one.data / "control.sock",
                       "http://localhost/metrics").stdout
            return {line.split()[0]: int(float(line.split()[1])) for line in text.splitlines()
                    if line.startswith("waybill_backup")}

        wait_until(lambda: metrics().get("waybill_backup_verified_sequence", 0) >= last, 60,
                   "a verification")
        shown = metrics()
        assert shown["waybill_backup_verified_well"] == 1
        assert shown["waybill_backup_sequence"] >= last
        assert shown["waybill_backup_working"] == 1
        assert shown["waybill_backup_failures_total"] == 0
        (tail,) = list((folder(archive) / "tail").iterdir())[:1]
        whole = tail.read_bytes()
        tail.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        wait_until(lambda: metrics().get("waybill_backup_verified_well") == 0, 60, "the finding")
        wait_until(lambda: tail.name in one.output(100_000), 10, "the object's name")


def place_of(storage) -> list:
    return ["--archive", f"s3://{storage.BUCKET}/mail", "--endpoint", storage.endpoint,
            "--credentials", storage.credentials_file()]


def test_object_storage_holds_a_backup(server, storage, key, tmp_path):
    port = free_port()
    settings = {
        "to": f"s3://{storage.BUCKET}/mail", "endpoint": storage.endpoint, "interval": "200ms",
        "credentials": str(storage.credentials_file()), "key": str(key), "verify_every": "never"}
    place = place_of(storage)
    with server("--hold-delivery", port=port, listen=False, relay_from=None,
                configuration=configuration(port, segment_size="1MiB", backup=settings)) as one:
        source(one.port, 300, sessions=10, size_octets=9000)
        one.command("log", "seal")
        for number in range(5):
            send(one.port, number)
        last = wait_archived(one, *place)
        waited = one.command("backup", "create", "--config", one.configuration_file, "--json")
        assert json.loads(waited.stdout)["sequence"] >= last
        one.kill()
    before = cat(one.data)
    assert waybill("backup", "verify", *place, "--key", key, "--data", one.data).returncode == 0
    target = tmp_path / "restored"
    waybill("restore", *place, "--key", key, "--to", target)
    restored = cat(target)
    assert len(restored) >= last and restored == before[:len(restored)]
    middle = tmp_path / "middle"
    waybill("restore", *place, "--key", key, "--to", middle, "--to-sequence", last // 2)
    assert cat(middle) == before[:last // 2]
    refused = waybill("backup", "create", *place, "--data", target, check=False)
    assert refused.returncode == 1 and "restored from this very archive" in refused.stderr

    # An object is deleted and one altered, by another client.
    names = storage.objects("mail/")
    victim = [name for name in names if "/segments/" in name][0]
    client = storage.client()
    whole = client.get_object(Bucket=storage.BUCKET, Key=victim)["Body"].read()
    client.put_object(Bucket=storage.BUCKET, Key=victim, Body=whole[:5000] + b"?" + whole[5001:])
    found = waybill("backup", "verify", *place, "--key", key, check=False)
    assert found.returncode == 1 and f"FOUND: s3://{storage.BUCKET}/{victim}" in found.stdout
    client.delete_object(Bucket=storage.BUCKET, Key=victim)
    waybill("backup", "prune", *place)
    found = waybill("restore", *place, "--key", key, "--to", tmp_path / "none", check=False)
    if found.returncode != 0:
        assert Path(victim).name[:16] in found.stderr
    client.put_object(Bucket=storage.BUCKET, Key=victim, Body=whole)
    waybill("restore", *place, "--key", key, "--to", tmp_path / "again")


def test_a_wrong_signature_is_refused(tmp_path):
    with ObjectStorage("moto", tmp_path / "moto") as storage:
        wrong = tmp_path / "wrong"
        wrong.write_text(f"aws_access_key_id = {storage.access_key}\naws_secret_access_key = no\n")
        place = place_of(storage)
        place[-1] = wrong
        answer = waybill("backup", "list", *place, check=False)
        assert answer.returncode == 75 and "SignatureDoesNotMatch" in answer.stderr


def test_mail_goes_on_while_the_storage_does_not_answer(server, tmp_path):
    """The backup catches up when it is there."""
    storage = ObjectStorage("ministack", tmp_path / "ministack")
    storage.access_key = storage.secret_key = "test"
    storage.directory.mkdir()
    port = free_port()
    settings = {
        "to": f"s3://{storage.BUCKET}/mail", "endpoint": storage.endpoint, "interval": "200ms",
        "credentials": str(storage.credentials_file()), "verify_every": "never"}
    with server("--hold-delivery", port=port, listen=False, relay_from=None,
                configuration=configuration(port, backup=settings)) as one:
        for number in range(5):
            send(one.port, number)
        wait_until(lambda: "not archived" in one.output(), 30, "a complaint")
        with storage:
            last = wait_archived(one, *place_of(storage), seconds=60)
            assert last >= 10
            wait_until(lambda: "the backup works again" in one.output(), 30, "the good news")
