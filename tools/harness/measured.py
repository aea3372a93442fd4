"""Programs with what they took: seconds, CPU seconds, and the most memory they had."""

import os
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Measured:
    """A program that has ended well."""

    seconds: float
    cpu_seconds: float
    peak_mebibytes: float
    output: str


def measured(*command, timeout: float = 3600, environment: dict[str, str] | None = None) -> Measured:
    """Runs a program to its end; fails when it fails."""
    parts = [str(part) for part in command]
    start = time.monotonic()
    with subprocess.Popen(
        parts, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(parts)} ended with {process.returncode}\n{output[-4000:]}")
    return Measured(
        seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def memory_mebibytes(pid: int, name: str = "VmRSS") -> float:
    """Resident memory of a process; `VmHWM` for the most it ever had."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(name):
                return int(line.split()[1]) / 1024
    return 0
