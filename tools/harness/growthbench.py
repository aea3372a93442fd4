"""What a log costs as it grows: opening, appending, verifying, reading, at several sizes."""

import json
import shutil
from pathlib import Path

from .measured import Measured, measured
from .samples import Samples, file_system, machine
from .support import disk_bytes, run, waybill_binary
from .yearbench import Year

SIZES = [1_000_000, 10_000_000, 100_000_000]
APPENDERS = [1, 100]
# A new log, before its first event.
NEW = 0


class GrowthBenchmark:
    """Measures a copy of the log of each size; keeps the figures."""

    def __init__(self, place: Path, logs: Path, sizes: list[int], rounds: int, quick: bool):
        self.place, self.rounds = place, rounds
        # With messages: without those that its events promise, no log verifies.
        self.years = [
            Year(logs / f"year-{size}-content", size, has_content=True)
            for size in sorted(set(sizes))]
        self.seconds, self.events = (0.3, 60_000) if quick else (1.2, 400_000)
        self.reads = 1_000 if quick else 10_000
        self.samples: dict[int, Samples] = {
            NEW: Samples(), **{year.events: Samples() for year in self.years}}
        self.octets: dict[int, int] = {}

    def measure(self, program: Path) -> None:
        for number in range(1, self.rounds + 1):
            (self.place / "new").mkdir()
            self._write(program, self.place / "new" / "log", NEW, number)
            shutil.rmtree(self.place / "new")
        for year in self.years:
            # What is there is used again by others: only a copy is appended to.
            copy = self.place / f"grown-{year.events}"
            copy.mkdir()
            print(f"==> Copying the log of {year.events:,} events", flush=True)
            run("cp", "-a", "--reflink=auto", year.data / "log", copy / "log", timeout=3600)
            run("sync", timeout=3600)
            self.octets[year.events] = disk_bytes(copy / "log")
            for number in range(1, self.rounds + 1):
                self._read(program, copy, year.events, number)
            for number in range(1, self.rounds + 1):
                self._write(program, copy / "log", year.events, number)
            shutil.rmtree(copy)

    def _read(self, program: Path, data: Path, size: int, number: int) -> None:
        took = measured(waybill_binary(), "log", "verify", "--data", data, watched=True)
        self._add("verify", size, number, took, took.seconds)
        took = measured(program, data / "log", "--grown", "read", watched=True)
        figures = json.loads(took.output)
        if figures["events"] < size:
            raise RuntimeError(f"{figures['events']:,} of {size:,} events were read")
        self._add("read", size, number, took, took.seconds)
        took = measured(
            program, data / "log", "--grown", "random", "--events", self.reads, "--seed", number,
            watched=True)
        for line in map(json.loads, took.output.strip().split("\n")):
            self.samples[size].add(**{
                f"{line['kind']}-p50": line["p50_us"], f"{line['kind']}-p99": line["p99_us"]})
        self._say(size, number, f"random reads: p50 {line['p50_us']:,.0f} us,"
                  f" p99 {line['p99_us']:,.0f} us")
        self.samples[size].add(**{
            "random-peak": took.peak_mebibytes, "random-own": took.own_mebibytes})

    def _write(self, program: Path, log: Path, size: int, number: int) -> None:
        samples = self.samples[size]

        def take(line: str, since_start: float) -> None:
            if not line.startswith("{"):
                return
            figures = json.loads(line)
            if figures["kind"] == "first":
                samples.add(open=figures["open_seconds"] * 1e3, first=since_start * 1e3)
                self._say(size, number, f"first append durable after {since_start * 1e3:,.1f} ms")
            else:
                rate = figures["events"] / figures["seconds"]
                samples.add(**{f"append-{figures['appenders']}": rate})
                self._say(size, number, f"{figures['appenders']} appenders: {rate:,.0f} events/s")

        measured(
            program, log, "--grown", "write", "--events", self.events, "--seconds", self.seconds,
            "--appenders", ",".join(map(str, APPENDERS)), "--seed", number, on_line=take)

    def _add(self, what: str, size: int, number: int, took: Measured, seconds: float) -> None:
        self.samples[size].add(**{
            f"{what}-seconds": seconds, f"{what}-rate": size / seconds,
            f"{what}-peak": took.peak_mebibytes, f"{what}-own": took.own_mebibytes})
        self._say(
            size, number, f"{what}: {seconds:,.2f} s, {size / seconds:,.0f} events/s,"
            f" {took.peak_mebibytes:,.0f} MiB, {took.own_mebibytes:,.0f} of its own")

    def _say(self, size: int, number: int, text: str) -> None:
        print(f"round {number}/{self.rounds} {size:>12,} events  {text}", flush=True)

    # The page

    def report(self) -> list[str]:
        lines = [
            "# What a log costs as it grows", "",
            f"Machine: {machine()}. File system: {file_system(self.place)}. {self.rounds} rounds;"
            " median [lowest-highest]. Made by `tools/benchmarks --log-growth`.", "",
            *self._summary(), "", "## Method", "", *METHOD, "",
            "| log | segments | MiB on disk |", "| --- | --- | --- |",
        ]
        for year in self.years:
            lines.append(
                f"| {year.events:,} events | {year.made['segments']} |"
                f" {self.octets[year.events] / 2**20:,.0f} |")
        lines += [
            "", "## Opening for writing, and appending", "",
            "| log | open, ms | start to first append durable, ms | "
            + " | ".join(f"events a second, {count} appenders" for count in APPENDERS) + " |",
            "| --- | --- | --- |" + " --- |" * len(APPENDERS),
        ]
        for size, samples in self.samples.items():
            lines.append(
                f"| {self._name(size)} | {samples.text('open', 1)} | {samples.text('first', 1)} | "
                + " | ".join(samples.text(f"append-{count}") for count in APPENDERS) + " |")
        for what, title in (
            ("verify", "Verifying: `waybill log verify`"), ("read", "Reading every event"),
        ):
            lines += [
                "", f"## {title}", "",
                "| log | seconds | events a second | peak memory, MiB | of it not mapped files |",
                "| --- | --- | --- | --- | --- |",
            ]
            for year in self.years:
                samples = self.samples[year.events]
                lines.append(
                    f"| {year.events:,} events | {samples.text(what + '-seconds', 2)} |"
                    f" {samples.text(what + '-rate')} | {samples.text(what + '-peak')} |"
                    f" {samples.text(what + '-own')} |")
        lines += [
            "", f"## {self.reads:,} batches, each of a sequence drawn at random", "",
            "| log | p50, microseconds | p99 | first pass, p50 | first pass, p99 |"
            " peak memory, MiB | of it not mapped files |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for year in self.years:
            samples = self.samples[year.events]
            cells = [
                samples.text(name, 1)
                for name in ("random-p50", "random-p99", "random-first-p50", "random-first-p99")]
            cells += [samples.text("random-peak"), samples.text("random-own")]
            lines.append(f"| {year.events:,} events | " + " | ".join(cells) + " |")
        return [*lines, ""]

    @staticmethod
    def _name(size: int) -> str:
        return f"{size:,} events" if size else "a new one"

    def _summary(self) -> list[str]:
        """How the figures of the largest log are to those of the smallest."""
        small, large = self.years[0].events, self.years[-1].events
        if small == large:
            return ["One size: nothing to compare."]

        def change(name: str) -> str:
            before, after = (self.samples[size].median(name) for size in (small, large))
            return f"{after / before:.2f} times" if before else "-"

        return [
            f"A log of {large:,} events has {large / small:.0f} times as many as one of {small:,}."
            f" Beside that one, opening it takes {change('open')} as long, and from the start of the"
            f" process to the first durable append {change('first')}; it appends {change('append-1')}"
            f" as much with one appender and {change(f'append-{APPENDERS[-1]}')} with"
            f" {APPENDERS[-1]}; it is verified at {change('verify-rate')} and read at"
            f" {change('read-rate')} the events a second; memory that is not mapped files is"
            f" {change('verify-own')} while it is verified and {change('read-own')} while it is"
            f" read; a random read's median takes {change('random-p50')} as long.",
        ]


METHOD = """\
The logs are those of `tools/benchmarks --projections`: a year of 40 tenants, a segment a day, so that
a larger log has larger segments rather than more of them; but each message has its content here, a
short one, because without it no log verifies. A copy of each is measured, in the page
cache as far as it fits. Every figure is a process of its own, its start included where seconds are
given.

- Open: `EventLog.open`, with the recovery that it does. First append: from the start of the process to
  one event durable.
- Append: every event an append of its own, beside a new log. The log is left as it is between rounds,
  so the second finds what the first appended.
- Verify: all files, checksums, sequences, the hash chain. Read: every event shown to a visitor by one
  thread, which is what a fold does and least.
- Random: `batch(containing:)` of sequences that are spread evenly; checksums verified, inflated, not
  decoded. The first pass opens the files that it comes upon; the second draws other sequences.

Peak memory counts the pages of the log that are mapped, which the system takes back when it needs
them; the column beside it leaves them out. Both are looked at every 5 ms.""".split("\n")
