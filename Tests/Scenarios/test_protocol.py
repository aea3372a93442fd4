"""The server's side of SMTP, octet by octet, against the running binary."""

import json

import pytest

from harness.client import Conversation
from harness.configuration import configuration
from harness.peer import Peer
from harness.support import free_port


@pytest.fixture
def relay(server):
    peer = Peer()
    waybill = server("--smarthost", f"127.0.0.1:{peer.port}").start()
    yield waybill, peer
    peer.close()


ENVELOPE = "MAIL FROM:<a@client.example>\r\nRCPT TO:<b@recipient.example>\r\nDATA\r\n"


def test_the_extensions_of_the_issue_are_offered(relay):
    with Conversation(relay[0].port) as session:
        lines = {line[4:].split()[0] for line in session.hello().split("\n")[1:]}
        assert lines >= {
            "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING",
            "BINARYMIME", "DSN"}


def test_rfc_2920_a_group_of_commands_is_answered_in_order(relay):
    waybill, peer = relay
    with Conversation(waybill.port) as session:
        session.hello()
        session.send(
            "MAIL FROM:<a@client.example>\r\nRCPT TO:<b@recipient.example>\r\n"
            "RCPT TO:<not an address>\r\nRCPT TO:<c@recipient.example>\r\nDATA\r\n")
        codes = session.replies(5)
        assert codes[0] == codes[1] == codes[3] == "250"
        assert codes[2].startswith("5") and codes[4] == "354"
        # After the final dot the next transaction and QUIT may come in the same segment.
        session.send("Subject: 1\r\n\r\none\r\n.\r\n" + ENVELOPE)
        assert session.replies(4) == ["250", "250", "250", "354"]
        session.send("Subject: 2\r\n\r\ntwo\r\n.\r\nQUIT\r\n")
        assert session.replies(2) == ["250", "221"]
        assert session.closed()
    waybill.wait_for("delivered", 3)


def test_rfc_3030_chunks_become_one_message(relay):
    waybill, peer = relay
    with Conversation(waybill.port) as session:
        session.hello()
        session.send("MAIL FROM:<a@client.example>\r\nRCPT TO:<b@recipient.example>\r\n")
        assert session.replies(2) == ["250", "250"]
        first, second = b"Subject: x\r\n\r\n", b".\r\n..\r\nno dot ends this\r\n"
        session.send(b"BDAT %d\r\n" % len(first) + first + b"BDAT %d LAST\r\n" % len(second) + second)
        assert session.replies(2) == ["250", "250"]
        assert session.command("NOOP").startswith("250")
    waybill.wait_for("delivered")
    assert peer.messages[0].data.endswith(first + second)


SMUGGLING = {
    "LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CR.CR": b"\r.\r",
    "CR.LF": b"\r.\n", "LF.CR": b"\n.\r", "CR.CRLF": b"\r.\r\n", "CRLF.CR": b"\r\n.\r",
    "CRLF NUL.CRLF": b"\r\n\x00.\r\n", "CRLF.NUL CRLF": b"\r\n.\x00\r\n",
}


@pytest.mark.parametrize("vector", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_only_crlf_dot_crlf_ends_a_message(relay, vector):
    waybill, peer = relay
    with Conversation(waybill.port) as session:
        session.hello()
        session.send(ENVELOPE)
        assert session.replies(3) == ["250", "250", "354"]
        session.send(
            b"Subject: outer\r\n\r\nbody" + vector
            + b"MAIL FROM:<evil@client.example>\r\nRCPT TO:<victim@recipient.example>\r\nDATA\r\n"
            + b"Subject: smuggled\r\n\r\nbody\r\n.\r\n")
        reply = session.reply()
        assert reply[0] in "25", reply
        session.send("QUIT\r\n")
        assert session.reply().startswith("221"), "the inner commands must not have been executed"
    recipients = {event["recipient"] for event in waybill.of_type("queued")}
    assert recipients <= {"b@recipient.example"}
    if reply.startswith("2"):
        waybill.wait_for("delivered")
        # What we send on must not be smuggling either.
        data = peer.messages[0].data
        assert b"\r" not in data.replace(b"\r\n", b"") and b"\n" not in data.replace(b"\r\n", b"")


def test_what_follows_starttls_in_clear_is_never_executed(server, authority):
    import ssl

    port = free_port()
    with server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(port, tls=authority.issue("waybill.example"))) as waybill:
        with Conversation(waybill.port) as session:
            session.hello()
            session.send("STARTTLS\r\nMAIL FROM:<injected@client.example>\r\n")
            reply = session.reply()
            if not reply.startswith("220"):
                return
            context = ssl.create_default_context(cafile=str(authority.certificate))
            secured = context.wrap_socket(session.socket, server_hostname="waybill.example")
            secured.sendall(b"EHLO client.example\r\nRCPT TO:<b@recipient.example>\r\n")
            text = b""
            while text.count(b"\n") < 2 or not any(
                    line[3:4] == b" " and not line.startswith(b"250")
                    for line in text.split(b"\r\n")):
                part = secured.recv(4096)
                if not part:
                    break
                text += part
            assert b"503" in text, text


def test_a_message_larger_than_announced_is_refused_and_the_session_goes_on(server):
    port = free_port()
    with server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(port, message_octets=100_000)) as waybill:
        with Conversation(waybill.port) as session:
            assert "SIZE 100000" in session.hello()
            assert session.command("MAIL FROM:<a@client.example> SIZE=100001").startswith("552")
            session.send(ENVELOPE)
            assert session.replies(3) == ["250", "250", "354"]
            session.send(b"Subject: x\r\n\r\n" + b"y" * 70 + b"\r\n")
            for _ in range(200):
                session.send(b"z" * 998 + b"\r\n")
            session.send(b".\r\n")
            assert session.reply().startswith("552")
            session.send(ENVELOPE)
            assert session.replies(3) == ["250", "250", "354"]
            session.send(b"Subject: x\r\n\r\nsmall\r\n.\r\n")
            assert session.reply().startswith("250 2.0.0 queued as ")
        # A notification, where there is no DNS to deliver by, is a message of the server's own.
        from_clients = [e for e in waybill.of_type("received") if e["protocol"] != "LOCAL"]
        assert len(from_clients) == 1


def test_clients_outside_the_relay_networks_are_refused(server):
    with server(relay_from="192.0.2.0/24") as waybill:
        with Conversation(waybill.port) as session:
            session.hello()
            assert session.command("MAIL FROM:<a@client.example>").startswith("250")
            reply = session.command("RCPT TO:<b@recipient.example>")
            assert reply.startswith("5") and "5.7.1" in reply
            assert session.command("DATA")[0] == "5"
        assert not waybill.of_type("received", "queued")


@pytest.mark.parametrize(
    "sent", [b"", b"MAIL FROM:<a@client.example>\r\n", ENVELOPE.encode(),
             ENVELOPE.encode() + b"Subject: x\r\n\r\nhalf a mess"],
    ids=["after EHLO", "in MAIL", "after DATA", "in the content"])
def test_a_client_that_breaks_off_leaves_nothing(relay, sent):
    waybill, _ = relay
    with Conversation(waybill.port) as session:
        session.hello()
        session.send(sent)
    with Conversation(waybill.port) as session:
        session.hello()
        session.send(ENVELOPE)
        assert session.replies(3) == ["250", "250", "354"]
        session.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        assert session.reply().startswith("250")
    waybill.wait_for("delivered")
    assert len(waybill.of_type("received")) == 1


def test_random_octets_do_no_harm(relay):
    import random

    waybill, _ = relay
    source = random.Random(20251121)
    for _ in range(50):
        with Conversation(waybill.port) as session:
            try:
                session.send(source.randbytes(source.randrange(1, 5000)))
                session.send(b"\r\n" * 3)
            except OSError:
                pass
    with Conversation(waybill.port) as session:
        assert session.hello().startswith("250")
    assert waybill.process.poll() is None


def test_vrfy_help_noop_rset(relay):
    with Conversation(relay[0].port) as session:
        session.hello()
        assert session.command("VRFY someone").startswith("252")
        assert session.command("HELP").startswith("214")
        assert session.command("NOOP anything").startswith("250")
        assert session.command("MAIL FROM:<a@client.example>").startswith("250")
        assert session.command("RSET").startswith("250")
        assert session.command("RCPT TO:<b@recipient.example>").startswith("503")
        assert session.command("EXPN list")[0] == "5"
        assert session.command("NONSENSE")[0:3] == "500"


def test_log_lines_are_json_and_name_message_and_session(server):
    peer = Peer()
    with server("--smarthost", f"127.0.0.1:{peer.port}", "--log-level", "debug") as waybill:
        with Conversation(waybill.port) as session:
            session.hello()
            session.send(ENVELOPE)
            assert session.replies(3) == ["250", "250", "354"]
            session.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
            assert session.reply().startswith("250")
            assert session.command("QUIT").startswith("221")
        waybill.wait_for("delivered")
    peer.close()
    [received] = waybill.of_type("received")
    output = waybill.output(1 << 22).splitlines()
    lines = [json.loads(line) for line in output if line.startswith("{")]
    for line in lines:
        assert {"timestamp", "level", "component", "message"} <= line.keys(), line
        assert line["service"] == "waybill" and all(isinstance(value, str) for value in line.values())
    # The name that the log has of the session leads to its lines.
    about = [line for line in lines if line.get("session_id") == received["session"]]
    assert "session ended" in {line["message"] for line in about}
    [attempt] = [line for line in about if line["message"] == "attempt"]
    assert attempt["message_id"] == received["message_id"] and "tenant_id" in attempt
