"""Projections of a real server: what a rebuild does and does not do, and the way back from one."""

from harness.http import start_with_api
from harness.support import wait_until

KEPT = ("statistics", "history")


def message(number: int) -> dict:
    return {
        "sender": "", "campaign": f"c{number % 3}", "recipients": [f"r{number}@a.example"],
        "content": f"Subject: {number}\n\nHello\n"}


def live(one, name: str) -> dict:
    """How a projection stands, as soon as it is live and has everything."""
    def row() -> dict | None:
        found = one.json("projection", "status", name)[0]
        return found if (found["state"], found["lag"]) == ("live", 0) else None

    return wait_until(row, 30, f"live {name}")


def digest(one, name: str, *options: str) -> dict:
    return one.json("projection", "digest", name, *options)[0]


def test_the_file_before_the_last_rebuild_can_be_used_again(server, sink):
    one, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{sink.port}")
    for number in range(30):
        assert api.post("/api/v1/inject", message(number)).status == 200
    one.wait_drained()
    for name in KEPT:
        live(one, name)
    assert {row["result"] for row in one.json("projection", "rebuild", *KEPT)} == {"rebuilt"}
    for number in range(30, 60):
        assert api.post("/api/v1/inject", message(number)).status == 200
    one.wait_drained()
    assert one.stop() == 0
    kept = {name: digest(one, name) for name in KEPT}
    for row in one.json("projection", "list"):
        if row["name"] in KEPT:
            assert row["has_previous"], row
            path = one.data / "projections" / f"{row['name']}-v{row['version']}.mdb"
            path.with_name(path.name + ".previous").rename(path)
    one.start(port=api.port)
    for name in KEPT:
        status = live(one, name)
        # The file was taken as it is, and what it lacks was replayed: nothing was built anew.
        assert (status["rebuilds"], status["setbacks"]) == (0, []), status
    assert one.stop() == 0
    for name in KEPT:
        again = digest(one, name, "--as-of", str(kept[name]["sequence"]))
        assert again["digest"] == kept[name]["digest"], name
        assert one.json("projection", "verify", name)[0]["equal"]


def test_a_rebuild_sends_nothing_again(server, sink):
    one, api, _ = start_with_api(server, "--smarthost", f"127.0.0.1:{sink.port}")
    total = 0

    def hand_in() -> None:
        nonlocal total
        for _ in range(40):
            assert api.post("/api/v1/inject", message(total)).status == 200
            total += 1

    hand_in()
    for _ in range(3):
        # The one beside the server's work, while mail comes and goes.
        assert {row["result"] for row in one.json("projection", "rebuild", *KEPT)} == {"rebuilt"}
        hand_in()
    assert one.json("projection", "rebuild", "queue")[0]["result"] == "asked"
    one.wait_drained()
    # And that of a start, of everything.
    assert one.stop() == 0
    for path in (one.data / "projections").glob("*.mdb*"):
        path.unlink()
    one.start(port=api.port)
    hand_in()
    one.wait_drained()
    for name in KEPT:
        live(one, name)
    sent = [(event["message_id"], event["recipient"]) for event in one.of_type("delivered")]
    assert len(sent) == len(set(sent)) == total
    assert one.stop() == 0
    sink.stop()
    assert sink.taken() == total
