"""Sites that fail over by themselves: the lease is in etcd, which runs as real processes.

One member counts where it is trusted to stand at a third place; else three are needed. Each test
prints how long it took.
"""

import smtplib
import socket
import subprocess
import time

import pytest

from harness.client import Recorder
from harness.etcd import Etcd
from harness.peer import Peer
from harness.sites import check_sites
from harness.support import listens, wait_until, waybill_binary

TTL = 6
# What is written ends three tenths of the lease before it.
WRITES = TTL * 0.7


def lease(cluster: Etcd, **options) -> dict:
    """The section `lease`; one member is trusted unless it is said otherwise."""
    section = {"endpoints": cluster.endpoints, "ttl": f"{TTL}s", "promote": "automatic", **options}
    if len(cluster.members) == 1 and section["promote"] == "automatic":
        section.setdefault("witness", "trusted")
    return section


def pair(site, next_hop: int, section: dict, **options):
    """A primary that holds the lease, and a standby that has caught up and is known to follow."""
    first = site("anna", next_hop, lease=section, **options).start_site()
    second = site(
        "bert", next_hop, lease=section, standby_of=first.site_port,
        **options).start_site("standby")
    second.wait_connected()
    first.wait_report(lambda report: report["lease"]["held"], "the lease")
    wait_until(
        lambda: [row for row in first.report()["standbys"] if row["connected"]], 30,
        "the standby at the primary")
    return first, second


def send(port: int, recipient: str) -> None:
    """One message that must be taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("sender@client.example", [recipient], "Subject: one\r\n\r\none\r\n")


def meanwhile(seconds: float, look) -> None:
    """Looks again and again for so long; `look` fails when it sees what must not be."""
    end = time.monotonic() + seconds

    def condition() -> bool:
        look()
        return time.monotonic() > end

    wait_until(condition, seconds + 30, "the end of a while", every=0.1)


def record(port: int, place, name: str = "acknowledged", **options) -> Recorder:
    """Clients that write down each 250."""
    return Recorder(port, place / name, clients=4, domain=f"{name}.example", **options).start()


@pytest.mark.parametrize("members", [1, 3])
def test_a_killed_primary_is_replaced_without_an_operator(site, etcd, tmp_path, members):
    """kill -9 under load: the standby takes the lease, and delivers what waited."""
    busy = {"on": True}
    with Peer(on_rcpt=lambda path: "451 4.2.0 later" if busy["on"] and "patient" in path else None
              ) as peer:
        first, second = pair(
            site, peer.port, lease(etcd(members)), acknowledge={"ack": "replicated"})
        for number in range(5):
            send(first.port, f"patient{number}@recipient.example")
        recorder = record(first.port, tmp_path)
        wait_until(lambda: recorder.acknowledged > 100, 60, "100 messages")
        busy["on"] = False
        first.kill()
        began = time.monotonic()
        delivered = len(peer.messages)
        recorder.port = second.port
        wait_until(lambda: listens(second.port), 60, "the new primary", every=0.01)
        accepts = time.monotonic() - began
        wait_until(lambda: len(peer.messages) > delivered, 60, "the first delivery", every=0.01)
        sends = time.monotonic() - began
        print(f"{members} member(s), ttl {TTL} s: accepts after {accepts:.2f} s, "
              f"first delivery after {sends:.2f} s")
        # How long it takes is for the drill to judge: a busy machine takes longer. Never sooner, though.
        assert sends > WRITES - 2, "before the lease could have ended"
        wait_until(
            lambda: any(event["epoch"] == 2 for event in second.of_type("delivered")), 60,
            "a delivery in the second epoch", every=0.2)
        assert [event["started_epoch"] for event in second.of_type("epoch_started")] == [1, 2]
        report = second.wait_report(
            lambda report: report["ready"] and report["lease"]["held"], "the lease")
        assert (report["role"], report["epoch"], report["lease"]["epoch"]) == ("primary", 2, 2)
        assert "by itself" in report["note"]
        before = recorder.acknowledged
        # Nobody follows the new primary yet: with ack: replicated it takes nothing.
        first.start_site("fenced")
        refused = first.site("promote", check=False)
        assert refused.returncode == 1 and "rejoin" in refused.stderr
        assert first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}").returncode == 0
        wait_until(lambda: recorder.acknowledged > before + 20, 60, "mail at the new primary")
        recorder.stop()
        second.wait_drained(60)
        first.wait_caught_up(second)
        assert first.stop() == 0 and second.stop() == 0
    counts = check_sites(second, first, acknowledged=[recorder.path], drained=True)
    assert counts["missing"] == 0


@pytest.mark.parametrize("how", ["killed", "silent"])
def test_without_etcd_the_primary_stops_itself_and_nobody_takes_over(
        site, sink, etcd, tmp_path, how):
    cluster = etcd(3)
    first, second = pair(site, sink.port, lease(cluster))
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    began, lost_at = time.monotonic(), time.time()
    cluster.stop() if how == "killed" else cluster.pause()
    # Below the end of the lease: it began at the earliest when it was renewed last.
    wait_until(lambda: not listens(first.port), TTL + 5, "the primary's stop", every=0.01)
    took = time.monotonic() - began
    print(f"etcd {how}, ttl {TTL} s: the primary stopped listening after {took:.2f} s")
    last = max(int(line.split()[2]) for line in recorder.path.read_text().splitlines())
    assert last / 1e6 < lost_at + TTL, "acknowledged behind the end of the lease"
    report = first.wait_role("waiting", 30)
    assert not report["ready"] and not report["lease"]["held"]
    assert not report["lease"]["etcd_answers"]
    # While one part of the server ends and the next one begins, nobody answers.
    wait_until(
        lambda: first.site("status", check=False).returncode == 1, 30, "the status of no primary",
        every=0.1)
    assert "not known: etcd does not answer" in first.site("status", check=False).stdout
    assert first.api.get("/health/ready").status == 503
    acknowledged = recorder.acknowledged
    second.wait_report(lambda report: not report["lease"]["etcd_answers"], "silence", 30)

    def look() -> None:
        report = second.report()
        assert report["role"] == "standby" and report["epoch"] == 1, report
        assert recorder.acknowledged == acknowledged

    meanwhile(1.5 * TTL, look)
    assert "does not answer" in second.site("status", check=False).stdout
    refused = second.site("promote", check=False)
    assert refused.returncode == 1
    # When etcd is back, the same site goes on, in the same epoch.
    cluster.start() if how == "killed" else cluster.wake()
    first.wait_accepts(90)
    wait_until(lambda: recorder.acknowledged > acknowledged + 20, 60, "mail again")
    recorder.stop()
    assert first.report()["position_epoch"] == 1
    second.wait_connected()
    first.wait_drained()
    second.wait_caught_up(first)
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(first, second, acknowledged=[recorder.path], sink=sink, drained=True)


def test_when_etcds_leader_is_killed_nothing_changes(site, sink, etcd, tmp_path):
    cluster = etcd(3)
    first, second = pair(site, sink.port, lease(cluster))
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    lost = cluster.leader()
    lost.kill()
    left = []

    def look() -> None:
        report = first.report()
        assert report["role"] == "primary" and report["lease"]["held"], report
        left.append(report["lease"]["seconds_left"])

    meanwhile(2 * TTL, look)
    print(f"etcd's leader killed, ttl {TTL} s: never less than {min(left):.1f} s of the lease left")
    assert second.report()["role"] == "standby"
    before = recorder.acknowledged
    wait_until(lambda: recorder.acknowledged > before + 20, 60, "mail")
    recorder.stop()
    assert first.report()["position_epoch"] == 1
    first.wait_drained()
    second.wait_caught_up(first)
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(
        first, second, acknowledged=[recorder.path], sink=sink, planned=True, drained=True)


def test_a_primary_that_slept_beyond_its_lease_acknowledges_nothing(site, sink, etcd, tmp_path):
    first, second = pair(site, sink.port, lease(etcd()))
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    first.pause()
    began = time.monotonic()
    second.wait_accepts(30)
    print(f"paused, ttl {TTL} s: the standby accepts after {time.monotonic() - began:.2f} s")
    assert second.report()["epoch"] == 2
    acknowledged, took = recorder.acknowledged, sink.taken()
    first.wake()
    report = first.wait_role("fenced")
    assert report["epoch"] == 2 and report["position_epoch"] == 1
    wait_until(lambda: not listens(first.port), 30, "the end of the old primary's listener")
    assert recorder.acknowledged == acknowledged, "it acknowledged mail behind its lease"
    recorder.stop()
    send(second.port, "new@recipient.example")
    second.wait_drained()
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    assert took <= sink.taken()
    counts = check_sites(second, first, acknowledged=[recorder.path], sink=sink)
    assert counts["missing"] == counts["kept_elsewhere"]


def test_without_a_witness_nobody_is_promoted_and_the_reason_is_told(site, sink, etcd):
    """One member that nobody vouches for: the standby waits for an operator."""
    first, second = pair(site, sink.port, lease(etcd(), witness="members"))
    report = second.wait_report(
        lambda report: report["lease"]["promotion"] == "refused", "the refusal")
    assert "1 voting member" in report["lease"]["promotion_problem"]
    assert "cannot tell a dead site from a dead link" in second.site("status").stdout
    assert "automatic promotion is refused" in second.output(100_000)
    first.kill()
    second.wait_lost()
    held = second.site("promote", check=False)
    assert held.returncode == 1 and "anna holds the lease" in held.stderr
    second.wait_report(
        lambda report: report["lease"]["etcd_answers"] and not report["lease"]["holder"],
        "the end of the lease")
    second.wait_report(
        lambda report: "voting member" in report["lease"].get("problem", ""), "the reason")

    def look() -> None:
        assert second.report()["role"] == "standby"

    meanwhile(TTL / 2, look)
    # By order it takes the lease.
    second.promote()
    report = second.report()
    assert report["lease"]["held"] and report["epoch"] == 2


def test_a_switchover_takes_the_lease_along_and_a_demotion_gives_it_up(site, sink, etcd, tmp_path):
    first, second = pair(site, sink.port, lease(etcd()))
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    result = first.site("switchover")
    assert result.returncode == 0, result.stderr
    second.wait_accepts()
    assert second.report()["lease"]["held"] and second.report()["position_epoch"] == 2
    assert first.wait_connected()["role"] == "standby"
    first.wait_report(lambda report: report["lease"]["holder"] == "bert", "the new holder")
    recorder.stop()
    second.wait_drained()
    first.wait_caught_up(second)
    refused = first.site("promote", check=False)
    assert refused.returncode == 1 and "The primary answers" in refused.stderr
    # Given up: the other one is the one to take it.
    second.site("demote", "--follow", f"127.0.0.1:{first.site_port}")
    first.wait_accepts(30)
    assert first.report()["lease"]["held"] and first.report()["position_epoch"] == 3
    second.wait_connected()
    send(first.port, "last@recipient.example")
    first.wait_drained()
    second.wait_caught_up(first)
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    check_sites(
        first, second, acknowledged=[recorder.path], sink=sink, planned=True, drained=True)


def test_a_restart_keeps_the_lease(site, sink, etcd):
    first, second = pair(site, sink.port, lease(etcd()))
    assert first.stop() == 0
    first.start_site()
    assert first.report()["lease"]["held"] and first.report()["position_epoch"] == 1
    assert second.wait_connected()["role"] == "standby"
    # Not started again, the standby takes over.
    assert first.stop() == 0
    second.wait_accepts(30)
    assert second.report()["epoch"] == 2


def test_a_primary_that_cannot_start_leaves_the_lease_to_the_standby(site, sink, etcd):
    """Started again and again, as by a supervisor, it must not keep what it cannot use."""
    first, second = pair(site, sink.port, lease(etcd()))
    send(first.port, "one@recipient.example")
    second.wait_caught_up(first)
    assert first.stop() == 0
    with socket.create_server(("127.0.0.1", first.port)):
        began = time.monotonic()
        tries = 0
        while not listens(second.port):
            assert time.monotonic() - began < 5 * TTL, first.output()
            process = first.launch().process
            wait_until(
                lambda: process.poll() is not None or listens(second.port), 30,
                "the end of a start, or the other primary")
            if process.poll() is not None:
                assert first.wait() != 0, "it cannot listen"
                tries += 1
                # RestartSec of the unit that comes with it.
                time.sleep(2)
        # It may have come up as what it is now.
        first.stop()
    assert tries >= 1 and "already in use" in first.output()
    print(f"taken over after {time.monotonic() - began:.2f} s and {tries} starts of the other one")
    assert second.report()["epoch"] == 2
    first.start_site("fenced")


def test_a_second_server_on_the_same_data_takes_no_lease(site, sink, etcd):
    first, _ = pair(site, sink.port, lease(etcd()))
    refused = subprocess.run(
        [str(waybill_binary()), "serve", "--data", str(first.data), "--config",
         str(first.configuration_file), *first.flags],
        capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode != 0
    assert "another process has the log" in refused.stderr + refused.stdout
    meanwhile(TTL, lambda: send(first.port, "two@recipient.example"))
    assert "the lease is lost" not in first.output(1_000_000)
    assert first.report()["lease"]["held"]


def test_by_force_a_site_writes_without_etcd(site, sink, etcd):
    cluster = etcd()
    first, second = pair(site, sink.port, lease(cluster))
    first.kill()
    cluster.stop()
    second.wait_lost()
    second.wait_report(lambda report: not report["lease"]["etcd_answers"], "silence", 30)
    refused = second.site("promote", check=False)
    assert refused.returncode == 1 and "etcd does not answer" in refused.stderr
    second.promote("--force")
    send(second.port, "one@recipient.example")
    report = second.report()
    assert "by force" in report["lease"]["problem"] and not report["lease"]["held"]
    cluster.start()
    second.wait_report(lambda report: report["lease"]["held"], "the lease")
    send(second.port, "two@recipient.example")
    second.wait_drained()
