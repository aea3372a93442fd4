"""Retention of events: pruning beside a running server, and on a stopped one's directory."""

import json
import shutil
import smtplib

import pytest

from harness.configuration import configuration
from harness.http import start_with_api
from harness.peer import Peer
from harness.stones import source
from harness.support import ROOT, free_port, run, waybill_binary, wait_until

READER = ROOT / "tools" / "waybill-log-reader"

PROJECTIONS = {"history", "queue", "statistics", "suppression"}


def info(waybill) -> dict:
    return json.loads(waybill.command("log", "info", "--json").stdout)


def segments(waybill) -> list[dict]:
    return info(waybill)["segments"]


def prune(waybill, *arguments) -> dict:
    return json.loads(waybill.command("log", "prune", *arguments, "--json").stdout)


def send(waybill, recipient: str, subject: str) -> None:
    with smtplib.SMTP("127.0.0.1", waybill.port) as client:
        client.sendmail(
            "news@client.example", [recipient], f"Subject: {subject}\r\n\r\nWords.\r\n" * 20)


def round_of_mail(waybill, number: int, count: int = 30) -> None:
    """Some mail, all delivered, in a segment of its own."""
    before = len(waybill.of_type("delivered"))
    for place in range(count):
        send(waybill, f"r{place}@recipient{number}.example", f"number {number}.{place}")
    waybill.wait_for("delivered", before + count)
    waybill.command("log", "seal")


def digests(waybill) -> dict[str, str]:
    """What the files hold; and the log gives the same."""
    answers = waybill.json("projection", "verify")
    return {answer["name"]: (answer["sequence"], answer["digest"]) for answer in answers}


def rebuilt(waybill) -> dict[str, str]:
    waybill.command("projection", "rebuild", *sorted(PROJECTIONS))
    return digests(waybill)


def bases(waybill) -> list[str]:
    return sorted(path.name for path in (waybill.data / "projections" / "base").iterdir())


def totals(waybill) -> int:
    """Deliveries as the statistics count them."""
    return sum(row["delivered"] for row in waybill.json("provider", "list"))


@pytest.fixture
def slow():
    """Addresses that the next hop defers."""
    return {"slow@recipient.example"}


@pytest.fixture
def peer(slow):
    with Peer(on_rcpt=lambda address: "451 4.3.0 later" if address in slow else None) as peer:
        yield peer


def test_a_server_prunes_while_mail_flows(server, peer, slow):
    port = free_port()
    with server(port=port, listen=False, relay_from=None, configuration=configuration(
            port, smarthost=f"127.0.0.1:{peer.port}")) as waybill:
        round_of_mail(waybill, 1)
        send(waybill, "slow@recipient.example", "kept")
        waybill.wait_for("deferred")
        for number in (2, 3):
            round_of_mail(waybill, number)
        assert totals(waybill) == 90
        before = waybill.events()
        old = before[10]["message_id"]
        found = segments(waybill)

        # What a message needs stays, however much is asked for.
        answer = prune(waybill, "--keep-bytes", "0", "--dry-run")
        assert [each["first_sequence"] for each in answer["segments"]] == [1]
        assert answer["stopped_by"] == "needed"
        answer = prune(waybill, "--keep-bytes", "0")
        assert [each["first_sequence"] for each in answer["segments"]] == [1]
        assert len(segments(waybill)) == len(found) - 1

        slow.clear()
        waybill.wait_for("delivered", 91 - 30)
        (arrived,) = peer.received("slow@recipient.example")
        assert b"Subject: kept" in arrived.data
        text = waybill.command("log", "prune", "--before", str(found[2]["first_sequence"])).stdout
        assert f"the first event kept is {found[2]['first_sequence']}" in text
        assert "nothing to prune" in waybill.command("log", "prune", "--keep-days", "1").stdout

        first = found[2]["first_sequence"]
        assert waybill.events()[0]["sequence"] == first
        assert info(waybill)["pruned"]["first_sequence"] == first
        kept = [event for event in before if event["sequence"] >= first]
        assert waybill.events()[:len(kept)] == kept, "history has changed"
        assert waybill.verify().returncode == 0
        assert waybill.reader("verify").returncode == 0
        # The totals are of all mail, also of what is gone.
        assert totals(waybill) == 91
        for command in (("trace", old), ("message", "show", old), ("log", "cat", "--from", "1"),
                        ("provider", "list", "--at", "5")):
            answer = waybill.command(*command, check=False)
            assert answer.returncode != 0, command
            assert f"{first}" in answer.stderr, answer.stderr
        answer = waybill.command("message", "list")
        assert f"the events before {first} were pruned" in answer.stderr
        round_of_mail(waybill, 4)
        assert (waybill.data / "log" / f"{1:016x}.mdb").exists() is False
        assert len(bases(waybill)) == 4
    with waybill:
        assert waybill.verify().returncode == 0
        send(waybill, "r@recipient5.example", "after a restart")
        waybill.wait_for("delivered", 61)
    before = rebuilt(waybill)
    for path in (waybill.data / "projections").glob("*.mdb*"):
        path.unlink()
    assert rebuilt(waybill) == before


def test_projections_come_from_the_base(server, peer, tmp_path):
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        for number in range(3):
            round_of_mail(waybill, number)
        waybill.command("suppression", "add", "gone@recipient.example")
    archive = tmp_path / "archive"
    events = waybill.events()
    before = rebuilt(waybill)
    assert before.keys() == PROJECTIONS
    found = segments(waybill)
    (tmp_path / "old").mkdir()
    for number in (1, 2):
        answer = prune(waybill, "--archive", str(archive),
                       "--before", str(found[number]["first_sequence"]))
        assert len(answer["segments"]) == 1 and answer["archived"]
        assert digests(waybill) == before
        assert rebuilt(waybill) == before
        # Without any file the same comes from the base and the log.
        for path in (waybill.data / "projections").glob("*.mdb*"):
            path.unlink()
        assert rebuilt(waybill) == before
        # The archive is a log of its own.
        last = found[number]["first_sequence"] - 1
        assert run(waybill_binary(), "log", "verify", "--data", archive).returncode == 0
        assert run(READER, "verify", archive).returncode == 0
        archived = [json.loads(line) for line in run(
            waybill_binary(), "log", "cat", "--json", "--data", archive).stdout.splitlines()]
        assert archived == events[:last]
        theirs = run(READER, "events", archive).stdout.splitlines()
        assert [json.loads(line)["sequence"] for line in theirs] == list(range(1, last + 1))
    refused = waybill.command("log", "prune", "--keep-bytes", "0", check=False)
    assert refused.returncode == 69
    assert f"--archive {archive}" in refused.stderr
    assert waybill.reader("verify").returncode == 0
    assert "archive " + str(archive) in waybill.reader("info").stdout

    # A repair makes a log that begins at the same cut, with the same states.
    repaired = tmp_path / "repaired"
    waybill.command("log", "repair", "--to", str(repaired))
    run(waybill_binary(), "projection", "rebuild", *sorted(PROJECTIONS), "--data", repaired)
    answers = run(waybill_binary(), "projection", "verify", "--json", "--data", repaired).stdout
    assert {each["name"]: (each["sequence"], each["digest"])
            for each in map(json.loads, answers.splitlines())} == before

    # A projection without its base names the archive; the archive makes the log whole again.
    for path in (waybill.data / "projections").rglob("statistics-*.mdb*"):
        path.rename(tmp_path / "old" / path.name)
    answer = waybill.command("projection", "rebuild", "statistics", check=False)
    assert answer.returncode != 0
    assert str(archive) in answer.stderr
    for path in (archive / "log").glob("*.mdb"):
        if not (waybill.data / "log" / path.name).exists():
            shutil.copy(path, waybill.data / "log" / path.name)
    (waybill.data / "log" / "pruned").unlink()
    assert waybill.verify().returncode == 0
    assert waybill.events() == events
    assert rebuilt(waybill) == before
    with waybill:
        send(waybill, "r@recipient9.example", "whole again")
        waybill.wait_for("delivered", 91)
        assert not (waybill.data / "projections" / "base").exists()


def test_a_relative_archive_is_noted_as_an_absolute_one(server, peer, tmp_path):
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        for number in range(3):
            round_of_mail(waybill, number)
    found = segments(waybill)
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    def prune_in(directory, *arguments):
        return run(waybill_binary(), "log", "prune", "--data", waybill.data, *arguments,
                   check=False, cwd=directory)

    done = prune_in(here, "--archive", "archive", "--before", found[1]["first_sequence"])
    assert done.returncode == 0, done.stderr
    archive = here.resolve() / "archive"
    assert (archive / "log").is_dir()
    assert info(waybill)["pruned"]["archive"] == str(archive)
    assert f"archive {archive}," in waybill.reader("info").stdout
    before = found[2]["first_sequence"]
    refused = prune_in(there, "--before", before)
    assert refused.returncode == 69 and f"--archive {archive}," in refused.stderr
    assert prune_in(there, "--archive", archive, "--before", before).returncode == 0
    assert not list(there.iterdir())
    assert run(READER, "verify", archive).returncode == 0


def test_a_server_prunes_by_its_configuration(server, peer, tmp_path):
    port = free_port()
    whole = configuration(port, smarthost=f"127.0.0.1:{peer.port}")
    whole.setdefault("log", {}).update(
        event_retention="1s", prune_archive=str(tmp_path / "archive"))
    with server(port=port, listen=False, relay_from=None, configuration=whole) as waybill:
        round_of_mail(waybill, 1)
    with waybill:
        wait_until(lambda: info(waybill).get("pruned"), 30, "the pruning")
        assert waybill.events()[0]["sequence"] > 1
        assert waybill.verify().returncode == 0
    assert run(waybill_binary(), "log", "verify", "--data", tmp_path / "archive").returncode == 0
    assert digests(waybill).keys() == PROJECTIONS


def test_pruning_over_http(server, peer):
    waybill, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{peer.port}")
    try:
        round_of_mail(waybill, 1)
        round_of_mail(waybill, 2)
        old = waybill.events()[10]["message_id"]
        first = segments(waybill)[1]["first_sequence"]
        assert api.post("/api/v1/log/prune", {}).status == 409
        assert api.post("/api/v1/log/prune", {"keep": 3}).status == 422
        dry = api.post(
            "/api/v1/log/prune", {"before_sequence": first, "dry_run": True}).json()
        answer = api.post("/api/v1/log/prune", {"before_sequence": first})
        assert answer.status == 200
        assert answer.json() == dry | {"dry_run": False}
        assert answer.json()["first_sequence"] == first
        gone = api.get(f"/api/v1/messages/{old}")
        assert gone.status == 410
        assert str(first) in gone.json()["detail"]
        assert api.get("/api/v1/events?from=1&limit=1").status == 410
        (event,) = api.get("/api/v1/events?limit=1").lines()
        assert event["sequence"] == first
        metrics = api.get("/metrics").body.decode()
        assert "waybill_log_pruned_segments_total 1" in metrics
        assert f"waybill_log_first_sequence {first}" in metrics
    finally:
        waybill.stop()


def test_wrong_use_is_named(server, peer, tmp_path):
    with server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        source(waybill.port, 5, sessions=1)
        answer = waybill.command("log", "prune", check=False)
        assert answer.returncode == 64
        assert "--keep-days" in answer.stderr
        answer = waybill.command(
            "log", "prune", "--keep-days", "1", "--archive", str(tmp_path), check=False)
        assert answer.returncode == 69
        assert "prune_archive" in answer.stderr
    for arguments in (("--keep-bytes", "much"), ("--keep-days", "-1"), ("--before", "soon")):
        assert waybill.command("log", "prune", *arguments, check=False).returncode == 64
