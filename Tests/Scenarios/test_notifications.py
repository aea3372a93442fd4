"""Delivery status notifications, read by Python's email package."""

import email
import email.policy
import smtplib

import pytest

from harness.configuration import configuration
from harness.peer import Peer
from harness.support import free_port


@pytest.fixture
def relay(server):
    peers = []

    def make(on_rcpt, **options):
        peers.append(Peer(on_rcpt=on_rcpt, extensions=options.pop("extensions", [
            "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE"])))
        port = free_port()
        waybill = server(
            port=port, listen=False, relay_from=None, configuration=configuration(
                port, smarthost=f"127.0.0.1:{peers[-1].port}", **options))
        return waybill.start(), peers[-1]

    yield make
    for peer in peers:
        peer.close()


def refuse(path):
    return "550 5.1.1 no such mailbox" if path.startswith("bad") else None


def submit(port, recipient, sender="sender@client.example", mail=(), rcpt=()):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        client.sendmail(
            sender, [recipient], b"Subject: the original\r\nMessage-ID: <o@client.example>\r\n\r\nbody\r\n",
            mail_options=list(mail), rcpt_options=list(rcpt))


def notice(waybill, peer, recipient="sender@client.example"):
    from harness.support import wait_until

    message = wait_until(lambda: peer.received(recipient), 20, "the notification")[0]
    assert message.reverse_path == ""
    return message, email.message_from_bytes(message.data, policy=email.policy.default)


def test_rfc_3464_a_failure_is_reported_to_the_reverse_path(relay):
    waybill, peer = relay(refuse)
    submit(waybill.port, "bad@recipient.example", mail=["ENVID=QQ314159"],
           rcpt=["ORCPT=rfc822;old@recipient.example"])
    message, parsed = notice(waybill, peer)
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert parsed["Auto-Submitted"].startswith("auto-")
    text, status, original = parsed.iter_parts()
    assert "bad@recipient.example" in text.get_content()
    assert status.get_content_type() == "message/delivery-status"
    per_message, per_recipient = status.get_payload()
    assert per_message["Reporting-MTA"].startswith("dns;")
    assert per_message["Original-Envelope-Id"] == "QQ314159"
    assert per_recipient["Final-Recipient"].replace(" ", "") == "rfc822;bad@recipient.example"
    assert per_recipient["Original-Recipient"].replace(" ", "") == "rfc822;old@recipient.example"
    assert per_recipient["Action"] == "failed" and per_recipient["Status"] == "5.1.1"
    assert "550 5.1.1 no such mailbox" in per_recipient["Diagnostic-Code"]
    assert "the original" in str(original)
    # The notification is a message of the log, and names what it reports on.
    failed = waybill.of_type("bounced")[0]
    reports = [event for event in waybill.of_type("received") if event.get("reports_on")]
    assert [event["reports_on"] for event in reports] == [failed["message_id"]]


def test_notify_never_is_obeyed(relay):
    waybill, peer = relay(refuse)
    submit(waybill.port, "bad@recipient.example", rcpt=["NOTIFY=NEVER"])
    waybill.wait_for("bounced")
    waybill.wait_drained()
    assert len(waybill.of_type("received")) == 1 and not peer.messages


def test_a_message_with_a_null_reverse_path_is_never_reported(relay):
    waybill, peer = relay(refuse)
    submit(waybill.port, "bad@recipient.example", sender="")
    waybill.wait_for("bounced")
    waybill.wait_drained()
    assert len(waybill.of_type("received")) == 1 and not peer.messages


def test_a_notification_that_bounces_is_not_reported(relay):
    waybill, peer = relay(lambda path: "550 5.1.1 nobody here")
    submit(waybill.port, "bad@recipient.example")
    waybill.wait_for("bounced", 2)
    waybill.wait_drained()
    assert len(waybill.of_type("received")) == 2


@pytest.mark.parametrize("given,whole", [("RET=FULL", True), ("RET=HDRS", False)])
def test_ret_decides_how_much_is_returned(relay, given, whole):
    waybill, peer = relay(refuse)
    submit(waybill.port, "bad@recipient.example", mail=[given])
    _, parsed = notice(waybill, peer)
    last = list(parsed.iter_parts())[-1]
    assert last.get_content_type() == ("message/rfc822" if whole else "text/rfc822-headers")
    assert ("body" in str(last)) is whole


def test_success_is_reported_where_the_next_hop_does_not_take_over(relay):
    waybill, peer = relay(None)
    submit(waybill.port, "good@recipient.example", rcpt=["NOTIFY=SUCCESS"])
    _, parsed = notice(waybill, peer)
    status = list(parsed.iter_parts())[1].get_payload()
    assert status[1]["Action"] == "relayed" and status[1]["Status"].startswith("2.")


def test_delay_is_reported_once_when_asked_for(relay):
    waybill, peer = relay(
        lambda path: "451 4.3.0 later" if path.startswith("slow") else None, delay_warning="1s",
        retry="1s", retry_most="1s")
    submit(waybill.port, "slow@recipient.example", rcpt=["NOTIFY=DELAY,FAILURE"])
    _, parsed = notice(waybill, peer)
    status = list(parsed.iter_parts())[1].get_payload()
    assert status[1]["Action"] == "delayed" and status[1]["Status"].startswith("4.")
    waybill.wait_for("deferred", 5)
    assert len(peer.received("sender@client.example")) == 1
