"""What Waybill does with the answers of a next hop that is told what to say."""

import smtplib
import ssl
import threading

import pytest

from harness.configuration import configuration
from harness.peer import Drop, Peer
from harness.support import free_port, wait_until


def send(port, recipients, sender="sender@client.example", body=b"Subject: x\r\n\r\nx\r\n", **options):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        return client.sendmail(sender, recipients, body, **options)


@pytest.fixture
def relay(server):
    """(peer options, configuration options) -> (waybill, peer), both running."""
    peers = []

    def make(peer=None, **options):
        peers.append(peer or Peer())
        port = free_port()
        options.setdefault("smarthost", f"127.0.0.1:{peers[-1].port}")
        waybill = server(
            port=port, listen=False, relay_from=None, configuration=configuration(port, **options))
        return waybill.start(), peers[-1]

    yield make
    for peer in peers:
        peer.close()


def test_a_greylisting_host_gets_the_message_at_a_later_attempt(relay):
    seen: dict[str, int] = {}

    def greylist(path):
        seen[path] = seen.get(path, 0) + 1
        return "451 4.7.1 greylisted, come back" if seen[path] < 3 else None

    waybill, peer = relay(Peer(on_rcpt=greylist))
    send(waybill.port, ["b@recipient.example"])
    delivered = waybill.wait_for("delivered")[0]
    deferred = waybill.of_type("deferred")
    assert [event["attempt"] for event in deferred] == [1, 2] and delivered["attempt"] == 3
    assert "greylisted" in str(deferred[0]["reply"])
    assert len(peer.messages) == 1


def test_each_recipient_has_its_own_outcome(relay):
    replies = {"bad@recipient.example": "550 5.1.1 no such mailbox",
               "full@recipient.example": "452 4.2.2 mailbox full"}
    waybill, peer = relay(Peer(on_rcpt=replies.get))
    send(waybill.port, ["good@recipient.example", *replies], sender="")
    assert waybill.wait_for("delivered")[0]["recipient"] == "good@recipient.example"
    bounced = waybill.wait_for("bounced")[0]
    assert bounced["recipient"] == "bad@recipient.example"
    assert waybill.wait_for("deferred")[0]["recipient"] == "full@recipient.example"
    assert [path for path, _ in peer.messages[0].recipients] == ["good@recipient.example"]


def test_a_lost_reply_to_the_final_dot_is_in_doubt(relay):
    dropped = threading.Event()

    def drop_once(message):
        if not dropped.is_set():
            dropped.set()
            raise Drop

    waybill, peer = relay(Peer(on_dot=drop_once))
    send(waybill.port, ["b@recipient.example"])
    deferred = waybill.wait_for("deferred")[0]
    assert deferred["in_doubt"] is True
    waybill.wait_for("delivered")
    assert len(peer.messages) == 1


def test_a_permanent_refusal_at_the_dot_bounces(relay):
    waybill, _ = relay(Peer(on_dot=lambda message: "554 5.7.1 not this content"))
    send(waybill.port, ["b@recipient.example"], sender="")
    event = waybill.wait_for("bounced")[0]
    assert "not this content" in str(event["reply"])


def test_a_host_that_says_421_is_tried_again(relay):
    calls = []

    def busy():
        calls.append(1)
        return "421 4.3.2 too busy" if len(calls) == 1 else None

    waybill, peer = relay(Peer(on_connect=busy))
    send(waybill.port, ["b@recipient.example"])
    waybill.wait_for("delivered")
    assert len(peer.messages) == 1


def test_helo_is_tried_when_ehlo_is_refused(relay):
    waybill, peer = relay(Peer(esmtp=False))
    send(waybill.port, ["b@recipient.example"])
    waybill.wait_for("delivered")
    assert any(line.upper().startswith("HELO") for _, line in peer.commands)


def test_connections_are_reused(relay):
    waybill, peer = relay()
    with smtplib.SMTP("127.0.0.1", waybill.port) as client:
        for number in range(100):
            client.sendmail("a@client.example", [f"r{number}@recipient.example"], b"\r\nx\r\n")
    waybill.wait_for("delivered", 100)
    assert len(peer.messages) == 100 and peer.sessions <= 25


def test_a_message_too_large_for_the_next_hop_bounces_without_being_sent(relay):
    waybill, peer = relay(Peer(extensions=["SIZE 10000", "PIPELINING"]))
    send(waybill.port, ["b@recipient.example"], sender="", body=b"\r\n" + b"x" * 70 + b"\r\n" * 9000)
    event = waybill.wait_for("bounced")[0]
    assert "5.3.4" in str(event)
    assert not peer.messages


def test_messages_expire(relay):
    waybill, _ = relay(
        Peer(on_rcpt=lambda path: "451 4.3.0 never"), retry="1s", retry_most="1s", give_up_after="3s")
    send(waybill.port, ["b@recipient.example"], sender="")
    event = waybill.wait_for("expired", seconds=20)[0]
    assert event["recipient"] == "b@recipient.example"
    waybill.wait_drained()


class TestTLS:
    """STARTTLS to a smarthost, and AUTH under it."""

    @pytest.fixture
    def context(self, authority):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("localhost"))
        return context

    @pytest.fixture
    def password(self, tmp_path):
        file = tmp_path / "password"
        file.write_text("let me in\n")
        return file

    def test_opportunistic_tls_is_used_when_offered(self, relay, context):
        waybill, peer = relay(Peer(tls=context))
        send(waybill.port, ["b@recipient.example"])
        event = waybill.wait_for("delivered")[0]
        assert peer.messages[0].tls == "TLSv1.3" and event["tls"]["version"] == "TLSv1.3"

    def test_none_means_none(self, relay, context):
        waybill, peer = relay(Peer(tls=context), smarthost_tls="none")
        send(waybill.port, ["b@recipient.example"])
        waybill.wait_for("delivered")
        assert peer.messages[0].tls is None

    def test_required_tls_with_a_trusted_certificate(self, relay, context, authority):
        peer = Peer(tls=context)
        waybill, _ = relay(
            peer, smarthost=f"localhost:{peer.port}", smarthost_tls="required",
            trust=authority.certificate)
        send(waybill.port, ["b@recipient.example"])
        waybill.wait_for("delivered")
        assert peer.messages[0].tls

    def test_required_tls_with_an_untrusted_certificate_sends_nothing(self, relay, context):
        waybill, peer = relay(Peer(tls=context), smarthost_tls="required")
        send(waybill.port, ["b@recipient.example"])
        waybill.wait_for("deferred")
        assert not peer.messages
        assert not any(line.startswith("MAIL") for _, line in peer.commands)

    def test_required_tls_that_is_not_offered_sends_nothing(self, relay):
        waybill, peer = relay(Peer(), smarthost_tls="required")
        send(waybill.port, ["b@recipient.example"])
        waybill.wait_for("deferred")
        assert not peer.messages

    def test_authentication_to_the_smarthost(self, relay, context, authority, password):
        peer = Peer(tls=context, users={"waybill": "let me in"})
        waybill, _ = relay(
            peer, smarthost=f"localhost:{peer.port}", smarthost_tls="required",
            trust=authority.certificate, smarthost_login=("waybill", password))
        send(waybill.port, ["b@recipient.example"])
        waybill.wait_for("delivered")
        assert peer.messages[0].user == "waybill"
        assert "let me in" not in waybill.output(1_000_000)

    def test_a_wrong_password_at_the_smarthost_defers(self, relay, context, authority, password):
        peer = Peer(tls=context, users={"waybill": "other"})
        waybill, _ = relay(
            peer, smarthost=f"localhost:{peer.port}", smarthost_tls="required",
            trust=authority.certificate, smarthost_login=("waybill", password))
        send(waybill.port, ["b@recipient.example"])
        event = waybill.wait_for("deferred")[0]
        assert "535" in str(event["reply"])
        assert not peer.messages


def test_chunking_is_used_for_binary_content(relay):
    from harness.client import Conversation

    waybill, peer = relay(Peer(extensions=["PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME"]))
    content = b"Subject: x\r\n\r\n\x00\xff lone \n and \r and .\r\n.\r\n no end"
    with Conversation(waybill.port) as session:
        session.hello()
        session.send(
            b"MAIL FROM:<a@client.example> BODY=BINARYMIME\r\nRCPT TO:<b@recipient.example>\r\n"
            b"BDAT %d LAST\r\n" % len(content) + content)
        assert session.replies(3) == ["250", "250", "250"]
    waybill.wait_for("delivered")
    assert peer.messages[0].chunked and peer.messages[0].data.endswith(content)


def test_a_destination_that_is_down_does_not_hold_up_another(relay, tmp_path):
    down = free_port()
    peer = Peer()
    waybill, _ = relay(
        peer, routes=[{"domains": ["down.example"], "smarthost": f"127.0.0.1:{down}"}])
    send(waybill.port, [f"r{number}@down.example" for number in range(50)])
    send(waybill.port, ["b@recipient.example"])
    waybill.wait_for("delivered")
    assert waybill.wait_for("deferred", 50)
    wait_until(lambda: len(peer.messages) == 1, 5, "the message")
