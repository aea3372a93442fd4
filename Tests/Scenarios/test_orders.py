"""Orders for the queue and for suppressed addresses, given to a real server on its control socket."""

import json
import os
import smtplib
import socket
import stat
import threading

from harness.configuration import configuration
from harness.peer import Peer
from harness.stones import Sink, source
from harness.support import free_port, run, wait_until, waybill_binary

# To one destination at a time, without a configuration.
CONNECTIONS = 20


def send(port, *recipients, sender="sender@client.example", fields=""):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail(sender, list(recipients), f"{fields}Subject: x\r\n\r\nx\r\n".encode())


def order(waybill, *arguments, check=True):
    """An order's answer."""
    result = waybill.command(*arguments, "--json", check=check)
    return [json.loads(line) for line in result.stdout.splitlines()]


def one(waybill, *arguments):
    return order(waybill, *arguments)[0]


def recipients(peer):
    return sorted(path for message in peer.messages for path, _ in message.recipients)


def deferring(server, smarthost):
    """A server that tries again after an hour."""
    port = free_port()
    return server(
        port=port, listen=False, relay_from=None,
        configuration=configuration(
            port, smarthost=f"127.0.0.1:{smarthost}", retry="1h", retry_most="1h")).start()


def test_what_is_suspended_arrives_when_it_is_resumed(server, tmp_path):
    port = free_port()
    waybill = server("--smarthost", f"127.0.0.1:{port}").start()
    with Peer(port=port) as peer:
        answer = one(
            waybill, "queue", "suspend", "--domain", "slow.example", "--reason", "greylisted")
        assert answer["changed"] and answer["scope"] == {"domain": "slow.example"}
        for number in range(5):
            send(waybill.port, f"r{number}@slow.example")
        send(waybill.port, "marker@quick.example")
        waybill.wait_for("delivered")
        assert recipients(peer) == ["marker@quick.example"]
        again = one(waybill, "queue", "suspend", "--domain", "SLOW.example")
        assert not again["changed"] and again["sequence"] == answer["sequence"]
        assert (again["recipients"], again["held"]) == (5, 5)
        # Suspended it stays: over a graceful restart, and over a crash.
        assert waybill.stop() == 0
        waybill.start()
        waybill.kill()
        waybill.start()
        send(waybill.port, "second@quick.example")
        waybill.wait_for("delivered", 2)
        assert recipients(peer) == ["marker@quick.example", "second@quick.example"]
        listed = order(waybill, "queue", "suspensions")
        assert [(row["scope"], row["reason"], row["actor"]) for row in listed] == [
            ("domain=slow.example", "greylisted", "cli")]
        assert one(waybill, "queue", "resume", "--domain", "slow.example")["changed"]
        waybill.wait_for("delivered", 7)
        assert not one(waybill, "queue", "resume", "--domain", "slow.example")["changed"]
        assert order(waybill, "queue", "suspensions") == []
        # As of the time when it was suspended.
        then = order(waybill, "queue", "suspensions", "--at", str(answer["sequence"]))
        assert [row["sequence"] for row in then] == [answer["sequence"]]


def test_no_transaction_begins_once_suspend_has_answered(server):
    gate = threading.Event()
    with Peer(on_dot=lambda message: gate.wait(60) and None) as peer:
        waybill = server("--smarthost", f"127.0.0.1:{peer.port}").start()
        source(waybill.port, 300, sessions=10)

        def begun():
            return sum(line.upper().startswith("MAIL") for _, line in list(peer.commands))

        wait_until(begun, 20, "a transaction")
        answer = one(waybill, "queue", "suspend", "--all")
        assert answer["changed"] and answer["recipients"] > 200
        assert answer["held"] == answer["recipients"]
        gate.set()
        # Every connection had one transaction under way at most, and none gets another.
        wait_until(
            lambda: begun() == len(peer.messages) == len(waybill.of_type("delivered")), 30,
            "the end of what was under way")
        assert len(peer.messages) <= CONNECTIONS
        assert one(waybill, "queue", "resume", "--all")["changed"]
        waybill.wait_for("delivered", 300)
        assert len(peer.messages) == 300


def test_a_suspension_is_over_at_its_time(server):
    with Sink() as sink:
        waybill = server("--smarthost", f"127.0.0.1:{sink.port}").start()
        answer = one(waybill, "queue", "suspend", "--domain", "slow.example", "--for", "2s")
        send(waybill.port, "r@slow.example")
        delivered = waybill.wait_for("delivered")[0]
        assert delivered["time"] >= answer["until"]
        assert order(waybill, "queue", "suspensions") == []


def test_what_is_cancelled_is_not_sent_and_what_is_requeued_goes_at_once(server):
    may_come = threading.Event()

    def later(path):
        return None if may_come.is_set() else "451 4.7.1 greylisted, come back"

    with Peer(on_rcpt=later) as peer:
        waybill = deferring(server, peer.port)
        for number in range(3):
            send(waybill.port, f"r{number}@gone.example", fields="X-Campaign: spring\r\n")
            send(waybill.port, f"r{number}@kept.example")
        waybill.wait_for("deferred", 6)
        would = one(waybill, "queue", "cancel", "--campaign", "spring", "--dry-run")
        assert (would["dry_run"], would["recipients"]) == (True, 3)
        assert not waybill.of_type("cancelled")
        answer = one(waybill, "queue", "cancel", "--campaign", "spring", "--reason", "wrong price")
        assert answer["changed"] and answer["recipients"] == 3
        bounced = waybill.of_type("bounced")
        assert {event["recipient"] for event in bounced} == {
            f"r{number}@gone.example" for number in range(3)}
        assert all(event["said_by"] == "administrator" for event in bounced)
        assert "wrong price" in str(bounced[0]["reply"])
        # No notification: the three others are all that waits.
        assert waybill.depth() == 3
        assert not one(waybill, "queue", "cancel", "--campaign", "spring")["changed"]
        may_come.set()
        answer = one(waybill, "queue", "requeue", "--queue", "kept.example")
        assert (answer["recipients"], answer["deferred"]) == (3, 3)
        waybill.wait_for("delivered", 3)
        assert recipients(peer) == [f"r{number}@kept.example" for number in range(3)]
        assert waybill.verify().returncode == 0


def test_a_destination_that_is_left_alone_is_tried_when_its_mail_is_requeued(server):
    down = free_port()
    waybill = deferring(server, down)
    send(waybill.port, "first@recipient.example")
    waybill.wait_for("deferred")
    # The destination is left alone: this one is not even tried.
    send(waybill.port, "second@recipient.example")
    with Peer(port=down) as peer:
        answer = one(waybill, "queue", "requeue", "--domain", "recipient.example")
        assert (answer["recipients"], answer["deferred"]) == (2, 1)
        waybill.wait_for("delivered", 2)
        assert recipients(peer) == ["first@recipient.example", "second@recipient.example"]


def test_what_is_cancelled_stays_so_after_a_crash(server):
    down = free_port()
    waybill = deferring(server, down)
    source(waybill.port, 700, sessions=5)
    waybill.wait_for("deferred")
    assert one(waybill, "queue", "cancel", "--all")["recipients"] > 0
    waybill.kill()
    with Peer(port=down) as peer:
        waybill.start()
        send(waybill.port, "after@kept.example")
        waybill.wait_for("delivered")
        assert recipients(peer) == ["after@kept.example"]


def test_suppressed_addresses_get_nothing_and_their_history_says_why(server, tmp_path):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        answer = one(
            waybill, "suppression", "add", "Ann@recipient.example", "--reason", "asked by phone")
        assert answer["changed"]
        assert not one(waybill, "suppression", "add", "ann@recipient.example")["changed"]
        one(waybill, "suppression", "add", "closed.example", "--tenant", "acme")
        send(waybill.port, "ANN@recipient.example", "bob@recipient.example", sender="")
        send(waybill.port, "eve@closed.example", sender="")
        send(waybill.port, "eve@closed.example", sender="", fields="X-Tenant: acme\r\n")
        waybill.wait_for("delivered", 2)
        bounced = waybill.wait_for("bounced", 2)
        assert {event["said_by"] for event in bounced} == {"suppression"}
        assert recipients(peer) == ["bob@recipient.example", "eve@closed.example"]
        trace = waybill.command("trace", "ANN@recipient.example").stdout
        assert "suppressed: asked by phone" in trace
        waybill.kill()
        waybill.start()
        send(waybill.port, "ann@recipient.example", sender="")
        waybill.wait_for("bounced", 3)
        assert one(waybill, "suppression", "remove", "ann@recipient.example")["changed"]
        send(waybill.port, "ann@recipient.example", sender="")
        waybill.wait_for("delivered", 3)
        listed = order(waybill, "suppression", "list")
        assert [(row["address"], row["tenant"]) for row in listed] == [("closed.example", "acme")]
        before = order(waybill, "suppression", "list", "--at", str(answer["sequence"]))
        assert [row["address"] for row in before] == ["ann@recipient.example"]


def test_a_list_goes_out_and_in_again(server, tmp_path):
    waybill = server("--hold-delivery").start()
    lines = ["address,tenant,reason,expires", '"+tag@one.example",,"said ""no"", twice",',
             "two.example,acme,,2040-01-01", "not an address,,,", "three@three.example,a:b,,"]
    lines += [f"r{number}@many.example,,import," for number in range(1200)]
    path = tmp_path / "list.csv"
    path.write_text("\r\n".join(lines) + "\r\n")
    result = waybill.command("suppression", "import", path, "--json", check=False)
    assert result.returncode == 1
    answer = json.loads(result.stdout)
    assert (answer["lines"], answer["added"], answer["refused"]) == (1205, 1202, 2)
    assert [error["line"] for error in answer["errors"]] == [4, 5]
    assert f"{path}:4:" in result.stderr
    csv = waybill.command("suppression", "export").stdout
    exported = tmp_path / "exported.csv"
    exported.write_text(csv)
    again = one(waybill, "suppression", "import", exported)
    assert (again["added"], again["replaced"], again["unchanged"]) == (0, 0, 1202)
    other = server("--hold-delivery").start()
    lines = waybill.command("suppression", "export", "--format", "ndjson").stdout
    given = tmp_path / "exported.ndjson"
    given.write_text(lines)
    dry = one(other, "suppression", "import", given, "--dry-run")
    assert (dry["added"], dry["dry_run"]) == (1202, True)
    assert one(other, "suppression", "import", given)["added"] == 1202
    members = ("address", "tenant", "reason", "expires")

    def entries(one):
        return [{name: row.get(name) for name in members} for row in order(
            one, "suppression", "list", "--limit", "2000")]

    assert entries(waybill) == entries(other)
    assert entries(waybill)[0] == {
        "address": "+tag@one.example", "tenant": "", "reason": 'said "no", twice', "expires": None}


def test_orders_are_written_into_the_log_when_no_server_runs(server):
    with Peer() as peer:
        waybill = server("--smarthost", f"127.0.0.1:{peer.port}")
        waybill.start()
        assert waybill.stop() == 0
        assert one(waybill, "queue", "suspend", "--domain", "slow.example")["changed"]
        assert one(waybill, "suppression", "add", "ann@recipient.example")["changed"]
        assert not (waybill.data / "control.sock").exists()
        waybill.start()
        send(waybill.port, "r@slow.example", "ann@recipient.example", "bob@recipient.example",
             sender="")
        waybill.wait_for("delivered")
        waybill.wait_for("bounced")
        assert recipients(peer) == ["bob@recipient.example"]
        assert waybill.stop() == 0
        assert one(waybill, "queue", "cancel", "--all")["recipients"] == 1
        assert waybill.depth() == 0 and waybill.verify().returncode == 0


def test_an_order_for_nothing_or_for_no_log_is_refused(server, tmp_path):
    waybill = server("--hold-delivery").start()
    for arguments in (["queue", "cancel"], ["queue", "cancel", "--all", "--domain", "x.example"],
                      ["queue", "suspend", "--all", "--for", "1x"]):
        assert waybill.command(*arguments, check=False).returncode == 64
    result = waybill.command("queue", "suspend", "--domain", "no domain", check=False)
    assert result.returncode == 1 and "is not a domain" in result.stderr
    empty = tmp_path / "nothing"
    result = run(waybill_binary(), "queue", "suspend", "--all", "--data", empty, check=False)
    assert result.returncode == 69 and not empty.exists()


class TestSocket:
    """Where commands reach the server."""

    def test_only_the_owner_reaches_it_and_it_is_gone_after_a_stop(self, server):
        waybill = server("--hold-delivery").start()
        path = waybill.data / "control.sock"
        wait_until(path.exists, 10, "the control socket")
        mode = os.stat(path).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
        assert not path.with_name("control.sock.d").exists()
        waybill.stop()
        assert not path.exists()

    def test_a_stale_one_is_replaced(self, server):
        waybill = server("--hold-delivery").start()
        waybill.kill()
        assert (waybill.data / "control.sock").exists()
        # What a stale socket does not answer is written into the log.
        assert one(waybill, "queue", "suspend", "--all")["changed"]
        waybill.start()
        assert one(waybill, "queue", "resume", "--all")["changed"]

    def test_a_living_one_is_refused(self, server):
        waybill = server("--hold-delivery")
        waybill.data.mkdir(parents=True, mode=0o700)
        path = waybill.data / "control.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            waybill.launch()
            assert waybill.wait() == 69
            assert "another process listens" in waybill.output()
            assert path.exists()

    def test_something_else_is_left_alone(self, server):
        waybill = server("--hold-delivery")
        waybill.data.mkdir(parents=True, mode=0o700)
        path = waybill.data / "control.sock"
        path.write_text("precious")
        waybill.launch()
        assert waybill.wait() == 69
        assert path.read_text() == "precious"

    def test_a_path_that_is_too_long_costs_the_socket_and_nothing_else(self, server, tmp_path):
        deep = tmp_path / ("d" * 100)
        deep.mkdir()
        waybill = server("--hold-delivery", data=deep / "data").start()
        assert "too long for a Unix socket" in waybill.output()
        send(waybill.port, "r@slow.example")
        result = waybill.command("queue", "suspend", "--all", check=False)
        assert result.returncode == 69 and "longer than" in result.stderr


def test_a_complaint_stops_mail_to_the_address(server, tmp_path):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        send(waybill.port, "ann@recipient.example", sender="", fields="X-Tenant: acme\r\n")
        waybill.wait_for("delivered")
        returned = peer.messages[0].data.decode()
        report = (
            "From: <fbl@recipient.example>\r\nTo: <abuse@client.example>\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=feedback-report; boundary="part"\r\n\r\n'
            "--part\r\n\r\nThis is an email abuse report.\r\n\r\n"
            "--part\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
            "User-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n"
            "Original-Rcpt-To: <ann@recipient.example>\r\n\r\n"
            f"--part\r\nContent-Type: message/rfc822\r\n\r\n{returned}\r\n--part--\r\n")
        path = tmp_path / "report.eml"
        path.write_bytes(report.encode())
        answer = one(waybill, "feedback", "report", path, "--suppress")
        assert answer["suppressed"] and answer["tenant"] == "acme"
        complained = waybill.of_type("complained")[0]
        assert complained["feedback_type"] == "abuse"
        delivered = waybill.of_type("delivered")[0]
        assert complained["mx"]["host"] == delivered["mx"]["host"]
        assert complained["source_address"] == delivered["source_address"]
        assert complained["reporter"] == "SomeGenerator/1.0"
        assert complained["message_id"] == waybill.of_type("received")[0]["message_id"]
        send(waybill.port, "ann@recipient.example", sender="", fields="X-Tenant: acme\r\n")
        bounced = waybill.wait_for("bounced")[0]
        assert "complained (abuse)" in str(bounced["reply"])
        late = one(
            waybill, "feedback", "bounce", complained["message_id"], "--status", "5.1.1")
        assert waybill.of_type("bounced_later")[0]["sequence"] == late["sequence"]
        assert waybill.of_type("bounced_later")[0]["class"] == "InvalidRecipient"
