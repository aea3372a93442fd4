"""`tools/benchmarks --compaction`: what compaction gains, and what mail notices of it."""

import json
import os
import shutil
from pathlib import Path

from .measured import measured
from .samples import Samples, file_system, machine
from .stones import source
from .support import run, waybill_binary
from .waybill import Waybill
from .yearbench import binary

SESSIONS = 50
# Small segments, so that there is always one to compact; and the first compaction begins at once.
SEGMENT = "1MiB"
BATCHES = (20, 300)


class CompactionBenchmark:
    """Accepted messages a second beside a compaction that never ends, and octets an event."""

    def __init__(self, directory: Path, rounds: int, quick: bool):
        self.directory, self.rounds = directory, rounds
        self.messages = 20_000 if quick else 100_000
        self.events = 50_000 if quick else 300_000
        self.accept = Samples()
        self.sizes = {batch: Samples() for batch in BATCHES}

    def measure(self) -> None:
        for number in range(1, self.rounds + 1):
            for side in ("off", "on") if number % 2 else ("on", "off"):
                self._accept(number, side)
            for one, other in [(self.accept.values["on"][-1], self.accept.values["off"][-1])]:
                self.accept.add(ratio=one / other)
        for batch in BATCHES:
            self._sizes(batch)

    def _accept(self, number: int, side: str) -> None:
        directory = self.directory / f"accept-{side}-{number}"
        waybill = Waybill(directory, "--hold-delivery", configuration={
            "hostname": "waybill.example",
            "log": {"segment_size": SEGMENT, "compaction": side == "on", "content_retention": "0s"},
        })
        with waybill:
            source(waybill.port, 3_000, sessions=SESSIONS, size_octets=4096)
            result = source(waybill.port, self.messages, sessions=SESSIONS, size_octets=4096)
            segments = json.loads(waybill.command("log", "info", "--json").stdout)["segments"]
        compacted = sum(segment["compacted"] for segment in segments)
        if side == "on" and compacted < 2:
            raise RuntimeError(f"only {compacted} segments were compacted meanwhile")
        self.accept.add(**{
            side: self.messages / result.seconds, f"{side}-compacted": compacted,
            f"{side}-segments": len(segments)})
        print(
            f"round {number}/{self.rounds} compaction {side:<4}"
            f"{self.messages / result.seconds:>9,.0f} accepted/s, {compacted} of {len(segments)}"
            " segments compacted", flush=True)
        shutil.rmtree(directory)

    def _sizes(self, batch: int) -> None:
        directory = self.directory / f"year-{batch}"
        directory.mkdir()
        run(binary(), "make", directory / "log", "--events", self.events, "--days", 6, "--batch",
            batch, "--content", timeout=1200)
        samples = self.sizes[batch]
        samples.add(before=self._sealed(directory))
        for name, arguments in (
            ("compacted", ()), ("dropped", ("--drop-content-after", "0s")),
            ("level19", ("--again", "--level", "19")),
        ):
            took = measured(
                waybill_binary(), "log", "compact", "--data", directory, *arguments)
            samples.add(**{name: self._sealed(directory), f"{name}-seconds": took.cpu_seconds})
        kumo = directory / "kumomta.zst"
        run(waybill_binary(), "log", "export", "--data", directory, "--format", "kumomta",
            "--output", kumo, timeout=600)
        samples.add(kumo=kumo.stat().st_size / self._events(directory))
        text = ", ".join(
            f"{name} {samples.median(name):.1f}"
            for name in ("before", "compacted", "dropped", "level19", "kumo"))
        print(f"{batch} events a batch, octets an event: {text}", flush=True)
        shutil.rmtree(directory)

    @staticmethod
    def _segments(directory: Path) -> list[dict]:
        return json.loads(
            run(waybill_binary(), "log", "info", "--data", directory, "--json").stdout)["segments"]

    def _events(self, directory: Path) -> int:
        return self._segments(directory)[-1]["last_sequence"]

    def _sealed(self, directory: Path) -> float:
        """Octets an event of the sealed segments' files."""
        sealed = [one for one in self._segments(directory) if one["sealed"]]
        events = sum(one["last_sequence"] - one["first_sequence"] + 1 for one in sealed)
        return sum(os.stat(one["path"]).st_size for one in sealed) / events

    def report(self) -> list[str]:
        """The page, line by line."""
        accept = self.accept
        lines = [
            "# Compaction", "",
            f"Machine: {machine()}. File system: {file_system(self.directory)}. {self.rounds}"
            " rounds of the first table, median [lowest-highest]; the second once. Made by"
            " `tools/benchmarks --compaction`.", "", "## What mail notices", "",
            f"smtp-source with {SESSIONS} sessions, connections reused, 4 KiB, delivery off,"
            f" {self.messages:,} messages; segments of {SEGMENT}, so that a sealed one always waits."
            " The configuration is the default otherwise (`compaction_rate` 16MiB).", "",
            "| compaction | accepted a second | segments compacted meanwhile |",
            "| --- | --- | --- |",
            f"| off | {accept.text('off')} | - |",
            f"| on | {accept.text('on')} | {accept.text('on-compacted')} of"
            f" {accept.text('on-segments')} |",
            f"| on / off | {accept.text('ratio', 2)} | |", "", "## Octets an event", "",
            f"{self.events:,} events of a year in a box in six days, with content: unique mailboxes,"
            " Message-IDs and queue ids in replies. Files of the sealed segments over their events."
            " KumoMTA: the same events as its log records, JSON lines in Zstandard, by"
            " `waybill log export --format kumomta`, over the same number of events.", "",
            "| events a batch | as written | compacted | content dropped | and level 19 |"
            " KumoMTA's records | content dropped / those |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for batch, samples in self.sizes.items():
            cells = [samples.text(name, 1) for name in
                     ("before", "compacted", "dropped", "level19", "kumo")]
            ratio = samples.median("dropped") / samples.median("kumo")
            lines.append(f"| {batch} | " + " | ".join(cells) + f" | {ratio:.2f} |")
        rows = []
        for batch, samples in self.sizes.items():
            rate = self.events / 1e6 / samples.median("compacted-seconds")
            rows.append(f"{rate:.2f} million ({batch} a batch)")
        lines += [
            "", "Events compacted in a second of processor time, content and the check included: "
            + ", ".join(rows) + ".", ""]
        return lines
