"""A real Postfix as next hop, and as upstream."""

import re
import smtplib

import pytest

from harness.configuration import configuration
from harness.peer import Peer
from harness.postfix import Postfix
from harness.stones import source
from harness.support import free_port, wait_until


@pytest.fixture
def directory(tmp_path_factory):
    """Below /var/tmp: Postfix's processes drop privileges and must be able to walk there."""
    import shutil
    import tempfile
    from pathlib import Path

    place = Path(tempfile.mkdtemp(prefix="waybill-postfix-", dir="/var/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def test_postfix_as_next_hop(server, directory):
    with Postfix(directory, {"default_transport": "discard:", "relay_transport": "discard:"}) as postfix:
        with server("--smarthost", f"127.0.0.1:{postfix.port}") as waybill:
            source(waybill.port, 200, sessions=10)
            events = waybill.wait_for("delivered", 200)
            log = wait_until(
                lambda: (lambda text: text if text.count("status=sent") >= 200 else None)(
                    postfix.log()), 20, "Postfix's log")
            # The queue id that Postfix gave is in our events, and names a message in its log.
            ids = {re.search(r"queued as (\w+)", str(event["reply"])).group(1) for event in events}
            assert len(ids) == 200
            assert all(f"{one}: " in log for one in ids)


def test_postfix_refuses_a_recipient_of_several(server, directory):
    settings = {
        "default_transport": "discard:",
        "smtpd_recipient_restrictions": "check_recipient_access inline:{{nobody@recipient.example=550"
        " 5.1.1 no such mailbox},{later@recipient.example=450 4.2.1 not now}}, permit_mynetworks, reject",
    }
    with Postfix(directory, settings) as postfix:
        with server("--smarthost", f"127.0.0.1:{postfix.port}") as waybill:
            with smtplib.SMTP("127.0.0.1", waybill.port) as client:
                client.sendmail(
                    "", [f"{name}@recipient.example" for name in ("ok", "nobody", "later")],
                    b"Subject: x\r\n\r\nx\r\n")
            delivered = waybill.wait_for("delivered")[0]
            bounced = waybill.wait_for("bounced")[0]
            deferred = waybill.wait_for("deferred")[0]
            assert delivered["recipient"] == "ok@recipient.example"
            assert bounced["recipient"] == "nobody@recipient.example"
            assert "5.1.1" in str(bounced["reply"]) + str(bounced)
            assert deferred["recipient"] == "later@recipient.example"


def test_postfix_as_upstream(server, directory):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        with Postfix(directory, {"relayhost": f"[127.0.0.1]:{waybill.port}"}) as postfix:
            with smtplib.SMTP("127.0.0.1", postfix.port) as client:
                for number in range(20):
                    client.sendmail(
                        "a@client.example", [f"r{number}@recipient.example"],
                        f"Subject: {number}\r\nX-Tenant: acme\r\n\r\n.one\r\n..two\r\n".encode())
            waybill.wait_for("delivered", 20)
            log = wait_until(
                lambda: (lambda text: text if text.count("status=sent") >= 20 else None)(
                    postfix.log()), 20, "Postfix's log")
            ids = set(re.findall(r"250 2\.0\.0 queued as ([0-9a-z]+-[0-9a-z]+)", log))
            assert ids == {event["message_id"] for event in waybill.of_type("received")}
        for message in peer.messages:
            header, _, body = message.data.partition(b"\r\n\r\n")
            assert body == b".one\r\n..two\r\n"
            # Ours on top of Postfix's.
            assert header.startswith(b"Received: ")
            assert header.count(b"\r\nReceived: ") == 1 and b"(Postfix)" in header


def test_a_postfix_that_is_down_and_comes_back(server, directory):
    port = free_port()
    with Postfix(directory, {"default_transport": "discard:"}) as postfix:
        with server(
                port=port, listen=False, relay_from=None,
                configuration=configuration(
                    port, smarthost=f"127.0.0.1:{postfix.port}")) as waybill:
            postfix.stop()
            source(waybill.port, 5, sessions=1)
            waybill.wait_for("deferred")
            assert not waybill.of_type("delivered", "bounced")
            postfix.start()
            waybill.wait_for("delivered", 5)
