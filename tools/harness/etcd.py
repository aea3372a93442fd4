"""etcd as real processes: one member, or three on addresses of their own."""

import json
import os
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from .network import Authority
from .support import free_port, program, wait_until


def base64(text: str) -> str:
    """Of keys in the gateway's JSON."""
    return b64encode(text.encode()).decode()


@dataclass
class EtcdTLS:
    """What a member shows to its clients, and whether they must show something too."""

    authority: Authority
    clients_show: bool = False

    def files(self, name: str = "etcd") -> tuple[Path, Path]:
        """(certificate, key) by the authority, made once."""
        stem = self.authority.directory / name
        if stem.with_suffix(".pem").exists():
            return stem.with_suffix(".pem"), stem.with_suffix(".key")
        return self.authority.issue(name)

    def flags(self) -> list[str]:
        """Of etcd."""
        certificate, key = self.files()
        flags = ["--cert-file", str(certificate), "--key-file", str(key)]
        if self.clients_show:
            flags += ["--client-cert-auth", "--trusted-ca-file", str(self.authority.certificate)]
        return flags

    def context(self) -> ssl.SSLContext:
        """Of the harness's own requests."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.load_cert_chain(*self.files("harness"))
        return context


class EtcdMember:
    """One process; its data outlives it."""

    def __init__(
        self, directory: Path, name: str, address: str, tls: EtcdTLS | None = None,
        flags: tuple[str, ...] = (),
    ):
        self.directory, self.name, self.address = Path(directory), name, address
        self.directory.mkdir(parents=True, exist_ok=True)
        self.tls, self.flags = tls, list(flags) + (tls.flags() if tls else [])
        self.client_port, self.peer_port = free_port(address), free_port(address)
        self.endpoint = f"{'https' if tls else 'http'}://{address}:{self.client_port}"
        self.peer = f"http://{address}:{self.peer_port}"
        self.process: subprocess.Popen | None = None

    def launch(self, cluster: str) -> None:
        """Starts the process without waiting."""
        with open(self.directory / "etcd.log", "ab") as output:
            self.process = subprocess.Popen(
                [program("etcd"), "--name", self.name, "--data-dir", str(self.directory / "data"),
                 "--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint,
                 "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                 "--initial-cluster", cluster, "--initial-cluster-token", "waybill-test",
                 *self.flags],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

    def call(
        self, path: str, body: dict | None = None, seconds: float = 2, token: str = ""
    ) -> dict | None:
        """What the gateway answers; None when it does not."""
        fields = {"Content-Type": "application/json"}
        if token:
            fields["Authorization"] = token
        request = urllib.request.Request(
            self.endpoint + path, json.dumps(body or {}).encode(), fields)
        context = self.tls.context() if self.tls else None
        try:
            with urllib.request.urlopen(request, timeout=seconds, context=context) as answer:
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

    def __init__(
        self, directory: Path, members: int = 1, tls: EtcdTLS | None = None,
        flags: tuple[str, ...] = (),
    ):
        self.members = [
            EtcdMember(
                Path(directory) / f"etcd{number}", f"m{number}", f"127.0.0.{number}", tls, flags)
            for number in range(1, members + 1)]
        self.tls = tls
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
        # Not a question for an entry: with users it would need one.
        wait_until(self.has_leader, 60, "etcd")
        return self

    def has_leader(self) -> bool:
        """Whether the first member knows who leads."""
        status = self.members[0].call("/v3/maintenance/status") or {}
        return int(status.get("leader", 0)) != 0

    def order(self, path: str, as_root: bool = False, **body) -> dict:
        """A request that must be carried out; once users are on, only root's is."""
        member = self.members[0]
        token = ""
        if as_root:
            token = self.order("auth/authenticate", name="root", password="root")["token"]
        answer = member.call(f"/v3/{path}", body, token=token)
        if answer is None:
            raise RuntimeError(f"etcd did not do {path} {body}")
        return answer

    def require_users(self, name: str, password: str, prefix: str) -> None:
        """Turns users on: root, and one who may read and write below the prefix only."""
        self.order("auth/user/add", name="root", password="root")
        self.order("auth/role/add", name="root")
        self.order("auth/user/grant", user="root", role="root")
        self.order("auth/user/add", name=name, password=password)
        self.order("auth/role/add", name=name)
        self.allow(name, prefix)
        self.order("auth/user/grant", user=name, role=name)
        self.order("auth/enable")

    def allow(self, role: str, prefix: str, as_root: bool = False) -> None:
        """A role may read and write below the prefix."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        self.order(
            "auth/role/grant", as_root, name=role,
            perm={"permType": "READWRITE", "key": base64(prefix), "range_end": base64(end)})

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
