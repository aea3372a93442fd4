"""Append and replay: the log beside LMDB alone with the same values, SQLite, and servers."""

import json
import os
import subprocess
from pathlib import Path

from . import peerbench
from .measured import measured
from .samples import Samples, file_system, machine
from .support import ROOT, Skip, run

APPENDERS = [1, 10, 100, 1000]
STREAMS = {
    "events": "Events alone",
    "single": "Events alone, each an append of its own",
    "content": "Events, and a message with each `received`",
}

def build() -> Path:
    """Builds log-benchmark in release; returns the executable."""
    if run("pkg-config", "--exists", "sqlite3", check=False).returncode:
        raise Skip("libsqlite3-dev is not installed (tools/install-dependencies --tests)")
    for product in ("log-benchmark", "peer-load"):
        print(f"==> Building {product}, release", flush=True)
        subprocess.run(
            ["swift", "build", "-c", "release", "--product", product, "--static-swift-stdlib"],
            cwd=ROOT, check=True, env={**os.environ, "WAYBILL_BENCHMARKS": "1"})
    return binary()


def binary() -> Path:
    """The executable: of $WAYBILL_BENCHMARK_BINARIES, else the one that was built last."""
    given = os.environ.get("WAYBILL_BENCHMARK_BINARIES")
    return (Path(given) if given else ROOT / ".build" / "release") / "log-benchmark"


class LogBenchmark:
    """Runs rounds of log-benchmark and keeps their figures."""

    def __init__(
        self, directory: Path, rounds: int, seconds: float, events: int, read_back: int,
    ):
        self.directory, self.rounds, self.read_back = directory, rounds, read_back
        self.seconds, self.events = seconds, events
        self.samples: dict[tuple[str, int], Samples] = {
            (stream, count): Samples() for stream in STREAMS for count in APPENDERS
        }
        self.versions: dict[str, str] = {}
        self.peers = peerbench.PeerBenchmark(directory, read_back, seconds, APPENDERS)

    def measure(self, program: Path) -> None:
        """All rounds. SQLite goes first in every other one."""
        others = [stream for stream in STREAMS if stream != peerbench.STREAM]
        for number in range(1, self.rounds + 1):
            self._run(program, number, others, APPENDERS)
            self.peers.round(
                program.parent, self.samples, number, f"round {number}/{self.rounds}",
                lambda count: self._run(program, number, [peerbench.STREAM], [count]))
            self._read_back(program, number)
        for samples in self.samples.values():
            self._add_ratios(samples)

    def _run(self, program: Path, number: int, streams: list[str], appenders: list[int]) -> None:
        command = [
            program, self.directory, "--seconds", self.seconds, "--events", self.events,
            "--appenders", ",".join(map(str, appenders)), "--streams", ",".join(streams),
            "--seed", number,
        ]
        if number % 2 == 0:
            command.append("--sqlite-first")
        with subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                self._take(json.loads(line), number)
        if process.returncode:
            raise RuntimeError(f"log-benchmark ended with {process.returncode}")

    def _read_back(self, program: Path, number: int) -> None:
        """So many events in the log, in LMDB and in SQLite, as many as the servers have."""
        took = measured(
            program, self.directory, "--seconds", 600, "--events", self.read_back, "--appenders",
            APPENDERS[-1], "--streams", peerbench.STREAM, "--seed", number)
        for figures in map(json.loads, took.output.strip().split("\n")):
            if figures["kind"] == "replay":
                rate = figures["events"] / figures["seconds"]
                self.peers.reading.setdefault(
                    f"{figures['side']}-{figures['mode']}", Samples()).add(rate=rate)
                print(
                    f"round {number}/{self.rounds} read {figures['events']:>12,} events  "
                    f"{figures['side'] + ', ' + figures['mode']:<28}{rate:>14,.0f} events/s",
                    flush=True)

    def _take(self, figures: dict, number: int) -> None:
        if figures["kind"] == "versions":
            self.versions = figures
            return
        samples = self.samples[figures["stream"], figures["appenders"]]
        side, events = figures["side"], figures["events"]
        rate = events / figures["seconds"]
        what = "append"
        if figures["kind"] == "append":
            values = {
                "rate": rate, "batch": events / figures["commits"],
                "file": figures["file_octets"] / events,
                "growth": (figures["file_octets"] - figures["empty_octets"]) / events,
                "empty": figures["empty_octets"],
            }
            for name, key in (("cpu", "cpu_us"), ("encode", "encode_us")):
                if key in figures:
                    values[name] = figures[key]
            if "value_octets" in figures:
                values["stored"] = figures["value_octets"] / events
            samples.add(**{f"{side}-{name}": value for name, value in values.items()})
        else:
            what = f"replay {figures['mode']}"
            samples.add(**{f"{side}-replay-{figures['mode']}": rate})
        print(
            f"round {number}/{self.rounds} {figures['stream']:<8}{figures['appenders']:>5} appenders"
            f"  {side:<7}{what:<14}{rate:>14,.0f} events/s", flush=True)

    @staticmethod
    def _add_ratios(samples: Samples) -> None:
        """Ratios of figures of one round, which were taken seconds apart."""
        for name, over, under in (
            ("of-lmdb", "log-rate", "lmdb-rate"), ("of-sqlite", "log-rate", "sqlite-rate"),
            ("of-ready", "log-rate", "sqlite-ready-rate"),
            ("replay-of-sqlite", "log-replay-values", "sqlite-replay-values"),
            ("disk-of-sqlite", "log-file", "sqlite-file"),
        ):
            for one, other in zip(samples.values[over], samples.values[under]):
                samples.add(**{name: one / other})

    def report(self) -> list[str]:
        """The page, line by line."""
        lines = [
            "# Append and replay: the log, LMDB alone, SQLite, servers", "",
            f"Machine: {machine()}. File system: {file_system(self.directory)}. LMDB"
            f" {self.versions['lmdb']}, SQLite {self.versions['sqlite']}. {self.rounds} rounds,"
            f" at most {self.seconds:g} s of appends a case; median [lowest-highest]. Ratios are"
            " of figures of one round. Made by `tools/benchmarks --log`.", "",
            *self.peers.goals(self.samples), "", "## Method", "", *METHOD, "",
            *self.peers.report(self.samples), "", "## Append", "", "Events a second, durable:", "",
        ]
        lines += self._table(
            ["LMDB alone", "Waybill", "Waybill / LMDB", "SQLite", "Waybill / SQLite",
             "SQLite, rows ready", "Waybill / that"],
            [("lmdb-rate", 0), ("log-rate", 0), ("of-lmdb", 2), ("sqlite-rate", 0),
             ("of-sqlite", 2), ("sqlite-ready-rate", 0), ("of-ready", 2)])
        lines += ["", *WRITER, ""]
        lines += self._table(
            ["Waybill, events a commit", "SQLite, events a commit", "LMDB alone, CPU",
             "Waybill, CPU", "of that encoding", "SQLite, CPU"],
            [("log-batch", 1), ("sqlite-batch", 1), ("lmdb-cpu", 2), ("log-cpu", 2),
             ("log-encode", 2), ("sqlite-cpu", 2)])
        lines += ["", "## Octets an event on disk", "", *DISK, ""]
        lines += self._table(
            ["Waybill, values", "Waybill, growth", "Waybill, file", "SQLite, file",
             "Waybill / SQLite"],
            [("log-stored", 1), ("log-growth", 1), ("log-file", 1), ("sqlite-file", 1),
             ("disk-of-sqlite", 2)])
        empty = self.samples["events", APPENDERS[0]]
        lines += [
            "",
            f"An empty segment has {empty.median('log-empty'):,.0f} octets, SQLite's empty database"
            f" {empty.median('sqlite-empty'):,.0f}.",
            "", "## Replay", "", *REPLAY, "",
        ]
        lines += self._table(
            ["Waybill, values", "SQLite, values", "Waybill / SQLite", "Waybill, fold",
             "SQLite, octets", "LMDB alone, octets"],
            [("log-replay-values", 0), ("sqlite-replay-values", 0), ("replay-of-sqlite", 2),
             ("log-replay-visit", 0), ("sqlite-replay-bytes", 0), ("lmdb-replay-bytes", 0)])
        return [*lines, ""]

    def _table(self, heads: list[str], columns: list[tuple[str, int]]) -> list[str]:
        lines = []
        for stream, title in STREAMS.items():
            lines += [
                *([""] if lines else []), f"{title}:", "",
                "| " + " | ".join(["appenders", *heads]) + " |",
                "| " + " | ".join(["---"] * (len(heads) + 1)) + " |",
            ]
            for count in APPENDERS:
                samples = self.samples[stream, count]
                cells = [f"{count:,}", *(samples.text(name, digits) for name, digits in columns)]
                lines.append("| " + " | ".join(cells) + " |")
        return lines


METHOD = """\
Three sides in one process take the same stream of events: about a third each of `received`, `queued` and
`delivered`, with deferrals, bounces and the rest between; recipients, reverse-paths and the queue
ids in the remote servers' replies are all different. `received` and its `queued` are one append,
every other event is an append of its own; in the stream of single appends those two are two as well.
With N appenders, N appends are under way at any time:
each appender appends again as soon as its last append is durable. One thread stands for all of
them, as an event loop stands for its sessions.

- Waybill: the log with its production settings. What arrived while the last commit was being
  flushed is the next batch; its one writer thread encodes, compresses, hashes and commits.
- LMDB alone: the upper bound. The keys and values that the log has just stored, ready made, put
  in the same transactions, one after the other, with nobody to wait for and nobody to tell.
- SQLite: journal_mode WAL, synchronous FULL, otherwise its defaults but for a cache of 64 MiB;
  prepared statements, one connection. One writer thread takes what arrived while the last
  transaction was being flushed and makes it the next transaction, then answers. An event is a row
  (sequence as the primary key, time, body), a message a row of a second table with the same key.
  The body is the event in protobuf, by the log's own encoder and schema with one event a batch.
  The thread that appends encodes it, beside the writer. Rows ready: the same, but every row was
  encoded before the clock started, so that the encoder has no say in it.

What favours whom: all three flush before they answer. LMDB alone flushes twice a commit (the pages,
then the meta page), as it does by itself; the log flushes both at once (decision 15), SQLite its
write-ahead log once. With few appenders LMDB alone is therefore no upper bound. SQLite's rows are encoded on another
thread or not at all, and closing it, with its last checkpoint, comes after the clock stops; the
log encodes and compresses on its one writer thread. The log keeps checksums and a hash chain,
which SQLite does not. The generator's texts and messages have a small vocabulary, so they compress
better than most mail. Events are made before the clock starts and are no longer in the
processor's caches when they are written.""".split("\n")

WRITER = """\
How many events a commit came to have, and the CPU microseconds an event (user and system) of the
thread that writes:""".split("\n")

DISK = """\
Values: what the log puts in, headers and content blocks included. Growth: what its file grew by,
so with LMDB's pages. File: the whole segment with its empty part, over the events it has; a
production segment of 256 MiB has more events to share it than these. A batch's value that is
larger than about half a page takes whole pages of its own. SQLite: the database after its last
checkpoint, without a write-ahead log.""".split("\n")

REPLAY = """\
Events a second, the whole store read in order of sequence by one thread, from the page cache, at
the batch sizes of the tables above; messages are not read. Values: every event decoded to a value
with all its texts (from SQLite, with the same decoder, a row at a time). Fold: what projections
use, numbers read in place. Octets: every row, or every stored value, copied and not decoded. The
log verifies checksums and inflates in all of its figures.""".split("\n")
