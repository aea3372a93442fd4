"""Raw SMTP clients: one for transcripts, one that records every 250 before it goes on."""

import os
import re
import socket
import threading
import time
from base64 import encodebytes
from pathlib import Path


class Conversation:
    """A connection that sends and expects; for what smtplib cannot do."""

    def __init__(self, port: int, address: str = "127.0.0.1", timeout: float = 20):
        self.socket = socket.create_connection((address, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def reply(self) -> str:
        """One reply, its lines joined by newlines; an empty text when the server closed."""
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                return "\n".join(lines)
            lines.append(line.rstrip(b"\r\n").decode("utf-8", "replace"))
            if len(line) < 4 or line[3:4] != b"-":
                return "\n".join(lines)

    def send(self, data: str | bytes) -> None:
        """Sends octets as they are."""
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def command(self, line: str) -> str:
        """Sends a line and returns the reply."""
        self.send(line + "\r\n")
        return self.reply()

    def replies(self, count: int) -> list[str]:
        """The codes of the next replies."""
        return [self.reply()[:3] for _ in range(count)]

    def hello(self, name: str = "client.example") -> str:
        """Greeting and EHLO; returns the reply to EHLO."""
        greeting = self.reply()
        assert greeting.startswith("220"), greeting
        return self.command(f"EHLO {name}")

    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        """Closes without QUIT."""
        self.file.close()
        self.socket.close()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_) -> None:
        self.close()


QUEUED_AS = re.compile(rb"^250 2\.0\.0 queued as ([0-9a-z]+-[0-9a-z]+)")


class Recorder:
    """Clients that send without pause and write each acknowledged id to a synced file.

    The line is written and synced after the 250 was read and before the next message, so that the
    file never says more than the server promised. Each line: message id, sender's own number, microseconds since the Unix epoch.
    """

    def __init__(
        self, port: int, path: Path, clients: int = 8, domain: str = "recipient.example",
        recipients: int = 1, body_octets: int = 600, is_noise: bool = False,
        address: str = "127.0.0.1", also: dict[str, int] | None = None,
    ):
        """`is_noise`: bodies that do not compress, so that few messages fill a segment.

        `also`: further mailboxes, each with n: every n-th message goes to it, too.
        """
        self.port, self.path, self.domain = port, Path(path), domain
        self.recipients, self.body_octets = recipients, body_octets
        self.is_noise, self.address, self.also = is_noise, address, also or {}
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.lock = threading.Lock()
        self.numbers = iter(range(10**9))
        self.acknowledged = 0
        self.refused = 0
        self.stopping = False
        self.threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(clients)
        ]

    def start(self) -> "Recorder":
        """Starts the clients; they reconnect for as long as the recorder runs."""
        for thread in self.threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Ends them and waits."""
        self.stopping = True
        for thread in self.threads:
            thread.join(30)
        os.close(self.descriptor)

    def ids(self) -> list[str]:
        """Every acknowledged id, from the file."""
        return [line.split()[0] for line in self.path.read_text().splitlines()]

    def _run(self, client: int) -> None:
        while not self.stopping:
            try:
                self._session(client)
            except (OSError, EOFError):
                time.sleep(0.02)

    def _session(self, client: int) -> None:
        with socket.create_connection((self.address, self.port), timeout=5) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            file = connection.makefile("rb")
            self._expect(file, b"220")
            connection.sendall(b"EHLO recorder.example\r\n")
            self._expect(file, b"250")
            while not self.stopping:
                with self.lock:
                    number = next(self.numbers)
                recipients = [
                    f"r{number}.{index}@{self.domain}" for index in range(self.recipients)]
                recipients += [
                    mailbox for mailbox, every in self.also.items() if number % every == 0]
                to = "".join(f"RCPT TO:<{mailbox}>\r\n" for mailbox in recipients).encode()
                connection.sendall(b"MAIL FROM:<sender@client.example>\r\n" + to + b"DATA\r\n")
                self._expect(file, b"250")
                for _ in recipients:
                    self._expect(file, b"250")
                self._expect(file, b"354")
                connection.sendall(self._message(client, number))
                line = self._line(file)
                match = QUEUED_AS.match(line)
                if match:
                    with self.lock:
                        os.write(self.descriptor, match.group(1) + b" %d %d\n" % (number, time.time_ns() // 1000))
                        os.fdatasync(self.descriptor)
                        self.acknowledged += 1
                elif line.startswith(b"4"):
                    self.refused += 1
                    time.sleep(0.02)
                else:
                    raise OSError(f"unexpected reply {line!r}")

    def _message(self, client: int, number: int) -> bytes:
        line = b"This is line of message %d by client %d.\r\n" % (number, client)
        body = line * (self.body_octets // len(line) + 1)
        if self.is_noise:
            body = line + encodebytes(os.urandom(self.body_octets * 3 // 4)).replace(b"\n", b"\r\n")
        return (
            b"From: sender@client.example\r\nSubject: message %d\r\n"
            b"Message-ID: <%d.%d@client.example>\r\nDate: Fri, 21 Nov 2025 10:00:00 +0000\r\n\r\n"
            % (number, number, client)) + body + b".\r\n"

    def _line(self, file) -> bytes:
        while True:
            line = file.readline()
            if not line:
                raise EOFError
            if line[3:4] != b"-":
                return line

    def _expect(self, file, code: bytes) -> None:
        line = self._line(file)
        if not line.startswith(code):
            raise OSError(f"expected {code!r}, got {line!r}")
