"""Programs with what they took: seconds, CPU seconds, and the most memory they had."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .support import Skip

CGROUPS = Path("/sys/fs/cgroup")


@dataclass
class Measured:
    """A program that has ended well."""

    seconds: float
    cpu_seconds: float
    peak_mebibytes: float
    output: str
    # The most that was not mapped from files; 0 unless it was watched.
    own_mebibytes: float = 0


class MemoryLimit:
    """A control group whose processes together get so much memory, page cache included."""

    def __init__(self, mebibytes: int):
        self.mebibytes = mebibytes
        v2 = (CGROUPS / "cgroup.controllers").exists()
        parent = CGROUPS if v2 else CGROUPS / "memory"
        self.directory = parent / f"waybill-benchmark-{os.getpid()}"
        self.setting = "memory.max" if v2 else "memory.limit_in_bytes"

    def __enter__(self) -> "MemoryLimit":
        try:
            self.directory.mkdir()
            (self.directory / self.setting).write_text(str(self.mebibytes << 20))
        except OSError as error:
            raise Skip(f"no control group with a memory limit can be made: {error}") from None
        return self

    def __exit__(self, *_) -> None:
        self.directory.rmdir()

    def wrapped(self, command: list[str]) -> list[str]:
        """The command, joining the group before it begins."""
        join = f'echo $$ > "{self.directory}/cgroup.procs" && exec "$@"'
        return ["sh", "-c", join, "sh", *command]


class MemoryWatch(threading.Thread):
    """Looks every few milliseconds at the memory of a process.

    What the system says of a program that has ended begins with the memory of the one that started
    it, which is larger than some programs that are measured.
    """

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.peak_mebibytes, self.own_mebibytes = pid, 0.0, 0.0
        self.start()

    def run(self) -> None:
        try:
            while own := memory_mebibytes(self.pid, "RssAnon"):
                self.own_mebibytes = max(self.own_mebibytes, own)
                self.peak_mebibytes = memory_mebibytes(self.pid, "VmHWM") or self.peak_mebibytes
                time.sleep(0.005)
        except OSError:
            pass


def measured(
    *command, limit: MemoryLimit | None = None, watched: bool = False, on_line=None,
) -> Measured:
    """Runs a program to its end; fails when it fails. `on_line` gets each line as it comes, and the
    seconds since the start."""
    parts = [str(part) for part in command]
    if limit:
        parts = limit.wrapped(parts)
    start = time.monotonic()
    with subprocess.Popen(
        parts, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:
        watch = MemoryWatch(process.pid) if watched else None
        output = ""
        for line in process.stdout:
            output += line
            if on_line:
                on_line(line, time.monotonic() - start)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(parts)} ended with {process.returncode}\n{output[-4000:]}")
    return Measured(
        seconds, usage.ru_utime + usage.ru_stime,
        watch.peak_mebibytes if watch else usage.ru_maxrss / 1024, output,
        watch.own_mebibytes if watch else 0)


def memory_mebibytes(pid: int, name: str = "VmRSS") -> float:
    """Resident memory of a process; `VmHWM` for the most it ever had."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(name):
                return int(line.split()[1]) / 1024
    return 0
