"""The log's records into servers that keep events: appended by many connections, and read back."""

import json
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

    def round(self, programs: Path, samples: dict, number: str, seed: int) -> None:
        """All servers, one after the other."""
        file = self.place / "records"
        run(programs / "log-benchmark", self.place, "--records", file, "--seed", seed)
        load = programs / "peer-load"
        for server in self.servers:
            try:
                server.start()
                self._warm_up(load, server, file)
                for kind, address in server.addresses().items():
                    for count in self.appenders:
                        self._append(load, server, kind, address, count, file, samples, number)
                self._read(load, server, file, number)
            finally:
                server.remove()
        file.unlink()

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
        before = server.cpu_seconds()
        took = self._load(
            load, server.name, "append", address, "--records", file, "--connections", count,
            "--seconds", self.seconds)
        # What the server spends on connecting is in this, too.
        side = f"{server.name}-{kind}"
        rate = took["events"] / took["seconds"]
        samples[STREAM, count].add(**{
            f"{side}-rate": rate,
            f"{side}-client": took["client_cpu_seconds"] / took["seconds"],
            f"{side}-server": (server.cpu_seconds() - before) / took["events"] * 1e6,
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
    def _load(load: Path, *arguments) -> dict:
        return json.loads(measured(load, *arguments).output.strip().split("\n")[-1])
