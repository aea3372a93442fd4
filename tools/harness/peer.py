"""A receiving server that does what a test tells it: scripted replies, TLS, AUTH, lost replies.

Written apart from Waybill's own SMTP code on purpose. One thread a connection.
"""

import base64
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Message:
    """One message as it arrived, dot-unstuffed."""

    reverse_path: str
    mail_parameters: list[str]
    recipients: list[tuple[str, list[str]]]
    data: bytes
    tls: str | None
    user: str | None
    session: int
    local_address: str
    chunked: bool = False


class Drop(Exception):
    """Raised by a hook: the connection is closed without a reply."""


@dataclass
class Peer:
    """Listens at once on `port` (0: any free one) of `address`.

    Hooks return a reply line, or None for the ordinary one: `on_connect()`, `on_mail(path)`,
    `on_rcpt(path)`, `on_dot(message)`, `on_command(verb, argument)`.
    """

    extensions: list[str] = field(default_factory=lambda: [
        "PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"])
    address: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    users: dict[str, str] | None = None
    esmtp: bool = True
    on_connect: object = None
    on_mail: object = None
    on_rcpt: object = None
    on_dot: object = None
    # Before content is read: what is sent fills the connection meanwhile.
    pause_seconds: float = 0.0
    on_command: object = None

    def __post_init__(self):
        self.messages: list[Message] = []
        self.commands: list[tuple[int, str]] = []
        self.sessions = 0
        self.open_sessions = 0
        self.most_open_sessions = 0
        self.lock = threading.Lock()
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.listener.bind((self.address, self.port))
        self.port = self.listener.getsockname()[1]
        self.listener.listen(200)
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stops listening; sessions that are open end with their connection."""
        self.closing = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def received(self, recipient: str) -> list[Message]:
        """The messages that came for a recipient."""
        return [
            message for message in list(self.messages)
            if any(path == recipient for path, _ in message.recipients)
        ]

    def _accept(self) -> None:
        while not self.closing:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.sessions += 1
                number = self.sessions
            threading.Thread(
                target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with self.lock:
            self.open_sessions += 1
            self.most_open_sessions = max(self.most_open_sessions, self.open_sessions)
        session = _Session(self, connection, number)
        try:
            session.run()
        except (Drop, OSError, EOFError):
            pass
        finally:
            session.close()
            with self.lock:
                self.open_sessions -= 1


class _Session:
    def __init__(self, peer: Peer, connection: socket.socket, number: int):
        self.peer, self.connection, self.number = peer, connection, number
        self.local_address = connection.getsockname()[0]
        self.file = connection.makefile("rb")
        self.tls: str | None = None
        self.user: str | None = None
        self.reset()

    def close(self) -> None:
        try:
            self.file.close()
            self.connection.close()
        except OSError:
            pass

    def reset(self) -> None:
        self.mail: tuple[str, list[str]] | None = None
        self.recipients: list[tuple[str, list[str]]] = []
        self.chunks = b""

    def say(self, text: str) -> None:
        self.connection.sendall(text.encode() + b"\r\n")

    def line(self) -> str:
        data = self.file.readline(65536)
        if not data.endswith(b"\n"):
            raise EOFError
        return data.rstrip(b"\r\n").decode("utf-8", "surrogateescape")

    def hook(self, hook, *arguments) -> str | None:
        return hook(*arguments) if hook else None

    def run(self) -> None:
        self.say(self.hook(self.peer.on_connect) or "220 peer.example ESMTP")
        while True:
            line = self.line()
            with self.peer.lock:
                self.peer.commands.append((self.number, line))
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            scripted = self.hook(self.peer.on_command, verb, argument)
            if scripted:
                self.say(scripted)
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                getattr(self, "do_" + verb.lower(), self.unknown)(argument)

    def unknown(self, _: str) -> None:
        self.say("500 5.5.2 command not recognised")

    def do_ehlo(self, _: str) -> None:
        if not self.peer.esmtp:
            self.say("502 5.5.1 not implemented")
            return
        words = list(self.peer.extensions)
        if self.peer.tls and not self.tls:
            words.append("STARTTLS")
        if self.peer.users is not None and (self.tls or not self.peer.tls):
            words.append("AUTH PLAIN LOGIN")
        lines = ["peer.example", *words]
        self.reset()
        self.say("\r\n".join(
            f"250{' ' if index == len(lines) - 1 else '-'}{word}" for index, word in enumerate(lines)))

    def do_helo(self, _: str) -> None:
        self.reset()
        self.say("250 peer.example")

    def do_noop(self, _: str) -> None:
        self.say("250 2.0.0 ok")

    def do_rset(self, _: str) -> None:
        self.reset()
        self.say("250 2.0.0 ok")

    def do_starttls(self, _: str) -> None:
        if not self.peer.tls:
            self.unknown("")
            return
        self.say("220 2.0.0 go ahead")
        self.connection = self.peer.tls.wrap_socket(self.connection, server_side=True)
        self.file = self.connection.makefile("rb")
        self.tls = self.connection.version()
        self.reset()

    def do_auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() == "PLAIN":
            if not initial:
                self.say("334 ")
                initial = self.line()
            _, user, password = base64.b64decode(initial).decode().split("\0")
        elif mechanism.upper() == "LOGIN":
            self.say("334 VXNlcm5hbWU6")
            user = base64.b64decode(self.line()).decode()
            self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(self.line()).decode()
        else:
            self.say("504 5.5.4 mechanism")
            return
        if self.peer.users and self.peer.users.get(user) == password:
            self.user = user
            self.say("235 2.7.0 ok")
        else:
            self.say("535 5.7.8 wrong")

    def path(self, argument: str, word: str) -> tuple[str, list[str]] | None:
        match = re.fullmatch(word + r":\s?<([^>]*)>\s*(.*)", argument, re.IGNORECASE)
        return (match.group(1), match.group(2).split()) if match else None

    def do_mail(self, argument: str) -> None:
        parsed = self.path(argument, "FROM")
        if parsed is None or self.mail is not None:
            self.say("501 5.5.4 syntax" if parsed is None else "503 5.5.1 nested")
            return
        if self.peer.users is not None and self.user is None:
            self.say("530 5.7.0 authenticate first")
            return
        reply = self.hook(self.peer.on_mail, parsed[0]) or "250 2.1.0 ok"
        if reply.startswith("2"):
            self.mail = parsed
        self.say(reply)

    def do_rcpt(self, argument: str) -> None:
        parsed = self.path(argument, "TO")
        if parsed is None or self.mail is None:
            self.say("503 5.5.1 sequence")
            return
        reply = self.hook(self.peer.on_rcpt, parsed[0]) or "250 2.1.5 ok"
        if reply.startswith("2"):
            self.recipients.append(parsed)
        self.say(reply)

    def do_data(self, _: str) -> None:
        if not self.recipients:
            self.say("554 5.5.1 no valid recipients")
            return
        self.say("354 go on")
        time.sleep(self.peer.pause_seconds)
        lines = []
        while True:
            line = self.file.readline(1_000_000)
            if not line:
                raise EOFError
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        self.finish(b"".join(lines), False)

    def do_bdat(self, argument: str) -> None:
        words = argument.split()
        chunk = self.file.read(int(words[0]))
        if len(chunk) < int(words[0]):
            raise EOFError
        self.chunks += chunk
        if len(words) > 1 and words[1].upper() == "LAST":
            if self.recipients:
                self.finish(self.chunks, True)
            else:
                self.say("554 5.5.1 no valid recipients")
        else:
            self.say("250 2.0.0 ok")

    def finish(self, data: bytes, chunked: bool) -> None:
        message = Message(
            self.mail[0], self.mail[1], self.recipients, data, self.tls, self.user, self.number,
            self.local_address, chunked)
        reply = self.hook(self.peer.on_dot, message) or "250 2.0.0 taken"
        if reply.startswith("2"):
            with self.peer.lock:
                self.peer.messages.append(message)
        self.reset()
        self.say(reply)
