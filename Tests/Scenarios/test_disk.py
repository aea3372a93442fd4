"""A full disk, and disks that fail: strace injects what the kernel would say."""

import re
import smtplib

import pytest

from harness.client import Conversation, Recorder
from harness.configuration import configuration
from harness.smalldisk import small_file_system
from harness.stones import Sink
from harness.support import Skip, free_port, program, run, wait_until


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 48 MiB."""
    with small_file_system(tmp_path, 48) as place:
        yield place


def attempt(port) -> str:
    """One message; the reply that decided."""
    with Conversation(port) as session:
        session.hello()
        session.send("MAIL FROM:<a@client.example>\r\n")
        reply = session.reply()
        if not reply.startswith("250"):
            return reply
        assert session.command("RCPT TO:<b@recipient.example>").startswith("250")
        reply = session.command("DATA")
        if not reply.startswith("354"):
            return reply
        session.send("Subject: x\r\n\r\nx\r\n.\r\n")
        return session.reply()


def fill(place, leave: int):
    """A file that leaves so many octets free."""
    import os

    free = os.statvfs(place)
    octets = free.f_bavail * free.f_frsize - leave
    ballast = place / "ballast"
    with open(ballast, "wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, max(octets, 4096))
    return ballast


def test_below_the_floor_mail_is_refused_for_now_and_accepted_again(server, small_disk):
    port = free_port()
    with Sink() as sink, server(
            port=port, listen=False, relay_from=None, data=small_disk / "data",
            configuration=configuration(
                port, smarthost=f"127.0.0.1:{sink.port}", free_space_floor="8MiB")) as waybill:
        assert attempt(waybill.port).startswith("250")
        ballast = fill(small_disk, leave=4 << 20)
        reply = wait_until(
            lambda: (lambda text: text if text.startswith("4") else None)(attempt(waybill.port)), 15,
            "a refusal", every=0.3)
        assert reply.startswith("452 4.3.1"), reply
        ballast.unlink()
        wait_until(
            lambda: attempt(waybill.port).startswith("250"), 15, "acceptance again", every=0.3)
        assert waybill.process.poll() is None
        waybill.wait_drained()
    assert waybill.verify().returncode == 0


def test_a_disk_that_is_really_full_loses_nothing(server, small_disk):
    port = free_port()
    waybill = server(
        port=port, listen=False, relay_from=None, data=small_disk / "data",
        configuration=configuration(
            port, smarthost="127.0.0.1:9", retry="600s", free_space_floor="0"))
    waybill.start()
    recorder = Recorder(
        waybill.port, waybill.directory / "acknowledged", clients=4, body_octets=200_000).start()
    wait_until(lambda: recorder.acknowledged > 5, 20, "some messages")
    ballast = fill(small_disk, leave=1 << 20)
    wait_until(
        lambda: recorder.refused > 3 or waybill.process.poll() is not None, 60, "refusals")
    recorder.stop()
    ballast.unlink()
    if waybill.process.poll() is not None:
        waybill.process = None
        waybill.start()
    assert attempt(waybill.port).startswith("250")
    waybill.kill()
    received = {event["message_id"] for event in waybill.of_type("received")}
    assert set(recorder.ids()) <= received
    assert waybill.verify().returncode == 0


INJECTIONS = {
    "fdatasync EIO": ("fdatasync", "EIO"),
    "pwrite64 EIO": ("pwrite64,pwritev,writev", "EIO"),
    "pwrite64 ENOSPC": ("pwrite64,pwritev,writev", "ENOSPC"),
    "fdatasync ENOSPC": ("fdatasync", "ENOSPC"),
}


@pytest.mark.parametrize("calls,error", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_a_failing_disk_never_acknowledges_what_it_lost(server, tmp_path, calls, error):
    """The fault comes at a commit in the middle of traffic.

    Either the server says 4xx and lives on, or it ends itself with a clear message; after a restart
    every acknowledged message is there and the log verifies.
    """
    strace = program("strace")
    with Sink() as sink:
        waybill = server("--smarthost", f"127.0.0.1:{sink.port}")
        # Without the fault first, to have a log and to know that strace works here.
        waybill.start()
        assert attempt(waybill.port).startswith("250")
        assert waybill.stop() == 0
        paths = ("-P", str(sorted((waybill.data / "log").glob("*.mdb"))[-1]))
        if "writev" in calls:
            selection = (*paths, "-e", f"trace={calls}")
            # The write of pages, of a meta page, or of room ahead of the end, which nobody misses.
            when = 40
        else:
            selection = ("-e", f"trace={calls}")
            when = 40
        waybill.wrapper = (
            strace, "-f", "-qq", "-o", str(tmp_path / "strace.log"), *selection, "-e",
            f"inject={calls}:error={error}:when={when}")
        waybill.launch()
        recorder = Recorder(waybill.port, waybill.directory / "acknowledged", clients=4).start()
        injected = lambda: "INJECTED" in (tmp_path / "strace.log").read_text()
        try:
            wait_until(
                lambda: (tmp_path / "strace.log").exists() and injected(), 30, "the injected fault")
            wait_until(
                lambda: waybill.process.poll() is not None or recorder.refused > 0
                or recorder.acknowledged > 1000, 15, "a reaction")
        finally:
            recorder.stop()
        ended = waybill.process.poll()
        if ended is not None:
            assert ended > 0, f"ended by signal {-ended}"
            assert re.search(r"sync|outcome|disk|space|write", waybill.output())
            waybill.process = None
        else:
            waybill.kill()
        waybill.wrapper = ()
        waybill.start()
        assert attempt(waybill.port).startswith("250")
        waybill.wait_drained()
        received = {event["message_id"] for event in waybill.of_type("received")}
        assert set(recorder.ids()) <= received
        assert waybill.verify().returncode == 0


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_an_unreadable_log_is_named(server, tmp_path, error):
    strace = program("strace")
    waybill = server().start()
    assert waybill.stop() == 0
    segment = sorted((waybill.data / "log").glob("*.mdb"))[-1]
    waybill.wrapper = (
        strace, "-f", "-qq", "-o", str(tmp_path / "strace.log"), "-P", str(segment), "-e",
        "trace=openat,open", "-e", f"inject=openat,open:error={error}")
    waybill.launch()
    code = waybill.process.wait(30)
    waybill.process = None
    assert code > 0
    assert segment.name in waybill.output()


@pytest.mark.parametrize("kind", ["tmpfs", "overlay"])
def test_where_the_log_may_not_live(server, small_disk, kind):
    """Network and overlay file systems are refused; tmpfs works, it is only volatile."""
    data = small_disk / "data"
    if kind == "overlay":
        for name in ("lower", "upper", "work", "merged"):
            (small_disk / name).mkdir()
        result = run(
            "mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={small_disk}/lower,upperdir={small_disk}/upper,workdir={small_disk}/work",
            small_disk / "merged", check=False)
        if result.returncode:
            raise Skip(f"overlay mounts are not possible here: {result.stderr.strip()}")
        data = small_disk / "merged" / "data"
    waybill = server(data=data)
    try:
        if kind == "tmpfs":
            with waybill:
                with smtplib.SMTP("127.0.0.1", waybill.port) as client:
                    assert client.noop()[0] == 250
        else:
            waybill.launch()
            assert waybill.process.wait(20) > 0
            waybill.process = None
            assert "overlay" in waybill.output()
    finally:
        if kind == "overlay":
            waybill.kill()
            run("umount", "-l", small_disk / "merged", check=False)
