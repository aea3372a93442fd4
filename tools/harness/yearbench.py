"""A year in a box: rebuilds, queries, the event stream and injection, on a log of a year."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from .eventstream import StreamBenchmark
from .injection import InjectionBenchmark
from .measured import Measured, MemoryLimit, measured
from .queries import QueryBenchmark
from .samples import Samples, file_system, machine
from .support import ROOT, Skip, program, run, waybill_binary

# Rebuilt together are those that the program has; the first two rows are the issue's own.
REBUILDS = [
    ("queue", "queue", ["queue"]),
    ("counters", "counters (statistics)", ["statistics"]),
    ("both", "queue and counters, one pass", ["queue", "statistics"]),
    ("all", "everything, one pass", None),
]
# SQLite folds the smaller log only: it is slow, and its rate falls as its tables grow.
SQLITE_EVENTS_MAX = 1_000_000


def build() -> Path:
    """Builds year-in-a-box in release; returns the executable."""
    if run("pkg-config", "--exists", "sqlite3", check=False).returncode:
        raise Skip("libsqlite3-dev is not installed (tools/install-dependencies --tests)")
    print("==> Building year-in-a-box, release", flush=True)
    subprocess.run(
        ["swift", "build", "-c", "release", "--product", "year-in-a-box"], cwd=ROOT, check=True,
        env={**os.environ, "WAYBILL_BENCHMARKS": "1"})
    return binary()


def binary() -> Path:
    """The executable: $WAYBILL_YEAR_BINARY, else the one that was built last."""
    given = os.environ.get("WAYBILL_YEAR_BINARY")
    return Path(given) if given else ROOT / ".build" / "release" / "year-in-a-box"


class Year:
    """A data directory with a log of a year; made unless it is there."""

    def __init__(self, data: Path, wanted: int, has_content: bool = False):
        self.data, self.wanted, self.has_content = Path(data), wanted, has_content
        self.description = self.data / "year.json"
        if not self.description.exists():
            self._make()
        self.made = json.loads(self.description.read_text())
        self.events: int = self.made["events"]

    def _make(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        print(f"==> Making a year of {self.wanted:,} events", flush=True)
        # What is being made is worth nothing until it is complete: no flush waits for the disk.
        took = measured(
            program("eatmydata"), binary(), "make", self.data / "log", "--events", self.wanted,
            *(["--content"] if self.has_content else []))
        os.sync()
        figures = json.loads(took.output.strip().split("\n")[-1])
        figures["wall_seconds"], figures["peak_mebibytes"] = took.seconds, took.peak_mebibytes
        self.description.write_text(json.dumps(figures))
        print(f"    {figures['events']:,} events in {took.seconds:.0f} s", flush=True)


class YearBenchmark:
    """All parts, one after the other; keeps their figures."""

    def __init__(self, place: Path, logs: Path, events: list[int], rounds: int, parts: set[str],
                 quick: bool, memory: int | None = None):
        self.place, self.rounds, self.parts, self.memory = place, rounds, parts, memory
        wanted = sorted(set(events)) if parts & {"rebuild", "queries", "stream"} else []
        if "rebuild" not in parts:
            wanted = wanted[-1:]
        self.years = [Year(logs / f"year-{count}", count) for count in wanted]
        self.samples: dict[tuple[str, int], Samples] = {}
        self.versions = {"sqlite": "?"}
        self.queries = QueryBenchmark(place, self.years[-1].data if wanted else place, quick)
        self.stream = StreamBenchmark(quick)
        self.injection = InjectionBenchmark(place, 1 if quick else rounds, quick)

    def measure(self) -> None:
        if "rebuild" in self.parts:
            for number in range(1, self.rounds + 1):
                for year in self.years:
                    # A round of a very large log takes minutes, and varies little.
                    if number == 1 or year.events < 30_000_000:
                        self._rebuild(year, number)
        if "queries" in self.parts or "stream" in self.parts:
            with self.queries.server() as server:
                if "queries" in self.parts:
                    self.queries.measure(server)
                if "stream" in self.parts:
                    self.stream.measure(server, self.queries.key, self.years[-1].events)
        if "injection" in self.parts:
            self.injection.measure()

    # Rebuilding

    def _rebuild(self, year: Year, number: int) -> None:
        for name, _, projections in REBUILDS:
            chosen = projections or self._all(year)
            command = [
                waybill_binary(), "projection", "rebuild", *chosen, "--data", year.data]
            if self.memory:
                with MemoryLimit(self.memory) as limit:
                    took = measured(*command, limit=limit)
            else:
                took = measured(*command)
            self._add(name, year, number, took, year.events)
            shutil.rmtree(year.data / "projections", ignore_errors=True)
        took = measured(binary(), "read", year.data / "log")
        self._add("read", year, number, took, year.events)
        if year is not self.years[0]:
            return
        for name, flags in (("sqlite", []), ("sqlite-sums", ["--add-up-first"])):
            database = self.place / "fold.sqlite"
            took = measured(
                binary(), "sqlite", year.data / "log", "--database", database, "--events",
                SQLITE_EVENTS_MAX, *flags)
            figures = json.loads(took.output.strip().split("\n")[-1])
            self.versions["sqlite"] = figures["sqlite"]
            self._add(name, year, number, took, figures["events"])
            database.unlink()

    @staticmethod
    def _all(year: Year) -> list[str]:
        lines = run(
            waybill_binary(), "projection", "list", "--data", year.data, "--json").stdout
        return [json.loads(line)["name"] for line in lines.splitlines()]

    def _add(self, name: str, year: Year, number: int, took: Measured, events: int) -> None:
        samples = self.samples.setdefault((name, year.events), Samples())
        samples.add(
            rate=events / took.seconds, cpu=took.cpu_seconds / events * 1e6,
            peak=took.peak_mebibytes)
        print(
            f"round {number}/{self.rounds} {year.events:>12,} events {name:<12}"
            f"{events / took.seconds:>14,.0f} events/s {took.peak_mebibytes:>8,.0f} MiB",
            flush=True)

    # The page

    def report(self) -> list[str]:
        lines = [
            "# A year in a box: rebuilds, queries, streams, injection", "",
            f"Machine: {machine()}. File system: {file_system(self.place)}."
            f" {self.rounds} rounds; median [lowest-highest]. Made by `tools/benchmarks"
            " --projections`. Client and server share the machine.", "",
        ]
        if self.years:
            lines += [
                *YEAR, "", "| log | messages | octets an event | segments | made in |",
                "| --- | --- | --- | --- | --- |",
            ]
        for year in self.years:
            made = year.made
            lines.append(
                f"| {made['events']:,} events | {made['messages']:,} |"
                f" {made['file_octets'] / made['events']:.0f} | {made['segments']} |"
                f" {made['wall_seconds']:.0f} s |")
        if "rebuild" in self.parts:
            lines += ["", *self._rebuild_report()]
        if "queries" in self.parts:
            lines += ["", *self.queries.report()]
        if "stream" in self.parts:
            lines += ["", *self.stream.report()]
        if "injection" in self.parts:
            lines += ["", *self.injection.report()]
        return [*lines, ""]

    def _rebuild_report(self) -> list[str]:
        lines = [
            "## Rebuilding", "", *REBUILDING,
            *([f"The rebuilds ran in a control group of {self.memory:,} MiB, page cache included."]
              if self.memory else []), "",
            "| what | log | events a second | CPU microseconds an event | peak memory, MiB |",
            "| --- | --- | --- | --- | --- |",
        ]
        titles = {name: title for name, title, _ in REBUILDS} | {
            "read": "reading alone: every event shown to a visitor, one thread",
            "sqlite": f"SQLite {self.versions['sqlite']}, a statement a count",
            "sqlite-sums": f"SQLite {self.versions['sqlite']}, sums of a transaction first",
        }
        for name, title in titles.items():
            for year in self.years:
                samples = self.samples.get((name, year.events))
                if samples:
                    lines.append(
                        f"| {title} | {year.events:,} | {samples.text('rate')} |"
                        f" {samples.text('cpu', 2)} | {samples.text('peak')} |")
        lines += [""]
        first = self.years[0].events
        ours = self.samples.get(("both", first))
        for name, words in (("sqlite", "a statement a count"), ("sqlite-sums", "sums first")):
            theirs = self.samples.get((name, first))
            if ours and theirs:
                ratios = [a / b for a, b in zip(ours.values["rate"], theirs.values["rate"])]
                lines.append(
                    f"Queue and counters beside SQLite, {words}: {min(ratios):.1f} to"
                    f" {max(ratios):.1f} times as fast, on the same log in the same rounds.")
        return lines


YEAR = """\
The log is made by `year-in-a-box`: 365 days of 40 tenants, seeded, so always the same. Days and
nights, weeks, a season before the holidays; campaigns that go out in bursts (60 % of the messages)
beside mail all day long; eight large receiving domains and a long tail; people who get mail again
and again; greylisting, throttling, full mailboxes, dead hosts retried for five days and given up,
bounces, complaints and late bounces that lead to suppressed addresses, now and then a suspended
domain. Remote servers' replies have unique queue ids. One segment a day, batches of 300 events.

What is not realistic: no messages' content (nothing here reads it), no cancelled campaigns, no
notifications; batches are even, where a quiet server would write few events at a time and a busy one
more; names and texts have a small vocabulary, so they compress better.""".split("\n")

REBUILDING = """\
`waybill projection rebuild NAME...` as an operator runs it, on the directory of a stopped server
that has no projections: process start, reading, checksums, inflating, folding, and the finished file
on the disk are all in it. One pass over the log for the names given; one thread reads and inflates
ahead, one for each name folds. The goals are 3,000,000 events a second into queue and counters, and
1,000,000 into everything.

SQLite answers the same questions from tables: messages and recipients that wait, counts by hour of
server, tenant, campaign, domain, provider and source, bounce classes, times to delivery. It gets the
same events from the same reader in the same process, names already given numbers; prepared
statements, a transaction of 100,000 events, no journal, synchronous OFF, a cache of 256 MiB. With
"a statement a count" each count is an upsert; with "sums first" a transaction's counts are added up
in memory and each changed row is written once. It keeps less: no minutes, no breakdowns, no replies,
no suspensions, no digest, and its file is not flushed. It folds at most 1,000,000 events.""".split("\n")
