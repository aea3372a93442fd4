"""The log's records into servers that keep events: appended by many connections, and read back."""

import json
import os
import statistics
import time
from pathlib import Path

from .measured import measured
from .peerservers import PEERS, PeerServer
from .samples import Samples
from .support import Skip, run

# The stream whose every event is an append of its own.
STREAM = "single"


class PeerBenchmark:
    """Runs peer-load against each server; adds to the samples of the log's benchmark."""

    def __init__(self, place: Path, records: int, seconds: float, appenders: list[int]):
        self.place, self.records, self.seconds = place, records, seconds
        self.appenders = appenders
        self.skipped: dict[str, str] = {}
        self.servers: list[PeerServer] = []
        self.reading: dict[str, Samples] = {}
        for kind in PEERS:
            try:
                self.servers.append(kind(place / kind.name))
            except Skip as reason:
                self.skipped[kind.title] = str(reason)
                print(f"skipped: {kind.title}: {reason}", flush=True)
        for server in self.servers:
            print(f"{server.title} {server.version}: {'; '.join(server.settings())}", flush=True)

    def sides(self) -> list[tuple[str, str]]:
        """The name in the samples, and the title, of each server's each address."""
        return [
            (f"{server.name}-{kind}", f"{server.title}, {kind}")
            for server in self.servers for kind in server.addresses()]

    def round(self, programs: Path, samples: dict, number: int, said: str, own_sides) -> None:
        """At each number of appenders all sides, one after the other, so that a disk that others use,
        too, treats them alike. `own_sides` measures those in the process; in every other round it
        is their turn last."""
        file = self.place / "records"
        run(programs / "log-benchmark", self.place, "--records", file, "--seed", number)
        load = programs / "peer-load"
        try:
            for server in self.servers:
                server.start()
                self._warm_up(load, server, file)
            for count in self.appenders:
                samples[STREAM, count].add(**{"disk-rate": self._flushes()})
                if number % 2:
                    own_sides(count)
                for server in self.servers if number % 2 else self.servers[::-1]:
                    for kind, address in server.addresses().items():
                        self._append(load, server, kind, address, count, file, samples, said)
                if number % 2 == 0:
                    own_sides(count)
            for server in self.servers:
                self._read(load, server, file, said)
                server.remove()
        finally:
            for server in self.servers:
                server.remove()
        file.unlink()

    def _flushes(self) -> float:
        """How often a second 4 KiB of a plain file are written over and flushed."""
        path = self.place / "flushes"
        with path.open("wb", buffering=0) as file:
            file.write(bytes(1 << 20))
            os.fsync(file.fileno())
            start, count = time.monotonic(), 0
            while time.monotonic() - start < self.seconds / 2:
                os.pwrite(file.fileno(), bytes(4096), count % 256 * 4096)
                os.fdatasync(file.fileno())
                count += 1
            rate = count / (time.monotonic() - start)
        path.unlink()
        return rate

    def _warm_up(self, load: Path, server: PeerServer, file: Path) -> None:
        """Files that a server makes at first, and the first pages of its memory."""
        for address in server.addresses().values():
            self._load(
                load, server.name, "append", address, "--records", file, "--connections", 50,
                "--seconds", self.seconds)

    def _append(
        self, load: Path, server: PeerServer, kind: str, address: str, count: int, file: Path,
        samples: dict, number: str,
    ) -> None:
        # Before and after the appends, without what connecting costs.
        cpu: list[float] = []
        took = self._load(
            load, server.name, "append", address, "--records", file, "--connections", count,
            "--seconds", self.seconds, on_line=lambda *_: cpu.append(server.cpu_seconds()))
        side = f"{server.name}-{kind}"
        rate = took["events"] / took["seconds"]
        samples[STREAM, count].add(**{
            f"{side}-rate": rate,
            f"{side}-client": took["client_cpu_seconds"] / took["seconds"],
            f"{side}-server": (cpu[-1] - cpu[0]) / took["events"] * 1e6,
        })
        print(
            f"{number} {STREAM:<8}{count:>5} appenders  {server.title + ', ' + kind:<28}"
            f"{rate:>14,.0f} events/s", flush=True)

    def _read(self, load: Path, server: PeerServer, file: Path, number: str) -> None:
        if server.fills_without_flushes:
            server.stop()
            server.start(durable=False)
        for index, (kind, address) in enumerate(server.addresses().items()):
            if index == 0:
                self._load(
                    load, server.name, "fill", address, "--records", file, "--count", self.records)
                # The first reading writes down which rows are valid, or fills caches.
                self._load(load, server.name, "read", address, "--count", self.records)
            took = self._load(load, server.name, "read", address, "--count", self.records)
            rate = took["events"] / took["seconds"]
            self.reading.setdefault(f"{server.name}-{kind}", Samples()).add(
                rate=rate, client=took["client_cpu_seconds"] / took["seconds"])
            print(
                f"{number} read {took['events']:>12,} events  {server.title + ', ' + kind:<28}"
                f"{rate:>14,.0f} events/s", flush=True)

    @staticmethod
    def _load(load: Path, *arguments, on_line=None) -> dict:
        return json.loads(measured(load, *arguments, on_line=on_line).output.strip().split("\n")[-1])

    # The page

    def goals(self, samples: dict) -> list[str]:
        """The goals, with the ratio at each number of appenders, met or not."""
        lines = [
            "## Goals", "", *GOALS, "",
            "| Waybill / | goal | " + " | ".join(f"{count:,}" for count in self.appenders) + " |",
            "| --- | --- |" + " --- |" * len(self.appenders),
        ]
        behind = []
        sides = [("lmdb", "LMDB alone", 0.8), ("sqlite", "SQLite", 1.0),
                 ("sqlite-ready", "SQLite, rows ready", 1.0)]
        sides += [(side, title, 1.0) for side, title in self.sides()]
        for side, title, goal in sides:
            cells = []
            for count in self.appenders:
                ratio = self._ratio(samples, side, count)
                is_met = ratio is not None and (ratio >= goal if side == "lmdb" else ratio > goal)
                cells.append("-" if ratio is None else f"{ratio:.2f} {'' if is_met else 'not '}met")
                if not is_met and side != "lmdb":
                    behind.append(f"{title} at {count:,}")
            words = "at least 0.80" if side == "lmdb" else "more than 1"
            lines.append(f"| {title} | {words} | " + " | ".join(cells) + " |")
        all_met = not behind and not self.skipped
        lines += ["", "Ahead of every one of them at every concurrency: "
                  + ("met." if all_met else "not met."
                     + (f" Not ahead of: {', '.join(behind)}." if behind else ""))]
        lines += [f"Not measured: {title}: {reason}." for title, reason in self.skipped.items()]
        return lines

    def _ratio(self, samples: dict, side: str, count: int) -> float | None:
        """The median of the rounds' ratios; a server's rate is its best with so many connections
        or fewer, since more appenders can share them."""
        ours = samples[STREAM, count].values.get("log-rate", [])
        shared = side not in ("lmdb", "sqlite", "sqlite-ready")
        counts = [other for other in self.appenders if other <= count] if shared else [count]
        rates = [samples[STREAM, other].values.get(f"{side}-rate", []) for other in counts]
        theirs = [max(round_rates) for round_rates in zip(*rates)]
        ratios = [one / other for one, other in zip(ours, theirs)]
        return statistics.median(ratios) if ratios else None

    def report(self, samples: dict) -> list[str]:
        """The tables of appending and reading beside the servers."""
        lines = ["## Beside servers", "", *SERVERS, ""]
        lines += [
            f"- {server.title} {server.version}: `{'`, `'.join(server.settings())}`."
            for server in self.servers]
        lines += [f"- {title}: skipped: {reason}." for title, reason in self.skipped.items()]
        lines += [
            "", "| appenders | side | events a second, durable | Waybill / that | server, CPU"
            " microseconds an event | load, share of a core |", "| --- | --- | --- | --- | --- | --- |"]
        own = [("disk", "a plain file, 4 KiB written over and flushed"),
               ("log", "Waybill, in the process"), ("lmdb", "LMDB alone, in the process"),
               ("sqlite", "SQLite, in the process"),
               ("sqlite-ready", "SQLite, rows ready, in the process")]
        for count in self.appenders:
            figures = samples[STREAM, count]
            for side, title in [*own, *self.sides()]:
                ours = figures.values.get("log-rate", [])
                ratios = Samples()
                for one, other in zip(ours, figures.values.get(f"{side}-rate", [])):
                    ratios.add(ratio=one / other)
                lines.append(
                    f"| {count:,} | {title} | {figures.text(f'{side}-rate')} |"
                    f" {ratios.text('ratio', 2) if side not in ('log', 'disk') else '-'} |"
                    f" {figures.text(f'{side}-server', 1)} | {figures.text(f'{side}-client', 2)} |")
        lines += [
            "", f"Reading {self.records:,} events from the beginning:", "",
            "| side | events a second | load, share of a core |", "| --- | --- | --- |"]
        titles = {
            "log-values": "Waybill, in the process, every event decoded",
            "log-visit": "Waybill, in the process, as a fold sees it",
            "sqlite-values": "SQLite, in the process, every event decoded",
            "sqlite-bytes": "SQLite, in the process, octets",
            "lmdb-bytes": "LMDB alone, in the process, octets of whole batches",
        } | {side: f"{title}, octets" for side, title in self.sides()}
        for side, title in titles.items():
            figures = self.reading.get(side, Samples())
            lines.append(f"| {title} | {figures.text('rate')} | {figures.text('client', 2)} |")
        return lines


GOALS = """\
Ahead of every one of SQLite, PostgreSQL, Redis Streams and NATS JetStream at every concurrency; at
least 80 % of LMDB alone with the same bytes. Each cell: the median of the rounds' ratios, every event
an append of its own, and whether it is met. A server's rate is here the best that it had with as many
connections as there are appenders, or fewer: a pool of connections is anybody's to have.""".split("\n")

SERVERS = """\
The same records, each event an append of its own, into servers that keep them. A record is what
SQLite gets of an event: its time in 8 octets and the event in protobuf, made before the clock starts.
The servers run on loopback, each with its data in a new directory on the same file system as the log;
at each number of appenders one side after the other is measured while the rest is idle. Each answers
when the record is durable. N connections; each sends its next record when the last one
has been answered, so there is no pipelining within a connection. Connecting, and the first append of
each connection, come before the clock starts.

This is not the same path. Waybill, LMDB and SQLite are in the process that appends: no socket, no
copy through the kernel, no second process to wake. A server is asked over TCP on 127.0.0.1, or, where
it has one, over a Unix socket, and shares the processors with its load. Whoever puts a queue into
such a server pays that; but what it pays for the storage alone is less than these figures say.
Waybill's and SQLite's "events alone" further down put some events into one append.

The load is `tools/peer-load`, one thread for all connections with epoll and the server's own
protocol: PostgreSQL's extended protocol (Bind, Execute and Sync of a prepared INSERT, so a transaction
a record, into a table of a bigserial key and a bytea), XADD, and PUB with JetStream's acknowledgement.
Its CPU is given as a share of one core: near 1.00 the load is the limit, not the server. Tried
at 10, 100 and 1,000 connections, it got no less out of PostgreSQL than `pgbench -M prepared -j 2`, and
no less out of Redis than `redis-benchmark`. NATS flushes once a message, as strace shows. PostgreSQL
has a process a connection; it is allowed 1,010 connections here, where its default is 100.

Reading: PostgreSQL with COPY (SELECT ... ORDER BY) in binary form, Redis with XRANGE of 1,000 entries
at a time, NATS with a push consumer without acknowledgements, with flow control. What they send is
counted and not decoded; the second reading is timed. NATS was filled without a flush for each
record, which does not change what is read.""".split("\n")
