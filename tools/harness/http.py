"""A client of the HTTP API, with nothing but Python's library."""

import gzip
import http.client
import json
from dataclasses import dataclass
from pathlib import Path

from .support import free_port, run, wait_until, waybill_binary
from .waybill import Waybill


@dataclass
class Answer:
    """An answer with its body read."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)

    def lines(self) -> list[dict]:
        """The objects of an NDJSON body."""
        return [json.loads(line) for line in self.body.splitlines() if line.strip()]


class Keys:
    """A file of keys, made with `waybill key`."""

    def __init__(self, path: Path):
        self.path = path

    def command(self, *arguments, check: bool = True):
        return run(waybill_binary(), "key", *arguments, "--file", self.path, check=check)

    def add(self, name: str, *roles: str, tenant: str | None = None) -> str:
        flags = [flag for role in roles for flag in ("--role", role)]
        if tenant:
            flags += ["--tenant", tenant]
        return self.command("add", name, *flags).stdout.strip()


class API:
    """The HTTP API of one server; `key` is used unless a request says otherwise."""

    def __init__(self, port: int, key: str | None = None, address: str = "127.0.0.1"):
        self.port, self.address = port, address
        self.key = key

    def connect(self, timeout: float = 30) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, self.port, timeout=timeout)

    def headers(self, key: str | None, more: dict[str, str] | None) -> dict[str, str]:
        headers = dict(more or {})
        chosen = key if key is not None else self.key
        if chosen:
            headers["Authorization"] = f"Bearer {chosen}"
        return headers

    def call(
        self, method: str, path: str, body: bytes | str | dict | None = None,
        headers: dict[str, str] | None = None, key: str | None = None,
    ) -> Answer:
        """One request; a dictionary as a body is sent as JSON."""
        more = dict(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body)
            more.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        connection = self.connect()
        try:
            connection.request(method, path, body, self.headers(key, more))
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **options) -> Answer:
        return self.call("GET", path, **options)

    def post(self, path: str, body, **options) -> Answer:
        return self.call("POST", path, body, **options)

    def stream(self, path: str, headers: dict[str, str] | None = None, key: str | None = None):
        """An answer whose body is still coming; close its connection in the end."""
        connection = self.connect()
        connection.request("GET", path, headers=self.headers(key, headers))
        answer = connection.getresponse()
        answer.connection_to_close = connection
        return answer


def start_with_api(server, *flags: str, **options) -> tuple[Waybill, API, Keys]:
    """A server with an HTTP API, a client that may do everything, and its keys."""
    port = free_port()
    one: Waybill = server("--http", f"127.0.0.1:{port}", *flags, **options)
    keys = Keys(one.directory / "keys")
    client = API(port, keys.add("everything", "admin"))
    one.flags += ["--keys", str(keys.path)]
    one.start(port=port)
    wait_until(lambda: client.get("/health/ready").status == 200, 30, "readiness")
    return one, client, keys


def compressed(body: dict) -> bytes:
    return gzip.compress(json.dumps(body).encode())
