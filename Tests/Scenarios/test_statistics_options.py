"""Spans, pages, formats and moments of the past, over HTTP and on the command line."""

import csv
import io
import json

import pytest
from harness.http import start_with_api
from harness.peer import Peer
from harness.support import wait_until

SENT = {("spring", "a.example"): 20, ("spring", "b.example"): 20, ("autumn", "a.example"): 20}
PROVIDER = "127.0.0.1"


@pytest.fixture
def counted(server):
    """A server that has delivered two campaigns and counted them, with its `delivered` events."""
    with Peer() as peer:
        one, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{peer.port}")
        for (campaign, domain), count in SENT.items():
            answer = api.post("/api/v1/inject", {
                "sender": "", "campaign": campaign, "tenant": "acme",
                "content": "Subject: x\n\nHello\n",
                "recipients": [f"r{number}@{domain}" for number in range(count)]})
            assert answer.status == 200
        one.wait_for("delivered", 60)
        one.wait_drained()

        def has_all() -> bool:
            answer = api.get("/api/v1/clients/acme")
            return answer.status == 200 and answer.json()["delivered"] == 60

        wait_until(has_all, 10, "the live statistics")
        yield one, api, one.of_type("delivered")


def asked(api, path: str) -> dict:
    answer = api.get(f"/api/v1/{path}")
    assert answer.status == 200, (path, answer.body)
    return answer.json()


def delivered(rows: list[dict]) -> int:
    return sum(int(row["delivered"]) for row in rows)


def test_a_span_counts_what_happened_in_it(counted):
    one, api, _ = counted
    for span in (["--since", "1h"], ["--since", "24h", "--until", "2099-01-01"]):
        assert one.json("campaign", "stats", "spring", *span)[0]["delivered"] == 40, span
        assert one.json("provider", "stats", PROVIDER, *span)[0]["delivered"] == 60, span
        assert delivered(one.json("campaign", "list", *span)) == 60, span
        assert delivered(one.json("analytics", "delivery", *span)) == 60, span
    assert delivered(one.json("analytics", "delivery", "--last", "1h")) == 60
    assert delivered(
        one.json("analytics", "delivery", "--last", "1h", "--campaign", "autumn")) == 20
    for span in ("since=1h", "since=24h&until=2099-01-01"):
        assert asked(api, f"campaigns/spring?{span}")["delivered"] == 40, span
        assert delivered(asked(api, f"analytics/delivery?{span}")["items"]) == 60, span
    assert delivered(asked(api, "analytics/delivery?until=2001-01-01")["items"]) == 0
    twisted = one.command(
        "campaign", "stats", "spring", "--since", "1h", "--until", "2h", check=False)
    assert (twisted.returncode, twisted.stdout) == (64, "")


def test_pages_are_parts_of_the_whole_list(counted):
    one, api, _ = counted
    whole = one.json("analytics", "domains")
    assert [row["delivered"] for row in whole] == [40, 20]
    for offset in range(3):
        page = ("--limit", "1", "--offset", str(offset))
        assert one.json("analytics", "domains", *page) == whole[offset:offset + 1]
        answer = asked(api, f"analytics/domains?limit=1&offset={offset}")
        assert (answer["items"], answer["total"]) == (whole[offset:offset + 1], 2)
        campaigns = asked(api, f"campaigns?limit=1&offset={offset}")["items"]
        assert campaigns == one.json("campaign", "list", *page)


def test_every_format_has_the_same_rows(counted):
    one, api, _ = counted
    rows = one.json("campaign", "list")
    assert {(row["campaign"], row["delivered"]) for row in rows} == {("spring", 40), ("autumn", 20)}
    assert json.loads(one.command("campaign", "list", "--format", "json").stdout) == rows
    table = list(csv.DictReader(
        io.StringIO(one.command("campaign", "list", "--format", "csv").stdout)))
    assert [(row["campaign"], int(row["delivered"])) for row in table] == [
        (row["campaign"], row["delivered"]) for row in rows]
    assert asked(api, "campaigns?format=json")["items"] == rows
    assert api.get("/api/v1/campaigns?format=ndjson").lines() == rows
    over_http = api.get("/api/v1/campaigns?format=csv").body.decode()
    assert list(csv.DictReader(io.StringIO(over_http))) == table
    # One subject is one object, and one row without its lists.
    card = json.loads(one.command("campaign", "stats", "spring", "--format", "json").stdout)
    assert card == one.json("campaign", "stats", "spring")[0]
    assert card["delivered"] == 40
    short = list(csv.DictReader(
        io.StringIO(one.command("campaign", "stats", "spring", "--format", "csv").stdout)))
    assert [row["delivered"] for row in short] == ["40"]


def test_in_the_middle_of_the_log_half_of_it_is_counted(counted):
    one, api, events = counted
    middle = events[29]
    at = str(middle["sequence"])
    spring = sum(event["campaign"] == "spring" for event in events[:30])
    assert one.json("campaign", "stats", "spring", "--at", at)[0]["delivered"] == spring
    assert asked(api, f"campaigns/spring?at={at}")["delivered"] == spring
    assert one.json("provider", "stats", PROVIDER, "--at", at)[0]["delivered"] == 30
    assert asked(api, f"providers/{PROVIDER}?at={at}")["delivered"] == 30
    windows = one.json("source", "reputation", "--at", at)
    assert {(row["window"], row["delivered"]) for row in windows} == {
        ("1h", 30), ("24h", 30), ("7d", 30)}
    assert {row["delivered"] for row in asked(api, f"reputation/sources?at={at}")["items"]} == {30}

    def state(sequence: int) -> str:
        rows = one.json(
            "recipient", "history", middle["recipient"], "--at", str(sequence))
        return next(row["state"] for row in rows if row["message_id"] == middle["message_id"])

    assert state(middle["sequence"]) == "delivered"
    assert state(middle["sequence"] - 1) != "delivered"
