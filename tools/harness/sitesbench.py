"""`tools/benchmarks --sites`: what a second site costs, and how fast it is when it is needed."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

from .network import Authority
from .peerservers import PostgreSQL, _unprivileged
from .probe import Probe
from .samples import Samples, file_system, machine
from .sites import Site
from .stones import Sink, source
from .support import Skip, disk_bytes, free_port, run, wait_until, waybill_binary

SESSIONS = 50
SIZE_OCTETS = 4096
# What operators commonly promise for mail: seconds of lost mail, and seconds until it goes on.
COMMON_LOSS, COMMON_RECOVERY = 300, 900


class Lag(threading.Thread):
    """How far a standby is behind, in events and in milliseconds, every few milliseconds.

    Milliseconds: how long ago the primary's log ended where the standby's ends now.
    """

    def __init__(self, primary: Site, standby: Site):
        super().__init__(daemon=True)
        self.primary, self.standby = primary, standby
        self.events: list[int] = []
        self.milliseconds: list[float] = []
        self.stopping = False

    def run(self) -> None:
        ends: list[tuple[float, int]] = []
        while not self.stopping:
            theirs, now = (self.standby.report_now() or {}).get("sequence"), time.monotonic()
            ours = (self.primary.report_now() or {}).get("sequence")
            if theirs is None or ours is None:
                continue
            ends.append((now, ours))
            self.events.append(max(0, ours - theirs))
            passed = [when for when, end in ends if end > theirs]
            self.milliseconds.append((now - passed[0]) * 1000 if passed else 0.0)
            del ends[:-4000]
            time.sleep(0.01)

    def __enter__(self) -> "Lag":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopping = True
        self.join(30)


def quantile(values: list[float], share: float) -> float:
    """Of a list that need not be in order."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class SitesBenchmark:
    """Rounds of a primary with standbys, then one great queue that changes its site."""

    def __init__(self, directory: Path, rounds: int, queued: int, quick: bool):
        self.directory, self.rounds, self.queued = directory, rounds, queued
        self.messages = 10_000 if quick else 60_000
        self.clients_seconds = 3 if quick else 10
        self.authority = Authority(directory / "authority")
        self.accept = {name: Samples() for name in ("alone", "local", "replicated")}
        self.standby = Samples()
        # Rows as large as a message is, and as what Waybill ships of one.
        self.postgres = {"message": Samples(), "shipped": Samples()}
        self.change: dict[str, float] = {}
        self.missing = ""

    def measure(self) -> None:
        for number in range(1, self.rounds + 1):
            place = self.directory / f"round-{number}"
            self._round(number, place)
            shutil.rmtree(place, ignore_errors=True)
            try:
                self._postgres(number, "message", SIZE_OCTETS)
                self._postgres(number, "shipped", round(self.standby.values["shipped"][-1]))
            except Skip as reason:
                self.missing = str(reason)
        self._change_sites(self.directory / "change")

    # A primary and its standby

    def _site(self, place: Path, name: str, *flags: str, **options) -> Site:
        options.setdefault("segment_size", "64MiB")
        return Site(place / name, name, self.authority, 9, *flags, **options)

    def _load(self, site: Site, samples: Samples) -> int:
        """Sends; returns how many messages were taken."""
        with Probe(site.port, SIZE_OCTETS) as probe:
            result = source(site.port, self.messages, sessions=SESSIONS, size_octets=SIZE_OCTETS)
        total = self.messages + len(probe.milliseconds)
        samples.add(
            rate=total / result.seconds, p50=probe.quantile(0.5), p99=probe.quantile(0.99))
        return total

    def _round(self, number: int, place: Path) -> None:
        first = self._site(place, "anna", "--hold-delivery").start_site()
        source(first.port, 3_000, sessions=SESSIONS, size_octets=SIZE_OCTETS)
        self._load(first, self.accept["alone"])
        second = self._site(
            place, "bert", "--hold-delivery", standby_of=first.site_port).start_site("standby")
        second.wait_connected()
        second.wait_caught_up(first)
        before = second.report()["primary"]["received_octets"]
        with Lag(first, second) as lag:
            total = self._load(first, self.accept["local"])
        second.wait_caught_up(first)
        self.standby.add(
            shipped=(second.report()["primary"]["received_octets"] - before) / total,
            lag_events_p50=quantile(lag.events, 0.5), lag_events_p99=quantile(lag.events, 0.99),
            lag_p50=quantile(lag.milliseconds, 0.5), lag_p99=quantile(lag.milliseconds, 0.99))
        self._replicated(first, second)
        self._catch_up(first, place)
        for one in (first, second):
            one.stop()
        self._restore(first, place)
        for name, samples in self.accept.items():
            print(
                f"round {number}/{self.rounds} waybill    {name:<11}"
                f"{samples.values['rate'][-1]:>9,.0f}/s", flush=True)

    def _replicated(self, first: Site, second: Site) -> None:
        """The same primary, its listener asking for the standby."""
        first.stop()
        whole = json.loads(first.configuration_file.read_text())
        whole["listeners"][0]["ack"] = "replicated"
        first.configure(whole)
        first.start_site()
        second.wait_connected()
        self._load(first, self.accept["replicated"])
        second.wait_caught_up(first)

    def _catch_up(self, first: Site, place: Path) -> None:
        """A standby that has nothing."""
        end = first.report()["sequence"]
        octets = disk_bytes(first.data / "log")
        start = time.monotonic()
        third = self._site(
            place, "carl", "--hold-delivery", standby_of=first.site_port).start_site("standby")
        third.wait_report(lambda report: report["sequence"] >= end, "the end", 300)
        seconds = time.monotonic() - start
        third.stop()
        self.standby.add(
            catch_up_events=end / seconds, catch_up_mebibytes=octets / 2**20 / seconds)

    def _restore(self, first: Site, place: Path) -> None:
        archive, target = place / "archive", place / "restored"
        run(waybill_binary(), "backup", "create", "--data", first.data, "--archive", archive,
            timeout=600)
        answer = json.loads(run(
            waybill_binary(), "restore", "--archive", archive, "--to", target, "--json",
            timeout=600).stdout)
        seconds = answer["milliseconds"] / 1000
        self.standby.add(
            restore_events=answer["sequence"] / seconds,
            restore_mebibytes=answer["octets"] / 2**20 / seconds)

    # PostgreSQL

    def _postgres(self, number: int, row: str, octets: int) -> None:
        """As many clients, each a row of that size a transaction, alone and waiting for a standby."""
        peer = Streaming(self.directory / "postgresql", octets)
        try:
            peer.begin()
            for name in ("alone", "local", "replicated"):
                rate, p50, p99, shipped = peer.load(name, self.clients_seconds)
                self.postgres[row].add(**{
                    f"{name}_rate": rate, f"{name}_p50": p50, f"{name}_p99": p99,
                    f"{name}_octets": shipped})
                print(
                    f"round {number}/{self.rounds} postgresql {name:<11}{rate:>9,.0f}/s, rows of "
                    f"{octets} octets", flush=True)
        finally:
            peer.end()

    # A great queue

    def _change_sites(self, place: Path) -> None:
        with Sink() as sink:
            first = self._site(place, "anna", "--hold-delivery").start_site()
            second = Site(
                place / "bert", "bert", self.authority, sink.port, standby_of=first.site_port,
                segment_size="64MiB").start_site("standby")
            second.wait_connected()
            # A session takes 10,000 messages, an address has 200 sessions.
            source(
                first.port, self.queued, "-N", sessions=min(150, SESSIONS + self.queued // 10_000),
                size_octets=SIZE_OCTETS, timeout=3_600)
            second.wait_caught_up(first, 600)
            # So that the folds have it too, as in a site that has followed for long.
            wait_until(lambda: self._depth(second) >= self.queued, 300, "the standby's queue")
            end = first.report()["sequence"]
            first.kill()
            second.wait_lost()
            started = time.monotonic()
            second.site("promote")
            self.change["promote"] = time.monotonic() - started
            wait_until(lambda: self._delivered(second, end), 120, "a delivery", every=0.005)
            self.change["first_delivery"] = time.monotonic() - started
            self._rejoin(first, second)
            second.kill()
        print("the queue has changed its site", flush=True)
        shutil.rmtree(place, ignore_errors=True)

    @staticmethod
    def _depth(site: Site) -> int:
        answer = site.api.get("/api/v1/queue?limit=1")
        found = re.search(r'"recipients":\s*(\d+)', answer.body.decode()) if answer.status == 200 else None
        return int(found[1]) if found else 0

    @staticmethod
    def _delivered(site: Site, after: int) -> bool:
        """Whether the log says of a delivery behind a sequence."""
        answer = site.api.get(f"/api/v1/events?from={after + 1}&type=delivered&limit=1")
        return answer.status == 200 and b"delivered" in answer.body

    def _rejoin(self, first: Site, second: Site) -> None:
        """The lost primary comes back and follows; what both have is not copied again."""
        self.change["log_mebibytes"] = disk_bytes(first.data / "log") / 2**20
        first.flags += ["--peer", f"127.0.0.1:{second.site_port}"]
        first.launch()
        first.wait_role("fenced")
        started = time.monotonic()
        first.site("rejoin", "--follow", f"127.0.0.1:{second.site_port}")
        self.change["rejoin"] = time.monotonic() - started
        report = first.wait_connected()
        self.change["rejoin_mebibytes"] = report["primary"]["received_octets"] / 2**20
        first.kill()

    # The report

    def report(self) -> list[str]:
        ours, standby = self.accept, self.standby

        def cost(one: float | None, other: float | None) -> str:
            return f"{one / other:.2f}" if one and other else "-"

        lines = [
            "# Sites", "",
            f"Machine: {machine()}. File system: {file_system(self.directory)}. Primary, standby, "
            f"smtp-source and the clients of PostgreSQL share it, and one disk. {self.rounds} rounds, "
            f"{SESSIONS} sessions, 4 KiB messages, delivery off; median [lowest-highest]. "
            "Made by `tools/benchmarks --sites`.", "",
            "## What waiting for a standby costs", "",
            "Messages (PostgreSQL: transactions of one row that does not compress) a second, and milliseconds "
            "to the answer. Local: a standby follows, nobody waits for it. Replicated: answered when it "
            "is durable there too (PostgreSQL: synchronous_standby_names, synchronous_commit = on).", "",
            "| | alone | local | replicated | replicated / local |", "| --- | --- | --- | --- | --- |",
            f"| Waybill, a second | {ours['alone'].text('rate')} | {ours['local'].text('rate')} |"
            f" {ours['replicated'].text('rate')} |"
            f" {cost(ours['replicated'].median('rate'), ours['local'].median('rate'))} |",
            "| Waybill, p50 / p99 ms | " + " | ".join(
                f"{one.text('p50', 1)} / {one.text('p99', 1)}" for one in ours.values()) + " | |",
        ]
        if self.missing:
            lines.append(f"| PostgreSQL | {self.missing} | | | |")
        else:
            shipped = round(standby.median("shipped") or 0)
            for row, title in [
                ("message", "rows of 4 KiB"), ("shipped", f"rows of {shipped} octets")]:
                theirs = self.postgres[row]
                lines += [
                    f"| PostgreSQL, {title}, a second | " + " | ".join(
                        theirs.text(f"{name}_rate") for name in ours)
                    + f" | {cost(theirs.median('replicated_rate'), theirs.median('local_rate'))} |",
                    "| p50 / p99 ms | " + " | ".join(
                        f"{theirs.text(f'{name}_p50', 1)} / {theirs.text(f'{name}_p99', 1)}"
                        for name in ours) + " | |",
                ]
            lines += [
                "", "What smtp-source sends is all alike and compresses well: Waybill ships "
                f"{standby.text('shipped')} octets a message, events and content together. PostgreSQL has "
                "rows as large as the message, and rows as large as what Waybill ships of it, of which its "
                f"own log makes {self.postgres['message'].text('local_octets')} and "
                f"{self.postgres['shipped'].text('local_octets')} octets a transaction."]
        lines += [
            "", "## Following", "",
            "Lag: how long ago the primary's log ended where the standby's ends now, as two requests side by "
            "side see it; less than the some 20 ms between two looks is shown as 0. MiB are of files, "
            "compressed.", "", "| what | figure |", "| --- | --- |"]
        for title, name, digits, unit in [
            ("lag under full accept load, p50", "lag_p50", 0, "ms"),
            ("lag under full accept load, p99", "lag_p99", 0, "ms"),
            ("the same in events, p50", "lag_events_p50", 0, ""),
            ("the same in events, p99", "lag_events_p99", 0, ""),
            ("catching up from nothing", "catch_up_events", 0, "events/s"),
            ("the same in octets of the log", "catch_up_mebibytes", 0, "MiB/s"),
            ("restoring from a directory", "restore_events", 0, "events/s"),
            ("the same in octets of objects", "restore_mebibytes", 0, "MiB/s"),
        ]:
            lines.append(f"| {title} | {standby.text(name, digits)} {unit} |")
        change = self.change
        lines += [
            "", f"## A queue of {self.queued:,} messages changes its site", "",
            "kill -9 of the primary, then `waybill site promote` at the standby, then the old primary's "
            f"`waybill site rejoin`. Taken once. Goals: the first delivery within 5 s of the command; "
            "nothing copied again that both have. Common objectives for mail: at most "
            f"{COMMON_LOSS // 60} minutes of it lost, {COMMON_RECOVERY // 60} minutes until it goes on.",
            "", "| what | figure |", "| --- | --- |",
            f"| promote, until mail is accepted | {change['promote']:.2f} s |",
            f"| until the first delivery is in the log | {change['first_delivery']:.2f} s |",
            f"| rejoin, until it follows | {change['rejoin']:.2f} s |",
            f"| received for it | {change['rejoin_mebibytes']:.1f} MiB, of a log of"
            f" {change['log_mebibytes']:.0f} MiB |", "",
        ]
        return lines


class Streaming:
    """A PostgreSQL server with a standby that streams from it, and pgbench in front."""

    SCRIPT = (
        "INSERT INTO messages (body) VALUES ((SELECT body FROM bodies WHERE id = :client_id % 50));\n")

    def __init__(self, directory: Path, row_octets: int):
        self.row_octets = row_octets
        self.first = PostgreSQL(directory / "first")
        self.directory = directory
        self.second: subprocess.Popen | None = None
        self.second_port = free_port()

    def begin(self) -> None:
        """Starts the first server, with a table and bodies that do not compress."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.first.SETTINGS = {
            **PostgreSQL.SETTINGS, "wal_level": "replica", "max_wal_senders": 4}
        self.first.start()
        self._sql(
            "CREATE TABLE bodies (id int PRIMARY KEY, body bytea); "
            "ALTER TABLE bodies ALTER body SET STORAGE PLAIN; "
            "CREATE TABLE messages (id bigserial PRIMARY KEY, body bytea); "
            "ALTER TABLE messages ALTER body SET STORAGE PLAIN; "
            "INSERT INTO bodies SELECT n, (SELECT substring(string_agg(sha256((n * 1000 + k)::text::bytea), '') "
            f"for {self.row_octets}) FROM generate_series(1, {self.row_octets // 32 + 1}) k) "
            "FROM generate_series(0, 49) n")
        (self.directory / "script.sql").write_text(self.SCRIPT)

    def _sql(self, text: str) -> str:
        return run(
            self.first.programs / "psql", "-h", "127.0.0.1", "-p", self.first.port, "-U", "waybill",
            "-d", "postgres", "-Atc", text).stdout.strip()

    def _follow(self) -> None:
        """A standby from a base backup."""
        if self.second is not None:
            return
        place = self.first.directory / "standby"
        run(
            self.first.programs / "pg_basebackup", "-h", "127.0.0.1", "-p", self.first.port, "-U",
            "waybill", "-D", place, "-R", "-X", "stream", "-c", "fast", cwd=self.first.directory,
            timeout=300, **_unprivileged())
        self.second = subprocess.Popen(
            [str(self.first.programs / "postgres"), "-D", str(place), "-c",
             f"port={self.second_port}", "-c", "max_connections=1100", "-c",
             f"unix_socket_directories={self.first.directory}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.first.directory,
            **_unprivileged())
        wait_until(
            lambda: self._sql("SELECT count(*) FROM pg_stat_replication") == "1", 60,
            "PostgreSQL's standby")

    def load(self, name: str, seconds: int) -> tuple[float, float, float, float]:
        """Transactions a second, median and 99th percentile of their milliseconds, octets of log for each."""
        if name != "alone":
            self._follow()
        self._sql(
            "ALTER SYSTEM SET synchronous_standby_names = '%s'" % ("*" if name == "replicated" else ""))
        self._sql("SELECT pg_reload_conf()")
        time.sleep(1)
        logs = self.directory / f"log-{name}"
        logs.mkdir(exist_ok=True)
        before = self._log_octets()
        result = run(
            self.first.programs / "pgbench", "-n", "-h", self.first.directory, "-p", self.first.port,
            "-U", "waybill", "-c", SESSIONS, "-j", 2, "-M", "prepared", "-T", seconds, "-f",
            self.directory / "script.sql", "-l", "--log-prefix", logs / "log", "postgres",
            timeout=seconds + 120)
        rate = float(re.search(r"tps = ([\d.]+)", result.stdout)[1])
        times = [
            int(line.split()[2]) / 1000 for path in logs.iterdir()
            for line in path.read_text().splitlines()]
        shutil.rmtree(logs)
        shipped = (self._log_octets() - before) / max(1, len(times))
        return rate, quantile(times, 0.5), quantile(times, 0.99), shipped

    def _log_octets(self) -> int:
        """Where the write-ahead log ends: what is streamed."""
        return int(self._sql("SELECT pg_current_wal_lsn() - '0/0'"))

    def end(self) -> None:
        """Stops both and removes them."""
        if self.second is not None:
            self.second.terminate()
            try:
                self.second.wait(30)
            except subprocess.TimeoutExpired:
                self.second.kill()
        self.first.remove()
        shutil.rmtree(self.directory, ignore_errors=True)
