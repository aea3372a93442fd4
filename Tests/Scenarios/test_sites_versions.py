"""Sites of different releases: another protocol is refused by name, older logs get over as they are."""

import json
import shutil
import smtplib

import pytest

from harness.sitepeer import AnsweringSite, ask
from harness.sites import check_sites
from harness.support import ROOT, listens, wait_until

FOLLOW, FETCH, ASK = 1, 2, 3
OTHER_PROTOCOL = 1
# Not the pruned one: what stands before its cut was never a queue's, so no server begins with it.
LOGS = sorted(
    path.name for path in (ROOT / "replay" / "logs").iterdir()
    if path.is_dir() and "pruned" not in path.name)
# Events of every kind in an order that no server would write.
MADE_UP = {"v1-control", "v1-odd"}


def send(port: int, recipient: str) -> None:
    """One message that must be taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("sender@client.example", [recipient], "Subject: one\r\n\r\none\r\n")


@pytest.mark.parametrize("protocol", [0, 2])
@pytest.mark.parametrize("purpose", [FOLLOW, FETCH, ASK], ids=["follow", "fetch", "ask"])
def test_a_hello_of_another_protocol_is_refused_and_both_versions_are_named(
        site, sink, authority, purpose, protocol):
    first = site("anna", sink.port).start_site()
    log = bytes.fromhex(first.report()["log_id"])
    # Whatever else it says: an epoch that only another protocol has fences nobody.
    answer = ask(
        authority, first.site_port, protocol=protocol, purpose=purpose, site="newer", log_id=log,
        position={}, known_epoch=7)
    refused = answer["refused"]
    assert refused["reason"] == OTHER_PROTOCOL
    assert refused["message"] == f"protocol {protocol} is not spoken here, 1 is"
    wait_until(lambda: refused["message"] in first.output(), 30, "the refusal in the log")
    assert "newer" in first.output()
    report = first.report()
    assert (report["role"], report["epoch"], report["standbys"]) == ("primary", 1, [])
    send(first.port, "one@recipient.example")
    first.wait_drained()
    # One that speaks it is welcome.
    assert ask(
        authority, first.site_port, protocol=1, purpose=ASK, site="same", log_id=log, position={}
    )["welcome"]["protocol"] == 1


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_welcome_of_another_protocol_is_refused_and_nothing_is_written(
        site, sink, authority, protocol):
    welcome = {
        "protocol": protocol, "log_id": bytes(range(16)), "site": "newer",
        "position": {"epoch": 1, "sequence": 5, "chain_hash": bytes(32)}, "known_epoch": 1,
        "is_primary": True}
    with AnsweringSite(authority, welcome=welcome) as other:
        second = site("bert", sink.port, standby_of=other.port)
        second.launch()
        said = f"newer speaks protocol {protocol}, this site protocol 1"
        wait_until(lambda: said in second.output(), 30, "the refusal")
        # It dials again, and says its own protocol each time.
        wait_until(lambda: len(other.hellos) >= 3, 30, "further tries")
        assert {hello["protocol"] for hello in other.hellos} == {1}
        assert not list((second.data / "log").glob("*.mdb"))
        assert not listens(second.port)


def test_a_refusal_by_another_protocol_is_shown_at_the_standby(site, sink, authority):
    """What an older primary, or a newer one, says to this release."""
    first = site("anna", sink.port).start_site()
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_caught_up(first)
    assert second.stop() == 0
    text = "protocol 1 is not spoken here, 2 is"
    with AnsweringSite(
            authority, refused={"reason": OTHER_PROTOCOL, "message": text, "position": {},
                                "known_epoch": 1}) as other:
        second.flags[second.flags.index("--standby-of") + 1] = f"127.0.0.1:{other.port}"
        second.launch()
        report = second.wait_report(
            lambda report: report["primary"].get("problem"), "the refusal")
        assert text in report["primary"]["problem"]
        assert second.site("status", check=False).returncode == 1
    assert second.verify().returncode == 0


def lines(text: str) -> list[dict]:
    """Of JSON; a text in it may have what Python takes for the end of a line."""
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.mark.parametrize("name", LOGS)
def test_a_log_of_an_older_format_gets_over_as_it_is(site, sink, name):
    """Each log that an older release wrote: served, shipped as files, verified, and written on."""
    first = site("anna", sink.port)
    golden = ROOT / "replay" / "logs" / name
    shutil.copytree(golden / "log", first.data / "log")
    first.start_site()
    send(first.port, "new@recipient.example")
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_caught_up(first)
    assert [path.name for path in second.segments()] == [path.name for path in first.segments()]
    # Every event of then stands at the standby.
    events = lines((golden / "events.jsonl").read_text())
    count = len(events)
    assert count > 100
    shipped = lines(second.command("log", "cat", "--json").stdout)
    assert shipped[:count] == lines(first.command("log", "cat", "--json").stdout)[:count]
    keys = ("sequence", "epoch", "time", "type")
    assert [[event.get(key) for key in keys] for event in shipped[:count]] == [
        [event.get(key) for key in keys] for event in events]
    first.kill()
    second.wait_lost()
    second.promote()
    send(second.port, "newer@recipient.example")
    assert second.report()["position_epoch"] == 3
    assert second.verify().returncode == 0
    second.kill()
    assert first.verify().returncode == 0
    for one in (first, second):
        assert one.reader("verify").returncode == 0
    verdict = check_sites(second, first, is_right=name not in MADE_UP)
    assert not [text for text in verdict["wrong"] if "recipient" not in text and "sent again" not in text]
