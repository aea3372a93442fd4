"""Two and three sites: catching up, promotion, switchover, fencing, and what a standby answers.

Each site is a real process; tools/check-sites, which shares no code with Waybill, judges their logs
against the ids that clients were told and against what the next hop took.
"""

import os
import shutil
import smtplib
import time

import pytest

from harness.client import Recorder
from harness.peer import Peer
from harness.sites import check_sites
from harness.smalldisk import small_file_system
from harness.stones import source
from harness.support import listens, wait_until
from harness.wire import Wire

CLIENTS = 6


def send(port: int, recipient: str) -> None:
    """One message that must be taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("sender@client.example", [recipient], "Subject: one\r\n\r\none\r\n")


def pair(site, sink, **options):
    """A primary and a standby that has caught up."""
    first = site("anna", sink.port, **options).start_site()
    second = site("bert", sink.port, standby_of=first.site_port, **options).start_site("standby")
    second.wait_connected()
    return first, second


def record(port: int, place, name: str = "acknowledged", **options) -> Recorder:
    """Clients that write down each 250; each recorder has recipients of its own."""
    return Recorder(
        port, place / name, clients=CLIENTS, domain=f"{name}.example", **options).start()


# Catching up

def test_a_late_standby_fetches_many_segments_and_follows(site, sink, tmp_path):
    first = site("anna", sink.port).start_site()
    recorder = record(first.port, tmp_path, body_octets=30_000)
    wait_until(lambda: len(first.segments()) >= 5, 120, "five segments")
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_connected()
    wait_until(lambda: recorder.acknowledged > 100, 60, "100 messages")
    before = recorder.acknowledged
    wait_until(lambda: recorder.acknowledged > before + 50, 60, "mail while the standby follows")
    recorder.stop()
    first.wait_drained(120)
    second.wait_caught_up(first)
    report = second.wait_report(
        lambda report: report["primary"].get("consistent_as_of") == first.report()["sequence"],
        "consistency")
    ours = first.report()
    assert (report["sequence"], report["chain_hash"]) == (ours["sequence"], ours["chain_hash"])
    assert report["primary"]["lag_events"] == 0 and report["log_id"] == ours["log_id"]
    # The standby keeps the primary's segments, and its copies are whole.
    assert [path.name for path in second.segments()] == [path.name for path in first.segments()]
    assert second.verify().returncode == 0
    assert second.site("status").returncode == 0
    assert second.stop() == 0 and first.stop() == 0
    sink.stop()
    check_sites(first, second, acknowledged=[recorder.path], sink=sink, planned=True, drained=True)


def test_a_standby_that_was_away_while_segments_were_sealed(site, sink, tmp_path):
    """It comes back in the middle of a segment that the primary has sealed, with more behind it."""
    first, second = pair(site, sink)
    recorder = record(first.port, tmp_path, body_octets=30_000)
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    second.stop()
    here = len(first.segments())
    wait_until(lambda: len(first.segments()) >= here + 3, 120, "three more segments")
    second.start_site("standby")
    second.wait_connected()
    recorder.stop()
    first.wait_drained(120)
    second.wait_caught_up(first, 60)
    assert first.stop() == 0 and second.stop() == 0
    check_sites(first, second, acknowledged=[recorder.path], planned=True, drained=True)


def test_a_standby_with_a_delay_stays_behind(site, sink, tmp_path):
    first = site("anna", sink.port).start_site()
    late = site("cleo", sink.port, standby_of=first.site_port, delay="1h").start_site("standby")
    late.wait_connected()
    for number in range(3):
        send(first.port, f"late{number}@recipient.example")
    first.wait_drained()
    # Without a delay all of it gets over.
    prompt = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    prompt.wait_caught_up(first)
    ended = first.report()["sequence"]
    report = late.wait_report(
        lambda report: report["primary"]["sequence"] == ended, "the primary's word of its end")
    assert report["sequence"] < ended - 5
    assert report["primary"]["connected"] and report["primary"]["lag_events"] > 5
    late.stop()
    late.flags[late.flags.index("1h")] = "1s"
    late.start_site("standby")
    late.wait_caught_up(first)
    first.stop(), prompt.stop(), late.stop()
    check_sites(first, prompt, late, planned=True, drained=True)


@pytest.mark.parametrize("when", ["from the start", "it comes later"])
def test_a_delay_holds_for_whole_segments_too(site, sink, tmp_path, when):
    first = site("anna", sink.port).start_site()
    late = site("cleo", sink.port, standby_of=first.site_port, delay="1h")
    if when == "from the start":
        late.start_site("standby")
        late.wait_connected()
    recorder = record(first.port, tmp_path, body_octets=30_000)
    wait_until(lambda: len(first.segments()) >= 3, 120, "three segments")
    recorder.stop()
    first.wait_drained(120)
    if when == "it comes later":
        late.start_site("standby")
        late.wait_connected()
    prompt = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    prompt.wait_caught_up(first)
    assert late.report()["sequence"] < 10, "what is younger than an hour got over"


def test_sites_in_a_row(site, sink, tmp_path):
    """C follows B, B follows A; then B is promoted, and C goes on following it."""
    first, second = pair(site, sink)
    third = site("cleo", sink.port, standby_of=second.site_port).start_site("standby")
    third.wait_connected()
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 100, 60, "100 messages")
    recorder.stop()
    first.wait_drained()
    third.wait_caught_up(first)
    first.kill()
    second.wait_lost()
    second.promote()
    send(second.port, "after@recipient.example")
    second.wait_drained()
    third.wait_caught_up(second)
    report = third.wait_connected()
    assert (report["epoch"], report["position_epoch"]) == (2, 2)
    assert second.stop() == 0 and third.stop() == 0
    sink.stop()
    check_sites(second, first, third, acknowledged=[recorder.path], sink=sink, drained=True)


def test_a_wiped_standby_begins_again(site, sink, tmp_path):
    first, second = pair(site, sink)
    recorder = record(first.port, tmp_path, body_octets=20_000)
    wait_until(lambda: len(first.segments()) >= 3, 120, "three segments")
    second.kill()
    shutil.rmtree(second.data)
    second.start_site("standby")
    second.wait_connected()
    recorder.stop()
    first.wait_drained(120)
    second.wait_caught_up(first)
    first.stop(), second.stop()
    check_sites(first, second, acknowledged=[recorder.path], planned=True, drained=True)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MiB."""
    with small_file_system(tmp_path, 64) as place:
        yield place


def test_a_standby_without_room_says_so_and_goes_on_by_itself(site, sink, tmp_path, small_disk):
    first = site("anna", sink.port).start_site()
    second = site(
        "bert", sink.port, standby_of=first.site_port, data=small_disk / "data",
        free_space_floor="0").start_site("standby")
    second.wait_connected()
    room = os.statvfs(small_disk)
    with open(small_disk / "ballast", "wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, room.f_bavail * room.f_frsize - (1 << 20))
    recorder = record(first.port, tmp_path, body_octets=40_000)
    report = second.wait_report(
        lambda report: report["primary"].get("problem") not in (None, ""), "a problem", 120)
    assert "space" in report["primary"]["problem"] or "disk" in report["primary"]["problem"]
    # The primary does not care.
    before = recorder.acknowledged
    wait_until(lambda: recorder.acknowledged > before + 20, 60, "mail at the primary")
    recorder.stop()
    (small_disk / "ballast").unlink()
    second.wait_caught_up(first)
    second.wait_connected()
    first.wait_drained(120)
    second.wait_caught_up(first)
    first.stop(), second.stop()
    check_sites(first, second, acknowledged=[recorder.path], planned=True, drained=True)


# Promotion

def waiting(one) -> dict:
    """What waits, by recipient: its id, attempts and when it is due."""
    return {
        row["recipient"]: (row["message_id"], row["attempts"], row["due"])
        for row in one.json("queue", "list")}


def test_the_queue_moves_with_its_attempts_and_due_times(site, tmp_path):
    """kill -9, promote: what waited goes on waiting as it did, and is attempted as a further attempt."""
    busy = {"on": True}
    with Peer(on_rcpt=lambda _: "451 4.2.0 later" if busy["on"] else None) as peer:
        first, second = pair(
            site, peer, retry="600s", retry_most="600s")
        for number in range(5):
            send(first.port, f"patient{number}@recipient.example")
        first.wait_for("deferred", 5)
        second.wait_caught_up(first)
        before = waiting(first)
        assert len(before) == 5 and {row[1] for row in before.values()} == {1}
        assert waiting(second) == before
        first.kill()
        second.wait_lost()
        second.promote()
        assert waiting(second) == before
        busy["on"] = False
        second.command("queue", "requeue", "--domain", "recipient.example")
        delivered = second.wait_for("delivered", 5)
        assert {event["attempt"] for event in delivered} == {2}
        assert second.stop() == 0
    check_sites(second, first, drained=True)


def test_kill_the_primary_under_load_and_promote(site, sink, tmp_path):
    first, second = pair(site, sink)
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 200, 60, "200 messages")
    first.kill()
    second.wait_lost()
    second.promote()
    assert second.report()["position_epoch"] == 2
    recorder.port = second.port
    before = recorder.acknowledged
    wait_until(lambda: recorder.acknowledged > before + 50, 60, "mail at the new primary")
    recorder.stop()
    second.wait_drained(120)
    assert second.stop() == 0
    sink.stop()
    counts = check_sites(
        second, first, acknowledged=[recorder.path], sink=sink, drained=True)
    assert counts["lost"] == 0
    assert counts["missing"] == counts["kept_elsewhere"]
    # What went out between two acknowledgements of the standby, no more.
    assert counts["next_hop_took_twice"] < 200


def test_what_a_standby_has_acknowledged_too_is_never_missing(site, sink, tmp_path):
    """`ack: replicated`: kill -9 under load, promote, and nothing has to be looked for."""
    first, second = pair(site, sink, acknowledge={"ack": "replicated"})
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 200, 60, "200 messages")
    first.kill()
    recorder.stop()
    second.wait_lost()
    second.promote()
    second.wait_drained(120)
    assert second.stop() == 0
    sink.stop()
    counts = check_sites(second, first, acknowledged=[recorder.path], sink=sink, drained=True)
    assert counts["missing"] == 0


@pytest.mark.parametrize("when_away", ["refuse", "accept"])
def test_when_no_standby_can_acknowledge(site, sink, tmp_path, when_away):
    first, second = pair(
        site, sink, acknowledge={"ack": "replicated", "ack_when_away": when_away})
    send(first.port, "one@recipient.example")
    assert first.report()["acknowledged"]["replicated"] == 1
    second.kill()
    wait_until(
        lambda: not any(row["connected"] for row in first.report()["standbys"]), 60,
        "the primary's notice")
    if when_away == "accept":
        send(first.port, "two@recipient.example")
        assert first.report()["acknowledged"]["degraded"] == 1
    else:
        with pytest.raises(smtplib.SMTPException) as refused:
            send(first.port, "two@recipient.example")
        assert "4" == str(refused.value.args[0])[0], refused.value
        assert len(first.of_type("received")) == 1, "refused before it was written"
    second.start_site("standby")
    second.wait_connected()
    send(first.port, "three@recipient.example")
    assert first.report()["acknowledged"]["replicated"] == 2


def test_a_switchover_under_load_loses_and_repeats_nothing(site, sink, tmp_path):
    first, second = pair(site, sink)
    recorder = record(first.port, tmp_path)
    other = record(second.port, tmp_path, "acknowledged2")
    for giver, taker in ((first, second), (second, first), (first, second)):
        epoch = giver.report()["epoch"]
        counter = recorder if giver is first else other
        goal = counter.acknowledged + 100
        wait_until(lambda: counter.acknowledged > goal, 60, "100 messages")
        taker.wait_connected()
        wait_until(
            lambda: [row for row in giver.report()["standbys"] if row["connected"]], 30,
            "the standby at the primary")
        result = giver.site("switchover")
        assert result.returncode == 0, result.stderr
        assert taker.wait_role("primary")["position_epoch"] == epoch + 1
        assert giver.wait_connected()["role"] == "standby"
    goal = other.acknowledged + 50
    wait_until(lambda: other.acknowledged > goal, 60, "mail at the last primary")
    recorder.stop(), other.stop()
    second.wait_drained(120)
    first.wait_caught_up(second)
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(
        second, first, acknowledged=[recorder.path, other.path], sink=sink, planned=True,
        drained=True)


def test_promoting_twice_is_promoting_once(site, sink):
    first, second = pair(site, sink)
    send(first.port, "one@recipient.example")
    second.wait_caught_up(first)
    refused = second.site("promote", check=False)
    assert refused.returncode == 1 and "switchover" in refused.stderr, "the primary answers"
    first.kill()
    second.wait_lost()
    would = second.site("promote", "--dry-run")
    assert "would:" in would.stdout and second.report()["role"] == "standby"
    assert second.site("promote").returncode == 0
    again = second.site("promote")
    assert again.returncode == 0 and "nothing to do" in again.stdout
    assert second.report()["epoch"] == 2
    started = second.of_type("epoch_started")
    assert [event["started_epoch"] for event in started] == [1, 2]
    second.stop()
    second.start_site()
    assert second.report()["position_epoch"] == 2
    assert len(second.of_type("epoch_started")) == 2


def test_a_sleeping_primary_is_fenced_when_it_wakes(site, sink, tmp_path):
    first, second = pair(site, sink)
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 100, 60, "100 messages")
    first.pause()
    second.wait_lost()
    second.promote()
    send(second.port, "new@recipient.example")
    first.wake()
    first.wait_role("fenced")
    # Between its two parts it knows its role already, and not yet where its log ends.
    report = first.wait_report(lambda report: report["position_epoch"] > 0, "its log")
    assert report["epoch"] == 2 and report["position_epoch"] == 1
    wait_until(lambda: not listens(first.port), 30, "the end of the old primary's listener")
    recorder.stop()
    ended, took = first.report()["sequence"], sink.taken()
    assert first.site("status", check=False).returncode == 1
    ready = first.api.get("/health/ready")
    assert ready.status == 503 and "fenced" in ready.json()["detail"]
    refused = first.site("promote", check=False)
    assert refused.returncode == 1 and "rejoin" in refused.stderr
    second.wait_drained(60)
    # A restart does not make it a primary again.
    assert first.stop() == 0
    first.start_site("fenced")
    assert not listens(first.port)
    assert first.report()["sequence"] == ended
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    assert took <= sink.taken()
    check_sites(second, first, acknowledged=[recorder.path], sink=sink)


def test_two_primaries_that_could_not_see_each_other(site, sink, tmp_path):
    """The link is cut and the standby promoted: both take mail until the link is back."""
    first = site("anna", sink.port).start_site()
    with Wire(first.site_port) as wire:
        second = site("bert", sink.port, standby_of=wire.port).start_site("standby")
        second.wait_connected()
        old = record(first.port, tmp_path, "old")
        wait_until(lambda: old.acknowledged > 50, 60, "50 messages")
        wire.cut()
        second.wait_lost()
        second.promote()
        new = record(second.port, tmp_path, "new")
        goals = old.acknowledged + 50, 50
        wait_until(
            lambda: old.acknowledged > goals[0] and new.acknowledged > goals[1], 60,
            "mail at both")
        wire.mend()
        first.wait_role("fenced")
        wait_until(lambda: not listens(first.port), 30, "the end of the old primary's listener")
        old.stop()
        assert second.wait_role("primary")["epoch"] == 2
        goal = new.acknowledged + 20
        wait_until(lambda: new.acknowledged > goal, 60, "mail at the new primary")
        new.stop()
        second.wait_drained(120)
        first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
        first.wait_connected()
        # What only the old one took is queued at the new one, as far as it was not sent.
        (export,) = first.salvaged()
        second.site("salvage", str(export))
        second.wait_drained(120)
        first.wait_caught_up(second)
        first.stop(), second.stop()
    sink.stop()
    counts = check_sites(
        second, first, acknowledged=[old.path, new.path], salvage=[export], sink=sink,
        drained=True, duplicates=0)
    assert counts["missing"] > 0, "the old primary took mail that the new one does not have"
    assert counts["missing"] == counts["kept_elsewhere"]


@pytest.mark.parametrize("order", ["primary first", "standby first"])
def test_roles_outlive_restarts(site, sink, order):
    """After a switchover, both start with their old flags: the recorded roles count."""
    first, second = pair(site, sink)
    assert first.site("switchover").returncode == 0
    second.wait_accepts()
    send(second.port, "one@recipient.example")
    second.wait_drained()
    assert first.recorded["role"] == "standby" and second.recorded["role"] == "primary"
    first.stop(), second.stop()
    turns = [(second, "primary"), (first, "standby")]
    for one, role in turns if order == "primary first" else reversed(turns):
        one.start_site(role)
    first.wait_connected()
    send(second.port, "two@recipient.example")
    second.wait_drained()
    first.wait_caught_up(second)
    assert not listens(first.port)
    first.stop(), second.stop()
    check_sites(second, first, planned=True, drained=True)


# What a standby answers

def test_a_standby_answers_every_query_and_takes_no_mail(site, sink):
    inject = {
        "sender": "sender@client.example", "recipients": ["ann@recipient.example"],
        "campaign": "spring", "content": "Subject: one\n\none\n"}
    first, second = pair(site, sink)
    assert first.api.post("/api/v1/inject", inject).status == 200
    message = first.of_type("received")[0]["message_id"]
    first.wait_drained()
    second.wait_caught_up(first)
    assert second.api.get("/health/live").status == 200
    for one in (first, second):
        trace = one.command("trace", message).stdout
        assert "delivered" in trace
        assert one.command("queue", "depth").returncode == 0
        listed = one.json("message", "list", "--recipient", "ann@recipient.example")
        assert [row["message_id"] for row in listed] == [message]
    # Projections follow in their own time.
    wait_until(
        lambda: second.api.get("/api/v1/campaigns/spring").status == 200, 30, "the campaign")
    for path in (
            f"/api/v1/messages/{message}", "/api/v1/messages?recipient=ann@recipient.example",
            "/api/v1/campaigns/spring", "/api/v1/campaigns", "/metrics"):
        theirs = wait_until(
            lambda: (lambda one: one if one.status == 200 else None)(second.api.get(path)), 30,
            path)
        if path != "/metrics":
            assert theirs.json() == first.api.get(path).json(), path
    stats = second.command("campaign", "stats", "spring").stdout
    assert stats == first.command("campaign", "stats", "spring").stdout
    ready = second.api.get("/health/ready")
    assert ready.status == 503 and "standby" in ready.json()["detail"]
    refused = second.api.post("/api/v1/inject", inject)
    assert refused.status == 503 and "standby" in refused.json()["detail"]
    order = second.command(
        "queue", "suspend", "--domain", "recipient.example", check=False)
    assert order.returncode != 0 and "standby" in order.stderr
    assert not listens(second.port)
    ended = second.report()["sequence"]
    assert ended == first.report()["sequence"], "nothing was written here"


def test_orders_and_settings_get_over(site, sink):
    """A suspension and a suppressed address hold at the promoted standby."""
    first, second = pair(site, sink)
    first.command("queue", "suspend", "--domain", "held.example", "--reason", "quarantine")
    first.command("suppression", "add", "gone@recipient.example", "--reason", "asked")
    send(first.port, "one@held.example")
    second.wait_caught_up(first)
    first.kill()
    second.wait_lost()
    second.promote()
    send(second.port, "gone@recipient.example")
    send(second.port, "two@held.example")
    bounced = second.wait_for("bounced")
    assert bounced[0]["recipient"] == "gone@recipient.example"
    assert "held.example" in second.command("queue", "suspensions").stdout
    assert set(waiting(second)) == {"one@held.example", "two@held.example"}
    second.command("queue", "resume", "--domain", "held.example")
    second.wait_drained()


def test_mail_flows_within_seconds_of_a_promotion(site, sink):
    """With a filled queue; the number is printed, the limit is far away."""
    first, second = pair(site, sink)
    first.command("queue", "suspend", "--domain", "recipient.example", "--reason", "filling")
    source(first.port, 500, sessions=10)
    second.wait_caught_up(first)
    first.kill()
    second.wait_lost()
    began = time.monotonic()
    second.promote()
    promoted = time.monotonic() - began
    send(second.port, "first@other.example")
    wait_until(lambda: sink.taken() >= 1, 60, "the first delivery")
    print(f"promoted in {promoted:.2f} s, first delivery after {time.monotonic() - began:.2f} s")
    assert second.json("queue", "depth")[0]["recipients"] == 500


# The way back

def part(site, sink, tmp_path):
    """Two sites that both were primary for a while; the first is fenced. Returns them and the files
    of what clients were told."""
    first = site("anna", sink.port).start_site()
    with Wire(first.site_port) as wire:
        second = site("bert", sink.port, standby_of=wire.port).start_site("standby")
        second.wait_connected()
        old = record(first.port, tmp_path, "old")
        wait_until(lambda: old.acknowledged > 50, 60, "50 messages")
        wire.cut()
        second.wait_lost()
        goal = old.acknowledged + 50
        wait_until(lambda: old.acknowledged > goal, 60, "mail that the standby never sees")
        old.stop()
        # These wait when the site is fenced.
        first.command("queue", "suspend", "--domain", "stays.example", "--reason", "a test")
        for number in range(3):
            send(first.port, f"kept{number}@stays.example")
        first.pause()
        second.promote()
        wire.mend()
        first.wake()
        first.wait_role("fenced")
        new = record(second.port, tmp_path, "new")
        wait_until(lambda: new.acknowledged > 50, 60, "mail at the new primary")
        new.stop()
    return first, second, [old.path, new.path]


def test_a_fenced_site_rejoins_without_losing_what_only_it_has(site, sink, tmp_path):
    first, second, told = part(site, sink, tmp_path)
    would = first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}", "--dry-run")
    assert "would:" in would.stdout and first.report()["role"] == "fenced"
    assert first.salvaged() == []
    before = first.report()["sequence"]
    result = first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
    assert "were only here" in result.stdout and "message(s) accepted only here" in result.stdout
    first.wait_connected()
    exports = first.salvaged()
    assert len(exports) == 1
    assert f"to {before} were only here" in (exports[0] / "report.txt").read_text()
    second.wait_drained(60)
    first.wait_caught_up(second)
    # Again is nothing, and a restart changes nothing.
    first.stop()
    # What was folded of the end that is gone went with it, and is no damage.
    assert "projection taken back behind the cut" in first.output(1_000_000)
    assert "projection setback" not in first.output(1_000_000)
    assert not list((first.data / "projections").glob("*.damaged"))
    first.start_site("standby")
    first.wait_connected()
    assert len(first.salvaged()) == 1
    send(second.port, "later@recipient.example")
    second.wait_drained(60)
    first.wait_caught_up(second)
    assert first.verify().returncode == 0
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    counts = check_sites(second, first, acknowledged=told, salvage=exports, sink=sink)
    assert counts["missing"] == counts["kept_elsewhere"] > 0


def test_a_rejoined_site_takes_over_again(site, sink, tmp_path):
    """There and back: promote, rejoin, switchover home."""
    first, second, told = part(site, sink, tmp_path)
    first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
    first.wait_connected()
    first.wait_caught_up(second)
    more = record(second.port, tmp_path, "more")
    wait_until(lambda: more.acknowledged > 30, 60, "30 messages")
    assert second.site("switchover").returncode == 0
    first.wait_accepts()
    more.port = first.port
    goal = more.acknowledged + 30
    wait_until(lambda: more.acknowledged > goal, 60, "30 messages")
    more.stop()
    first.wait_drained(60)
    second.wait_caught_up(first)
    assert first.report()["epoch"] == 3
    exports = first.salvaged()
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(
        first, second, acknowledged=[*told, more.path], salvage=exports, sink=sink, drained=True)


def test_a_primary_killed_with_a_tail_rejoins_after_its_restart(site, sink, tmp_path):
    """kill -9 with events that never got over; it comes back, learns that it is fenced, rejoins."""
    first = site("anna", sink.port)
    first.start_site()
    with Wire(first.site_port) as wire:
        second = site("bert", sink.port, standby_of=wire.port).start_site("standby")
        second.wait_connected()
        first.stop()
        first.flags += ["--peer", f"127.0.0.1:{second.site_port}"]
        first.start_site()
        second.wait_connected()
        old = record(first.port, tmp_path, "old")
        wait_until(lambda: old.acknowledged > 50, 60, "50 messages")
        wire.hold()
        goal = old.acknowledged + 50
        wait_until(lambda: old.acknowledged > goal, 60, "mail that does not get over")
        first.kill()
        old.stop()
        wire.cut()
        second.wait_lost()
        second.promote()
        wire.mend()
        first.launch()
        first.wait_role("fenced")
        assert not listens(first.port), "it asked before it accepted"
        first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
        first.wait_connected()
        second.wait_drained(60)
        first.wait_caught_up(second)
        exports = first.salvaged()
        assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    counts = check_sites(
        second, first, acknowledged=[old.path], salvage=exports, sink=sink, drained=True)
    assert counts["missing"] == counts["kept_elsewhere"] > 0


def test_what_only_the_old_primary_had_is_queued_anew_once(site, sink, tmp_path):
    first, second, told = part(site, sink, tmp_path)
    first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
    first.wait_connected()
    second.wait_drained(60)
    export = first.salvaged()[0]
    before = len(second.of_type("received"))
    would = second.site("salvage", str(export), "--dry-run")
    assert "would queue 3 message(s)" in would.stdout
    assert len(second.of_type("received")) == before
    assert "queued 3 message(s)" in second.site("salvage", str(export)).stdout
    assert "queued 0 message(s)" in second.site("salvage", str(export)).stdout
    assert len(second.of_type("received")) == before + 3
    second.wait_drained(60)
    first.wait_caught_up(second)
    refused = first.site("salvage", str(export), check=False)
    assert refused.returncode == 1, "a standby queues nothing"
    sent = {event["recipient"] for event in second.of_type("delivered")}
    assert {f"kept{number}@stays.example" for number in range(3)} <= sent
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(second, first, acknowledged=told, salvage=[export], sink=sink, drained=True)


def test_an_export_that_this_log_has_itself_queues_nothing(site, sink, tmp_path):
    """An operator who salvages what was never lost must not send it twice."""
    first = site("anna", sink.port).start_site()
    first.command("queue", "suspend", "--domain", "stays.example", "--reason", "a test")
    for number in range(3):
        send(first.port, f"kept{number}@stays.example")
    # As a rejoin to a site that lagged behind would have cut it off: the log up to its end.
    export = tmp_path / "salvage" / "bert-2"
    (export / "log").mkdir(parents=True)
    assert first.stop() == 0
    for segment in (first.data / "log").glob("*.mdb"):
        shutil.copy(segment, export / "log")
    (export / "salvage").write_text("after 1\nsite bert\n")
    first.start_site()
    before = len(first.of_type("received"))
    answer = first.site("salvage", str(export)).stdout
    assert "queued 0 message(s)" in answer and "3" in answer, answer
    assert len(first.of_type("received")) == before


def test_a_standby_whose_name_is_the_primarys_is_refused(site, sink):
    """Or a site that was pointed at itself."""
    first = site("anna", sink.port).start_site()
    second = site("anna", sink.port, standby_of=first.site_port)
    second.launch()
    wait_until(lambda: "two sites are called anna" in second.output(), 60, "the refusal")
    assert first.report()["standbys"] == []


def test_after_a_switchover_the_old_primary_follows_where_the_standby_is_configured(
        site, sink, tmp_path):
    """And not where the standby's own link came from."""
    first, second = site("anna", sink.port), site("bert", sink.port)
    with Wire(second.site_port) as wire:
        first.flags += ["--peer", f"127.0.0.1:{wire.port}"]
        second.flags += ["--standby-of", f"127.0.0.1:{first.site_port}"]
        first.start_site()
        second.start_site("standby")
        second.wait_connected()
        # A round of questions, by which the name is known.
        wait_until(lambda: wire.connections > 2, 30, "a question to the standby")
        assert first.site("switchover").returncode == 0
        report = first.wait_connected()
        assert report["primary"]["address"] == f"127.0.0.1:{wire.port}"
        assert report["primary"]["site"] == "bert"


def test_two_standbys_that_were_promoted_apart(site, sink, tmp_path):
    """One epoch twice: neither can fence the other, both say so, and an operator chooses."""
    first = site("anna", sink.port).start_site()
    second = site("bert", sink.port, standby_of=first.site_port)
    third = site("cleo", sink.port, standby_of=first.site_port, peers=(second.site_port,))
    for one in (second, third):
        one.start_site("standby")
        one.wait_connected()
    send(first.port, "before@recipient.example")
    first.wait_drained()
    for one in (second, third):
        one.wait_caught_up(first)
    first.kill()
    told = []
    third.pause()
    second.wait_lost()
    second.promote()
    second.stop()
    third.wake()
    third.wait_lost()
    third.promote()
    second.start_site()
    for one in (second, third):
        recorder = record(one.port, tmp_path, one.name)
        wait_until(lambda: recorder.acknowledged > 20, 60, "20 messages")
        recorder.stop()
        told.append(recorder.path)
    assert second.report()["epoch"] == third.report()["epoch"] == 2
    wait_until(
        lambda: "two primaries of one epoch" in third.output(60_000), 30, "the alarm")
    second.wait_drained(60)
    third.wait_drained(60)
    # The third one gives up its part; where the two parted is found by asking about batches.
    third.site(
        "demote", "--follow", f"127.0.0.1:{second.site_port}", "--wait", "2", check=False)
    third.wait_role("standby")
    third.wait_report(lambda report: report["primary"].get("problem"), "the difference")
    assert third.site("status", check=False).returncode == 1
    third.site(
        "rejoin", "--follow", f"127.0.0.1:{second.site_port}", "--wait", "5", check=False)
    report = third.wait_report(lambda report: report.get("note"), "what came of it")
    assert "no point was found" not in report["note"]
    kept = third.salvaged()[0]
    third.wait_caught_up(second)
    assert second.stop() == 0 and third.stop() == 0
    sink.stop()
    check_sites(second, third, acknowledged=[told[0]], drained=True)
    # With the part that was given up beside it: the judge says what happened. Even ids are there twice.
    verdict = check_sites(second, third, acknowledged=told, salvage=[kept], is_right=False)
    assert any("epoch 2 has two batches" in text for text in verdict["wrong"])


# Pruning

def test_what_a_standby_needs_is_not_pruned_until_it_is_forgotten(site, sink):
    first, second = pair(site, sink)
    second.stop()
    wait_until(
        lambda: not any(row["connected"] for row in first.report()["standbys"]), 30, "its leaving")
    for number in range(3):
        send(first.port, f"r{number}@recipient.example")
        first.wait_drained()
        first.command("log", "seal")
    here = len(first.segments())
    prune = ("log", "prune", "--before", str(first.report()["sequence"] + 1))
    first.command(*prune, check=False)
    assert len(first.segments()) == here, "the standby still needs all of it"
    # A restart does not forget it.
    first.stop()
    first.start_site()
    first.command(*prune, check=False)
    assert len(first.segments()) == here
    first.site("forget", "bert")
    first.command(*prune)
    wait_until(lambda: len(first.segments()) < here, 60, "the pruning")
    second.start_site("standby")
    report = second.wait_report(lambda report: report["primary"].get("problem"), "the refusal")
    assert "pruned" in report["primary"]["problem"]


# Compaction

def test_a_standby_compacts_what_it_has_itself_and_goes_on(site, sink):
    first, second = pair(site, sink)
    for number in range(4):
        for message in range(10):
            send(first.port, f"r{number}-{message}@recipient.example")
        first.wait_drained()
        first.command("log", "seal")
        # The segment ends at the standby when the first event behind it comes.
        send(first.port, "next@recipient.example")
        first.wait_drained()
        second.wait_caught_up(first)
    second.command("log", "compact")
    wait_until(
        lambda: any(row["compacted"] for row in second.json("log", "info")[0]["segments"]), 60,
        "a compacted segment")
    send(first.port, "after@recipient.example")
    first.wait_drained()
    second.wait_caught_up(first)
    assert second.verify().returncode == 0
    first.kill()
    second.wait_lost()
    second.promote()
    send(second.port, "promoted@recipient.example")
    second.wait_drained()
    assert second.stop() == 0
    check_sites(second)
