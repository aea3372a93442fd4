"""Figures of several rounds, and the machine they were taken on."""

import os
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from .support import run


@dataclass
class Samples:
    """The figures of one side of a case, one entry a round."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **figures: float) -> None:
        for name, value in figures.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float | None:
        return statistics.median(self.values[name]) if name in self.values else None

    def text(self, name: str, digits: int = 0) -> str:
        values = self.values.get(name)
        if not values:
            return "-"
        form = f"{{:,.{digits}f}}"
        middle = form.format(statistics.median(values))
        if len(values) == 1:
            return middle
        return f"{middle} [{form.format(min(values))}-{form.format(max(values))}]"


def machine() -> str:
    """Processors, memory and kernel, in a line."""
    processor = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine())
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return f"{os.cpu_count()} x {processor}, {memory:.0f} GiB, Linux {platform.release()}"


def file_system(directory: Path) -> str:
    """The name of the type of the file system that holds a directory."""
    return run("stat", "-f", "-c", "%T", directory).stdout.strip()
