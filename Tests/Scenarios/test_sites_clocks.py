"""Wall clocks of sites that jump, or do not agree: the logs stay one, and mail does not wait for them."""

import smtplib

import pytest

from harness.client import Recorder
from harness.clocks import WallClock
from harness.peer import Peer
from harness.sites import check_sites
from harness.support import wait_until

HOUR = 3600


def send(port: int, recipient: str) -> None:
    """One message that must be taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("sender@client.example", [recipient], "Subject: one\r\n\r\none\r\n")


@pytest.fixture
def next_hop():
    """Defers whoever is impatient until it is told otherwise."""
    busy = {"on": True}
    with Peer(
            on_rcpt=lambda path: "451 4.2.0 later" if busy["on"] and "patient" in path else None
    ) as peer:
        peer.busy = busy
        yield peer


def pair(site, peer, environment: dict, of: str = "anna"):
    """A primary and a standby; one of the two has a clock of its own."""
    first = site("anna", peer.port)
    if of == "anna":
        first.environment = environment
    first.start_site()
    second = site("bert", peer.port, standby_of=first.site_port)
    if of == "bert":
        second.environment = environment
    second.start_site("standby")
    second.wait_connected()
    return first, second


def deferred(one, name: str) -> None:
    """Sends to somebody impatient, and waits until the next hop has said later."""
    send(one.port, f"{name}@recipient.example")
    wait_until(
        lambda: any(event["recipient"].startswith(name) for event in one.of_type("deferred")),
        30, "the deferral", every=0.2)


def waits(one) -> set[str]:
    """Who is still in the queue."""
    return {row["recipient"].split("@")[0] for row in one.json("queue", "list")}


def times(one) -> list[str]:
    """Of all events, as they stand."""
    return [event["time"] for event in one.events()]


def agree(first, second) -> None:
    """Both logs are one, and time never falls in it."""
    second.wait_caught_up(first)
    ours, theirs = first.report(), second.report()
    assert (ours["sequence"], ours["chain_hash"]) == (theirs["sequence"], theirs["chain_hash"])
    assert times(first) == sorted(times(first)) == times(second)


def test_the_primarys_clock_jumps_ahead_and_back_while_a_standby_follows(site, next_hop, tmp_path):
    clock = WallClock(tmp_path / "clock")
    first, second = pair(site, next_hop, clock.environment)
    recorder = Recorder(first.port, tmp_path / "acknowledged", clients=2).start()
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    # An hour ahead: what waited is due at once, and what comes is tried again in time.
    deferred(first, "patient1")
    clock.set(HOUR)
    goal = recorder.acknowledged + 50
    wait_until(lambda: recorder.acknowledged > goal, 60, "50 messages after the jump")
    deferred(first, "patient2")
    next_hop.busy["on"] = False
    wait_until(
        lambda: not {"patient1", "patient2"} & waits(first), 60, "the second attempts", every=0.2)
    # Back: what was deferred before is due by the clock of then, and does not wait for this one.
    next_hop.busy["on"] = True
    deferred(first, "patient3")
    clock.set(0)
    goal = recorder.acknowledged + 50
    wait_until(lambda: recorder.acknowledged > goal, 60, "50 messages after the jump back")
    recorder.stop()
    deferred(first, "patient4")
    next_hop.busy["on"] = False
    wait_until(lambda: "patient4" not in waits(first), 60, "the new one's delivery", every=0.2)
    # So is the other one: time goes on from the log's last event.
    first.wait_drained(120)
    # And a restart with the clock still behind changes nothing.
    assert first.stop() == 0
    first.start_site()
    next_hop.busy["on"] = True
    deferred(first, "patient5")
    next_hop.busy["on"] = False
    first.wait_drained(60)
    second.wait_connected()
    agree(first, second)
    assert first.stop() == 0 and second.stop() == 0
    check_sites(first, second, acknowledged=[recorder.path], planned=True, drained=True)


@pytest.mark.parametrize("of", ["anna", "bert"], ids=["behind", "ahead"])
def test_the_promoted_standbys_clock_differs_by_an_hour(site, next_hop, tmp_path, of):
    """One of the two sites is an hour ahead: the primary, or the standby that is promoted."""
    clock = WallClock(tmp_path / "clock")
    clock.set(HOUR)
    first, second = pair(site, next_hop, clock.environment, of)
    recorder = Recorder(first.port, tmp_path / "acknowledged", clients=2).start()
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    deferred(first, "patient1")
    recorder.stop()
    second.wait_caught_up(first)
    first.kill()
    second.wait_lost()
    second.promote()
    deferred(second, "patient2")
    next_hop.busy["on"] = False
    wait_until(lambda: "patient2" not in waits(second), 60, "the new one's delivery", every=0.2)
    # Due by the lost primary's clock, in which it is an hour later; time goes on from there.
    second.wait_drained(120)
    started = [(event["started_epoch"], event["sequence"]) for event in second.of_type("epoch_started")]
    assert started == sorted(started) and [epoch for epoch, _ in started] == [1, 2]
    # The former primary comes back with the same clock as before.
    first.flags += ["--peer", f"127.0.0.1:{second.site_port}"]
    first.start_site("fenced")
    first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
    first.wait_connected()
    agree(second, first)
    exports = first.salvaged()
    assert first.stop() == 0 and second.stop() == 0
    counts = check_sites(
        second, first, acknowledged=[recorder.path], salvage=exports, drained=True)
    assert counts["missing"] == counts["kept_elsewhere"]
