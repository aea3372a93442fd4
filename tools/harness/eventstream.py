"""What the event stream gives to one consumer, and what a slow one costs."""

import socket
import subprocess
import threading
import time

from .measured import memory_mebibytes
from .support import cpu_seconds, program
from .waybill import Waybill

FORMATS = [("ndjson", "NDJSON", 3_000_000), ("sse", "Server-Sent Events", 1_000_000)]


class SlowConsumer:
    """Asks for all events and reads almost nothing."""

    def __init__(self, port: int, key: str):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.sendall(
            f"GET /api/v1/events?follow=true HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode())
        self.octets = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.stopping.wait(0.05):
            self.octets += len(self.socket.recv(1000))

    def close(self) -> None:
        self.stopping.set()
        self.thread.join()
        self.socket.close()


class StreamBenchmark:
    """One consumer from the log's first event."""

    ROUNDS = 3
    SLOW = 20

    def __init__(self, quick: bool):
        self.quick = quick
        self.rows: list[str] = []
        self.slow_text = ""

    def measure(self, server: Waybill, key: str, events: int) -> None:
        for name, title, most in FORMATS:
            wanted = min(events, most // (10 if self.quick else 1))
            rates, cpus, octets = [], [], 0
            for _ in range(1 if self.quick else self.ROUNDS):
                cpu = cpu_seconds(server.pid)
                seconds, octets = self._read(server, key, name, wanted)
                rates.append(wanted / seconds)
                cpus.append((cpu_seconds(server.pid) - cpu) / wanted * 1e6)
                print(f"stream {name:<8}{rates[-1]:>14,.0f} events/s", flush=True)
            rates.sort()
            cpus.sort()
            middle = len(rates) // 2
            self.rows.append(
                f"| {title} | {wanted:,} | {rates[middle]:,.0f} [{rates[0]:,.0f}-{rates[-1]:,.0f}]"
                f" | {cpus[middle]:.1f} | {octets / wanted:.0f} |")
        self._measure_slow(server, key, min(events, 300_000))

    @staticmethod
    def _read(server: Waybill, key: str, form: str, events: int) -> tuple[float, int]:
        start = time.monotonic()
        result = subprocess.run(
            [program("curl"), "-sSf", "-o", "/dev/null", "-w", "%{size_download}", "-H",
             f"Authorization: Bearer {key}",
             f"http://127.0.0.1:{server.http_port}/api/v1/events?from=1&limit={events}"
             f"&format={form}&follow=false"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900)
        if result.returncode:
            raise RuntimeError(f"curl: {result.returncode} {result.stderr}")
        return time.monotonic() - start, int(result.stdout)

    def _measure_slow(self, server: Waybill, key: str, events: int) -> None:
        before = memory_mebibytes(server.pid)
        slow = [SlowConsumer(server.http_port, key) for _ in range(self.SLOW)]
        try:
            seconds, _ = self._read(server, key, "ndjson", events)
            time.sleep(2)
            after = memory_mebibytes(server.pid)
        finally:
            for consumer in slow:
                consumer.close()
        self.slow_text = (
            f"With {self.SLOW} consumers beside it that read 20,000 octets a second each, a quick"
            f" one gets {events / seconds:,.0f} events a second, and the server's memory goes from"
            f" {before:,.0f} to {after:,.0f} MiB.")
        print(self.slow_text, flush=True)

    def report(self) -> list[str]:
        return [
            "## The event stream", "", *STREAMING, "",
            "| format | events | events a second | server's CPU microseconds an event |"
            " octets an event |",
            "| --- | --- | --- | --- | --- |", *self.rows, "", self.slow_text,
        ]


STREAMING = """\
`GET /api/v1/events` from the log's first event to one consumer (curl, to /dev/null) on the same
machine. The goal is 200,000 events a second.""".split("\n")
