"""Sites killed in the middle of taking over, and of cutting off, what another site has written."""

import pytest

from harness.client import Recorder
from harness.sites import check_sites
from harness.support import wait_until

# Where a standby kills itself: while it follows batch by batch, and while it takes segments as files.
POINTS = (
    ("commit.before", False), ("commit.written", False), ("commit.after", False),
    ("rotate.sealed", False), ("rotate.created", True), ("rotate.sealed", True),
    ("rotate.renamed", True))


def several_segments(primary, place) -> Recorder:
    """Mail until the primary has some sealed segments more."""
    here = len(primary.segments())
    recorder = Recorder(
        primary.port, place / f"acknowledged-{primary.name}-{here}", clients=8,
        body_octets=40_000).start()
    wait_until(lambda: len(primary.segments()) >= here + 2, 120, "two segments more")
    return recorder


@pytest.mark.parametrize(("point", "late"), POINTS)
def test_a_standby_killed_at_a_named_point_goes_on(site, sink, tmp_path, point, late):
    """Late, it takes segments as files; otherwise it follows batch by batch, over rotations."""
    first = site("anna", sink.port).start_site()
    second = site("bert", sink.port, standby_of=first.site_port)
    if late:
        several_segments(first, tmp_path).stop()
    second.environment = {"WAYBILL_CRASH_AT": point}
    second.launch()
    recorder = several_segments(first, tmp_path)
    wait_until(lambda: second.process.poll() is not None, 60, f"the kill at {point}")
    assert second.process.returncode == -9, f"the standby did not kill itself at {point}"
    second.kill()
    recorder.stop()
    second.environment = {}
    second.start_site("standby")
    second.wait_connected()
    first.wait_drained(120)
    second.wait_caught_up(first)
    assert second.verify().returncode == 0
    assert not list((second.data / "log").glob("*.incoming"))
    assert not list((second.data / "log").glob("*.new"))
    assert first.stop() == 0 and second.stop() == 0
    check_sites(first, second, planned=True, drained=True)


@pytest.mark.parametrize("point", ["begin.recorded", "begin.recorded:2"], ids=["reading", "log"])
def test_a_standby_killed_while_it_begins_behind_a_cut_begins_anew(site, sink, point):
    """While it reads back the states that it was sent; and when its own log has nothing but the record."""
    first = site("anna", sink.port).start_site()
    first.prune()
    second = site("bert", sink.port, standby_of=first.site_port)
    second.environment = {"WAYBILL_CRASH_AT": point}
    second.launch()
    wait_until(lambda: second.process.poll() is not None, 60, f"the kill at {point}")
    assert second.process.returncode == -9
    second.kill()
    assert not second.segments()
    second.environment = {}
    second.start_site("standby")
    second.wait_connected()
    second.wait_caught_up(first)
    assert second.verify().returncode == 0
    assert not (second.data / "projections" / "base" / "reading").exists()


def test_a_rejoin_that_was_killed_is_done_by_the_next_one(site, sink, tmp_path):
    first = site("anna", sink.port).start_site()
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_connected()
    second.stop()
    tail = several_segments(first, tmp_path)
    tail.stop()
    first.kill()
    second.start_site("standby")
    second.wait_lost()
    second.promote()
    first.flags += ["--peer", f"127.0.0.1:{second.site_port}"]
    first.environment = {"WAYBILL_CRASH_AT": "tail.removed"}
    first.launch()
    first.wait_role("fenced")
    first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}", "--wait", "5", check=False)
    wait_until(lambda: first.process.poll() is not None, 60, "the kill")
    assert first.process.returncode == -9
    first.kill()
    first.environment = {}
    first.launch()
    first.wait_role("fenced")
    first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
    first.wait_connected()
    second.wait_drained(60)
    first.wait_caught_up(second)
    assert first.verify().returncode == 0
    exports = first.salvaged()
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(
        second, first, acknowledged=[tail.path], salvage=exports, sink=sink, drained=True)
