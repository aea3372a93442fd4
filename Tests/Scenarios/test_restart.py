"""Stopping, starting again, killing, and new certificates without dropping sessions."""

import os
import signal
import smtplib
import ssl
import threading
import time
from pathlib import Path

from harness.client import Conversation
from harness.configuration import configuration
from harness.peer import Peer
from harness.stones import Sink, source
from harness.support import free_port, wait_until


def test_queued_mail_survives_a_restart_with_its_attempts(server):
    down = free_port()
    port = free_port()
    waybill = server(
        port=port, listen=False, relay_from=None,
        configuration=configuration(port, smarthost=f"127.0.0.1:{down}"))
    waybill.start()
    source(waybill.port, 20, sessions=2)
    waybill.wait_for("deferred", 20)
    assert waybill.stop() == 0
    before = waybill.of_type("deferred")
    assert waybill.depth() == 20
    with Peer(port=down) as peer:
        waybill.start()
        delivered = waybill.wait_for("delivered", 20)
        assert len(peer.messages) == 20
        attempts = {}
        for event in before:
            key = event["message_id"], event["recipient"]
            attempts[key] = max(attempts.get(key, 0), event["attempt"])
        for event in delivered:
            assert event["attempt"] > attempts[event["message_id"], event["recipient"]]
        assert waybill.stop() == 0


def test_what_was_delivered_is_not_sent_again(server):
    with Peer() as peer:
        waybill = server("--smarthost", f"127.0.0.1:{peer.port}").start()
        source(waybill.port, 200, sessions=10)
        waybill.wait_for("delivered", 200)
        waybill.kill()
        waybill.start()
        source(waybill.port, 1, sessions=1)
        waybill.wait_for("delivered", 201)
        assert len(peer.messages) == 201
        assert waybill.stop() == 0


def test_a_graceful_stop_lets_deliveries_finish(server):
    started, go_on = threading.Event(), threading.Event()

    def slow(message):
        started.set()
        go_on.wait(20)

    with Peer(on_dot=slow) as peer:
        waybill = server("--smarthost", f"127.0.0.1:{peer.port}").start()
        with Conversation(waybill.port) as idle:
            idle.hello()
            source(waybill.port, 1, sessions=1)
            assert started.wait(10)
            os.kill(waybill.pid, signal.SIGTERM)
            # No new sessions; one that waits is told why.
            assert idle.reply().startswith("421 4.3.2")
            wait_until(lambda: not_listening(waybill.port), 10, "the listener's end")
            assert waybill.process.poll() is None
            go_on.set()
        assert waybill.wait(20) == 0
        assert len(peer.messages) == 1
        assert len(waybill.of_type("delivered")) == 1 and waybill.depth() == 0


def test_a_stop_begins_no_attempt_while_a_client_finishes(server):
    with Peer(on_rcpt=lambda path: "451 4.3.0 later") as peer:
        port = free_port()
        waybill = server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(
                port, smarthost=f"127.0.0.1:{peer.port}", retry="1s", retry_most="1s"))
        waybill.start()
        source(waybill.port, 1, sessions=1)
        waybill.wait_for("deferred", 2)
        with Conversation(waybill.port) as busy, Conversation(waybill.port) as idle:
            idle.hello()
            busy.hello()
            assert busy.command("MAIL FROM:<sender@client.example>").startswith("250")
            os.kill(waybill.pid, signal.SIGTERM)
            assert idle.reply().startswith("421 4.3.2")
            before = len(waybill.of_type("deferred"))
            # The time of four attempts; one may have been under way.
            time.sleep(4)
            assert len(waybill.of_type("deferred")) <= before + 1
            # What is accepted meanwhile stays in the queue.
            assert busy.command("RCPT TO:<late@recipient.example>").startswith("250")
            assert busy.command("DATA").startswith("354")
            assert busy.command("Subject: late\r\n\r\nlate\r\n.").startswith("250")
            assert busy.reply().startswith("421 4.3.2")
        assert waybill.wait(20) == 0
        assert len(waybill.of_type("received")) == 2 and waybill.depth() == 2


def test_a_stop_waits_once_for_clients_and_deliveries(server):
    started, go_on = threading.Event(), threading.Event()

    def slow(message):
        started.set()
        go_on.wait(60)

    with Peer(on_dot=slow) as peer:
        port = free_port()
        whole = configuration(port, smarthost=f"127.0.0.1:{peer.port}")
        whole["server"] = {"stop_within": "8s"}
        waybill = server(port=port, listen=False, relay_from=None, configuration=whole)
        waybill.start()
        with Conversation(waybill.port) as busy:
            busy.hello()
            source(waybill.port, 1, sessions=1)
            assert started.wait(10)
            assert busy.command("MAIL FROM:<sender@client.example>").startswith("250")
            os.kill(waybill.pid, signal.SIGTERM)
            # Neither ever ends. Twice as long would be one after the other.
            assert waybill.wait(14) == 0
            go_on.set()
        assert waybill.of_type("delivered") == []


def not_listening(port: int) -> bool:
    from harness.support import listens

    return not listens(port)


def test_a_stop_while_mail_pours_in_loses_nothing(server):
    from harness.client import Recorder

    with Sink() as sink:
        waybill = server("--smarthost", f"127.0.0.1:{sink.port}").start()
        recorder = Recorder(waybill.port, waybill.directory / "acknowledged", clients=8).start()
        wait_until(lambda: recorder.acknowledged > 300, 20, "300 messages")
        assert waybill.stop() == 0
        recorder.stop()
        received = {event["message_id"] for event in waybill.of_type("received")}
        assert set(recorder.ids()) <= received
        assert len(recorder.ids()) == len(set(recorder.ids()))


def test_new_certificates_on_sighup_without_dropping_sessions(server, authority, tmp_path):
    certificate, key = authority.issue("waybill.example", "renewed")
    context = ssl.create_default_context(cafile=str(authority.certificate))

    def serial() -> int:
        with smtplib.SMTP("localhost", waybill.port, timeout=20) as client:
            client.starttls(context=context)
            return client.sock.getpeercert()["serialNumber"]

    port = free_port()
    with server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(port, tls=(certificate, key))) as waybill:
        first = serial()
        with smtplib.SMTP("localhost", waybill.port, timeout=20) as open_session:
            open_session.starttls(context=context)
            open_session.ehlo()
            authority.issue("waybill.example", "renewed")
            os.kill(waybill.pid, signal.SIGHUP)
            wait_until(lambda: serial() != first, 10, "the new certificate", every=0.2)
            assert open_session.noop()[0] == 250


def test_sighup_changes_where_mail_goes(server):
    """Of the configuration file, delivery's part is read again; a broken file changes nothing."""
    port = free_port()
    with Peer() as first, Peer() as second:
        waybill = server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(port, smarthost=f"127.0.0.1:{first.port}"))
        with waybill:
            def applied() -> int:
                return len(waybill.of_type("configuration_applied"))

            source(waybill.port, 1)
            wait_until(lambda: len(first.messages) == 1, 20, "the first message")
            assert applied() == 1
            waybill.configure({
                **configuration(port, smarthost=f"127.0.0.1:{second.port}"), "deliverx": 1})
            os.kill(waybill.pid, signal.SIGHUP)
            wait_until(lambda: "deliverx" in waybill.output(), 20, "the file's mistake in the log")
            source(waybill.port, 1)
            wait_until(lambda: len(first.messages) == 2, 20, "the second message")
            waybill.configure(configuration(port, smarthost=f"127.0.0.1:{second.port}"))
            os.kill(waybill.pid, signal.SIGHUP)
            wait_until(lambda: applied() == 2, 20, "another configuration")
            source(waybill.port, 1)
            wait_until(lambda: len(second.messages) == 1, 20, "the third message")
            assert len(first.messages) == 2


def test_one_data_directory_has_one_server(server):
    with server() as first:
        second = server(data=first.data)
        second.launch()
        assert second.process.wait(20) != 0
        assert "writer.lock" in second.output() and "other server" in second.output()
        second.process = None


def test_the_soft_limit_of_open_files_is_no_limit(server):
    """Shells and services often give 1,024: for programs that use select(2)."""
    waybill = server(wrapper=("prlimit", "--nofile=256:4096"))
    waybill.start()
    lines = Path(f"/proc/{waybill.pid}/limits").read_text().splitlines()
    files = next(line for line in lines if line.startswith("Max open files"))
    assert files.split()[3] == "4096", files
    assert '"sessions":"3072"' in waybill.output()
