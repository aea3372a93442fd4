"""A standby that has only a part of the log: whole segments are on their way, no faster than allowed."""

import smtplib
import time

from harness.client import Recorder
from harness.sites import check_sites
from harness.support import wait_until

OCTETS_A_SECOND = 600_000


def send(port: int, recipient: str) -> None:
    """One message that must be taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("sender@client.example", [recipient], "Subject: one\r\n\r\none\r\n")


def filled(site, sink, tmp_path, segments: int):
    """A primary whose log has some sealed segments, and that ships slowly; and what clients were told."""
    first = site(
        "anna", sink.port, replication={"bandwidth": str(OCTETS_A_SECOND)}).start_site()
    recorder = Recorder(
        first.port, tmp_path / "old", clients=4, domain="old.example", body_octets=40_000,
        is_noise=True).start()
    wait_until(lambda: len(first.segments()) > segments, 120, f"{segments} segments")
    recorder.stop()
    first.wait_drained(120)
    return first, recorder.path


def fetching(second) -> dict:
    """Waits until a part of the segments is there, and a part is not."""
    return second.wait_report(
        lambda report: report["sequence"] > 0
        and report.get("primary", {}).get("fetching_segments", 0) > 0, "a part of the log")


def rejoin_and_judge(site_pair, sink, told) -> dict:
    """The former primary rejoins, gets mail over, and the logs are one."""
    first, second = site_pair
    first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
    first.wait_connected()
    send(second.port, "afterwards@recipient.example")
    second.wait_drained(60)
    first.wait_caught_up(second)
    ours, theirs = first.report(), second.report()
    assert (ours["sequence"], ours["chain_hash"]) == (theirs["sequence"], theirs["chain_hash"])
    exports = first.salvaged()
    assert first.verify().returncode == 0 and second.verify().returncode == 0
    assert first.stop() == 0 and second.stop() == 0
    sink.stop()
    counts = check_sites(
        second, first, acknowledged=[told], salvage=exports, sink=sink, drained=True)
    assert counts["missing"] == counts["kept_elsewhere"] > 0
    return counts


def test_by_force_the_part_that_arrived_goes_on_while_the_primary_still_answers(
        site, sink, tmp_path):
    first, told = filled(site, sink, tmp_path, 5)
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    fetching(second)
    refused = second.site("promote", check=False)
    assert refused.returncode == 1 and "The primary answers" in refused.stderr
    whole = first.report()["sequence"]
    second.promote("--force")
    report = second.report()
    begins = second.of_type("epoch_started")[-1]["sequence"]
    assert report["position_epoch"] == 2 and 1 < begins <= whole
    # The logs part where a segment ends, which is what the way back has to cope with.
    assert begins in [int(path.stem, 16) for path in first.segments()]
    first.wait_role("fenced")
    rejoin_and_judge((first, second), sink, told)


def test_a_part_of_the_log_goes_on_by_force_only_when_the_primary_is_lost(site, sink, tmp_path):
    first, told = filled(site, sink, tmp_path, 5)
    second = site(
        "bert", sink.port, standby_of=first.site_port).start_site("standby")
    fetching(second)
    first.kill()
    # A standby that starts anew knows it still.
    second.kill()
    second.start_site("standby")
    report = second.wait_lost()
    refused = second.site("promote", check=False)
    assert refused.returncode == 1, refused.stdout
    assert "still to be fetched" in refused.stderr and "--force" in refused.stderr
    assert second.report()["role"] == "standby"
    second.promote("--force")
    assert second.of_type("epoch_started")[-1]["sequence"] == report["sequence"] + 1
    first.flags += ["--peer", f"127.0.0.1:{second.site_port}"]
    first.start_site("fenced")
    rejoin_and_judge((first, second), sink, told)
    assert not (first.data / "fetching").exists()


def test_a_late_standby_catches_up_no_faster_than_the_bandwidth_and_mail_still_gets_over(
        site, sink, tmp_path):
    """Only the lower bound of the time is looked at: slower is always possible."""
    first, told = filled(site, sink, tmp_path, 4)
    prompt = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    began = time.monotonic()
    prompt.wait_caught_up(first)
    took = time.monotonic() - began
    octets = prompt.report()["primary"]["received_octets"]
    sealed = sum(path.stat().st_size for path in first.segments()[:-1])
    print(f"{octets} octets in {took:.1f} s at {OCTETS_A_SECOND} octets a second")
    assert octets >= sealed > 3_000_000
    # A frame may be sent ahead by each of the links.
    assert took > (octets - 4 * 1_048_576) / OCTETS_A_SECOND * 0.8
    # A second one comes late; to the first one mail gets over meanwhile.
    late = site("cleo", sink.port, standby_of=first.site_port).start_site("standby")
    late.wait_report(
        lambda report: report["primary"].get("fetching_segments", 0) > 0, "segments on their way")
    before = prompt.report()["sequence"]
    send(first.port, "live@recipient.example")
    prompt.wait_report(lambda report: report["sequence"] > before, "mail at the other standby")
    assert late.report()["primary"]["fetching_segments"] > 0, "it waited for all the segments"
    first.wait_drained()
    late.wait_caught_up(first)
    assert first.stop() == 0 and prompt.stop() == 0 and late.stop() == 0
    sink.stop()
    check_sites(
        first, prompt, late, acknowledged=[told], sink=sink, planned=True, drained=True)
