"""Paths, ports, waiting, and CPU time of processes."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLOCK_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Skip(Exception):
    """This machine cannot run the test; the text is the reason."""


def program(name: str) -> str:
    """The path of a program, also from /usr/sbin, which an ordinary user's PATH lacks."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/postfix/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        raise Skip(f"{name} is not installed (tools/install-dependencies --tests)")
    return found


def waybill_binary() -> Path:
    """The executable under test: $WAYBILL_BINARY, else the newest of the builds."""
    given = os.environ.get("WAYBILL_BINARY")
    if given:
        return Path(given)
    builds = [ROOT / ".build" / kind / "waybill" for kind in ("debug", "release")]
    builds = [build for build in builds if build.exists()]
    if not builds:
        raise RuntimeError("waybill is not built: run swift build, or set WAYBILL_BINARY")
    return max(builds, key=lambda build: build.stat().st_mtime)


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nothing listened on a moment ago."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds: float, what: str, every: float = 0.02):
    """Polls until the condition is truthy and returns its value; fails by name at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(every)


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a connection to the port succeeds."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def run(*command, check: bool = True, timeout: float = 120, **options) -> subprocess.CompletedProcess:
    """Runs a command and captures its output as text."""
    result = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, **options,
    )
    if check and result.returncode != 0:
        raise RuntimeError(
            f"{' '.join(str(part) for part in command)} ended with {result.returncode}\n"
            f"{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
        )
    return result


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()


def cpu_seconds(pid: int, with_children: bool = True) -> float:
    """User and system CPU time of a process, its ended children and its living descendants."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry))
    total, todo = 0, [pid]
    while todo:
        current = todo.pop()
        fields = _stat(current)
        if fields:
            total += sum(int(field) for field in fields[11:15 if with_children else 13])
        if with_children:
            todo.extend(parents.get(current, []))
    return total / CLOCK_TICKS_A_SECOND


def disk_bytes(path: Path) -> int:
    """Octets allocated on disk below a path: what `du` counts."""
    total = 0
    for directory, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total
