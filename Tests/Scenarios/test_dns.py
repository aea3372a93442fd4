"""MX selection with a real DNS server."""

import smtplib

import pytest

from harness.configuration import configuration
from harness.network import NameServer, null_mx
from harness.peer import Peer
from harness.support import free_port


def send(port, *recipients):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("", list(recipients), b"Subject: x\r\n\r\nx\r\n")


@pytest.fixture
def internet(server, tmp_path):
    """records, peers by address -> a server that asks a private DNS server; MX hosts on one port.

    The MX hosts are loopback addresses, which the server follows only because it is told to.
    """
    made = []

    def make(records, addresses, allow_any_address=True):
        port, mx_port = free_port(), free_port()
        peers = {address: Peer(address=address, port=mx_port) for address in addresses}
        names = NameServer(tmp_path / "dns", records).start()
        made.extend([names.stop, *(peer.close for peer in peers.values())])
        waybill = server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(
                port, name_server=names.port, mx_port=mx_port,
                allow_any_address=allow_any_address))
        return waybill.start(), peers, names

    yield make
    for stop in made:
        stop()


def test_the_preferred_mx_gets_the_mail(internet):
    waybill, peers, _ = internet(
        ["mx-host=a.example,mx1.a.example,20", "mx-host=a.example,mx0.a.example,10",
         "host-record=mx0.a.example,127.0.0.2", "host-record=mx1.a.example,127.0.0.3"],
        ["127.0.0.2", "127.0.0.3"])
    send(waybill.port, "b@a.example")
    event = waybill.wait_for("delivered")[0]
    assert len(peers["127.0.0.2"].messages) == 1 and not peers["127.0.0.3"].messages
    assert event["mx"]["host"] == "mx0.a.example" and event["mx"]["address"] == "127.0.0.2"


def test_the_next_mx_is_used_when_the_first_does_not_answer(internet):
    waybill, peers, _ = internet(
        ["mx-host=a.example,mx0.a.example,10", "mx-host=a.example,mx1.a.example,20",
         "host-record=mx0.a.example,127.0.0.2", "host-record=mx1.a.example,127.0.0.3"],
        ["127.0.0.3"])
    send(waybill.port, "b@a.example")
    waybill.wait_for("delivered")
    assert len(peers["127.0.0.3"].messages) == 1


def test_rfc_5321_5_1_a_domain_without_mx_is_its_own_host(internet):
    waybill, peers, _ = internet(["host-record=a.example,127.0.0.2"], ["127.0.0.2"])
    send(waybill.port, "b@a.example")
    waybill.wait_for("delivered")
    assert len(peers["127.0.0.2"].messages) == 1


def test_ipv6_hosts_are_reached(internet):
    waybill, peers, _ = internet(
        ["mx-host=a.example,mx.a.example,10", "host-record=mx.a.example,::1"], ["::1"])
    send(waybill.port, "b@a.example")
    event = waybill.wait_for("delivered")[0]
    assert len(peers["::1"].messages) == 1 and event["mx"]["address"] == "::1"


def test_rfc_7505_a_null_mx_bounces_at_once(internet):
    waybill, peers, _ = internet(
        [null_mx("a.example"), "host-record=a.example,127.0.0.2"], ["127.0.0.2"])
    send(waybill.port, "b@a.example")
    event = waybill.wait_for("bounced")[0]
    assert "5.1.10" in str(event)
    assert not peers["127.0.0.2"].messages


def test_an_mx_that_leads_to_this_machine_is_not_followed(internet):
    waybill, _, _ = internet(
        ["mx-host=a.example,mx.a.example,10", "host-record=mx.a.example,127.0.0.1"], [],
        allow_any_address=False)
    send(waybill.port, "b@a.example")
    event = waybill.wait_for("bounced")[0]
    assert event["reply"]["status"].startswith("5.4.")


def test_a_domain_that_does_not_exist_bounces(internet):
    waybill, _, _ = internet([], [])
    send(waybill.port, "b@nowhere.example")
    event = waybill.wait_for("bounced")[0]
    assert "5.1.2" in str(event) or "5.4.4" in str(event)


def test_a_dns_server_that_is_down_defers(internet):
    waybill, peers, names = internet(["host-record=a.example,127.0.0.2"], ["127.0.0.2"])
    names.stop()
    send(waybill.port, "b@a.example")
    waybill.wait_for("deferred", seconds=60)
    assert not waybill.of_type("bounced")
    names.start()
    waybill.wait_for("delivered", seconds=90)


def test_answers_are_cached(internet):
    waybill, peers, names = internet(
        ["mx-host=a.example,mx.a.example,10", "host-record=mx.a.example,127.0.0.2"],
        ["127.0.0.2"])
    for number in range(20):
        send(waybill.port, f"r{number}@a.example")
    waybill.wait_for("delivered", 20)
    assert names.queries("a.example", "MX") <= 2
