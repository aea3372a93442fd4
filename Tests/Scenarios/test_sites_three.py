"""Three sites: when another one becomes the primary, the third follows it without an operator.

Each site is a real process; tools/check-sites judges their logs.
"""

import json
import os
import signal
import smtplib
import time

import pytest

from harness.client import Recorder
from harness.etcd import Etcd
from harness.sites import check_sites
from harness.support import free_port, wait_until
from harness.wire import Wire

TTL = 6


def send(port: int, recipient: str) -> None:
    """One message that must be taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("sender@client.example", [recipient], "Subject: one\r\n\r\none\r\n")


def record(port: int, place, name: str = "acknowledged", **options) -> Recorder:
    """Clients that write down each 250."""
    return Recorder(port, place / name, clients=4, domain=f"{name}.example", **options).start()


def know(*sites) -> None:
    """Each of the sites, which do not run yet, knows all the others."""
    for one in sites:
        for other in sites:
            if other is not one:
                one.flags += ["--peer", f"127.0.0.1:{other.site_port}"]


def three(site, next_hop: int, **options):
    """A primary with two standbys that follow it; all of them know one another."""
    first = site("anna", next_hop, **options)
    others = [
        site(name, next_hop, standby_of=first.site_port, **options) for name in ("bert", "cleo")]
    know(first, *others)
    first.start_site()
    for one in others:
        one.start_site("standby")
        one.wait_connected()
    return first, *others


def follows(one, other, seconds: float = 30) -> dict:
    """Waits until a site follows another one by a link."""
    return one.wait_report(
        lambda report: report.get("primary", {}).get("connected") is True
        and report["primary"]["address"].endswith(f":{other.site_port}")
        and report["primary"]["site"] == other.name, f"a link to {other.name}", seconds)


def stand(*sites) -> None:
    """All of them end; none may have failed."""
    for one in sites:
        assert one.stop() == 0


def test_the_third_site_follows_the_promoted_one_and_remembers_it(site, sink, tmp_path):
    first, second, third = three(site, sink.port)
    third.wait_report(
        lambda report: report["primary"]["choice"] == "configured"
        and report["primary"]["why"] == "as configured, the primary of epoch 1", "the reason")
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    recorder.stop()
    first.wait_drained()
    second.wait_caught_up(first), third.wait_caught_up(first)
    first.kill()
    second.wait_lost(), third.wait_lost()
    wait_until(
        lambda: "no other site that answers is the primary" in third.site(
            "status", check=False).stdout, 20, "the reason", every=0.1)
    second.promote()
    report = follows(third, second)
    assert report["primary"]["choice"] == "found"
    send(second.port, "after@recipient.example")
    second.wait_drained()
    third.wait_caught_up(second)
    report = third.wait_report(
        lambda report: report["primary"]["why"].endswith("the primary of epoch 2"), "the reason")
    assert f"configured: 127.0.0.1:{first.site_port}" in report["primary"]["why"]
    text = third.site("status")
    assert text.returncode == 0 and "why         found by itself" in text.stdout
    assert "this standby follows it from now on" in third.output(100_000)
    # Remembered.
    assert third.stop() == 0
    assert third.recorded["follows"] == f"127.0.0.1:{second.site_port}"
    third.start_site("standby")
    assert follows(third, second)["primary"]["choice"] == "found"
    # What an operator configures afterwards is newer.
    assert third.stop() == 0
    place = third.flags.index("--standby-of") + 1
    third.flags[place] = f"localhost:{second.site_port}"
    third.start_site("standby")
    report = third.wait_connected()["primary"]
    assert (report["choice"], report["address"]) == ("configured", third.flags[place])
    stand(second, third)
    sink.stop()
    check_sites(second, first, third, acknowledged=[recorder.path], sink=sink, drained=True)


def test_a_third_site_goes_along_with_a_switchover_and_back(site, sink, tmp_path):
    first, second, third = three(site, sink.port)
    recorder = record(first.port, tmp_path)
    for number, (old, new) in enumerate([(first, second), (second, first)]):
        before = recorder.acknowledged
        wait_until(lambda: recorder.acknowledged > before + 30, 60, "30 messages")
        assert old.site("switchover", "--to", new.name).returncode == 0
        new.wait_accepts()
        recorder.port = new.port
        follows(third, new)
        follows(old, new)
        assert new.report()["position_epoch"] == number + 2
    recorder.stop()
    first.wait_drained()
    second.wait_caught_up(first), third.wait_caught_up(first)
    stand(third, second, first)
    sink.stop()
    check_sites(
        first, second, third, acknowledged=[recorder.path], sink=sink, planned=True, drained=True)


def test_a_standby_of_a_standby_stays_there_until_that_one_is_away(site, sink, tmp_path):
    first = site("anna", sink.port)
    second = site("bert", sink.port, standby_of=first.site_port)
    third = site("cleo", sink.port, standby_of=second.site_port)
    know(first, second, third)
    first.start_site()
    for one in (second, third):
        one.start_site("standby")
        one.wait_connected()
    report = third.wait_report(
        lambda report: report["primary"]["why"] == "as configured, a standby itself", "the reason")
    recorder = record(first.port, tmp_path)
    wait_until(lambda: recorder.acknowledged > 50, 60, "50 messages")
    # A restart of the site in between, and one of its own, change nothing.
    assert second.stop() == 0
    second.start_site("standby")
    report = follows(third, second)
    assert third.stop() == 0
    third.start_site("standby")
    assert follows(third, second)["primary"]["choice"] == "configured"
    second.kill()
    report = follows(third, first, 40)
    assert report["primary"]["choice"] == "found"
    # It does not go back and forth.
    second.start_site("standby")
    second.wait_connected()
    before = recorder.acknowledged
    wait_until(lambda: recorder.acknowledged > before + 50, 60, "50 more")
    recorder.stop()
    first.wait_drained()
    second.wait_caught_up(first), third.wait_caught_up(first)
    assert follows(third, first)["primary"]["connected"]
    stand(third, second, first)
    sink.stop()
    check_sites(
        first, second, third, acknowledged=[recorder.path], sink=sink, planned=True, drained=True)


def test_in_a_row_a_switchover_elsewhere_leaves_the_last_one_where_it_is(site, sink, tmp_path):
    """dora takes over from anna; bert goes to dora by itself, and cleo stays with bert."""
    first = site("anna", sink.port)
    other = site("dora", sink.port, standby_of=first.site_port)
    second = site("bert", sink.port, standby_of=first.site_port)
    third = site("cleo", sink.port, standby_of=second.site_port)
    know(first, other, second, third)
    first.start_site()
    for one in (other, second, third):
        one.start_site("standby")
        one.wait_connected()
    assert first.site("switchover", "--to", "dora").returncode == 0
    follows(second, other)
    send(other.port, "new@recipient.example")
    other.wait_drained()
    third.wait_caught_up(other)
    assert follows(third, second)["primary"]["choice"] == "configured"
    stand(third, second, first, other)


def test_a_third_site_that_has_more_says_so_and_cuts_nothing_off(site, sink, tmp_path):
    """bert lacks what cleo has, and is promoted: cleo waits for an order, which exports its end."""
    # Of bert's link, so that it can be cut alone.
    first = site("anna", sink.port)
    with Wire(first.site_port) as link:
        second = site("bert", sink.port, standby_of=link.port)
        third = site("cleo", sink.port, standby_of=first.site_port)
        third.flags += ["--peer", f"127.0.0.1:{second.site_port}"]
        first.start_site()
        second.start_site("standby"), third.start_site("standby")
        send(first.port, "both@recipient.example")
        first.wait_drained()
        second.wait_caught_up(first), third.wait_caught_up(first)
        link.cut()
        second.wait_lost()
        send(first.port, "only@recipient.example")
        first.wait_drained()
        third.wait_caught_up(first)
        first.kill()
        ended = third.report()["sequence"]
        assert second.report()["sequence"] < ended
        second.promote()
    report = third.wait_report(
        lambda report: report["primary"]["diverged"], "what has parted")
    assert report["primary"]["address"].endswith(f":{second.site_port}")
    order = f"waybill site rejoin --data {third.data} --follow 127.0.0.1:{second.site_port}"
    assert report["primary"]["problem"].endswith(order)
    assert report["sequence"] == ended, "it cut something off by itself"
    status = third.site("status", check=False)
    assert status.returncode == 1 and order in status.stdout
    assert order in third.output(100_000)
    assert not third.salvaged()
    # Still so after a restart.
    assert third.stop() == 0
    third.start_site("standby")
    third.wait_report(lambda report: report["primary"]["diverged"], "what has parted")
    assert third.report()["sequence"] == ended
    assert third.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}").returncode == 0
    assert follows(third, second)["primary"]["choice"] == "ordered"
    assert len(third.salvaged()) == 1
    third.wait_caught_up(second)
    stand(third, second)
    check_sites(second, third, first)


def test_the_new_primary_makes_itself_known_where_nobody_configured_it(site, sink, tmp_path):
    """cleo knows anna only; bert knows cleo, and says where it is when it asks."""
    first = site("anna", sink.port).start_site()
    second = site("bert", sink.port, standby_of=first.site_port)
    third = site("cleo", sink.port, standby_of=first.site_port)
    second.flags += ["--peer", f"127.0.0.1:{third.site_port}"]
    for one in (second, third):
        one.start_site("standby")
        one.wait_connected()
    second.wait_caught_up(first), third.wait_caught_up(first)
    first.kill()
    second.wait_lost()
    second.promote()
    assert follows(third, second)["primary"]["choice"] == "found"
    # A restart before bert asks again: what was found is recorded.
    third.kill()
    third.start_site("standby")
    follows(third, second)
    stand(third, second)


def test_a_primary_that_only_sleeps_holds_nobody_up(site, sink, tmp_path):
    """Its link is silent and not closed; when it wakes, it hears that it is the primary no more."""
    first, second, third = three(site, sink.port)
    second.wait_caught_up(first), third.wait_caught_up(first)
    first.pause()
    second.promote("--force")
    began = time.monotonic()
    follows(third, second, 8)
    print(f"followed {time.monotonic() - began:.2f} s after the promotion")
    first.wake()
    first.wait_role("fenced")
    send(second.port, "after@recipient.example")
    second.wait_drained()
    third.wait_caught_up(second)
    stand(third, second, first)


def test_a_site_that_knows_no_other_says_so(site, sink):
    first = site("anna", sink.port).start_site()
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_connected()
    first.kill()
    second.wait_lost()
    second.wait_report(
        lambda report: "no other site is known (replication.peers)" in report["primary"]["why"],
        "the reason")


@pytest.mark.parametrize("found_by", ["peers", "etcd", "address in etcd"])
def test_with_a_lease_acknowledgements_on_standbys_flow_again_by_themselves(
        site, sink, tmp_path, found_by):
    """kill -9 of the leader under load with ack: replicated: one takes over, the other follows it."""
    with Etcd(tmp_path / "etcd", 1) as cluster:
        section = {
            "endpoints": cluster.endpoints, "ttl": f"{TTL}s", "promote": "automatic",
            "witness": "trusted"}
        options = {"lease": section, "acknowledge": {"ack": "replicated", "ack_standbys": 1}}
        first = site("anna", sink.port, **options)
        others = [
            site(name, sink.port, standby_of=first.site_port, **options)
            for name in ("bert", "cleo")]
        if found_by == "peers":
            know(first, *others)
        elif found_by == "address in etcd":
            for one in (first, *others):
                one.listen_everywhere()
        first.start_site()
        for one in others:
            one.start_site("standby")
            one.wait_connected()
        first.wait_report(lambda report: report["lease"]["held"], "the lease")
        wait_until(
            lambda: len([row for row in first.report()["standbys"] if row["connected"]]) == 2, 30,
            "both standbys")
        recorder = record(first.port, tmp_path)
        wait_until(lambda: recorder.acknowledged > 100, 60, "100 messages")
        first.kill()
        began = time.monotonic()

        def leader():
            reports = [(one, one.report_now()) for one in others]
            return next((one for one, said in reports if said and said["role"] == "primary"), None)

        new = wait_until(leader, 60, "the new primary", every=0.05)
        promoted = time.monotonic() - began
        other = next(one for one in others if one is not new)
        before = recorder.acknowledged
        recorder.port = new.port
        wait_until(lambda: recorder.acknowledged > before, 60, "an acknowledgement", every=0.05)
        flows = time.monotonic() - began
        assert follows(other, new)["primary"]["choice"] == "found"
        wait_until(lambda: recorder.acknowledged > before + 50, 60, "acknowledgements again")
        print(f"{found_by}, ttl {TTL} s: primary after {promoted:.2f} s, "
              f"acknowledged on a standby after {flows:.2f} s")
        recorder.stop()
        new.wait_drained()
        other.wait_caught_up(new)
        acknowledged = json.loads(new.site("status", "--json").stdout)["acknowledged"]
        assert acknowledged["replicated"] > 50 and acknowledged["degraded"] == 0
        assert other.report()["position_epoch"] == 2
        stand(other, new)
        sink.stop()
        counts = check_sites(
            new, other, first, acknowledged=[recorder.path], sink=sink, drained=True)
        assert counts["missing"] == 0


# Before the first contact

def test_a_standby_that_has_never_reached_its_primary_says_so_from_the_first_second(
        site, sink, tmp_path):
    first = site("anna", sink.port)
    second = site("bert", sink.port, standby_of=first.site_port)
    second.launch()
    wait_until(lambda: (second.data / "control.sock").exists(), 10, "the control socket", every=0.05)
    status = wait_until(
        lambda: (lambda one: one if "Connection refused" in one.stdout else None)(
            second.site("status", check=False)), 10, "the reason", every=0.1)
    assert status.returncode == 1
    lines = status.stdout.splitlines()
    assert any(line.startswith("role        standby") for line in lines)
    assert "log ends    there is no log here yet" in lines
    problem = next(line for line in lines if line.startswith("problem"))
    assert f"has not reached 127.0.0.1:{first.site_port} yet: no connection to" in problem
    assert "tries again every" in problem
    shown = second.site("status", "--json", check=False)
    assert shown.returncode == 1
    report = json.loads(shown.stdout)
    assert report["role"] == "standby" and report["log_id"] == "" and not report["ready"]
    primary = report["primary"]
    assert not primary["reached"] and not primary["connected"] and primary["retry_seconds"] > 0
    # The other queries and orders.
    for command in (["queue", "list"], ["queue", "suspend", "--domain", "a.example"]):
        refused = second.command(*command, check=False)
        assert refused.returncode != 0, command
        assert "no log yet" in refused.stderr, refused.stderr
    refused = second.site("promote", check=False)
    assert refused.returncode == 1 and "no log here yet" in refused.stderr
    refused = second.site("verify", check=False)
    assert refused.returncode == 75 and "no log yet" in refused.stderr
    # Over HTTP.
    assert second.api.get("/health/live").status == 200
    ready = second.api.get("/health/ready")
    assert ready.status == 503
    assert "has not reached its primary yet" in ready.json()["detail"]
    for path in ("/api/v1/queue", "/api/v1/events", "/api/v1/campaigns"):
        answer = second.api.get(path)
        assert answer.status == 503, path
        assert "This site has no log yet" in answer.json()["detail"]
        assert "waybill site status" in answer.json()["detail"]
    metrics = second.api.get("/metrics")
    assert metrics.status == 200 and 'waybill_site_role{role="standby"} 1' in metrics.body.decode()
    # Then everything goes on, in the same process.
    pid = second.pid
    first.start_site()
    report = follows(second, first)
    assert report["primary"]["reached"] and "retry_seconds" not in report["primary"]
    send(first.port, "one@recipient.example")
    first.wait_drained()
    second.wait_caught_up(first)
    assert second.pid == pid and second.site("status").returncode == 0
    wait_until(lambda: second.api.get("/api/v1/queue").status == 200, 30, "an answer")
    assert second.command("queue", "list").returncode == 0
    assert "standby" in second.api.get("/health/ready").json()["detail"]
    assert "log yet" not in second.api.get("/health/ready").json()["detail"]
    stand(second, first)


def test_a_standby_without_a_log_ends_when_it_is_told_to(site, sink):
    """Its primary does not even refuse: the attempt is given up."""
    nobody = free_port()
    second = site("bert", sink.port, standby_of=nobody)
    second.launch()
    wait_until(lambda: (second.data / "control.sock").exists(), 10, "the control socket", every=0.05)
    assert second.stop() == 0
    assert not (second.data / "control.sock").exists()
    # And a second start is as the first.
    second.launch()
    second.wait_report(lambda report: report["role"] == "standby", "its role")
    os.kill(second.pid, signal.SIGTERM)
    second.process.wait(20)


def test_a_primary_that_waits_for_its_first_lease_answers_too(site, sink, tmp_path):
    with Etcd(tmp_path / "etcd", 1) as cluster:
        cluster.stop()
        first = site("anna", sink.port, lease={"endpoints": cluster.endpoints, "ttl": f"{TTL}s"})
        first.launch()
        report = first.wait_role("waiting")
        assert report["log_id"] == "" and "primary" not in report
        status = first.site("status", check=False)
        assert status.returncode == 1 and "log ends    there is no log here yet" in status.stdout
        ready = first.api.get("/health/ready")
        assert ready.status == 503 and "waits for the lease" in ready.json()["detail"]
        assert "no log yet" in first.command("queue", "list", check=False).stderr
        cluster.start()
        first.wait_accepts(30)
        send(first.port, "one@recipient.example")
        first.wait_drained()
        stand(first)


def test_an_empty_site_whose_configured_primary_is_gone_finds_the_new_one(site, sink):
    first = site("anna", sink.port).start_site()
    third = site("cleo", sink.port, standby_of=free_port())
    third.flags += ["--peer", f"127.0.0.1:{first.site_port}"]
    third.launch()
    report = follows(third, first, 40)
    assert report["primary"]["choice"] == "found" and report["log_id"]
    stand(third, first)
