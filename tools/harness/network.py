"""Certificates, and a DNS server with mail records."""

import subprocess
from pathlib import Path

from .support import free_port, program, run, wait_until


class Authority:
    """A throw-away certificate authority, and certificates by it."""

    def __init__(self, directory: Path):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate = self.directory / "ca.pem"
        self.key = self.directory / "ca.key"
        run(
            program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=Test authority",
            "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", self.key,
            "-out", self.certificate)

    def issue(self, name: str, file: str | None = None) -> tuple[Path, Path]:
        """(certificate, key) for a host name; `file` names the files, to issue one anew."""
        stem = self.directory / (file or name)
        key, request = stem.with_suffix(".key"), stem.with_suffix(".csr")
        certificate, extensions = stem.with_suffix(".pem"), stem.with_suffix(".ext")
        extensions.write_text(f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1\n")
        run(
            program("openssl"), "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        run(
            program("openssl"), "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey",
            self.key, "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", certificate)
        return certificate, key


class NameServer:
    """dnsmasq on a high port of 127.0.0.1, authoritative for what it is given, asking nobody else.

    `records` are dnsmasq options, for example `mx-host=a.example,mx.a.example,10`.
    """

    def __init__(self, directory: Path, records: list[str], port: int = 0):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.configuration = self.directory / "dnsmasq.conf"
        self.log_path = self.directory / "dnsmasq.log"
        self.set_records(records)
        self.process: subprocess.Popen | None = None

    def set_records(self, records: list[str]) -> None:
        """The records of the next start."""
        self.configuration.write_text("\n".join([
            "no-resolv", "no-hosts", "no-poll", "bind-interfaces", "listen-address=127.0.0.1",
            f"port={self.port}", "local=/example/", "log-queries", "local-ttl=60", "user=root",
            *records, ""]))

    def start(self) -> "NameServer":
        """Starts it and waits for the first answer."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [
                    program("dnsmasq"), "--keep-in-foreground", f"--conf-file={self.configuration}",
                    "--log-facility=-", f"--pid-file={self.directory / 'dnsmasq.pid'}",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: "started" in self.log(), 10, "dnsmasq")
        return self

    def stop(self) -> None:
        """Stops it."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self) -> str:
        """What it logged: every query."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def queries(self, name: str, kind: str) -> int:
        """How often a name and type were asked for."""
        return sum(f"query[{kind}] {name} " in line for line in self.log().splitlines())

    def __enter__(self) -> "NameServer":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()


def null_mx(domain: str) -> str:
    """RFC 7505: preference 0, host `.`."""
    return f"dns-rr={domain},15,000000"
