"""Clients that others wrote: swaks, curl, Python's smtplib."""

import email.policy
import smtplib
import ssl
from email.message import EmailMessage

import pytest

from harness.configuration import configuration
from harness.peer import Peer
from harness.support import free_port, program, run, waybill_binary


@pytest.fixture
def secure(server, authority, tmp_path):
    """A server with TLS and one user, relaying for authenticated clients only, and its next hop."""
    users = tmp_path / "users"
    run(waybill_binary(), "user", "add", "ada", "--file", users, input="correct horse\n")
    peer = Peer()
    port, implicit = free_port(), free_port()
    waybill = server(
        port=port, listen=False, relay_from=None, configuration=configuration(
            port, tls=authority.issue("waybill.example"), users=users, relay_from=(),
            implicit_tls_port=implicit, smarthost=f"127.0.0.1:{peer.port}"))
    waybill.implicit_port = implicit
    waybill.start()
    yield waybill, peer
    peer.close()


def swaks(port, *options, check=True):
    return run(
        program("swaks"), "--server", f"127.0.0.1:{port}", "--from", "sender@client.example", "--to",
        "someone@recipient.example", "--helo", "client.example", *options, check=check)


def test_swaks_without_tls(server):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        result = swaks(waybill.port, "--header", "Subject: from swaks", "--body", "hello")
        assert "250 2.0.0 queued as " in result.stdout
        waybill.wait_for("delivered")
        assert b"Subject: from swaks" in peer.messages[0].data
        assert peer.messages[0].reverse_path == "sender@client.example"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_authenticates_under_starttls(secure, mechanism):
    waybill, peer = secure
    result = swaks(
        waybill.port, "--tls", "--auth", mechanism, "--auth-user", "ada", "--auth-password",
        "correct horse")
    assert "~> MAIL" in result.stdout and "235 2.7.0" in result.stdout
    received = waybill.wait_for("received")[0]
    assert received["identity"] == "ada" and received["tls"]["version"].startswith("TLSv1.")
    waybill.wait_for("delivered")
    assert len(peer.messages) == 1


def test_swaks_on_the_implicit_tls_listener(secure):
    waybill, _ = secure
    result = swaks(
        waybill.implicit_port, "--tls-on-connect", "--auth", "PLAIN", "--auth-user", "ada",
        "--auth-password", "correct horse")
    assert "235 2.7.0" in result.stdout and "queued as" in result.stdout


def test_a_wrong_password_is_refused(secure):
    waybill, _ = secure
    result = swaks(
        waybill.port, "--tls", "--auth", "PLAIN", "--auth-user", "ada", "--auth-password", "wrong",
        check=False)
    assert result.returncode != 0 and "535 5.7.8" in result.stdout


def test_authentication_is_not_offered_without_tls(secure):
    waybill, _ = secure
    result = swaks(waybill.port, "--quit-after", "EHLO")
    assert "AUTH" not in result.stdout
    result = swaks(
        waybill.port, "--auth", "PLAIN", "--auth-user", "ada", "--auth-password", "correct horse",
        "--protocol", "ESMTP", check=False)
    assert result.returncode != 0


def test_nobody_relays_without_authentication(secure):
    waybill, _ = secure
    result = swaks(waybill.port, check=False)
    assert result.returncode != 0 and "5.7.1" in result.stdout
    assert not waybill.of_type("received")


def test_curl_sends(server, tmp_path):
    message = tmp_path / "message.eml"
    message.write_bytes(b"Subject: from curl\r\nFrom: <a@client.example>\r\n\r\n.leading dot\r\n")
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        run(
            program("curl"), "--silent", "--show-error", f"smtp://127.0.0.1:{waybill.port}/client",
            "--mail-from", "a@client.example", "--mail-rcpt", "b@recipient.example", "--mail-rcpt",
            "c@recipient.example", "--upload-file", message)
        waybill.wait_for("delivered", 2)
        assert all(b"\r\n.leading dot\r\n" in one.data for one in peer.messages)
        paths = {path for one in peer.messages for path, _ in one.recipients}
        assert paths == {"b@recipient.example", "c@recipient.example"}


def test_curl_sends_with_tls_and_password(secure, authority, tmp_path):
    waybill, peer = secure
    message = tmp_path / "message.eml"
    message.write_bytes(b"Subject: from curl\r\n\r\nhello\r\n")
    run(
        program("curl"), "--silent", "--show-error", "--ssl-reqd", "--cacert", authority.certificate,
        "--connect-to", f"waybill.example:{waybill.port}:127.0.0.1:{waybill.port}",
        f"smtp://waybill.example:{waybill.port}", "--user", "ada:correct horse", "--mail-from",
        "a@client.example", "--mail-rcpt", "b@recipient.example", "--upload-file", message)
    waybill.wait_for("delivered")
    assert len(peer.messages) == 1


def test_smtplib_login_and_send(secure, authority):
    waybill, peer = secure
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with smtplib.SMTP("localhost", waybill.port, timeout=20) as client:
        client.starttls(context=context)
        client.login("ada", "correct horse")
        message = EmailMessage(policy=email.policy.SMTP)
        message["From"], message["To"] = "ada@client.example", "bob@recipient.example"
        message["Subject"] = "Grüße"
        message.set_content("Hallo, wie geht es?\n" * 50)
        assert client.send_message(message) == {}
    waybill.wait_for("delivered")
    parsed = email.message_from_bytes(peer.messages[0].data, policy=email.policy.default)
    assert parsed["Subject"] == "Grüße" and "wie geht es" in parsed.get_content()


def test_smtplib_sends_internationalised_mail(server):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        with smtplib.SMTP("127.0.0.1", waybill.port, timeout=20) as client:
            client.ehlo()
            assert client.has_extn("smtputf8")
            client.sendmail(
                "jörg@client.example", ["用户@recipient.example"],
                "Subject: Grüße\r\n\r\nπ\r\n".encode(), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        waybill.wait_for("delivered")
        one = peer.messages[0]
        assert "SMTPUTF8" in one.mail_parameters
        assert one.reverse_path == "jörg@client.example"
        assert one.recipients[0][0] == "用户@recipient.example"
        assert "π".encode() in one.data


def test_internationalised_mail_bounces_where_the_next_hop_cannot_take_it(server):
    with Peer(extensions=["PIPELINING", "8BITMIME"]) as peer, server(
            "--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        with smtplib.SMTP("127.0.0.1", waybill.port, timeout=20) as client:
            client.ehlo()
            client.sendmail(
                "jörg@client.example", ["用户@recipient.example"], b"Subject: x\r\n\r\nx\r\n",
                mail_options=["SMTPUTF8"])
        event = waybill.wait_for("bounced")[0]
        assert "5.6.7" in str(event)


def test_eight_bit_content_is_announced(server):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        with smtplib.SMTP("127.0.0.1", waybill.port, timeout=20) as client:
            client.ehlo()
            client.sendmail(
                "a@client.example", ["b@recipient.example"], "Subject: x\r\n\r\nä\r\n".encode(),
                mail_options=["BODY=8BITMIME"])
        waybill.wait_for("delivered")
        assert "BODY=8BITMIME" in peer.messages[0].mail_parameters
        assert "ä".encode() in peer.messages[0].data


def test_dsn_parameters_reach_a_next_hop_that_offers_dsn(server):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        with smtplib.SMTP("127.0.0.1", waybill.port, timeout=20) as client:
            client.ehlo()
            client.sendmail(
                "a@client.example", ["b@recipient.example"], b"Subject: x\r\n\r\nx\r\n",
                mail_options=["RET=HDRS", "ENVID=QQ314159"],
                rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;b@recipient.example"])
        waybill.wait_for("delivered")
        one = peer.messages[0]
        assert "RET=HDRS" in one.mail_parameters and "ENVID=QQ314159" in one.mail_parameters
        parameters = one.recipients[0][1]
        assert "ORCPT=rfc822;b@recipient.example" in parameters
        notify = next(word for word in parameters if word.startswith("NOTIFY="))
        assert set(notify.partition("=")[2].split(",")) == {"SUCCESS", "FAILURE"}


def test_tenant_and_campaign_fields_are_recorded_and_removed(server):
    with Peer() as peer, server("--smarthost", f"127.0.0.1:{peer.port}") as waybill:
        with smtplib.SMTP("127.0.0.1", waybill.port, timeout=20) as client:
            client.sendmail(
                "a@client.example", ["b@recipient.example"],
                b"X-Tenant: acme\r\nSubject: x\r\nX-Campaign: spring\r\n\r\nX-Tenant: in the body\r\n")
        event = waybill.wait_for("delivered")[0]
        assert (event["tenant"], event["campaign"]) == ("acme", "spring")
        data = peer.messages[0].data
        header, _, body = data.partition(b"\r\n\r\n")
        assert b"X-Tenant" not in header and b"X-Campaign" not in header
        assert b"Subject: x" in header and body == b"X-Tenant: in the body\r\n"
