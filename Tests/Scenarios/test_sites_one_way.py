"""A link over which octets go one way only, under load that waits for the standby."""

import pytest

from harness.client import Recorder
from harness.sites import check_sites
from harness.support import wait_until
from harness.wire import DOWN, UP, Wire

ACK_TIMEOUT = "1s"


@pytest.mark.parametrize("when_away", ["refuse", "accept"])
@pytest.mark.parametrize("direction", [UP, DOWN], ids=["from the standby", "from the primary"])
def test_mail_that_waits_for_a_standby_over_a_one_way_link(
        site, sink, tmp_path, direction, when_away):
    """What is held back never arrives; then the link heals, is cut again, and the primary is lost."""
    options = {
        "acknowledge": {"ack": "replicated", "ack_when_away": when_away},
        "replication": {"ack_timeout": ACK_TIMEOUT}}
    first = site("anna", sink.port, **options).start_site()
    with Wire(first.site_port) as wire:
        second = site("bert", sink.port, standby_of=wire.port, **options).start_site("standby")
        second.wait_connected()
        recorder = Recorder(first.port, tmp_path / "acknowledged", clients=4).start()
        wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
        for is_last in (False, True):
            counted = "refused" if when_away == "refuse" else "degraded"
            before = first.report()["acknowledged"][counted]
            wire.hold(direction)
            first.wait_report(
                lambda report: report["acknowledged"][counted] >= before + 4, "the timeout")
            goal = recorder.acknowledged
            if when_away == "accept":
                wait_until(
                    lambda: recorder.acknowledged > goal + 4, 60, "mail without the standby")
            if is_last:
                break
            wire.mend()
            second.wait_caught_up(first)
            before = first.report()["acknowledged"]["replicated"]
            wait_until(lambda: recorder.acknowledged > goal + 50, 60, "mail after the cut")
            first.wait_report(
                lambda report: report["acknowledged"]["replicated"] > before + 20,
                "mail that the standby has")
        first.kill()
        recorder.stop()
        wire.cut()
        second.wait_lost()
        second.promote()
        wire.mend()
        first.flags += ["--peer", f"127.0.0.1:{second.site_port}"]
        first.start_site("fenced")
        first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
        first.wait_connected()
        second.wait_drained(60)
        first.wait_caught_up(second)
        ours, theirs = first.report(), second.report()
        assert ours["chain_hash"] == theirs["chain_hash"]
        exports = first.salvaged()
        assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    counts = check_sites(
        second, first, acknowledged=[recorder.path], salvage=exports, sink=sink, drained=True)
    assert counts["missing"] == counts["kept_elsewhere"]
    if when_away == "refuse":
        assert counts["missing"] == 0, "acknowledged though the standby had not said that it has it"
