"""Postfix's load tools: smtp-source and smtp-sink."""

import os
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .support import free_port, listens, program, wait_until


class Sink:
    """smtp-sink: takes every message and throws it away, or stores it below `directory`."""

    def __init__(self, *options: str, backlog: int = 1000, port: int = 0, log: Path | None = None):
        self.port = port or free_port()
        self.process: subprocess.Popen | None = None
        # It insists on a user when started by root; root, to write below a private directory.
        as_root = ["-u", "root"] if os.geteuid() == 0 else []
        self.command = [
            program("smtp-sink"), *as_root, *options, f"127.0.0.1:{self.port}", str(backlog),
        ]
        self.log_path = log

    def start(self) -> "Sink":
        """Starts it and waits until it answers."""
        output = open(self.log_path, "wb") if self.log_path else subprocess.DEVNULL
        self.process = subprocess.Popen(
            self.command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        wait_until(lambda: listens(self.port), 10, "smtp-sink")
        return self

    def stop(self) -> None:
        """Stops it."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self) -> "Sink":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()


@dataclass
class SourceResult:
    """What a run of smtp-source took."""

    seconds: float
    cpu_seconds: float
    messages: int


def source(
    port: int, messages: int, *options: str, sessions: int = 50, size_octets: int = 4096,
    reuse: bool = True, timeout: float = 600, sender: str = "bulk@sender.example",
    recipient: str = "someone@recipient.example",
) -> SourceResult:
    """Runs smtp-source until all messages have their reply; fails when one was refused."""
    command = [
        program("smtp-source"), "-s", str(sessions), "-m", str(messages), "-l", str(size_octets),
        "-f", sender, "-t", recipient, *(["-d"] if reuse else []), *options, f"127.0.0.1:{port}",
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode != 0 or b"fatal" in result.stdout:
        raise RuntimeError(f"smtp-source: {result.returncode} {result.stdout[-800:]!r}")
    cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return SourceResult(seconds=seconds, cpu_seconds=cpu, messages=messages)
