"""etcd as real processes: one member, or three on addresses of their own."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .support import free_port, program, wait_until


class EtcdMember:
    """One process; its data outlives it."""

    def __init__(self, directory: Path, name: str, address: str):
        self.directory, self.name, self.address = Path(directory), name, address
        self.directory.mkdir(parents=True, exist_ok=True)
        self.client_port, self.peer_port = free_port(address), free_port(address)
        self.endpoint = f"http://{address}:{self.client_port}"
        self.peer = f"http://{address}:{self.peer_port}"
        self.process: subprocess.Popen | None = None

    def launch(self, cluster: str) -> None:
        """Starts the process without waiting."""
        with open(self.directory / "etcd.log", "ab") as output:
            self.process = subprocess.Popen(
                [program("etcd"), "--name", self.name, "--data-dir", str(self.directory / "data"),
                 "--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint,
                 "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                 "--initial-cluster", cluster, "--initial-cluster-token", "waybill-test"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

    def call(self, path: str, body: dict | None = None, seconds: float = 2) -> dict | None:
        """What the gateway answers; None when it does not."""
        request = urllib.request.Request(
            self.endpoint + path, json.dumps(body or {}).encode(),
            {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return json.load(answer)
        except (OSError, ValueError, urllib.error.URLError):
            return None

    def is_leader(self) -> bool:
        """Whether it leads the cluster, as it says itself."""
        status = self.call("/v3/maintenance/status") or {}
        return bool(status.get("leader")) and status["leader"] == status["header"]["member_id"]

    def signal(self, number: int) -> None:
        """Sends a signal to the process."""
        if self.process is not None:
            os.kill(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL; harmless when it does not run."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Etcd:
    """A cluster of some members, each on a loopback address of its own: 127.0.0.1, 127.0.0.2, ..."""

    def __init__(self, directory: Path, members: int = 1):
        self.members = [
            EtcdMember(Path(directory) / f"etcd{number}", f"m{number}", f"127.0.0.{number}")
            for number in range(1, members + 1)]
        self.cluster = ",".join(f"{one.name}={one.peer}" for one in self.members)

    @property
    def endpoints(self) -> list[str]:
        """Of all members."""
        return [one.endpoint for one in self.members]

    def start(self) -> "Etcd":
        """Starts what does not run, and waits until a majority answers."""
        for one in self.members:
            if one.process is None:
                one.launch(self.cluster)
        wait_until(lambda: self.members[0].call("/v3/kv/range", {"key": "YQ=="}), 60, "etcd")
        return self

    def leader(self) -> EtcdMember:
        """The member that leads; waits for one."""
        return wait_until(
            lambda: next((one for one in self.members if one.is_leader()), None), 30,
            "a leader of etcd")

    def stop(self) -> None:
        """SIGKILL to all."""
        for one in self.members:
            one.kill()

    def pause(self) -> None:
        """SIGSTOP to all: they take connections and answer nothing."""
        for one in self.members:
            one.signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT to all."""
        for one in self.members:
            one.signal(signal.SIGCONT)

    def __enter__(self) -> "Etcd":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()
