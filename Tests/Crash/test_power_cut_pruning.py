"""A power cut while sealed segments are compacted, archived and removed.

The disk is the one of test_power_cut.py: what was not flushed is gone. Log and archive stand on it
together, so that no order between two devices helps.
"""

import os
import threading
import time

import pytest

from harness.client import Recorder
from harness.configuration import configuration
from harness.stones import Sink
from harness.support import free_port, wait_until

from test_power_cut import Disk
from test_prune_kill import all_events, ask_for_pruning, check_whole, depth, digests, info

ROUNDS = int(os.environ.get("WAYBILL_POWER_CUT_ROUNDS", "4"))


@pytest.fixture
def disk(tmp_path):
    one = Disk(tmp_path)
    yield one
    one.unmount()


@pytest.mark.parametrize("prunes", [False, True], ids=["compaction", "pruning"])
def test_a_power_cut_while_segments_are_rewritten(server, disk, tmp_path, prunes):
    port = free_port()
    archive = disk.place / "archive"
    acknowledged: list[str] = []
    with Sink("-c", log=tmp_path / "sink.log") as sink:
        whole = configuration(
            port, smarthost=f"127.0.0.1:{sink.port}", segment_size="1MiB", content_retention="0s")
        whole["log"]["prune_archive"] = str(archive)
        waybill = server(
            port=port, listen=False, relay_from=None, data=disk.place / "data", configuration=whole)
        for number in range(ROUNDS):
            waybill.start()
            recorder = Recorder(
                waybill.port, tmp_path / f"acknowledged-{number}", clients=3,
                body_octets=50_000).start()
            wait_until(lambda: recorder.acknowledged > 60, 30, "60 messages")
            # What is sealed is compacted at once: the cut comes in the middle, or just after.
            waybill.command("log", "seal")
            asking = threading.Event()
            asked = threading.Thread(target=ask_until, args=(waybill, asking))
            if prunes:
                asked.start()
                wait_until(
                    lambda: number == 0 or "pruned" in info(waybill), 60, "a first pruning")
            time.sleep(0.05 + 0.2 * number)
            disk.cut()
            waybill.kill()
            recorder.stop()
            asking.set()
            if prunes:
                asked.join()
            acknowledged += recorder.ids()
            disk.unmount()
            disk.mount()
            # The start takes back a commit that was cut off, before anybody verifies.
            waybill.start()
            events = all_events(waybill, archive)
            received = {each["message_id"] for each in events if each["type"] == "received"}
            assert set(acknowledged) <= received, "acknowledged mail is lost"
            waybill.kill()
            check_whole(waybill, archive)
        waybill.start()
        wait_until(lambda: depth(all_events(waybill, archive)) == 0, 120, "the last delivery")
        if not prunes:
            wait_until(
                lambda: all(each["compacted"] for each in info(waybill)["segments"][:-1]), 60,
                "the compaction")
        assert waybill.stop() == 0
    shown = info(waybill)
    assert ("pruned" in shown) == prunes
    assert digests(waybill)["queue"]
    assert not list((waybill.data / "log").glob("*.compact"))


def ask_until(waybill, enough: threading.Event) -> None:
    """Has the server prune again and again."""
    while not enough.is_set():
        ask_for_pruning(waybill)
