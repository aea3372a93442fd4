"""A file system of a few MiB, for tests that fill it."""

import contextlib
import os
from pathlib import Path

from .support import Skip, run


@contextlib.contextmanager
def small_file_system(directory: Path, mebibytes: int):
    """A tmpfs of this size, mounted below a directory; Skip with the reason where it cannot be."""
    if os.geteuid() != 0:
        raise Skip("mounting a tmpfs needs root")
    place = directory / "disk"
    place.mkdir()
    result = run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", place, check=False)
    if result.returncode:
        raise Skip(f"mounting a tmpfs is not possible here: {result.stderr.strip()}")
    try:
        yield place
    finally:
        run("umount", "-l", place, check=False)
