"""What queries take, from the command line and over HTTP, on the log of a year."""

import http.client
import json
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from .http import API, Keys
from .support import free_port, run, wait_until, waybill_binary
from .waybill import Waybill


@dataclass(frozen=True)
class Subject:
    """What one query asks for; each run has another."""

    # Of a message from anywhere in the log.
    message: str
    recipient: str
    sender: str
    campaign: str
    tenant: str
    # A moment at which statistics have that campaign.
    sequence: int
    # A campaign that statistics have now: one without an event for 90 days is dropped.
    recent: str
    recent_tenant: str

    def fill(self, text: str, quoted: bool) -> str:
        for name, value in asdict(self).items():
            value = quote(str(value), safe="") if quoted else str(value)
            text = text.replace("{" + name + "}", value)
        return text


@dataclass(frozen=True)
class Query:
    """A question, as a command and as a request; None where there is none."""

    title: str
    goal_milliseconds: float
    command: str | None = None
    url: str | None = None


# To measure another one is to add a line. {names} are a Subject's.
QUERIES = [
    Query("campaign statistics", 10, "campaign stats {recent} --tenant {recent_tenant} --json",
          "/api/v1/campaigns/{recent}?tenant={recent_tenant}"),
    Query("list of campaigns, first page", 10, "campaign list --limit 50 --json",
          "/api/v1/campaigns?limit=50"),
    Query("a campaign by hour", 10,
          "campaign history {recent} --tenant {recent_tenant} --by hour --json",
          "/api/v1/campaigns/{recent}/history?by=hour&tenant={recent_tenant}"),
    Query("provider statistics", 10, "provider list --json", "/api/v1/providers"),
    Query("history of a message", 5, "trace {message} --json", "/api/v1/messages/{message}"),
    Query("messages of a recipient", 5, "recipient history {recipient} --limit 20 --json",
          "/api/v1/messages?recipient={recipient}&limit=20"),
    Query("messages of a sender", 5, "message list --sender {sender} --limit 20 --json",
          "/api/v1/messages?sender={sender}&limit=20"),
    Query("messages of a campaign", 5,
          "message list --campaign {campaign} --tenant {tenant} --limit 20 --json",
          "/api/v1/messages?campaign={campaign}&tenant={tenant}&limit=20"),
    Query("campaign statistics as of a random event", 1000,
          "campaign stats {campaign} --tenant {tenant} --at {sequence} --json",
          "/api/v1/campaigns/{campaign}?tenant={tenant}&at={sequence}"),
    Query("list of campaigns as of a random event", 1000,
          "campaign list --limit 50 --at {sequence} --json",
          "/api/v1/campaigns?limit=50&at={sequence}"),
]


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Skipped(Exception):
    """This program cannot be asked that."""


class QueryBenchmark:
    """Asks a running server on the log, and commands beside it."""

    # A query is asked so many times, but for no longer than this.
    COMMANDS, REQUESTS, SECONDS = 100, 1000, 12.0
    SUBJECTS = 120

    def __init__(self, place: Path, data: Path, quick: bool):
        self.place, self.data = place, data
        self.seconds = 2.0 if quick else self.SECONDS
        self.random = random.Random(7)
        self.key = ""
        self.rows: list[list[str]] = []
        self.start_text = ""
        self.ready_text = ""

    def server(self) -> Waybill:
        """A server on the log that sends nothing."""
        port = free_port()
        server = Waybill(
            self.place / "server", "--hold-delivery", "--http", f"127.0.0.1:{port}",
            data=self.data)
        keys = Keys(self.place / "server" / "keys")
        self.key = keys.add("benchmark", "admin")
        server.flags += ["--keys", str(keys.path)]
        server.http_port = port
        return server

    def measure(self, server: Waybill) -> None:
        api = API(server.http_port, self.key)
        began = time.monotonic()
        wait_until(lambda: api.get("/health/ready").status == 200, 600, "readiness", every=0.1)
        self._wait_until_folded()
        self.ready_text = f"{time.monotonic() - began:.1f} s"
        subjects = self._subjects()
        empty = [self._command("--version") for _ in range(20)]
        start = quantile(empty, 0.5)
        self.start_text = f"{start:.1f} ms"
        for query in QUERIES:
            command = self._row(
                lambda subject: self._ask_command(query, subject), subjects, self.COMMANDS)
            connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=120)
            request = self._row(
                lambda subject: self._ask_http(connection, query, subject), subjects,
                self.REQUESTS)
            connection.close()
            self._add(query, command, request, start)

    def _add(self, query: Query, command, request, start: float) -> None:
        cells = [query.title, f"{query.goal_milliseconds:g}"]
        if isinstance(command, str):
            cells += [command, "-", "-"]
        else:
            p50, p99 = quantile(command, 0.5), quantile(command, 0.99)
            cells += [
                f"{p50:.1f} / {p99:.1f}",
                f"{max(0, p50 - start):.1f} / {max(0, p99 - start):.1f}", f"{len(command)}"]
        if isinstance(request, str):
            cells += [request, "-"]
        else:
            cells += [
                f"{quantile(request, 0.5):.2f} / {quantile(request, 0.99):.2f}", f"{len(request)}"]
        self.rows.append(cells)
        print("query " + "  ".join(cells), flush=True)

    def _row(self, ask: Callable[[Subject], float], subjects: list[Subject], most: int):
        """Milliseconds of each run, or why there is none."""
        values: list[float] = []
        end = time.monotonic() + self.seconds
        try:
            while len(values) < most and (time.monotonic() < end or len(values) < 3):
                values.append(ask(subjects[len(values) % len(subjects)]))
        except Skipped as reason:
            return f"skipped ({reason})"
        return values

    def _ask_command(self, query: Query, subject: Subject) -> float:
        if query.command is None:
            raise Skipped("no such command")
        arguments = [subject.fill(part, False) for part in query.command.split()]
        return self._command(*arguments, "--data", str(self.data))

    @staticmethod
    def _command(*arguments: str) -> float:
        start = time.perf_counter()
        result = subprocess.run(
            [str(waybill_binary()), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        milliseconds = (time.perf_counter() - start) * 1000
        if result.returncode == 64:
            raise Skipped("no such command")
        if result.returncode:
            raise RuntimeError(f"{arguments}: {result.returncode} {result.stderr[-400:]!r}")
        return milliseconds

    def _ask_http(self, connection, query: Query, subject: Subject) -> float:
        if query.url is None:
            raise Skipped("no such route")
        url = subject.fill(query.url, True)
        start = time.perf_counter()
        connection.request("GET", url, headers={"Authorization": f"Bearer {self.key}"})
        answer = connection.getresponse()
        body = answer.read()
        milliseconds = (time.perf_counter() - start) * 1000
        if answer.status in (404, 405):
            raise Skipped(f"{answer.status}")
        if answer.status != 200:
            raise RuntimeError(f"{url}: {answer.status} {body[:400]!r}")
        return milliseconds

    def _wait_until_folded(self) -> None:
        """Until every projection has reached the log's end."""
        def live() -> bool:
            result = run(
                waybill_binary(), "projection", "status", "--json", "--data", self.data,
                check=False)
            states = [json.loads(line) for line in result.stdout.splitlines()]
            return bool(states) and all(
                # What delivery keeps is loaded before the server is ready.
                state["state"] == "in use" or (state["state"] == "live" and not state["lag"])
                for state in states)
        wait_until(live, 900, "projections at the log's end", every=0.5)

    def _subjects(self) -> list[Subject]:
        """Messages from all over the log."""
        info = json.loads(
            run(waybill_binary(), "log", "info", "--json", "--data", self.data).stdout)
        last = int(info["sequence"])
        lines = run(
            waybill_binary(), "campaign", "list", "--limit", 1000, "--json", "--data",
            self.data).stdout.splitlines()
        recent = [row for row in map(json.loads, lines) if row.get("tenant")]
        subjects: list[Subject] = []
        while len(subjects) < self.SUBJECTS:
            lines = run(
                waybill_binary(), "log", "cat", "--from",
                self.random.randrange(last // 20, last - 1000), "--limit", 300, "--json", "--data",
                self.data).stdout.splitlines()
            events = [json.loads(line) for line in lines]
            by_id = {
                event["message_id"]: event for event in events if event["type"] == "received"}
            now = self.random.choice(recent)
            for event in events:
                received = by_id.get(event.get("message_id"))
                if event["type"] == "delivered" and received and received.get("campaign"):
                    subjects.append(
                        Subject(
                            event["message_id"], event["recipient"], received["reverse_path"],
                            event["campaign"], event["tenant"],
                            event["sequence"] + self.random.randrange(500),
                            now["campaign"], now["tenant"]))
                    break
        return subjects

    def report(self) -> list[str]:
        lines = [
            "## Queries", "", *[line.replace("START", self.start_text) for line in QUERYING], "",
            "| question | goal, ms | command, p50 / p99 ms | without process start | runs |"
            " HTTP, p50 / p99 ms | requests |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return lines


QUERYING = """\
On the largest log above, beside a running server with all projections at the log's end. Each run
asks for another message, recipient, campaign or moment from all over the year. Commands: a process
each, from its start to its end (`waybill --version` takes START, which the next column is without).
HTTP: one connection kept alive, one request after the other, the client in Python. A route or a
command that the program does not have is skipped.""".split("\n")
