"""Servers that keep events: PostgreSQL, Redis, NATS JetStream, each a private instance."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from .support import ROOT, Skip, cpu_seconds, free_port, listens, run, wait_until

INSTALL = "tools/install-dependencies --benchmarks"
CONNECTIONS_MAX = 1000


class PeerServer:
    """A server on loopback with its data in a directory of its own, started and stopped here.

    As root it runs as `nobody`: PostgreSQL refuses root, and the others need nothing of it.
    """

    name = title = ""
    # Filling it with each record durable would take minutes.
    fills_without_flushes = False

    def __init__(self, directory: Path):
        self.directory = directory
        self.process: subprocess.Popen | None = None
        self.port = free_port()
        self.version = ""
        self._find()

    # What each of them tells

    def _find(self) -> None:
        """Finds the programs and their version; Skip with the reason when there are none."""
        raise NotImplementedError

    def _command(self, durable: bool) -> list:
        raise NotImplementedError

    def _make(self) -> None:
        """Makes what has to be there before the first start."""

    def settings(self) -> list[str]:
        """What differs from its defaults, ports and paths left out."""
        raise NotImplementedError

    def addresses(self) -> dict[str, str]:
        """Where it listens, by kind: for peer-load."""
        return {"TCP": str(self.port)}

    # What all of them do

    def start(self, durable: bool = True) -> "PeerServer":
        """Starts it on what is there; not `durable` only to fill it for reading."""
        if not self.directory.exists():
            self.directory.mkdir(parents=True)
            if os.geteuid() == 0:
                shutil.chown(self.directory, "nobody", "nogroup")
            self._make()
        output = (self.directory.parent / f"{self.name}.txt").open("ab")
        self.process = subprocess.Popen(
            [str(part) for part in self._command(durable)], stdout=output,
            stderr=subprocess.STDOUT, cwd=self.directory, **_unprivileged())
        output.close()
        wait_until(self._is_up, 60, f"{self.title} listens")
        return self

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            text = (self.directory.parent / f"{self.name}.txt").read_text(errors="replace")
            raise RuntimeError(f"{self.title} ended with {self.process.returncode}\n{text[-2000:]}")
        return listens(self.port) and all(
            Path(place).exists() for place in self.addresses().values() if place.startswith("/"))

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def remove(self) -> None:
        """Stops it and removes its data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)


def _unprivileged() -> dict:
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _answer(port: int, question: bytes = b"") -> bytes:
    """What a server says first, or to a question."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(question)
        return connection.recv(4096)


class PostgreSQL(PeerServer):
    name, title = "postgresql", "PostgreSQL"
    SETTINGS = {
        "fsync": "on", "synchronous_commit": "on", "max_connections": CONNECTIONS_MAX + 10,
        "shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
    }

    def _find(self) -> None:
        found = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/postgres"),
            key=lambda path: float(path.parts[-3]))
        if not found:
            raise Skip(f"PostgreSQL is not installed ({INSTALL})")
        self.programs = found[-1].parent
        self.version = run(found[-1], "--version").stdout.split()[2]

    def _make(self) -> None:
        run(
            self.programs / "initdb", "-D", self.directory / "data", "-U", "waybill", "-A", "trust",
            "-E", "UTF8", "--locale=C", "--no-instructions", cwd=self.directory, **_unprivileged())

    def _command(self, durable: bool) -> list:
        settings = {
            **self.SETTINGS, "port": self.port, "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.directory,
        }
        pairs = (("-c", f"{name}={value}") for name, value in settings.items())
        return [
            self.programs / "postgres", "-D", self.directory / "data",
            *(part for pair in pairs for part in pair)]

    def _is_up(self) -> bool:
        # It listens before it lets anybody in.
        ask = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", self.port]
        return super()._is_up() and run(*ask, check=False).returncode == 0

    def settings(self) -> list[str]:
        return [f"{name} = {value}" for name, value in self.SETTINGS.items()]

    def addresses(self) -> dict[str, str]:
        return {**super().addresses(), "Unix socket": f"{self.directory}/.s.PGSQL.{self.port}"}


class Redis(PeerServer):
    name, title = "redis", "Redis Streams"
    SETTINGS = [
        ("appendonly", "yes"), ("appendfsync", "always"), ("save", ""),
        ("auto-aof-rewrite-percentage", "0"), ("maxclients", str(CONNECTIONS_MAX + 10)),
    ]

    def _find(self) -> None:
        self.program = shutil.which("redis-server")
        if not self.program:
            raise Skip(f"redis-server is not installed ({INSTALL})")
        found = re.search(r"v=(\S+)", run(self.program, "--version").stdout)
        self.version = found[1] if found else "?"

    def _command(self, durable: bool) -> list:
        pairs = [
            *self.SETTINGS, ("port", self.port), ("bind", "127.0.0.1"), ("dir", self.directory),
            ("unixsocket", self.directory / "redis.sock")]
        return [
            self.program, *(part for name, value in pairs for part in (f"--{name}", value))]

    def _is_up(self) -> bool:
        # It listens while it still loads what is there.
        return super()._is_up() and _answer(self.port, b"PING\r\n").startswith(b"+PONG")

    def settings(self) -> list[str]:
        return [f"{name} {value or chr(34) * 2}" for name, value in self.SETTINGS]

    def addresses(self) -> dict[str, str]:
        return {**super().addresses(), "Unix socket": f"{self.directory}/redis.sock"}


class NATS(PeerServer):
    name, title = "nats", "NATS JetStream"
    fills_without_flushes = True
    # Until then a flush for each message could not be asked for.
    VERSION_MIN = (2, 10)

    def _find(self) -> None:
        venv = ROOT / ".venv-benchmarks" / "bin" / "nats-server"
        found = os.environ.get("WAYBILL_NATS_SERVER") or (
            str(venv) if venv.exists() else shutil.which("nats-server"))
        if not found or not Path(found).exists():
            raise Skip(f"nats-server is not installed ({INSTALL})")
        self.version = run(found, "--version").stdout.split()[-1].lstrip("v")
        if tuple(map(int, self.version.split(".")[:2])) < self.VERSION_MIN:
            raise Skip(f"nats-server {self.version} has no `sync_interval: always` ({INSTALL})")
        self.program = found

    def _make(self) -> None:
        # Where it is installed, `nobody` may not come.
        shutil.copy(self.program, self.directory / "nats-server")
        (self.directory / "nats-server").chmod(0o755)

    def _command(self, durable: bool) -> list:
        file = self.directory / "nats.conf"
        sync = "sync_interval: always" if durable else ""
        file.write_text(
            f'host: "127.0.0.1"\nport: {self.port}\n'
            f'jetstream {{ store_dir: "{self.directory}/store"\n{sync}\n'
            "max_file_store: 64GB }\n")
        return [self.directory / "nats-server", "-c", file]

    def settings(self) -> list[str]:
        return [
            "jetstream { sync_interval: always }",
            "stream: storage file, num_replicas 1, limits of its defaults"]

    def _is_up(self) -> bool:
        return super()._is_up() and b'"jetstream":true' in _answer(self.port)


PEERS: list[type[PeerServer]] = [PostgreSQL, Redis, NATS]
