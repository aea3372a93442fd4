"""A TCP proxy between two sites that can be cut, held, slowed down, and made to lie."""

import asyncio
import random
import ssl
import struct
import threading
from collections.abc import Callable

from .support import free_port

# What goes to whoever is dialled, and what comes back.
UP, DOWN = "up", "down"
# The octet behind a frame's length: schemas/waybill/replication/v1/replication.proto.
CONTROL, BATCHES, PIECE = 1, 2, 3


class Wire:
    """Listens on `port` of 127.0.0.1 and passes everything on to `target`.

    With `tls` (certificate, key, authority) TLS ends here and begins anew, so that frames can be
    changed: `tamper(direction, kind, payload)` returns the payload to pass on.
    """

    def __init__(self, target: int, tls: tuple | None = None):
        self.target, self.tls = target, tls
        self.port = free_port()
        self.held: set[str] = set()
        self.octets_per_second = 0
        self.delay_seconds = 0.0
        self.reset_chance = 0.0
        self.corrupt_next: set[str] = set()
        self.tamper: Callable[[str, int, bytes], bytes] | None = None
        self.passed = {UP: 0, DOWN: 0}
        self.connections = 0
        self.random = random.Random(1)
        self._open: set = set()
        self._server = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # Life

    def start(self) -> "Wire":
        """Starts to listen."""
        self._thread.start()
        self._do(self._listen())
        return self

    def stop(self) -> None:
        """Ends every connection and the listener."""
        if self._thread.is_alive():
            self._do(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def __enter__(self) -> "Wire":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()

    # Faults

    def cut(self) -> None:
        """Ends every connection; further ones are refused."""
        self._do(self._cut())

    def mend(self) -> None:
        """Takes connections again, and does nothing bad any more."""
        self.held, self.octets_per_second, self.reset_chance = set(), 0, 0.0
        self.delay_seconds, self.tamper = 0.0, None
        if self._server is None:
            self._do(self._listen())

    def hold(self, *directions: str) -> None:
        """Passes nothing on in these directions; connections stay open, as over a dead route."""
        self.held = set(directions or (UP, DOWN))

    def reset(self) -> None:
        """Ends every connection once; further ones are taken."""
        self._do(self._drop())

    def corrupt(self, direction: str) -> None:
        """Changes one octet of what goes this way next, below TLS."""
        self.corrupt_next.add(direction)

    # The work

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def _context(self, is_server: bool) -> ssl.SSLContext | None:
        if self.tls is None:
            return None
        certificate, key, authority = self.tls
        context = ssl.SSLContext(
            ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
        return context

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._take, "127.0.0.1", self.port, ssl=self._context(True), limit=1 << 20)

    async def _drop(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._drop()

    async def _end(self) -> None:
        await self._cut()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _take(self, reader, writer) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while UP in self.held and DOWN in self.held:
                await asyncio.sleep(0.02)
            far_reader, far_writer = await asyncio.open_connection(
                "127.0.0.1", self.target, ssl=self._context(False), limit=1 << 20)
        except OSError:
            writer.transport.abort()
            self._open.discard(writer)
            return
        self._open.add(far_writer)
        pumps = [
            asyncio.ensure_future(self._pump(reader, far_writer, UP)),
            asyncio.ensure_future(self._pump(far_reader, writer, DOWN))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        for one in (writer, far_writer):
            one.transport.abort()
            self._open.discard(one)

    async def _pump(self, reader, writer, direction: str) -> None:
        pending = bytearray()
        try:
            while data := await reader.read(1 << 16):
                while direction in self.held:
                    await asyncio.sleep(0.02)
                if self.random.random() < self.reset_chance:
                    return
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds * self.random.random())
                if self.octets_per_second:
                    await asyncio.sleep(len(data) / self.octets_per_second)
                if direction in self.corrupt_next:
                    self.corrupt_next.discard(direction)
                    place = len(data) // 2
                    data = data[:place] + bytes([data[place] ^ 0x20]) + data[place + 1:]
                if self.tls is not None:
                    pending += data
                    data = self._frames(pending, direction)
                self.passed[direction] += len(data)
                writer.write(data)
                await writer.drain()
        except (OSError, ssl.SSLError):
            return

    def _frames(self, pending: bytearray, direction: str) -> bytes:
        """Takes whole frames off what came, changed if that is wanted."""
        out = bytearray()
        while len(pending) >= 5:
            length = struct.unpack_from("<I", pending)[0]
            if len(pending) < 4 + length:
                break
            kind, payload = pending[4], bytes(pending[5:4 + length])
            if self.tamper is not None:
                payload = self.tamper(direction, kind, payload)
            out += struct.pack("<IB", len(payload) + 1, kind) + payload
            del pending[:4 + length]
        return bytes(out)
