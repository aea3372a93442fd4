"""SIGKILL at random moments and at named points, many rounds on one log.

The oracle is the client's own file of acknowledged ids, synced before the client goes on. After each
restart: every id is in the log, the sequence has no gap, the chain verifies (by Waybill and by the
independent reader), every failure has its notification in the log, and after the drain each recipient
has exactly one final state, and each notification was accepted.
"""

import json
import os
import random
import time
from collections import Counter

import pytest

from harness.client import Recorder
from harness.configuration import configuration
from harness.sites import CountingSink
from harness.support import ROOT, free_port, wait_until
from harness.waybill import FINAL

ROUNDS = int(os.environ.get("WAYBILL_CRASH_ROUNDS", "20"))
SEED = int(os.environ.get("WAYBILL_CRASH_SEED", str(time.time_ns() % 1_000_000)))

# Where the server kills itself when WAYBILL_CRASH_AT=name:N, at the N-th time it comes by.
POINTS = [
    "commit.before", "commit.written", "commit.after", "ack.before", "rotate.sealed",
    "rotate.created", "rotate.renamed", "compact.begun", "compact.written", "compact.checked",
    "compact.renamed",
]

# Mailboxes that the next hop refuses at RCPT, whose content it refuses, and that it defers; and in which
# share of the messages they are.
REFUSED, BOUNCED, DEFERRED = (
    f"{name}@recipient.example" for name in ("refused", "bounced", "deferred"))
OTHERS = {REFUSED: 15, BOUNCED: 31, DEFERRED: 16}


def judge(waybill, acknowledged: list[str], drained: bool) -> Counter:
    """Everything that must hold of the log after a crash; returns counts by type."""
    events = waybill.events()
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1)), "a gap"
    received = [event["message_id"] for event in events if event["type"] == "received"]
    assert len(received) == len(set(received)), "a message was received twice"
    lost = set(acknowledged) - set(received)
    assert not lost, f"{len(lost)} acknowledged messages are not in the log, such as {min(lost)}"
    queued: Counter = Counter()
    final: Counter = Counter()
    for event in events:
        key = event.get("message_id"), event.get("recipient")
        if event["type"] == "queued":
            queued[key] += 1
        elif event["type"] in FINAL:
            final[key] += 1
    assert all(count == 1 for count in queued.values()), "a recipient was queued twice"
    assert all(count == 1 for count in final.values()), "a recipient has two final states"
    assert final.keys() <= queued.keys()
    notices = {
        event["message_id"]: event["reports_on"] for event in events if event.get("reports_on")}
    failed = {
        event["message_id"] for event in events
        if event["type"] in ("bounced", "expired") and event["message_id"] not in notices}
    # Both are in one commit, so at any moment.
    assert failed == set(notices.values()), "a failure without notification, or the other way round"
    if drained:
        assert final.keys() == queued.keys(), "a recipient has no final state"
        assert {
            event["type"] for event in events
            if event["type"] in FINAL and event["message_id"] in notices} <= {"delivered"}
    verified = waybill.verify(check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    if (ROOT / "tools" / "waybill-log-reader").exists():
        assert waybill.reader("verify").returncode == 0
        theirs = [
            json.loads(line)["message_id"] for line in waybill.reader("events").stdout.splitlines()
            if '"type":"received"' in line.replace(": ", ":")
        ]
        # A server that runs may have reported a failure meanwhile.
        since = len(theirs) - len(received) if waybill.process is not None else 0
        assert theirs[:len(theirs) - since] == received, "the independent reader disagrees"
    return Counter(event["type"] for event in events)


@pytest.fixture
def next_hop(tmp_path):
    """Refuses some and defers one for as long as it is not told otherwise."""
    with CountingSink(
            tmp_path / "sink", "--refuse", REFUSED, "--bounce", BOUNCED,
            "--defer", f"{DEFERRED}:1000000") as sink:
        yield sink


@pytest.fixture
def crashing(server, next_hop):
    """A server with small segments and a next hop that defers some and refuses some."""
    port = free_port()
    yield server(
        port=port, listen=False, relay_from=None, configuration=configuration(
            port, smarthost=f"127.0.0.1:{next_hop.port}", segment_size="1MiB",
            content_retention="0s"))


def drain(waybill, next_hop, acknowledged: list[str]) -> Counter:
    """Nothing is deferred any more: everything comes to its end, and the judge has the last word."""
    next_hop.stop()
    next_hop.flags = next_hop.flags[:next_hop.flags.index("--defer")]
    next_hop.start()
    waybill.start()
    waybill.wait_drained(240)
    assert waybill.stop() == 0
    return judge(waybill, acknowledged, drained=True)


def test_killed_at_random_moments(crashing, next_hop, tmp_path):
    print(f"WAYBILL_CRASH_SEED={SEED}")
    source = random.Random(SEED)
    waybill = crashing
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        waybill.start()
        recorder = Recorder(
            waybill.port, tmp_path / f"acknowledged-{number}", clients=8,
            recipients=source.choice([1, 1, 3]), also=OTHERS).start()
        time.sleep(source.uniform(0.02, 0.8))
        waybill.kill()
        recorder.stop()
        acknowledged += recorder.ids()
        judge(waybill, acknowledged, drained=False)
    assert len(acknowledged) > ROUNDS, "too little was acknowledged to prove anything"
    counts = drain(waybill, next_hop, acknowledged)
    assert counts["deferred"] and counts["bounced"], "too little was deferred or refused"
    print(f"{ROUNDS} rounds, {len(acknowledged)} acknowledged, {dict(counts)}")


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point(crashing, next_hop, tmp_path, point):
    waybill = crashing
    acknowledged: list[str] = []
    killed = 0
    for number in range(max(2, ROUNDS // 5)):
        often = 1 if point.startswith(("rotate", "compact")) else 1 + number * 7
        waybill.environment = {"WAYBILL_CRASH_AT": f"{point}:{often}"}
        waybill.launch()
        recorder = Recorder(
            waybill.port, tmp_path / f"acknowledged-{number}", clients=8,
            body_octets=50_000 if point.startswith(("rotate", "compact")) else 200,
            also=OTHERS).start()
        try:
            wait_until(lambda: waybill.process.poll() is not None, 30, f"the kill at {point}")
            killed += waybill.process.returncode == -9
        finally:
            waybill.kill()
            recorder.stop()
        acknowledged += recorder.ids()
        waybill.environment = {}
        waybill.start()
        judge(waybill, acknowledged, drained=False)
        waybill.kill()
    assert killed, f"the server never killed itself at {point}"
    drain(waybill, next_hop, acknowledged)


def test_a_pause_is_not_a_crash(crashing, tmp_path):
    """SIGSTOP for some seconds under load, then on as if nothing had been."""
    import signal

    waybill = crashing
    waybill.start()
    recorder = Recorder(waybill.port, tmp_path / "acknowledged", clients=8).start()
    wait_until(lambda: recorder.acknowledged > 100, 20, "100 messages")
    os.kill(waybill.pid, signal.SIGSTOP)
    time.sleep(3)
    os.kill(waybill.pid, signal.SIGCONT)
    before = recorder.acknowledged
    wait_until(lambda: recorder.acknowledged > before + 100, 20, "100 more messages")
    recorder.stop()
    waybill.wait_drained(60)
    assert waybill.stop() == 0
    judge(waybill, recorder.ids(), drained=True)
