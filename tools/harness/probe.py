"""A session among many, and how long its messages take."""

import threading
import time

from .client import Conversation


class Probe:
    """One more session that sends a message every 10 ms and times the final dot's reply."""

    def __init__(self, port: int, size_octets: int):
        self.port, self.size_octets = port, size_octets
        self.milliseconds: list[float] = []
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        line = b"x" * 76 + b"\r\n"
        body = b"Subject: probe\r\n\r\n" + line * (self.size_octets // len(line))
        with Conversation(self.port) as session:
            session.hello("probe.example")
            while not self.stopping:
                session.send("MAIL FROM:<probe@sender.example>\r\n")
                assert session.reply().startswith("250")
                session.send("RCPT TO:<someone@recipient.example>\r\n")
                assert session.reply().startswith("250")
                session.send("DATA\r\n")
                assert session.reply().startswith("354")
                session.send(body)
                start = time.perf_counter()
                session.send(b".\r\n")
                assert session.reply().startswith("250")
                self.milliseconds.append((time.perf_counter() - start) * 1000)
                time.sleep(0.01)

    def __enter__(self) -> "Probe":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopping = True
        self.thread.join(30)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
