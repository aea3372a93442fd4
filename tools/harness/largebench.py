"""What small messages notice of large ones that come in and go out at the same time."""

import os
import shutil
import smtplib
import socket
import statistics
import threading
import time
from pathlib import Path

from .measured import memory_mebibytes
from .postfix import TUNED, Postfix
from .samples import Samples, file_system, machine
from .stones import Sink, source
from .waybill import Waybill

LARGE = 45 << 20
SMALL = ("Subject: small\r\n\r\n" + ("x" * 70 + "\r\n") * 56).encode()


class LargeBenchmark:
    """Small messages one after the other, alone and beside large ones; keeps the figures."""

    def __init__(self, place: Path, rounds: int, quick: bool):
        self.place, self.rounds = place, rounds
        self.seconds, self.large = (3, 3) if quick else (10, 12)
        self.sides: dict[str, Samples] = {"postfix": Samples(), "waybill": Samples()}
        # Another build to compare with, for example the one before a change.
        self.other = os.environ.get("WAYBILL_OTHER_BINARY")
        if self.other:
            self.sides["other"] = Samples()

    def measure(self) -> None:
        for number in range(1, self.rounds + 1):
            for side, samples in self.sides.items():
                directory = self.place / f"{side}-{number}"
                directory.mkdir()
                with Sink() as sink:
                    self._postfix(directory, sink, samples) if side == "postfix" else (
                        self._waybill(directory, sink, samples, side == "other"))
                shutil.rmtree(directory, ignore_errors=True)
                print(
                    f"round {number}/{self.rounds} {side:<8} small messages: alone"
                    f" {samples.values['alone50'][-1]:.1f}/{samples.values['alone99'][-1]:.1f} ms,"
                    f" beside large ones {samples.values['beside50'][-1]:.1f}/"
                    f"{samples.values['beside99'][-1]:.1f} ms (p50/p99);"
                    f" {samples.values['rate'][-1]:.0f} MiB/s of large ones", flush=True)

    def _postfix(self, directory: Path, sink: Sink, samples: Samples) -> None:
        settings = {
            **TUNED, "relayhost": f"[127.0.0.1]:{sink.port}", "message_size_limit": "0",
            "mailbox_size_limit": "0"}
        with Postfix(directory, settings, log=False) as server:
            self._load(server.port, samples)

    def _waybill(self, directory: Path, sink: Sink, samples: Samples, is_other: bool) -> None:
        flags = ["--smarthost", f"127.0.0.1:{sink.port}"]
        own = os.environ["WAYBILL_BINARY"]
        if is_other:
            os.environ["WAYBILL_BINARY"] = self.other
        try:
            with Waybill(directory, *flags) as server:
                self._load(server.port, samples)
                samples.add(memory=memory_mebibytes(server.pid, "VmHWM"))
                server.wait_drained(120)
        finally:
            os.environ["WAYBILL_BINARY"] = own

    def _load(self, port: int, samples: Samples) -> None:
        alone = self._small(port, threading.Event())
        ended = threading.Event()
        took: list[float] = []

        def large() -> None:
            try:
                took.append(source(
                    port, self.large, sessions=1, size_octets=LARGE, timeout=600).seconds)
            finally:
                ended.set()

        loading = threading.Thread(target=large)
        loading.start()
        beside = self._small(port, ended, seconds=600)
        loading.join()
        samples.add(
            alone50=statistics.median(alone), alone99=percentile(alone, 99),
            beside50=statistics.median(beside), beside99=percentile(beside, 99),
            worst=max(beside), rate=self.large * (LARGE >> 20) / took[0])

    def _small(self, port: int, stop: threading.Event, seconds: float = 0) -> list[float]:
        """Milliseconds from the final dot to its reply."""
        latencies = []
        end = time.monotonic() + (seconds or self.seconds)
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.ehlo()
            # Or the final dot waits for the acknowledgement of what went before it.
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.monotonic() < end and not stop.is_set():
                client.mail("small@sender.example")
                client.rcpt("small@recipient.example")
                client.putcmd("data")
                client.getreply()
                client.send(SMALL)
                began = time.monotonic()
                client.send(b".\r\n")
                code, reply = client.getreply()
                latencies.append((time.monotonic() - began) * 1000)
                if code != 250:
                    raise RuntimeError(f"a small message was answered {code} {reply!r}")
        return latencies

    def report(self) -> list[str]:
        """The page, line by line."""
        lines = [
            "# Large messages", "",
            f"Machine: {machine()}. File system: {file_system(self.place)}. {self.rounds} rounds,"
            " median [lowest-highest]. Made by `tools/benchmarks --large`.", "",
            f"One client sends messages of 4 KiB, one after the other; the time from the final dot to"
            f" its reply. Beside it, smtp-source sends {self.large} messages of {LARGE >> 20} MiB over"
            " one connection. Both servers sync a message before its 250 and relay everything to"
            " smtp-sink. The load tools run on the same processors. Memory is the most that Waybill's"
            " process had, mapped files included; Postfix is many processes.", "",
            "| | small alone, p50 ms | p99 ms | beside large ones, p50 ms | p99 ms | worst ms |"
            " large, MiB/s | memory, MiB |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        names = {"postfix": "Postfix", "waybill": "Waybill", "other": "Waybill, the other build"}
        for side, samples in self.sides.items():
            lines.append(
                f"| {names[side]} | {samples.text('alone50', 1)} | {samples.text('alone99', 1)} |"
                f" {samples.text('beside50', 1)} | {samples.text('beside99', 1)} |"
                f" {samples.text('worst', 0)} | {samples.text('rate')} |"
                f" {samples.text('memory')} |")
        return lines + [""]


def percentile(values: list[float], percent: int) -> float:
    """The value that so many in a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
