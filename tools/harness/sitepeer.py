"""A site that is none: speaks the frames of docs/replication.md over mutual TLS, and says what it is told to."""

import re
import socket
import ssl
import struct
import threading
from pathlib import Path

from .network import Authority
from .sites import certificate
from .support import ROOT
from .wire import CONTROL

PROTO = ROOT / "schemas" / "waybill" / "replication" / "v1" / "replication.proto"
FRAME_OCTETS_MAX = 1 << 20


class Schema:
    """The messages of a .proto file, as far as sites need them: no maps, no packed fields."""

    def __init__(self, path: Path = PROTO):
        text = re.sub(r"//[^\n]*", "", path.read_text())
        text = re.sub(r"oneof\s+\w+\s*\{([^{}]*)\}", r"\1", text)
        self.messages: dict[str, dict[str, tuple[int, str]]] = {}
        self.enums: set[str] = set()
        for kind, name, body in re.findall(r"\b(message|enum)\s+(\w+)\s*\{([^{}]*)\}", text):
            if kind == "enum":
                self.enums.add(name)
                continue
            self.messages[name] = {
                field: (int(number), of) for of, field, number in re.findall(
                    r"(?:repeated\s+)?([\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;", body)}

    def encode(self, message: str, values: dict) -> bytes:
        """A message with these fields; a field that is itself a message is a dictionary."""
        out = b""
        for field, value in values.items():
            number, of = self.messages[message][field]
            if isinstance(value, (dict, bytes, str)):
                octets = self.encode(of, value) if isinstance(value, dict) else (
                    value.encode() if isinstance(value, str) else value)
                out += varint(number << 3 | 2) + varint(len(octets)) + octets
            else:
                out += varint(number << 3) + varint(int(value))
        return out

    def decode(self, message: str, octets: bytes) -> dict:
        """The fields of a message; of a repeated one the last."""
        names = {number: (field, of) for field, (number, of) in self.messages[message].items()}
        values: dict = {}
        place = 0
        while place < len(octets):
            tag, place = take_varint(octets, place)
            value, place = take_varint(octets, place)
            field, of = names[tag >> 3]
            if tag & 7 == 2:
                raw, place = octets[place:place + value], place + value
                values[field] = (
                    self.decode(of, raw) if of in self.messages
                    else raw.decode() if of == "string" else raw)
            else:
                values[field] = value
        return values


def varint(value: int) -> bytes:
    """Protobuf's integers."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def take_varint(octets: bytes, place: int) -> tuple[int, int]:
    """(value, place behind it)."""
    value = shift = 0
    while True:
        octet = octets[place]
        value |= (octet & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if octet < 0x80:
            return value, place


SCHEMA = Schema()


def send(link, **frame) -> None:
    """A control frame: `send(link, hello={...})`."""
    payload = SCHEMA.encode("ControlFrame", frame)
    link.sendall(struct.pack("<IB", len(payload) + 1, CONTROL) + payload)


def receive(link) -> dict | None:
    """The next control frame; None when the link has ended."""
    while True:
        head = exactly(link, 5)
        if head is None:
            return None
        length, kind = struct.unpack("<IB", head)
        assert length <= FRAME_OCTETS_MAX, "a frame that no hello or welcome needs"
        payload = exactly(link, length - 1)
        if payload is None:
            return None
        if kind == CONTROL:
            return SCHEMA.decode("ControlFrame", payload)


def exactly(link, count: int) -> bytes | None:
    """So many octets."""
    octets = b""
    while len(octets) < count:
        try:
            piece = link.recv(count - len(octets))
        except (OSError, ssl.SSLError):
            return None
        if not piece:
            return None
        octets += piece
    return octets


def context(authority: Authority, name: str, is_server: bool) -> ssl.SSLContext:
    """TLS as sites speak it."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_REQUIRED
    made.load_cert_chain(*certificate(authority, name))
    made.load_verify_locations(authority.certificate)
    return made


def ask(authority: Authority, port: int, **hello) -> dict | None:
    """Dials a site, says Hello, and returns its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        with context(authority, "caller", False).wrap_socket(raw) as link:
            send(link, hello=hello)
            return receive(link)


class AnsweringSite:
    """Takes links and answers each Hello with one frame; then it is silent until the other end goes."""

    def __init__(self, authority: Authority, **answer):
        self.answer, self.hellos = answer, []
        self.tls = context(authority, "answers", True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "AnsweringSite":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.listener.close()

    def _run(self) -> None:
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw) -> None:
        try:
            raw.settimeout(20)
            with self.tls.wrap_socket(raw, server_side=True) as link:
                frame = receive(link)
                if frame is None:
                    return
                self.hellos.append(frame["hello"])
                send(link, **self.answer)
                while receive(link) is not None:
                    pass
        except OSError:
            return
