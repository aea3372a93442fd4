"""A power cut under the projections' files: whatever is left of them, the next start heals.

Only the projections stand on the file system that loses its power (see test_power_cut.py); the log is
elsewhere and loses nothing. The server goes on accepting and delivering meanwhile. The second run is
under eatmydata, which turns syncing off: there the files must really be torn or old, else the first
run proves nothing.
"""

import os
import time

from harness.client import Recorder
from harness.configuration import configuration
from harness.stones import Sink
from harness.support import free_port, program, wait_until

from test_power_cut import disk  # noqa: F401

NAMES = ("queue", "suppression", "statistics")


def files(waybill) -> dict[str, dict]:
    """What the projections' files say of themselves."""
    return {row["name"]: row for row in waybill.json("projection", "list")}


def flow(waybill, tmp_path, number: int, messages: int) -> None:
    """Takes mail until that many messages are acknowledged."""
    recorder = Recorder(waybill.port, tmp_path / f"acknowledged-{number}", clients=4).start()
    wait_until(lambda: recorder.acknowledged > messages, 60, f"{messages} messages")
    recorder.stop()


def cut_under_projections(server, disk, tmp_path, sink, wrapper=()) -> tuple:
    """Mail flows, the power of the projections' disk is cut, mail goes on, the server is killed.

    Returns the server, not started, and what its files said last before the cut.
    """
    port = free_port()
    settings = configuration(port, smarthost=f"127.0.0.1:{sink.port}")
    settings["server"] = {**settings.get("server", {}), "checkpoint_every": "200ms"}
    waybill = server(
        port=port, listen=False, relay_from=None, wrapper=wrapper, configuration=settings)
    waybill.data.mkdir(parents=True)
    waybill.data.chmod(0o700)
    (disk.place / "projections").mkdir()
    os.sync()
    (waybill.data / "projections").symlink_to(disk.place / "projections")
    waybill.start()
    flow(waybill, tmp_path, 0, 300)
    before = wait_until(
        lambda: (lambda found: found if all(
            found[name].get("checkpoint", 0) > 300 for name in ("queue", "statistics")
        ) else None)(files(waybill)), 30, "checkpoints")
    disk.cut()
    # Accepting and delivering never wait for projections.
    flow(waybill, tmp_path, 1, 200)
    time.sleep(0.5)
    waybill.kill()
    disk.unmount()
    disk.mount()
    waybill.wrapper = ()
    return waybill, before


def judge(waybill) -> None:
    """After a start every file holds what the log says, while it runs and at rest."""
    waybill.start()
    waybill.wait_drained(120)
    end = waybill.events()[-1]["sequence"]
    wait_until(
        lambda: all(files(waybill)[name].get("checkpoint", 0) >= end
                    for name in ("queue", "statistics")), 60, "checkpoints of everything")
    for row in waybill.json("projection", "verify"):
        assert row["equal"], row
    assert waybill.stop() == 0
    kept = {row["name"]: row["digest"] for row in waybill.json("projection", "digest")}
    assert set(NAMES) <= set(kept)
    for row in waybill.json("projection", "verify"):
        assert row["equal"], row
    for name in NAMES:
        assert waybill.json("projection", "rebuild", name)[0]["digest"] == kept[name], name
    assert waybill.verify().returncode == 0


def test_checkpoints_survive_a_power_cut_and_the_rest_is_replayed(server, disk, tmp_path):  # noqa: F811
    with Sink() as sink:
        waybill, before = cut_under_projections(server, disk, tmp_path, sink)
        after = files(waybill)
        for name in ("queue", "statistics"):
            # Synced: what counted before the cut is there, whole.
            assert after[name].get("fault") is None, after[name]
            assert after[name]["checkpoint"] >= before[name]["checkpoint"]
        judge(waybill)
        assert "rebuilt from the log" not in waybill.output().split("--- start 1")[-1]


def test_what_a_power_cut_leaves_of_unsynced_files_is_found_and_healed(server, disk, tmp_path):  # noqa: F811
    with Sink() as sink:
        waybill, before = cut_under_projections(
            server, disk, tmp_path, sink, wrapper=(program("eatmydata"),))
        after = files(waybill)
        assert any(
            after[name].get("fault") or after[name].get("checkpoint", 0) < before[name]["checkpoint"]
            for name in ("queue", "statistics")), "nothing was lost: the power cut cuts nothing"
        judge(waybill)
