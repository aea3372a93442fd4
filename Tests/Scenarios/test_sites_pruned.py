"""A second site for a log that was pruned: it begins behind the cut, with the states as of there."""

import shutil

import pytest

from harness.sites import check_sites
from harness.support import wait_until
from test_sites import pair, send


def statistics(site) -> dict:
    """What the site says of all tenants and of what is queued."""
    return {
        "tenants": site.api.get("/api/v1/clients").json(),
        "queue": site.api.get("/api/v1/queue").json()}


@pytest.fixture
def pruned(site, sink):
    """A primary whose log was pruned."""
    first = site("anna", sink.port).start_site()
    cut = first.prune()
    assert cut > 1
    return first, cut


def test_a_site_without_a_log_begins_at_the_cut_and_takes_over(pruned, site, sink):
    first, cut = pruned
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_connected()
    send(first.port, "later@recipient.example")
    first.wait_drained()
    second.wait_caught_up(first)
    assert int(second.segments()[0].stem, 16) == cut
    ours, theirs = first.report(), second.report()
    assert (ours["sequence"], ours["chain_hash"]) == (theirs["sequence"], theirs["chain_hash"])
    assert second.command("log", "verify").returncode == 0
    # What was counted before the cut is counted here, although its events are not.
    wait_until(lambda: statistics(second) == statistics(first), 60, "the same statistics")
    def record(one):
        return (one.data / "log" / "pruned").read_bytes()

    def bases(one):
        return sorted(path.name for path in (one.data / "projections" / "base").iterdir())

    assert record(first) == record(second) and bases(first) == bases(second)
    first.kill()
    second.wait_lost()
    second.promote()
    send(second.port, "last@recipient.example")
    second.wait_drained()
    # It lost nothing of the past by a restart, and can be rebuilt from what came over.
    assert second.stop() == 0
    assert second.command("projection", "rebuild", "statistics").returncode == 0
    second.start_site()
    sent = [row["recipient"] for row in second.of_type("delivered")]
    assert sent == ["later@recipient.example", "last@recipient.example"]
    assert second.stop() == 0
    check_sites(second, acknowledged=[], drained=True)


def test_sites_in_a_row_take_the_cut_over(pruned, site, sink):
    first, cut = pruned
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_connected()
    third = site("carl", sink.port, standby_of=second.site_port).start_site("standby")
    third.wait_connected()
    send(first.port, "later@recipient.example")
    first.wait_drained()
    second.wait_caught_up(first)
    third.wait_caught_up(first)
    assert int(third.segments()[0].stem, 16) == cut
    assert third.report()["chain_hash"] == first.report()["chain_hash"]


def test_a_drill_at_either_site_of_a_pruned_log_passes(pruned, site, sink):
    first, cut = pruned
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_connected()
    send(first.port, "later@recipient.example")
    first.wait_drained()
    second.wait_caught_up(first)
    for one in (first, second):
        [report] = one.json("site", "drill")
        assert report["passed"] and report["findings"] == [], report
        assert not list(one.data.glob(".drill-*"))
        compared = one.command("site", "verify", check=False)
        assert compared.returncode == 0, compared.stdout + compared.stderr


def test_a_standby_that_lacks_what_was_pruned_begins_anew_when_it_is_empty(site, sink):
    first, second = pair(site, sink)
    second.stop()
    wait_until(
        lambda: not any(row["connected"] for row in first.report()["standbys"]), 30, "its leaving")
    first.site("forget", "bert")
    first.prune()
    second.start_site("standby")
    report = second.wait_report(lambda report: report["primary"].get("problem"), "the refusal")
    assert "start the standby with an empty data directory" in report["primary"]["problem"]
    second.stop()
    shutil.rmtree(second.data)
    second.start_site("standby")
    second.wait_connected()
    second.wait_caught_up(first)


def test_a_state_that_is_not_what_was_signed_off_is_refused(pruned, site, sink):
    first, _ = pruned
    [base] = (first.data / "projections" / "base").glob("statistics-*.mdb")
    whole = base.read_bytes()
    # One octet of a value: the pages stay in order, only the digest tells.
    place = whole.rindex(b"recipient.example")
    base.write_bytes(whole[:place] + b"R" + whole[place + 1:])
    second = site("bert", sink.port, standby_of=first.site_port)
    second.launch()
    wait_until(lambda: "is refused" in second.output(), 60, "the refusal")
    assert not second.segments(), "there is no log before its states are believed"
    base.write_bytes(whole)
    second.wait_connected()
    second.wait_caught_up(first)
