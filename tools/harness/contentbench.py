"""`tools/benchmarks --content`: octets on disk that a message of a campaign takes while it waits."""

import base64
import json
import random
import shutil
import smtplib
import threading
from collections.abc import Callable
from pathlib import Path

from .postfix import TUNED, Postfix
from .samples import Samples, file_system, machine
from .support import Skip, disk_bytes, wait_until
from .waybill import Waybill

SESSIONS = 20
WORDS = """offer summer delivery basket order invoice thank customer new colour size shirt price week
member points voucher valid until shop online store return free shipping item details account settings
unsubscribe newsletter season collection discover favourite choose garden kitchen travel weekend""".split()


def text(source: random.Random, octets: int) -> str:
    """Sentences, made of few words."""
    words, size = [], 0
    while size < octets:
        word = source.choice(WORDS)
        words.append(word if source.random() > 0.1 else f"{word}.\r\n")
        size += len(words[-1]) + 1
    return " ".join(words)


class Campaign:
    """Messages to many that differ in a few places each."""

    def __init__(self, seed: int, body_octets: int, attachment_octets: int = 0):
        source = random.Random(seed)
        self.seed = seed
        self.plain = text(source, body_octets // 4)
        rows = (
            f'<tr class="row-{source.randrange(9)}"><td style="padding:4px">{text(source, 90)}</td>'
            f'<td><img src="https://cdn.example/{source.randbytes(9).hex()}.png"></td></tr>\r\n'
            for _ in range(10 * body_octets))
        html = ""
        while len(html) < body_octets:
            html += next(rows)
        self.html = html
        self.attachment = base64.encodebytes(
            source.randbytes(attachment_octets * 3 // 4)).replace(b"\n", b"\r\n")

    def message(self, number: int) -> bytes:
        """The one to a recipient: name, ids, links and the boundary are its own."""
        own = random.Random(self.seed << 32 | number)
        name, token, boundary = (own.randbytes(size).hex() for size in (5, 16, 14))
        link = f"https://mail.shop.example/u/{token}"
        parts = [
            ("text/plain; charset=utf-8", f"Dear {name},\r\n{self.plain}\r\n{link}\r\n".encode()),
            ("text/html; charset=utf-8",
             f"<p>Dear {name},</p>\r\n{self.html}<a href=\"{link}\">leave</a>\r\n".encode()),
        ]
        if self.attachment:
            parts.append((
                "application/pdf\r\nContent-Transfer-Encoding: base64", self.attachment))
        lines = (
            f"From: Shop <news@shop.example>\r\nTo: {name}@recipient.example\r\n"
            f"Subject: {name}, your offers\r\nMessage-ID: <{own.randbytes(12).hex()}@shop.example>\r\n"
            f"List-Unsubscribe: <{link}>\r\nMIME-Version: 1.0\r\n"
            f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n').encode()
        for kind, body in parts:
            lines += f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + body
        return lines + f"--{boundary}--\r\n".encode()


class ContentBenchmark:
    """One campaign after the other into both servers, which send nothing; keeps what it takes."""

    def __init__(self, place: Path, rounds: int, quick: bool):
        self.place, self.rounds = place, rounds
        scale = 10 if quick else 1
        self.cases: list[tuple[str, int, Callable[[int], Campaign]]] = [
            ("receipt, 3 KiB", 5_000 // scale, lambda seed: Campaign(seed, 2_000)),
            ("newsletter, 50 KiB", 2_000 // scale, lambda seed: Campaign(seed, 40_000)),
            ("invoice with an attachment of 200 KiB", 500 // scale,
             lambda seed: Campaign(seed, 2_000, 200_000)),
            ("offer with an attachment of 3 MiB", 50 // scale,
             lambda seed: Campaign(seed, 2_000, 3 << 20)),
        ]
        self.samples = {title: Samples() for title, _, _ in self.cases}

    def measure(self) -> None:
        for number in range(1, self.rounds + 1):
            for title, count, make in self.cases:
                campaign = make(number)
                samples = self.samples[title]
                self._alone(campaign, count, samples)
                self._postfix(campaign, count, samples)
                self._waybill(campaign, count, samples)
                shown = "  ".join(
                    f"{name} {samples.values[name][-1]:,.0f}"
                    for name in ("raw", "postfix", "zstd", "written", "compacted"))
                print(f"round {number}/{self.rounds} {title}: octets a message: {shown}", flush=True)

    @staticmethod
    def _alone(campaign: Campaign, count: int, samples: Samples) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise Skip("needs Python's zstandard: .venv/bin/python tools/benchmarks") from error
        shown = min(count, 200)
        messages = [campaign.message(number) for number in range(shown)]
        compressor = zstandard.ZstdCompressor(level=3)
        samples.add(
            raw=sum(map(len, messages)) / shown,
            zstd=sum(len(compressor.compress(message)) for message in messages) / shown)

    def _postfix(self, campaign: Campaign, count: int, samples: Samples) -> None:
        directory = self.place / "postfix"
        directory.mkdir()
        settings = {**TUNED, "defer_transports": "smtp", "message_size_limit": "0",
                    "mailbox_size_limit": "0"}
        with Postfix(directory, settings, log=False) as server:
            before = disk_bytes(server.queue)
            self._send(server.port, campaign, count)
            wait_until(lambda: server.queued() == count, 60, "all messages in the queue")
            samples.add(postfix=(disk_bytes(server.queue) - before) / count)
        shutil.rmtree(directory)

    def _waybill(self, campaign: Campaign, count: int, samples: Samples) -> None:
        directory = self.place / "waybill"
        waybill = Waybill(directory, "--hold-delivery", configuration={"hostname": "waybill.example"})
        with waybill:
            log = waybill.data / "log"
            empty = disk_bytes(log)
            self._send(waybill.port, campaign, count)
            samples.add(written=(disk_bytes(log) - empty) / count)
            waybill.command("log", "seal", check=True)

            def compacted() -> bool:
                segments = json.loads(waybill.command("log", "info", "--json").stdout)["segments"]
                return all(one["compacted"] for one in segments if one["sealed"])

            wait_until(compacted, 300, "the compaction")
            # Without the empty segment that is written to next.
            samples.add(compacted=(disk_bytes(log) - empty) / count)
        shutil.rmtree(directory)

    @staticmethod
    def _send(port: int, campaign: Campaign, count: int) -> None:
        numbers = iter(range(count))
        lock = threading.Lock()
        problems: list[Exception] = []

        def session() -> None:
            try:
                with smtplib.SMTP("127.0.0.1", port, timeout=120) as client:
                    client.ehlo()
                    while True:
                        with lock:
                            number = next(numbers, None)
                        if number is None:
                            return
                        client.sendmail(
                            "news@shop.example", [f"r{number}@recipient.example"],
                            campaign.message(number))
            except Exception as problem:
                problems.append(problem)

        threads = [threading.Thread(target=session) for _ in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if problems:
            raise RuntimeError(f"not every message was taken: {problems[0]!r}")

    def report(self) -> list[str]:
        """The page, line by line."""
        lines = [
            "# What the messages of a campaign take on disk", "",
            f"Machine: {machine()}. File system: {file_system(self.place)}. {self.rounds} rounds,"
            " median [lowest-highest]. Made by `tools/benchmarks --content`.", "",
            "Octets that a message takes while it waits, its events included, as the file system"
            f" counts them. Every message has a name, a Message-ID, two links and a boundary of its"
            f" own; what they have in common is text of few words and an attachment that cannot be"
            f" compressed. {SESSIONS} connections send at a time; neither server sends anything on."
            " Postfix: the files of its queue. Zstandard: each message compressed alone, at level 3,"
            " without files.", "",
            "| campaign | messages | octets of one | Postfix | Zstandard, each alone |"
            " Waybill, as written | Waybill, compacted | Postfix / Waybill compacted |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for title, count, _ in self.cases:
            samples = self.samples[title]
            cells = " | ".join(
                samples.text(name) for name in ("raw", "postfix", "zstd", "written", "compacted"))
            ratio = samples.median("postfix") / samples.median("compacted")
            lines.append(f"| {title} | {count:,} | {cells} | {ratio:.0f} |")
        return lines + [""]
