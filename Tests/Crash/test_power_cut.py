"""A power cut: the file system is shut down under the server without flushing anything.

FS_IOC_SHUTDOWN with flag 2 (no log flush) on a loop-mounted ext4: what the kernel had not written to
the device is gone, as when the power fails. kill -9 alone can never find a missing sync; this can.
The negative control runs the same under eatmydata, which turns syncing off: it must lose messages.
"""

import fcntl
import os
import struct
import time

import pytest

from harness.client import Recorder
from harness.configuration import configuration
from harness.stones import Sink
from harness.support import Skip, free_port, program, run, wait_until

from test_kill import judge

FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
ROUNDS = int(os.environ.get("WAYBILL_POWER_CUT_ROUNDS", "4"))


class Disk:
    """A loop-mounted file system that can lose its power."""

    def __init__(self, directory, kind: str = "ext4"):
        if os.geteuid() != 0:
            raise Skip("loop mounts need root")
        self.image, self.place = directory / "disk.img", directory / "mounted"
        self.place.mkdir()
        with open(self.image, "wb") as handle:
            handle.truncate(512 << 20)
        # A long commit interval, so that nothing reaches the device unless somebody syncs.
        self.options = "loop,commit=600" if kind == "ext4" else "loop"
        run(program(f"mkfs.{kind}"), "-q", self.image)
        self.mounted = False
        self.mount()

    def mount(self) -> None:
        """Mounts, as after the power is back; replays the journal."""
        result = run("mount", "-o", self.options, self.image, self.place, check=False)
        if result.returncode:
            raise Skip(f"loop mounts are not possible here: {result.stderr.strip()}")
        self.mounted = True

    def cut(self) -> None:
        """From here on every access fails, and what was not on disk is gone."""
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        except OSError as error:
            raise Skip(f"FS_IOC_SHUTDOWN: {error}") from None
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Takes the file system away; the loop device goes with it."""
        if self.mounted:
            wait_until(
                lambda: run("umount", self.place, check=False).returncode == 0, 20, "umount", 0.1)
            self.mounted = False


@pytest.fixture
def disk(tmp_path):
    one = Disk(tmp_path)
    yield one
    run("umount", "-l", one.place, check=False)


def serve_and_cut(server, disk, tmp_path, rounds: int, wrapper=()) -> list[str]:
    """Rounds of: start, take mail for a moment, cut the power, mount again. Returns what was acknowledged."""
    acknowledged: list[str] = []
    port = free_port()
    with Sink() as sink:
        waybill = server(
            port=port, listen=False, relay_from=None, data=disk.place / "data", wrapper=wrapper,
            configuration=configuration(
                port, smarthost=f"127.0.0.1:{sink.port}", segment_size="4MiB"))
        for number in range(rounds):
            waybill.start()
            recorder = Recorder(
                waybill.port, tmp_path / f"acknowledged-{number}", clients=8).start()
            wait_until(lambda: recorder.acknowledged > 200, 30, "200 messages")
            time.sleep(0.1 * number)
            disk.cut()
            waybill.kill()
            recorder.stop()
            acknowledged += recorder.ids()
            disk.unmount()
            disk.mount()
            yield waybill, acknowledged
        waybill.wrapper = ()
        waybill.start()
        waybill.wait_drained(120)
        assert waybill.stop() == 0
        judge(waybill, acknowledged, drained=True)


def test_nothing_acknowledged_is_lost_in_a_power_cut(server, disk, tmp_path):
    for waybill, acknowledged in serve_and_cut(server, disk, tmp_path, ROUNDS):
        # What the cut left of a commit that nobody was told of, the start takes back.
        verified = waybill.verify(check=False)
        if verified.returncode:
            assert "\n1 damage; " in verified.stdout, verified.stdout
            assert "Start the server, which takes it back" in verified.stdout
        waybill.start()
        waybill.kill()
        judge(waybill, acknowledged, drained=False)


def test_negative_control_without_syncing_messages_are_lost(server, disk, tmp_path):
    """If this finds nothing lost, the test above proves nothing."""
    rounds = serve_and_cut(server, disk, tmp_path, 1, wrapper=(program("eatmydata"),))
    waybill, acknowledged = next(rounds)
    try:
        survived = {
            event["message_id"] for event in waybill.events() if event["type"] == "received"}
    except RuntimeError:
        survived = set()
    lost = set(acknowledged) - survived
    print(f"without syncing: {len(lost)} of {len(acknowledged)} acknowledged messages lost")
    assert lost, "nothing was lost although nothing was synced: the power cut cuts nothing"
    rounds.close()
