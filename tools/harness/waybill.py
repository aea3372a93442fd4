"""The server under test: start, wait, stop, kill, and its commands."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from .support import ROOT, free_port, listens, run, wait_until, waybill_binary

# A crash of the server itself must say where, briefly.
BACKTRACE = {
    "SWIFT_BACKTRACE": "enable=yes,interactive=no,threads=crashed,registers=none,images=none,limit=24",
}
FINAL = {"delivered", "bounced", "expired"}


def group_exists(group: int) -> bool:
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


class Waybill:
    """One server on one data directory, on a free port of 127.0.0.1.

    `configuration` is written as JSON, which is YAML. `wrapper` goes before the command: strace,
    eatmydata.
    """

    def __init__(
        self, directory: Path, *flags: str, configuration: dict | None = None,
        wrapper: tuple[str, ...] = (), environment: dict[str, str] | None = None,
        data: Path | None = None, listen: bool = True, relay_from: str | None = "127.0.0.0/8",
        port: int = 0,
    ):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = data or self.directory / "data"
        self.port = port or free_port()
        self.flags = list(flags)
        if listen:
            self.flags += ["--listen", f"127.0.0.1:{self.port}"]
        if relay_from:
            self.flags += ["--relay-from", relay_from]
        self.configuration_file: Path | None = None
        if configuration is not None:
            self.configure(configuration)
        self.wrapper = wrapper
        self.environment = environment or {}
        self.output_path = self.directory / "server.log"
        self.process: subprocess.Popen | None = None
        self.starts = 0

    def configure(self, configuration: dict) -> None:
        """Writes the configuration file that the next start reads."""
        self.configuration_file = self.directory / "waybill.yaml"
        self.configuration_file.write_text(json.dumps(configuration, indent=2) + "\n")

    # Life

    def launch(self) -> "Waybill":
        """Starts the process without waiting."""
        command = [*self.wrapper, str(waybill_binary()), "serve", "--data", str(self.data)]
        if self.configuration_file:
            command += ["--config", str(self.configuration_file)]
        command += self.flags
        with open(self.output_path, "ab") as output:
            output.write(f"--- start {self.starts}: {' '.join(command)}\n".encode())
            output.flush()
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **BACKTRACE, **self.environment}, start_new_session=True)
        self.starts += 1
        return self

    def start(self, seconds: float = 30, port: int = 0) -> "Waybill":
        """Starts the server and waits until it listens."""
        self.launch()

        def ready() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"waybill ended with {self.process.returncode} while starting:\n{self.output()}")
            return listens(port or self.port)

        wait_until(ready, seconds, f"waybill's start\n{self.output()}")
        return self

    @property
    def pid(self) -> int:
        """Of the server itself, below a wrapper if there is one."""
        if not self.wrapper:
            return self.process.pid
        for entry in os.listdir("/proc"):
            try:
                command = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                same = os.getsid(int(entry)) == self.process.pid
            except (OSError, ValueError):
                continue
            if same and command[0] == str(waybill_binary()).encode():
                return int(entry)
        return self.process.pid

    def stop(self, seconds: float = 30) -> int:
        """Stops gracefully and returns the exit code; kills and fails when it takes too long."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float = 30) -> int:
        """Waits for the end and returns the exit code."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"waybill did not stop within {seconds} s:\n{self.output()}") from None
        self.process = None
        return code

    def kill(self) -> None:
        """SIGKILL, to the server and its wrapper; harmless when nothing runs."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            # Under a wrapper the server is a grandchild: its port must be free before the next start.
            wait_until(lambda: not group_exists(self.process.pid), 10, "the end of the process group")
            self.process = None

    def __enter__(self) -> "Waybill":
        return self.start()

    def __exit__(self, kind, *_) -> None:
        if self.process is not None:
            if kind is None and self.process.poll() is None:
                self.stop()
            else:
                self.kill()

    def output(self, octets: int = 6000) -> str:
        """The end of what the server printed."""
        if not self.output_path.exists():
            return ""
        return self.output_path.read_bytes()[-octets:].decode(errors="replace")

    # Commands

    def command(self, *arguments, check: bool = True, timeout: float = 120):
        """Runs a waybill command on this data directory."""
        return run(
            waybill_binary(), *arguments, "--data", self.data, check=check, timeout=timeout)

    def json(self, *arguments) -> list[dict]:
        """A command's JSON output: one value a line."""
        text = self.command(*arguments, "--json").stdout
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def events(self) -> list[dict]:
        """The whole log."""
        return self.json("log", "cat")

    def of_type(self, *types: str) -> list[dict]:
        """The events of some types."""
        return [event for event in self.events() if event["type"] in types]

    def depth(self) -> int:
        """Recipients that are not final, counted from the log itself."""
        waiting: set[tuple[str, str]] = set()
        for event in self.events():
            key = (event.get("message_id"), event.get("recipient"))
            if event["type"] == "queued":
                waiting.add(key)
            elif event["type"] in FINAL:
                waiting.discard(key)
        return len(waiting)

    def wait_drained(self, seconds: float = 60) -> None:
        """Waits until every recipient is final."""
        wait_until(lambda: self.depth() == 0, seconds, "an empty queue", every=0.2)

    def wait_for(self, kind: str, count: int = 1, seconds: float = 30) -> list[dict]:
        """Waits until there are that many events of a type, and returns them."""
        return wait_until(
            lambda: (lambda found: found if len(found) >= count else None)(self.of_type(kind)),
            seconds, f"{count} x {kind}\n{self.output()}", every=0.1)

    def verify(self, check: bool = True):
        """waybill log verify."""
        return self.command("log", "verify", check=check)

    def reader(self, *arguments, check: bool = True):
        """The independent log reader on this data directory."""
        return run(
            sys.executable, ROOT / "tools" / "waybill-log-reader", *arguments, self.data,
            check=check)
