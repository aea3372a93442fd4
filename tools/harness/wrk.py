"""wrk as a source of messages over HTTP."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .support import program

SCRIPT = Path(__file__).resolve().parent / "wrk.lua"


@dataclass
class Kind:
    """A form of request."""

    name: str
    title: str
    recipients: int


KINDS = [
    Kind("raw", "a whole message (`message/rfc822`), one recipient", 1),
    Kind("single", "JSON, one recipient", 1),
    Kind("many", "JSON, 100 recipients of one message", 100),
]


def inject(
    port: int, key: str, kind: Kind, seconds: int, connections: int = 50,
    size_octets: int = 4096,
) -> dict:
    """Sends requests for so long; fails when one was refused."""
    result = subprocess.run(
        [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT), "--timeout",
         "20s", f"http://127.0.0.1:{port}", "--", kind.name, str(kind.recipients),
         str(size_octets), key],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds + 60)
    line = next(
        (line for line in result.stdout.split("\n") if line.startswith("RESULT ")), None)
    if line is None:
        raise RuntimeError(f"wrk: {result.returncode} {result.stdout[-800:]}")
    figures = json.loads(line.removeprefix("RESULT "))
    if figures["refused"] or figures["errors"] or not figures["accepted"]:
        raise RuntimeError(f"wrk had errors: {figures}")
    return figures
