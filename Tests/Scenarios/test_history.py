"""The history of messages by index: commands and HTTP, beside a running server and a stopped one."""

import json
import shutil
import signal
from urllib.parse import urlencode

import pytest
from harness.http import start_with_api
from harness.peer import Peer
from harness.support import wait_until


def message(number: int, **more) -> dict:
    return {
        "sender": f"s{number % 2}@shop.example", "campaign": f"c{number % 3}",
        "recipients": [f"r{number % 5}@example.net"], "content": "Subject: x\n\nx\n", **more,
    }


@pytest.fixture
def filled(server):
    """A server that keeps thirty messages, with the ids in the order of acceptance."""
    one, api, keys = start_with_api(server, "--hold-delivery")
    ids = [
        api.post("/api/v1/inject", message(number)).json()["results"][0]["message_id"]
        for number in range(30)
    ]
    return one, api, keys, ids


def listed(one, *arguments) -> list[str]:
    return [row["message_id"] for row in one.json("message", "list", *arguments)]


def test_the_commands_answer_the_same_beside_a_server_and_without_one(filled):
    one, api, _, ids = filled
    questions = {
        ("--recipient", "r2@example.net"): [i for n, i in enumerate(ids) if n % 5 == 2],
        ("--sender", "s1@shop.example", "--campaign", "c0"): [
            i for n, i in enumerate(ids) if n % 2 == 1 and n % 3 == 0],
        ("--domain", "EXAMPLE.net", "--state", "queued"): ids,
        ("--since", "1h", "--until", "2099-01-01"): ids,
    }

    def look():
        for question, expected in questions.items():
            assert listed(one, *question) == expected[::-1], question
        assert listed(one, "--campaign", "c1", "--limit", "3") == ids[1::3][::-1][:3]
        rows = one.json("recipient", "history", "r2@example.net")
        assert [row["message_id"] for row in rows] == ids[2::5][::-1]
        assert {row["state"] for row in rows} == {"queued"}
        trace = one.json("trace", "r2@example.net")
        assert [e["message_id"] for e in trace if e["type"] == "received"] == ids[2::5]
        assert [e["type"] for e in one.json("trace", ids[7])] == ["received", "queued"]
        for missing in (["--recipient", "nobody@example.net"], ["--until", "2001-01-01"]):
            assert one.command("message", "list", *missing, check=False).returncode == 1

    for command in (("message", "list"), ("recipient", "history", "r2@example.net")):
        empty = one.command(*command, "--since", "1h", "--until", "2h", check=False)
        assert (empty.returncode, empty.stdout) == (64, ""), command
    look()
    one.stop()
    look()
    index = one.data / "projections" / "history-v1.mdb"
    assert index.exists()
    # Without the index, and with one that is no good, the whole log is read, and that is said.
    octets = index.read_bytes()
    shutil.rmtree(one.data / "projections")
    look()
    said = one.command("trace", ids[0]).stderr
    assert "the whole log was read" in said
    index.parent.mkdir()
    for damaged in (octets[: len(octets) // 2], octets[:8192] + bytes(len(octets) - 8192)):
        index.write_bytes(damaged)
        look()
        assert "the whole log" in one.command("trace", ids[0]).stderr
    # A start finds it, and makes it again.
    one.start()
    wait_until(
        lambda: one.command("projection", "verify", "history", check=False).returncode == 0, 30,
        "a whole index")
    look()
    assert "the whole log" not in one.command("trace", ids[0]).stderr


def test_pages_follow_one_another_on_the_command_line(filled):
    one, _, _, ids = filled
    found, after = [], []
    while True:
        answer = one.command("message", "list", "--domain", "example.net", "--limit", "7",
                             "--format", "ndjson", *after)
        found += [json.loads(line)["message_id"] for line in answer.stdout.splitlines()]
        if "--after" not in answer.stderr:
            break
        after = ["--after", answer.stderr.split("--after ")[1].split()[0]]
    assert found == ids[::-1]
    table = one.command("message", "list", "--limit", "2").stdout
    assert "MESSAGE" in table and "--after" in table
    csv = one.command("message", "list", "--format", "csv").stdout
    assert csv.splitlines()[0].startswith("received,message_id,sender")


def test_as_of_an_earlier_event_only_what_was_there_is_seen(filled):
    one, _, _, ids = filled
    events = one.events()
    tenth = next(e["sequence"] for e in events if e.get("message_id") == ids[9])
    assert listed(one, "--at", str(tenth)) == ids[:10][::-1]
    assert len(one.json("trace", ids[9], "--at", str(tenth))) == 1
    assert one.command("trace", ids[12], "--at", str(tenth), check=False).returncode == 1


def test_over_http_an_answer_has_what_was_accepted_a_moment_ago(filled):
    one, api, keys, ids = filled

    def ask(key=None, **query):
        answer = api.get("/api/v1/messages?" + urlencode(query), key=key)
        assert answer.status == 200, answer.body
        return [m["message_id"] for m in answer.json()["messages"]]

    wait_until(lambda: api.get("/api/v1/messages").status == 200, 20, "the index")
    assert ask() == ids[::-1]
    for number in range(30, 45):
        new = api.post("/api/v1/inject", message(number)).json()["results"][0]["message_id"]
        ids.append(new)
        assert ask(limit=1) == [new]
        assert ask(recipient=f"r{number % 5}@example.net")[0] == new
    assert ask(campaign="c1", sender="s0@shop.example") == [
        i for n, i in enumerate(ids) if n % 3 == 1 and n % 2 == 0][::-1]
    one.stop()
    one.start(port=api.port)
    wait_until(lambda: api.get("/api/v1/messages").status == 200, 20, "the index")
    assert ask() == ids[::-1]


def test_a_tenants_key_lists_its_own_messages_only(filled):
    one, api, keys, _ = filled
    acme = keys.add("acme", "inject", "read", tenant="acme")
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: api.get("/api/v1/messages", key=acme).status != 401, 10, "the new key")
    wait_until(lambda: api.get("/api/v1/messages").status == 200, 20, "the index")
    own = api.post("/api/v1/inject", message(1), key=acme).json()["results"][0]["message_id"]
    answer = api.get("/api/v1/messages", key=acme).json()
    assert [m["message_id"] for m in answer["messages"]] == [own]
    assert api.get("/api/v1/messages?tenant=other", key=acme).status == 403
    assert api.get("/api/v1/messages?tenant=", key=acme).status == 403
    found = api.get("/api/v1/messages?recipient=r2@example.net", key=acme).json()
    assert found["messages"] == []


def test_what_became_of_a_message_is_listed_with_its_reply(server):
    refusals = {"r1@example.net": "550 5.1.1 no such user"}
    with Peer(on_rcpt=refusals.get) as peer:
        one, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{peer.port}")
        for number in range(10):
            api.post("/api/v1/inject", message(number, sender=""))
        one.wait_drained()
        bounced = one.json("message", "list", "--state", "bounced", "--sender", "<>")
        assert len(bounced) == 2
        assert all("no such user" in row["reply"] for row in bounced)
        rows = one.json("recipient", "history", "r1@example.net")
        assert {row["state"] for row in rows} == {"bounced"}
        answer = api.get("/api/v1/messages?state=bounced").json()
        assert {m["message_id"] for m in answer["messages"]} == {
            row["message_id"] for row in bounced}
        single = api.get(f"/api/v1/messages/{bounced[0]['message_id']}").json()
        assert single["recipients"][0]["reply"].startswith("550 5.1.1")
        assert [e["type"] for e in single["events"]] == ["received", "queued", "bounced"]
