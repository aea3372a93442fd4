"""Mail in doubt: `in_doubt: hold` and `retry`, over crashes and over the loss of a site.

The next hop is scripted: it looks into the log at the moment it has the final dot, keeps its reply back,
or drops the connection before or after the dot.
"""

import json
import re
import smtplib
import ssl
import threading

import pytest

from harness.configuration import configuration
from harness.peer import Drop, Peer
from harness.sites import check_sites
from harness.support import free_port, wait_until

HOLD = {"in_doubt": "hold"}


def send(port: int, *recipients: str, subject: str = "one") -> None:
    """One message that must be taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail(
            "sender@client.example", list(recipients), f"Subject: {subject}\r\n\r\none\r\n")


@pytest.fixture
def single(server):
    """Makes a server that sends everything to a peer."""

    def make(peer: Peer, doubt: dict, **options):
        port = free_port()
        return server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(
                port, smarthost=f"127.0.0.1:{peer.port}", delivery_more=doubt, **options))

    return make


class Stalling:
    """A peer that has the message and does not say so until it may."""

    def __init__(self, **options):
        self.dots = 0
        self.has_dot = threading.Event()
        self.go_on = threading.Event()
        self.look = None
        self.seen: list = []
        self.stalls = True
        self.peer = Peer(on_dot=self.on_dot, **options)

    def on_dot(self, _message):
        self.dots += 1
        if self.look:
            self.seen.append(self.look())
        self.has_dot.set()
        if self.stalls:
            self.go_on.wait(60)
        return None

    def __enter__(self) -> "Stalling":
        return self

    def __exit__(self, *_) -> None:
        self.stalls = False
        self.go_on.set()
        self.peer.close()


def held(one) -> list[dict]:
    """What `waybill queue held` lists."""
    return one.json("queue", "held")


def wait_held(one, count: int = 1) -> list[dict]:
    """Waits until so many recipients wait for a decision."""
    return wait_until(
        lambda: (lambda rows: rows if len(rows) == count else None)(
            [row for row in held(one) if row["state"] == "held"]),
        30, f"{count} held", every=0.1)


def decide(one, decision: str, *scope: str, check: bool = True) -> dict:
    """Gives an order about what is held."""
    result = one.command("queue", "decide", decision, *scope, "--json", check=check)
    return json.loads(result.stdout)


def story(one, recipient: str) -> list[str]:
    """The types of a recipient's events, in order."""
    return [event["type"] for event in one.events() if event.get("recipient") == recipient]


# The order on the wire

@pytest.mark.parametrize("how", ["data", "bdat", "without pipelining", "large", "starttls"])
def test_the_intent_is_in_the_log_before_the_final_dot(single, authority, how):
    options, doubt = {}, dict(HOLD)
    extensions = ["PIPELINING", "SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"]
    if how == "without pipelining":
        extensions.remove("PIPELINING")
    if how == "starttls":
        options["tls"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        options["tls"].load_cert_chain(*authority.issue("localhost"))
    with Stalling(extensions=extensions, **options) as far:
        waybill = single(far.peer, doubt)
        if how == "bdat":
            whole = json.loads(waybill.configuration_file.read_text())
            whole["delivery"]["default_route"]["chunking"] = "preferred"
            waybill.configure(whole)
        waybill.start()
        far.look = lambda: [event["type"] for event in waybill.events()]
        far.stalls = False
        body = "two" * (400_000 if how == "large" else 1)
        lines = "\r\n".join(re.findall(".{1,70}", body))
        with smtplib.SMTP("127.0.0.1", waybill.port, timeout=20) as client:
            client.sendmail(
                "sender@client.example", ["a@recipient.example", "b@recipient.example"],
                f"Subject: two\r\n\r\n{lines}\r\n")
        waybill.wait_for("delivered", 2)
        for types in far.seen:
            # The last piece of the large one stands behind its recipients.
            types = [type for type in types if type != "content_received"]
            assert types[-4:] == ["queued", "queued", "attempted", "attempted"], types
        assert story(waybill, "a@recipient.example") == ["queued", "attempted", "delivered"]
        assert held(waybill) == []
        assert waybill.stop() == 0
    intent = waybill.of_type("attempted")[0]
    assert intent["attempt"] == 1 and intent["mx"]["port"] == far.peer.port
    assert intent["command"] == ("rcpt" if how == "bdat" else "data")


def test_only_what_the_server_has_accepted_is_announced(single):
    """And a queue that does not hold, in the same transaction, is not."""
    with Stalling(
            on_rcpt=lambda path: "550 5.1.1 nobody" if path.startswith("no@") else None) as far:
        far.stalls = False
        waybill = single(
            far.peer, {"queues": [{"domain": "dear.example", "in_doubt": "hold"}]}).start()
        send(waybill.port, "yes@dear.example", "no@dear.example", "also@cheap.example")
        waybill.wait_for("delivered", 2)
        waybill.wait_for("bounced", 1)
        assert [event["recipient"] for event in waybill.of_type("attempted")] == ["yes@dear.example"]
        assert waybill.stop() == 0


# Crashes

def test_killed_before_the_reply_it_is_held_and_not_sent_again(single):
    with Stalling() as far:
        waybill = single(far.peer, HOLD).start()
        send(waybill.port, "one@recipient.example")
        assert far.has_dot.wait(30)
        # While it is under way it is announced, and nobody can decide about it.
        assert [row["state"] for row in held(waybill)] == ["announced"]
        assert not decide(waybill, "retry", "--all")["changed"]
        waybill.kill()
        assert story(waybill, "one@recipient.example") == ["queued", "attempted"]
        waybill.start()
        row, = wait_held(waybill)
        assert row["recipient"] == "one@recipient.example" and row["attempt"] == 1
        assert row["mx_address"] == "127.0.0.1"
        assert story(waybill, "one@recipient.example") == ["queued", "attempted", "deferred"]
        assert waybill.of_type("deferred")[0]["in_doubt"]
        # Nothing else moves it: neither time, nor a requeue, nor another start.
        waybill.command("queue", "requeue", "--all")
        waybill.stop()
        waybill.start()
        send(waybill.port, "two@recipient.example")
        far.stalls = False
        far.go_on.set()
        waybill.wait_for("delivered", 1)
        assert far.dots == 2 and [row["recipient"] for row in held(waybill)] == [
            "one@recipient.example"]
        depth = waybill.json("queue", "depth")[0]
        assert depth["held_in_doubt"] == 1 and depth["recipients"] == 1
        assert "1 held in doubt" in waybill.command("queue", "summary").stdout
        # Decided: first what it would hit, then for real.
        would = decide(waybill, "retry", "--domain", "recipient.example", "--dry-run")
        assert would["changed"] and would["recipients"] == 1 and wait_held(waybill)
        done = decide(waybill, "retry", "--domain", "recipient.example", "--reason", "not in their log")
        assert done["recipients"] == 1
        waybill.wait_for("delivered", 2)
        assert far.dots == 3 and held(waybill) == []
        again = [event for event in waybill.of_type("deferred") if event["said_by"] == "administrator"]
        assert len(again) == 1 and again[0]["in_doubt"] and "not in their log" in again[0]["reply"]["text"]
        delivered = waybill.of_type("delivered")[-1]
        assert delivered["recipient"] == "one@recipient.example" and delivered["attempt"] == 2
        assert waybill.stop() == 0
        assert waybill.verify().returncode == 0
    assert waybill.reader("verify").returncode == 0


def test_a_retry_queue_sends_it_again(single):
    with Stalling() as far:
        waybill = single(far.peer, {"in_doubt": "retry"}).start()
        send(waybill.port, "one@recipient.example")
        assert far.has_dot.wait(30)
        waybill.kill()
        far.stalls = False
        far.go_on.set()
        waybill.start()
        waybill.wait_for("delivered", 1)
        assert far.dots == 2 and waybill.of_type("attempted") == []
        assert waybill.stop() == 0


@pytest.mark.parametrize("decision", ["assume-delivered", "bounce"])
def test_decisions_that_end_it(single, decision):
    with Stalling() as far:
        waybill = single(far.peer, HOLD).start()
        send(waybill.port, "one@recipient.example", "two@recipient.example")
        assert far.has_dot.wait(30)
        waybill.kill()
        waybill.start()
        wait_held(waybill, 2)
        message = held(waybill)[0]["message_id"]
        done = decide(
            waybill, decision, "--message", message, "--recipient", "TWO@recipient.example")
        assert done["recipients"] == 1 and done["messages"] == 1
        assert [row["recipient"] for row in held(waybill)] == ["one@recipient.example"]
        kind = "delivered" if decision == "assume-delivered" else "bounced"
        last = waybill.of_type(kind)[0]
        assert last["recipient"] == "two@recipient.example" and last["command"] == "decision"
        assert "decided by cli" in last["reply"]["text"]
        # Without a server the command writes the same events.
        waybill.stop()
        assert decide(waybill, decision, "--all")["recipients"] == 1
        assert waybill.depth() == 0
        waybill.start()
        # Nobody was told, and nobody was sent anything.
        assert len(waybill.of_type("received")) == 1 and far.dots == 1
        assert waybill.stop() == 0


# Lost connections

def test_dropped_after_the_dot_it_is_held_at_once(single):
    def drop(_):
        raise Drop

    with Peer(on_dot=drop) as peer:
        waybill = single(peer, HOLD, give_up_after="1s").start()
        send(waybill.port, "one@recipient.example")
        wait_held(waybill)
        # Not even its age gives it up, and no notice tells of a delay.
        assert story(waybill, "one@recipient.example") == ["queued", "attempted", "deferred"]
        assert len([command for _, command in peer.commands if command == "DATA"]) == 1
        waybill.stop()
        waybill.start()
        assert len(wait_held(waybill)) == 1
        peer.on_dot = None
        decide(waybill, "retry", "--all")
        waybill.wait_for("delivered", 1)
        assert waybill.stop() == 0


def test_lost_before_the_dot_it_is_tried_again_by_itself(single):
    """The next hop hangs up before it has the content; nobody can have the message."""
    seen = threading.Event()

    def refuse_data(verb, _argument):
        if verb == "DATA" and not seen.is_set():
            seen.set()
            raise Drop
        return None

    with Peer(on_command=refuse_data) as peer:
        waybill = single(peer, HOLD).start()
        send(waybill.port, "one@recipient.example")
        waybill.wait_for("delivered", 1)
        kinds = story(waybill, "one@recipient.example")
        assert kinds[-2:] == ["attempted", "delivered"] and "deferred" in kinds
        assert not any(event.get("in_doubt") for event in waybill.of_type("deferred"))
        assert waybill.stop() == 0


# Rules

@pytest.mark.parametrize("verdict", ["retry", "bounce"])
def test_a_rule_decides_when_nobody_does(single, verdict):
    dropped = []

    def drop_first(message):
        if not dropped:
            dropped.append(message)
            raise Drop

    with Peer(on_dot=drop_first) as peer:
        waybill = single(
            peer, {**HOLD, "in_doubt_after": "4s", "in_doubt_then": verdict}).start()
        send(waybill.port, "one@recipient.example")
        wait_held(waybill)
        if verdict == "retry":
            delivered = waybill.wait_for("delivered", 1)
            assert delivered[0]["attempt"] == 2
            assert [event["said_by"] for event in waybill.of_type("deferred")] == ["local", "policy"]
        else:
            bounced = waybill.wait_for("bounced", 1)
            assert bounced[0]["said_by"] == "policy" and bounced[0]["attempt"] == 1
            # The sender is told.
            waybill.wait_for("delivered", 1)
            assert peer.messages[-1].reverse_path == ""
            assert b"in doubt" in peer.messages[-1].data
        assert held(waybill) == []
        assert waybill.stop() == 0


# Two sites

REPLICATED = {"ack": "replicated"}


def pair(site, far, acknowledge=None, **options):
    """A primary and a standby that has caught up."""
    options = {"acknowledge": acknowledge or REPLICATED, "delivery_more": HOLD, **options}
    first = site("anna", far.peer.port, **options)
    second = site("bert", far.peer.port, standby_of=first.site_port, **options)
    first.flags += ["--peer", f"127.0.0.1:{second.site_port}"]
    first.start_site()
    second.start_site("standby")
    second.wait_connected()
    return first, second


def come_back(lost, primary):
    """The lost site starts again, learns that it is none any more, and follows."""
    lost.launch()
    lost.wait_role("fenced")
    lost.site("rejoin", "--follow", f"127.0.0.1:{primary.site_port}")
    lost.wait_connected()
    lost.wait_caught_up(primary)


def test_a_promoted_standby_holds_what_the_lost_primary_may_have_sent(site):
    with Stalling() as far:
        first, second = pair(site, far)
        far.look = lambda: (
            [event["type"] for event in first.events()],
            [event["type"] for event in second.events()])
        send(first.port, "one@recipient.example")
        assert far.has_dot.wait(30)
        # At the final dot both sites have the intent.
        (here, there), = far.seen
        assert here[-1] == "attempted" and there[-1] == "attempted"
        assert [row["state"] for row in held(second)] == ["announced"]
        first.kill()
        second.wait_lost()
        second.promote()
        row, = wait_held(second)
        assert row["recipient"] == "one@recipient.example"
        far.look = None
        far.stalls = False
        far.go_on.set()
        # It asks for a standby: the old primary comes back as one, and has nothing of its own.
        come_back(first, second)
        assert first.salvaged() == []
        send(second.port, "two@recipient.example")
        second.wait_for("delivered", 1)
        # Not sent again.
        assert far.dots == 2 and wait_held(second)
        metrics = second.api.get("/metrics").body.decode()
        assert "waybill_queue_held_in_doubt_recipients 1" in metrics
        listed = second.api.get("/api/v1/queue/held").json()["recipients"]
        assert [one["state"] for one in listed] == ["held"]
        decide(second, "retry", "--all")
        second.wait_for("delivered", 2)
        assert far.dots == 3
        first.wait_caught_up(second)
        assert first.stop() == 0 and second.stop() == 0
    check_sites(second, first, drained=True)


def test_a_held_recipient_moves_with_a_switchover(site):
    def drop(_):
        raise Drop

    with Peer(on_dot=drop) as peer:
        class Far:
            pass

        far = Far()
        far.peer = peer
        first, second = pair(site, far)
        send(first.port, "one@recipient.example")
        before, = wait_held(first)
        assert first.site("switchover").returncode == 0
        second.wait_accepts()
        after, = wait_held(second)
        for key in ("message_id", "recipient", "attempt", "since", "sequence"):
            assert before[key] == after[key]
        peer.on_dot = None
        decide(second, "assume-delivered", "--all")
        second.wait_drained()
        assert second.stop() == 0
        first.stop()


@pytest.mark.parametrize("when_away", ["refuse", "accept"])
def test_when_no_standby_can_have_the_intent(site, when_away):
    with Stalling() as far:
        far.stalls = False
        # Accepted while the standby is there, sent when it is gone.
        first, second = pair(site, far, acknowledge={**REPLICATED, "ack_when_away": when_away})
        first.command("queue", "suspend", "--all")
        send(first.port, "one@recipient.example")
        second.kill()
        wait_until(
            lambda: not any(row["connected"] for row in first.report()["standbys"]), 60,
            "the primary's notice")
        first.command("queue", "resume", "--all")
        if when_away == "accept":
            first.wait_for("delivered", 1)
            metrics = first.api.get("/metrics").body.decode()
            assert 'waybill_intents_total{durable="degraded"} 1' in metrics
        else:
            deferred = first.wait_for("deferred", 1)
            assert deferred[0]["reply"]["code"] == 451 and not deferred[0].get("in_doubt")
            assert far.dots == 0
            assert story(first, "one@recipient.example")[:3] == ["queued", "attempted", "deferred"]
            assert "held" not in [row["state"] for row in held(first)]
            second.start_site("standby")
            second.wait_connected()
            first.wait_for("delivered", 1, 90)
        assert far.dots == 1


def test_what_is_salvaged_stays_in_doubt(site):
    """Accepted and announced on the lost site only: it is queued anew, and held."""
    with Stalling() as far:
        first, second = pair(site, far, acknowledge={"ack": "local"})
        second.kill()
        send(first.port, "one@recipient.example")
        assert far.has_dot.wait(30)
        first.kill()
        second.start_site("standby")
        second.promote()
        come_back(first, second)
        export, = first.salvaged()
        second.site("salvage", str(export))
        row, = wait_held(second)
        assert row["recipient"] == "one@recipient.example" and far.dots == 1
        decide(second, "assume-delivered", "--all")
        second.wait_drained()
        assert far.dots == 1
        assert second.stop() == 0 and first.stop() == 0
