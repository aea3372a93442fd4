"""Messages taken over HTTP, beside Postfix's SMTP."""

import shutil
from pathlib import Path

from .http import API, Keys
from .postfix import TUNED, Postfix
from .samples import Samples
from .stones import source
from .support import cpu_seconds, free_port, wait_until
from .waybill import Waybill
from .wrk import KINDS, Kind, inject

CONNECTIONS, OCTETS = 50, 4096
POSTFIX_MESSAGES = 6000


class InjectionBenchmark:
    """Rounds of Postfix and of each kind of request."""

    def __init__(self, place: Path, rounds: int, quick: bool):
        self.place, self.rounds = place, rounds
        self.seconds = 2 if quick else 6
        self.messages = POSTFIX_MESSAGES // (5 if quick else 1)
        self.postfix = Samples()
        self.samples = {kind.name: Samples() for kind in KINDS}

    def measure(self) -> None:
        for number in range(1, self.rounds + 1):
            self._postfix(number)
            for kind in KINDS:
                self._waybill(kind, number)

    def _postfix(self, number: int) -> None:
        directory = self.place / "postfix"
        settings = {
            **TUNED,
            "smtpd_recipient_restrictions": (
                "check_client_access static:HOLD, permit_mynetworks, reject"),
        }
        with Postfix(directory, settings) as server:
            source(server.port, 500, sessions=CONNECTIONS, size_octets=OCTETS)
            cpu = cpu_seconds(server.master_pid)
            result = source(
                server.port, self.messages, sessions=CONNECTIONS, size_octets=OCTETS)
            rate = self.messages / result.seconds
            self.postfix.add(
                rate=rate, cpu=(cpu_seconds(server.master_pid) - cpu) / self.messages * 1e6)
        print(f"round {number}/{self.rounds} postfix {rate:>12,.0f} messages/s", flush=True)
        shutil.rmtree(directory)

    def _waybill(self, kind: Kind, number: int) -> None:
        directory = self.place / "injection"
        port = free_port()
        server = Waybill(directory, "--hold-delivery", "--http", f"127.0.0.1:{port}")
        keys = Keys(directory / "keys")
        key = keys.add("benchmark", "admin")
        server.flags += ["--keys", str(keys.path)]
        with server:
            api = API(port, key)
            wait_until(lambda: api.get("/health/ready").status == 200, 30, "readiness")
            inject(port, key, kind, 1, CONNECTIONS, OCTETS)
            cpu = cpu_seconds(server.pid)
            figures = inject(port, key, kind, self.seconds, CONNECTIONS, OCTETS)
            recipients = figures["accepted"] * kind.recipients
            rate = recipients / figures["seconds"]
            self.samples[kind.name].add(
                rate=rate, requests=figures["accepted"] / figures["seconds"],
                cpu=(cpu_seconds(server.pid) - cpu) / figures["accepted"] * 1e6,
                p50=figures["p50"], p99=figures["p99"],
                ratio=rate / self.postfix.values["rate"][-1])
            server.kill()
        print(
            f"round {number}/{self.rounds} {kind.name:<8}{rate:>12,.0f} recipients/s", flush=True)
        shutil.rmtree(directory)

    def report(self) -> list[str]:
        lines = [
            "## Injection", "", *INJECTING, "",
            "| what | requests a second | recipients a second | of Postfix | CPU microseconds a"
            " request | p50 / p99, ms |",
            "| --- | --- | --- | --- | --- | --- |",
            f"| Postfix, SMTP, one recipient a message | {self.postfix.text('rate')} |"
            f" {self.postfix.text('rate')} | 1 | {self.postfix.text('cpu')} | - |",
        ]
        for kind in KINDS:
            one = self.samples[kind.name]
            lines.append(
                f"| {kind.title} | {one.text('requests')} | {one.text('rate')} |"
                f" {one.text('ratio', 1)} | {one.text('cpu')} |"
                f" {one.text('p50', 1)} / {one.text('p99', 1)} |")
        return lines


INJECTING = """\
50 connections kept alive, messages of 4 KiB that differ in their ids and recipients, an answer only
when durable, delivery off on both sides (Postfix puts mail on hold). Requests come from wrk with one
thread, SMTP from smtp-source with 50 sessions that keep their connections. The goal is 10 times
Postfix's messages a second in the same round. p50 and p99 are of requests, under this
load.""".split("\n")
