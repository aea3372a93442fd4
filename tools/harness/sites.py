"""Several sites as real processes: certificates, roles, and the judge of their logs."""

import json
import os
import signal
import smtplib
import subprocess
import sys
from pathlib import Path

from .configuration import configuration
from .http import API, Keys
from .network import Authority
from .support import ROOT, free_port, listens, run, wait_until, waybill_binary
from .waybill import Waybill


def certificate(authority: Authority, name: str) -> tuple[Path, Path]:
    """(certificate, key) of a site; made once."""
    stem = authority.directory / f"site-{name}"
    if stem.with_suffix(".pem").exists():
        return stem.with_suffix(".pem"), stem.with_suffix(".key")
    return authority.issue(name, f"site-{name}")


class CountingSink:
    """`waybill sink` that writes a JSON line for each message; the far end of all sites."""

    def __init__(self, directory: Path, *flags: str, port: int = 0, address: str = "127.0.0.1"):
        Path(directory).mkdir(parents=True, exist_ok=True)
        self.port, self.address = port or free_port(), address
        self.path = Path(directory) / "sink.jsonl"
        self.flags = flags
        self.process: subprocess.Popen | None = None

    def start(self) -> "CountingSink":
        with open(self.path, "ab") as output:
            self.process = subprocess.Popen(
                [str(waybill_binary()), "sink", "--listen", f"{self.address}:{self.port}", "--verbose",
                 *self.flags], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda: listens(self.port, self.address), 30, "the sink")
        return self

    def taken(self) -> int:
        """Messages so far, as far as they were written out."""
        return sum(line.startswith(b"{") for line in self.path.read_bytes().splitlines())

    def stop(self) -> None:
        """Lets it write everything out."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def __enter__(self) -> "CountingSink":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()


class Site(Waybill):
    """One site: a server with a name, a port for other sites and an HTTP API."""

    # Where all of that is.
    address = "127.0.0.1"

    def __init__(
        self, directory: Path, name: str, authority: Authority, next_hop: int, *flags: str,
        standby_of: int | None = None, peers: tuple[int, ...] = (), delay: str | None = None,
        data: Path | None = None, acknowledge: dict[str, str] | None = None,
        tenants: list[dict] | None = None, lease: dict | None = None,
        replication: dict | None = None, **options,
    ):
        port = free_port()
        options.setdefault("segment_size", "1MiB")
        whole = configuration(
            port, host_name=f"{name}.example", smarthost=f"127.0.0.1:{next_hop}", **options)
        whole["listeners"][0].update(acknowledge or {})
        if tenants:
            whole["tenants"] = tenants
        if lease is not None or replication is not None:
            files = dict(zip(("certificate", "key"), map(str, certificate(authority, name))))
            whole["replication"] = {
                **files, "authority": str(authority.certificate), **(replication or {})}
        if lease is not None:
            whole["replication"]["lease"] = lease
        super().__init__(
            Path(directory), port=port, listen=False, relay_from=None, data=data,
            configuration=whole)
        self.name, self.authority, self.whole = name, authority, whole
        self.site_port, self.http_port = free_port(), free_port()
        shown, key = certificate(authority, name)
        self.flags += [
            "--site", name, "--site-listen", f"127.0.0.1:{self.site_port}",
            "--site-certificate", str(shown), "--site-key", str(key),
            "--site-authority", str(authority.certificate),
            "--http", f"127.0.0.1:{self.http_port}", *flags]
        if standby_of is not None:
            self.flags += ["--standby-of", f"127.0.0.1:{standby_of}"]
        for peer in peers:
            self.flags += ["--peer", f"127.0.0.1:{peer}"]
        if delay:
            self.flags += ["--delay", delay]
        keys = Keys(self.directory / "keys")
        self.api = API(self.http_port, keys.add("everything", "admin"))
        self.flags += ["--keys", str(keys.path)]

    def listen_everywhere(self) -> None:
        """Takes other sites' links at every address, and says at which one it is reached."""
        self.flags[self.flags.index("--site-listen") + 1] = f"0.0.0.0:{self.site_port}"
        self.flags += ["--site-address", f"127.0.0.1:{self.site_port}"]

    # How it stands

    def report(self) -> dict:
        """How the site stands; waits while it changes its role, for then nobody answers."""
        return self.wait_report(lambda _: True, "an answer", 30)

    def report_now(self) -> dict | None:
        """How the site stands; None while nobody answers."""
        try:
            answer = self.api.get("/api/v1/site")
        except OSError:
            return None
        return answer.json() if answer.status == 200 else None

    def alive(self) -> None:
        """Fails with the output when the process has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(
                f"{self.name} ended with {self.process.returncode}:\n{self.output()}")

    def wait_report(self, holds, what: str, seconds: float = 60) -> dict:
        """Waits until a report is as it should be, and returns it."""
        last = {}

        def condition():
            self.alive()
            report = self.report_now()
            if report is None:
                return None
            last.clear()
            last.update(report)
            return report if holds(report) else None

        try:
            return wait_until(condition, seconds, f"{self.name}: {what}", every=0.1)
        except TimeoutError as late:
            raise TimeoutError(f"{late}\n{json.dumps(last)}\n{self.output()}") from None

    def wait_role(self, role: str, seconds: float = 60) -> dict:
        """Waits until the site has a role and stands in it."""
        return self.wait_report(lambda report: report["role"] == role, f"role {role}", seconds)

    def wait_connected(self, seconds: float = 60) -> dict:
        """Waits until a standby has a link."""
        return self.wait_report(
            lambda report: report.get("primary", {}).get("connected") is True, "a link", seconds)

    def wait_caught_up(self, primary: "Site", seconds: float = 120) -> dict:
        """Waits until this site has what the primary has at this moment."""
        end = primary.report()["sequence"]
        return self.wait_report(
            lambda report: report["sequence"] >= end, f"sequence {end}", seconds)

    def start_site(self, role: str = "primary", seconds: float = 60) -> "Site":
        """Starts it and waits until it stands in a role; a primary accepts mail then."""
        self.launch()
        self.wait_role(role, seconds)
        if role == "primary":
            self.wait_accepts(seconds)
        return self

    def site(self, *arguments: str, check: bool = True):
        """A `waybill site` order."""
        return self.command("site", *arguments, check=check)

    def promote(self, *flags: str) -> None:
        """Promotes it, and waits until it accepts mail."""
        self.site("promote", *flags)
        self.wait_accepts()

    def wait_accepts(self, seconds: float = 60) -> None:
        """Waits until it is the primary and accepts mail."""
        self.wait_role("primary", seconds)
        wait_until(
            lambda: listens(self.port, self.address), seconds, f"{self.name} to accept mail")

    def wait_lost(self, seconds: float = 60) -> dict:
        """Waits until a standby has noticed that nobody answers."""
        return self.wait_report(
            lambda report: not report["primary"]["connected"], "the loss of its primary", seconds)

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def recorded(self) -> dict[str, str]:
        """The role as it stands in DATA/site."""
        text = (self.data / "site").read_text()
        return dict(line.split(" ", 1) for line in text.splitlines())

    def last_sequence(self) -> int:
        """Where the log ends, read from its files."""
        return int(self.json("log", "info")[0]["sequence"])

    def segments(self) -> list[Path]:
        """Files of the log, oldest first."""
        return sorted((self.data / "log").glob("[0-9a-f]*.mdb"))

    def prune(self, rounds: int = 3) -> int:
        """Sends mail, seals and prunes; returns the first sequence that is left."""
        for number in range(rounds):
            with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
                client.sendmail(
                    "sender@client.example", [f"r{number}@recipient.example"],
                    "Subject: one\r\n\r\none\r\n")
            self.wait_drained()
            self.command("log", "seal")
        before = len(self.segments())
        self.command("log", "prune", "--before", str(self.report()["sequence"] + 1))
        wait_until(lambda: len(self.segments()) < before, 60, "the pruning")
        return int(self.segments()[0].stem, 16)

    def salvaged(self) -> list[Path]:
        """Exports of what only this site had."""
        place = self.data / "salvage"
        return sorted(one for one in place.iterdir() if one.is_dir()) if place.exists() else []


def check_sites(
    survivor: Site, *others: Site, acknowledged=(), sink: CountingSink | None = None,
    salvage=(), planned: bool = False, drained: bool = False, duplicates: int | None = None,
    is_right: bool = True,
) -> dict:
    """Runs tools/check-sites; returns its counts. The sink must have ended."""
    command = [sys.executable, ROOT / "tools" / "check-sites", survivor.data,
               *[other.data for other in others], "--json"]
    for path in acknowledged:
        command += ["--acknowledged", path]
    for path in salvage:
        command += ["--salvage", path]
    if sink is not None:
        command += ["--sink", sink.path]
    command += ["--planned"] * planned + ["--drained"] * drained
    if duplicates is not None:
        command += ["--duplicates", str(duplicates)]
    result = run(*command, check=False, timeout=600)
    if not result.stdout.strip():
        raise RuntimeError(result.stderr)
    verdict = json.loads(result.stdout)
    shown = {name: value for name, value in verdict.items() if name != "missing_ids"}
    print(f"check-sites: {shown}")
    if is_right:
        assert result.returncode == 0, f"{verdict}\n{result.stderr}"
    return verdict
