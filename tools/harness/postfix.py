"""A private Postfix instance: its own configuration, queue and high port; no system service."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from .support import Skip, free_port, listens, program, run, wait_until

# Settings for speed, as an experienced operator would choose them, with nothing that weakens
# durability. Every one of them is printed by the benchmarks.
TUNED = {
    # 50 sessions need 50 smtpd; deliveries need as many smtp processes.
    "default_process_limit": "200",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_client_message_rate_limit": "0",
    # No pause of the input while the queue manager is busy.
    "in_flow_delay": "0",
    "qmgr_message_active_limit": "100000",
    "qmgr_message_recipient_limit": "100000",
    # Full concurrency from the first message, connections kept between messages.
    "default_destination_concurrency_limit": "50",
    "initial_destination_concurrency": "50",
    "smtp_destination_concurrency_limit": "50",
    "smtp_connection_cache_on_demand": "yes",
    "smtp_connection_cache_destinations": "static:all",
    "hash_queue_names": "incoming active deferred hold defer",
    "hash_queue_depth": "1",
    # No DNS and no table look-ups that a relay does not need.
    "smtpd_peername_lookup": "no",
    "smtp_dns_support_level": "disabled",
    "smtp_host_lookup": "native",
    "local_header_rewrite_clients": "",
    "smtpd_reject_unlisted_recipient": "no",
    "smtpd_reject_unlisted_sender": "no",
    "smtputf8_enable": "no",
    "smtpd_tls_security_level": "none",
    "smtp_tls_security_level": "none",
}

MASTER = """\
smtp-in    inet  n - n - {smtpd_processes} smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
smtp       unix  - - n - - smtp
relay      unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
local      unix  - n n - - local
virtual    unix  - n n - - virtual
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One instance. `settings` go to main.cf over the defaults below."""

    def __init__(
        self, directory: Path, settings: dict[str, str] | None = None, log: bool = True,
        master_lines: str = "", smtpd_processes: int = 100,
    ):
        if os.geteuid() != 0:
            raise Skip("a private Postfix instance needs root")
        program("postfix")
        self.directory = Path(directory)
        self.port = free_port()
        self.configuration = self.directory / "etc"
        self.queue = self.directory / "spool"
        self.log_file = self.directory / "maillog"
        data = self.directory / "lib"
        for path in (self.configuration, self.queue, data):
            path.mkdir(parents=True, exist_ok=True)
        # Postfix's own processes run as `postfix` and must be able to walk here.
        for path in (self.directory, *self.directory.parents):
            if path == Path("/tmp") or path == Path("/"):
                break
            path.chmod(path.stat().st_mode | 0o055)
        shutil.chown(data, "postfix", "postfix")
        for name in ("postfix-files", "dynamicmaps.cf", "postfix-script", "post-install"):
            source = Path("/etc/postfix") / name
            if source.exists():
                shutil.copy(source, self.configuration / name)
        self.settings = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.queue),
            "data_directory": str(data),
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "myhostname": "postfix.example",
            "mydestination": "",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "local_recipient_maps": "",
            "alias_maps": "",
            "alias_database": "",
            "append_dot_mydomain": "no",
            "biff": "no",
        }
        if log:
            self.settings["maillog_file"] = str(self.log_file)
            self.settings["maillog_file_prefixes"] = str(self.directory)
        self.settings.update(settings or {})
        master = MASTER.format(smtpd_processes=smtpd_processes).replace(
            "smtp-in ", f"127.0.0.1:{self.port} ", 1)
        (self.configuration / "master.cf").write_text(master + master_lines)
        self.write_settings()
        self.master_pid = 0

    def write_settings(self) -> None:
        """Writes main.cf."""
        lines = (f"{name} = {value}\n" for name, value in self.settings.items())
        (self.configuration / "main.cf").write_text("".join(lines))

    def command(self, name: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Runs one of Postfix's commands on this instance."""
        return run(program(name), "-c", self.configuration, *arguments, check=check)

    def start(self) -> "Postfix":
        """Starts the instance and waits until it answers."""
        self.command("postfix", "start")
        wait_until(lambda: listens(self.port), 20, f"Postfix on port {self.port}")
        self.master_pid = int((self.queue / "pid" / "master.pid").read_text())
        return self

    def stop(self) -> None:
        """Stops the instance; harmless when it does not run."""
        if not self.master_pid:
            return
        self.command("postfix", "stop", check=False)
        try:
            wait_until(lambda: not Path(f"/proc/{self.master_pid}").exists(), 10, "Postfix's end")
        except TimeoutError:
            os.kill(self.master_pid, signal.SIGKILL)
        self.master_pid = 0

    def queued(self, *names: str) -> int:
        """Queue files in the given queues, by default all that wait."""
        total = 0
        for name in names or ("incoming", "active", "deferred", "hold", "maildrop"):
            for _, _, files in os.walk(self.queue / name):
                total += len(files)
        return total

    def log(self) -> str:
        """What the instance logged."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    def __enter__(self) -> "Postfix":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()
