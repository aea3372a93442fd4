"""Sites in networks of their own: the cable of one is pulled and put in again, under load."""

import pytest

from harness.client import Recorder
from harness.namespaces import NETWORK, Places, settle
from harness.sites import CountingSink, check_sites
from harness.support import listens, wait_until


@pytest.fixture
def places():
    """Two places, joined."""
    with Places("anna", "bert") as made:
        yield made


def follow(one, other) -> str:
    """Where a site takes links."""
    return f"{other.address}:{other.site_port}"


@pytest.mark.parametrize("line", ["good", "bad"])
def test_a_cable_is_pulled_under_load_and_put_in_again(places, site, tmp_path, line):
    """First the primary's: the other is promoted, and the old one rejoins. Then the new standby's."""
    if line == "bad":
        for name in places.numbers:
            if not places.worsen(name, 20, 0.5):
                pytest.skip("this kernel has no netem")
    with CountingSink(tmp_path / "next-hop", address=f"{NETWORK}.1") as sink:
        first, second = (settle(site(name, sink.port), places) for name in ("anna", "bert"))
        first.flags += ["--peer", follow(first, second)]
        second.flags += ["--standby-of", follow(second, first)]
        first.start_site()
        second.start_site("standby")
        second.wait_connected()
        old = Recorder(
            first.port, tmp_path / "old", clients=4, domain="old.example",
            address=first.address).start()
        wait_until(lambda: old.acknowledged > 50, 60, "50 messages")
        places.cut("anna")
        # Nobody is told: the standby notices by the silence.
        second.wait_lost(60)
        second.promote()
        new = Recorder(
            second.port, tmp_path / "new", clients=4, domain="new.example",
            address=second.address).start()
        wait_until(lambda: new.acknowledged > 50, 60, "50 messages at the new primary")
        # Its own commands still work; it cannot know what has happened.
        assert "role        primary, epoch 1" in first.site("status").stdout
        places.join("anna")
        first.wait_role("fenced", 60)
        wait_until(
            lambda: not listens(first.port, first.address), 30, "the end of the old listener")
        old.stop()
        first.site("rejoin", "--follow", follow(first, second))
        first.wait_connected()
        # The standby's cable: mail at the primary goes on, and gets over afterwards.
        places.cut("anna")
        goal = new.acknowledged + 50
        wait_until(lambda: new.acknowledged > goal, 60, "mail without the standby")
        places.join("anna")
        first.wait_connected()
        new.stop()
        second.wait_drained(60)
        first.wait_caught_up(second)
        ours, theirs = first.report(), second.report()
        assert (ours["sequence"], ours["chain_hash"]) == (theirs["sequence"], theirs["chain_hash"])
        exports = first.salvaged()
        assert first.stop() == 0 and second.stop() == 0
    counts = check_sites(
        second, first, acknowledged=[old.path, new.path], salvage=exports, sink=sink, drained=True)
    assert counts["missing"] == counts["kept_elsewhere"]
