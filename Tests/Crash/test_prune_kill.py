"""SIGKILL at every named point of pruning, on a stopped log and under a running server.

After each: the log opens and verifies, by Waybill and by the independent reader; the projections are
what they were; every event is in the log or in the archive; the next start and the next pruning leave
no file that nothing names.
"""

import json
import os
import shutil
import time

import pytest

from harness.client import Recorder
from harness.configuration import configuration
from harness.stones import Sink, source
from harness.support import ROOT, free_port, run, wait_until, waybill_binary

READER = ROOT / "tools" / "waybill-log-reader"

POINTS = [
    "prune.begun", "prune.copied", "prune.copied:2", "prune.archived", "prune.signed",
    "prune.recorded", "prune.removed", "prune.removed:2", "prune.done",
]

NAMES = ["history", "queue", "statistics", "suppression"]


def info(waybill) -> dict:
    return json.loads(waybill.command("log", "info", "--json").stdout)


def digests(waybill) -> dict:
    """Made anew from the log, and held against it."""
    waybill.command("projection", "rebuild", *NAMES)
    return {answer["name"]: (answer["sequence"], answer["digest"])
            for answer in waybill.json("projection", "verify")}


def check_whole(waybill, archive) -> None:
    """Log and archive verify, by both programs."""
    for directory in (waybill.data, archive):
        if directory == archive and not list((archive / "log").glob("*.mdb")):
            continue
        verified = run(waybill_binary(), "log", "verify", "--data", directory, check=False)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        verified = run(READER, "verify", directory, check=False)
        assert verified.returncode == 0, verified.stdout + verified.stderr


def check_nothing_leaked(waybill, archive) -> None:
    """Every file of the log, of the archive and of the bases is one that something names."""
    for directory in (waybill.data, archive):
        log = directory / "log"
        if not log.exists():
            continue
        shown = json.loads(
            run(waybill_binary(), "log", "info", "--json", "--data", directory).stdout)
        named = {os.path.basename(segment["path"]) for segment in shown["segments"]}
        found = {path.name for path in log.iterdir()} - {"writer.lock", "pruned"}
        assert {name for name in found if not name.endswith("-lock")} == named
        assert ("pruned" in {path.name for path in log.iterdir()}) == ("pruned" in shown)
    shown = info(waybill)
    base = waybill.data / "projections" / "base"
    found = {path.name for path in base.iterdir()} if base.exists() else set()
    if "pruned" not in shown:
        assert not found
        return
    cut = shown["pruned"]["first_sequence"] - 1
    assert found == {f"{each['name']}-v{each['version']}-{cut:016x}.mdb"
                     for each in shown["pruned"]["bases"]}


def all_events(waybill, archive) -> list[dict]:
    """Of the archive and of the log, each sequence once."""
    events = {}
    for directory in (archive, waybill.data):
        if not list((directory / "log").glob("*.mdb")):
            continue
        for line in run(
                waybill_binary(), "log", "cat", "--json", "--data", directory).stdout.splitlines():
            event = json.loads(line)
            assert events.setdefault(event["sequence"], event) == event
    assert sorted(events) == list(range(1, len(events) + 1)), "events are missing"
    return [events[sequence] for sequence in sorted(events)]


@pytest.fixture
def stopped(server, tmp_path):
    """A stopped server whose log has several sealed segments, all mail delivered."""
    with Sink("-c", log=tmp_path / "sink.log") as sink:
        with server("--smarthost", f"127.0.0.1:{sink.port}") as waybill:
            for number in range(4):
                source(waybill.port, 60, sessions=3)
                waybill.wait_for("delivered", 60 * (number + 1))
                waybill.command("log", "seal")
    yield waybill


def test_killed_at_every_point_on_a_stopped_log(stopped, tmp_path):
    events, before = stopped.events(), digests(stopped)
    shutil.copytree(stopped.data, tmp_path / "kept")
    first = info(stopped)["segments"][3]["first_sequence"]
    for point in POINTS:
        archive = tmp_path / f"archive-{point}"
        shutil.rmtree(stopped.data)
        shutil.copytree(tmp_path / "kept", stopped.data)
        prune = ("log", "prune", "--before", str(first), "--archive", str(archive))
        killed = run(waybill_binary(), *prune, "--data", stopped.data, check=False,
                     env={**os.environ, "WAYBILL_CRASH_AT": point})
        assert killed.returncode == -9, f"{point}: {killed.stdout}{killed.stderr}"
        check_whole(stopped, archive)
        assert digests(stopped) == before, point
        assert all_events(stopped, archive) == events, point
        # A start of the server takes back, or finishes, what was begun.
        with stopped:
            pass
        check_nothing_leaked_of_the_log(stopped)
        # So does the next pruning, which comes to its end.
        stopped.command(*prune)
        check_whole(stopped, archive)
        check_nothing_leaked(stopped, archive)
        assert info(stopped)["pruned"]["first_sequence"] == first
        assert all_events(stopped, archive)[:len(events)] == events, point


def check_nothing_leaked_of_the_log(waybill) -> None:
    """As above, without the archive, which only a pruning looks at."""
    check_nothing_leaked(waybill, waybill.data)


@pytest.mark.parametrize("point", POINTS)
def test_a_server_killed_while_it_prunes(server, tmp_path, point):
    port = free_port()
    archive = tmp_path / "archive"
    with Sink("-c", log=tmp_path / "sink.log") as sink:
        whole = configuration(
            port, smarthost=f"127.0.0.1:{sink.port}", segment_size="1MiB", content_retention="0s")
        whole["log"]["prune_archive"] = str(archive)
        waybill = server(port=port, listen=False, relay_from=None, configuration=whole)
        acknowledged: list[str] = []
        for number in range(2):
            waybill.environment = {"WAYBILL_CRASH_AT": point}
            waybill.start()
            recorder = Recorder(
                waybill.port, tmp_path / f"acknowledged-{number}", clients=3,
                body_octets=50_000).start()
            try:
                wait_until(lambda: waybill.process.poll() is not None
                           or len(info(waybill)["segments"]) > 4, 60, "segments")
                end = time.time() + 120
                while waybill.process.poll() is None and time.time() < end:
                    ask_for_pruning(waybill)
                assert waybill.process.poll() == -9, f"the server never killed itself at {point}"
            finally:
                waybill.kill()
                recorder.stop()
            acknowledged += recorder.ids()
            check_whole(waybill, archive)
            waybill.environment = {}
            waybill.start()
            events = all_events(waybill, archive)
            received = {each["message_id"] for each in events if each["type"] == "received"}
            assert set(acknowledged) <= received, "acknowledged mail is lost"
            waybill.kill()
        waybill.start()
        wait_until(
            lambda: "0" == str(depth(all_events(waybill, archive))), 120, "the last delivery")
        assert waybill.stop() == 0
    waybill.command("log", "prune", "--keep-bytes", "0", "--archive", str(archive))
    check_whole(waybill, archive)
    check_nothing_leaked(waybill, archive)
    assert digests(waybill)["queue"]


def ask_for_pruning(waybill) -> None:
    """Of the server only: the command would prune by itself once the server is dead."""
    run("curl", "-sS", "--unix-socket", waybill.data / "control.sock", "--json",
        '{"keep_octets": 0}', "http://localhost/api/v1/log/prune", check=False)


def depth(events: list[dict]) -> int:
    """Recipients that are not final."""
    waiting = set()
    for event in events:
        key = event.get("message_id"), event.get("recipient")
        if event["type"] == "queued":
            waiting.add(key)
        elif event["type"] in ("delivered", "bounced", "expired"):
            waiting.discard(key)
    return len(waiting)
