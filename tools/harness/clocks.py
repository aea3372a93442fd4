"""A wall clock of its own for a process; the clocks that only count stay true."""

import os
import shutil
import struct
from pathlib import Path

from .support import ROOT, Skip, run


class WallClock:
    """Set it before or while the process runs."""

    def __init__(self, directory: Path):
        self.path = Path(directory) / "clock"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        library = self.path.parent / "wallclock.so"
        # Swift brings a clang.
        compiler = shutil.which("cc") or shutil.which("clang")
        if compiler is None:
            raise Skip("there is no C compiler")
        run(compiler, "-shared", "-fPIC", "-O1", "-o", library,
            ROOT / "tools" / "harness" / "wallclock.c")
        self.path.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "WALL_CLOCK": str(self.path)}

    def set(self, seconds: int) -> None:
        """How far it is ahead from now on; negative: behind."""
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, struct.pack("=q", seconds), 0)
        finally:
            os.close(descriptor)
