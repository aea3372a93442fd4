"""A drill: steps with their times, what was measured, and a verdict.

A drill starts real servers on loopback ports below a scratch directory, breaks something, does what
docs/operations/sites.md says, and measures. It touches nothing else.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from harness.client import Recorder  # noqa: E402
from harness.network import Authority  # noqa: E402
from harness.sites import CountingSink, Site  # noqa: E402
from harness.support import Skip, run, wait_until, waybill_binary  # noqa: E402


class Failed(Exception):
    """A goal was missed."""


class Drill:
    """Keeps the clock, the processes and the numbers."""

    def __init__(self, name: str, scratch: Path, options):
        self.name, self.scratch, self.options = name, Path(scratch), options
        self.began = time.monotonic()
        self.numbers: dict[str, float | int | str] = {}
        self.sites: list[Site] = []
        self.recorders: list[Recorder] = []
        self.told: list[Path] = []
        self.cleaning: list[Callable[[], object]] = []
        self.authority = Authority(self.scratch / "authority")
        self.sink = CountingSink(self.scratch / "next-hop").start()

    # Steps

    def step(self, text: str) -> None:
        """Says what is done now."""
        print(f"{time.monotonic() - self.began:7.2f} s  {text}", flush=True)

    def note(self, name: str, value) -> None:
        """Keeps a number for the end."""
        self.numbers[name] = round(value, 3) if isinstance(value, float) else value

    def demand(self, holds: bool, text: str) -> None:
        """A goal."""
        if not holds:
            raise Failed(text)

    # Parts

    def site(self, name: str, *flags: str, **options) -> Site:
        """A site that is not started yet."""
        one = Site(
            self.scratch / f"{name}{len(self.sites)}", name, self.authority, self.sink.port,
            *flags, **options)
        self.sites.append(one)
        return one

    def pair(self, **options) -> tuple[Site, Site]:
        """A primary and a standby that has caught up."""
        first = self.site("vienna", **options).start_site()
        second = self.site(
            "berlin", standby_of=first.site_port, **options).start_site("standby")
        second.wait_connected()
        self.step(f"vienna is the primary, berlin its standby ({self.scratch})")
        return first, second

    def load(self, port: int, name: str = "acknowledged", **options) -> Recorder:
        """Clients that send without pause and write down each 250 durably."""
        recorder = Recorder(
            port, self.scratch / name, clients=6, domain=f"{name}.example", **options).start()
        self.recorders.append(recorder)
        self.told.append(recorder.path)
        return recorder

    def acknowledge(self, recorder: Recorder, count: int, seconds: float = 120) -> None:
        """Waits for so many further 250s."""
        goal = recorder.acknowledged + count
        wait_until(lambda: recorder.acknowledged >= goal, seconds, f"{count} more messages")

    # Measures

    def first_delivery(
        self, site: Site, epoch: int, domain: str = "", seconds: float = 120
    ) -> float:
        """When the first message (for a domain) went out in an epoch, seconds since the Unix epoch."""

        def found():
            for event in site.of_type("delivered"):
                if event["epoch"] >= epoch and event["recipient"].endswith(domain):
                    return datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
            return None

        return wait_until(found, seconds, "the first delivery", every=0.2).timestamp()

    def judge(self, survivor: Site, *others: Site, salvage=(), **flags) -> dict:
        """tools/check-sites over all that clients were told; every site must have ended."""
        for recorder in self.recorders:
            if not recorder.stopping:
                recorder.stop()
        self.sink.stop()
        command = [sys.executable, ROOT / "tools" / "check-sites", survivor.data,
                   *[other.data for other in others], "--json", "--sink", self.sink.path]
        for path in self.told:
            command += ["--acknowledged", path]
        for path in salvage:
            command += ["--salvage", path]
        for flag, value in flags.items():
            command += [f"--{flag}"] if value is True else []
        result = run(*command, check=False, timeout=600)
        if not result.stdout.strip():
            raise Failed(result.stderr.strip())
        verdict = json.loads(result.stdout)
        self.note("messages acknowledged", verdict["acknowledged"])
        self.note("recovery point: acknowledged and missing", verdict["missing"])
        return verdict

    def recovery_point(self, verdict: dict, lost_at: float) -> None:
        """How far back the oldest missing message was acknowledged."""
        missing, oldest = set(verdict["missing_ids"]), None
        for path in self.told:
            for line in path.read_text().splitlines():
                identity, _, at = line.split()
                if identity in missing:
                    oldest = min(oldest or int(at), int(at))
        seconds = max(0.0, lost_at - oldest / 1e6) if oldest else 0.0
        self.note("recovery point, seconds", seconds)
        self.demand(
            seconds <= self.options.recovery_point,
            f"the recovery point is {seconds:.2f} s, the goal {self.options.recovery_point} s")

    def recovery_time(self, lost_at: float, delivered_at: float) -> None:
        """From the loss to the first delivery after it."""
        seconds = delivered_at - lost_at
        self.note("recovery time, seconds", seconds)
        self.demand(
            seconds <= self.options.recovery_time,
            f"the recovery time is {seconds:.2f} s, the goal {self.options.recovery_time} s")

    def end(self) -> None:
        """Ends every process."""
        for recorder in self.recorders:
            recorder.stopping = True
        for clean in self.cleaning:
            clean()
        for site in self.sites:
            site.kill()
        self.sink.stop()


def main(name: str, text: str, work: Callable[[Drill], None]) -> None:
    """Runs a drill from the command line; ends the process."""
    parser = argparse.ArgumentParser(
        prog=name, description=text, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code 0: PASS; 1: FAIL; 69: something is not installed. $WAYBILL_BINARY names the "
               "program that is drilled; else it is the newest build below .build.")
    parser.add_argument("--scratch", type=Path, help="an empty directory; default: a temporary one")
    parser.add_argument("--messages", type=int, default=200, help="before something is broken")
    parser.add_argument(
        "--recovery-time", type=float, default=60, help="goal: seconds from the loss to a delivery")
    parser.add_argument(
        "--recovery-point", type=float, default=10, help="goal: seconds of mail that may be missing")
    parser.add_argument("--json", action="store_true", help="the numbers as one JSON object, last")
    options = parser.parse_args()
    scratch = options.scratch or Path(tempfile.mkdtemp(prefix=f"waybill-{name}-"))
    scratch.mkdir(parents=True, exist_ok=True)
    if any(scratch.iterdir()):
        parser.error(f"{scratch} is not empty")
    print(f"{name}: {waybill_binary()}", flush=True)
    reason, code, drill = "", 1, None
    try:
        drill = Drill(name, scratch, options)
        work(drill)
        code = 0
    except Skip as skip:
        reason, code = str(skip), 69
    except (Failed, TimeoutError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        reason = f"{error}"
    finally:
        if drill is not None:
            drill.end()
    numbers = drill.numbers if drill is not None else {}
    for title, value in numbers.items():
        print(f"  {title}: {value}")
    verdict = {0: "PASS", 1: "FAIL"}.get(code, "NOT RUN")
    print(f"{verdict} {name}" + (f": {reason}" if reason else ""))
    if options.json:
        print(json.dumps({"drill": name, "verdict": verdict, "reason": reason, **numbers}))
    if code == 0 and options.scratch is None:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(code)
