"""The log on disk, as schemas/log-format.md describes it: segments, batches, contents."""

import bisect
import fcntl
import hashlib
import os
import re
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path

import lmdb
import zstandard

from . import pages

ZEROS = bytes(32)
# No batch and no block is larger; what says so is damaged.
RAW_OCTETS_MAX = 1 << 30
# Those of a segment that this reader knows.
FORMATS = (1, 2)


class Damage(Exception):
    """What is wrong, with the file and the sequences it is about."""

    def __init__(self, what: str, file: Path | None = None, first: int | None = None,
                 last: int | None = None):
        super().__init__(what)
        self.what, self.file, self.first, self.last = what, file, first, last

    def __str__(self) -> str:
        parts = []
        if self.file is not None:
            parts.append(f"{self.file}: ")
        if self.first is not None:
            last = self.first if self.last is None else self.last
            parts.append(f"sequences {self.first} to {last}: ")
        return "".join(parts) + self.what


class Newer(Damage):
    """What a later version wrote, which this reader does not know: nothing is wrong with it."""


class NothingThere(Exception):
    """There is no log, or no such message."""


@dataclass
class Batch:
    """One value of the table `events`, its checksum verified and its frame inflated."""

    file: Path
    first: int
    last: int
    epoch: int
    first_time: int
    last_time: int
    previous: bytes
    raw: bytes
    chain: bytes


@dataclass
class Meta:
    """The table `meta` of a segment."""

    format: int
    log_id: bytes
    first: int
    previous_last: int
    previous_chain: bytes
    epochs: list[tuple[int, int]]
    sealed: tuple[int, bytes, int] | None = None
    compacted: tuple[int, int, int] | None = None
    # Sequences, first to last, of messages whose content is not there on purpose.
    dropped: list[tuple[int, int]] = field(default_factory=list)

    def is_dropped(self, sequence: int) -> bool:
        """Whether a message's content is not there on purpose."""
        place = bisect.bisect_left(self.dropped, sequence, key=lambda one: one[1])
        return place < len(self.dropped) and self.dropped[place][0] <= sequence


@dataclass
class Segment:
    """One file of the log."""

    path: Path
    first: int
    environment: lmdb.Environment | None = field(default=None, repr=False)


@dataclass
class Pruned:
    """The file `pruned`: the log begins behind a cut."""

    log_id: bytes
    # The last event that is gone, and the chain hash after it.
    last: int
    chain: bytes
    epoch: int
    archive: str
    # Name, version, digest.
    bases: list[tuple[str, int, bytes]]


def pruned(directory: Path) -> Pruned | None:
    """What was removed from a log's beginning; nothing for a log that is whole."""
    if (directory / "log").is_dir():
        directory = directory / "log"
    path = directory / "pruned"
    try:
        value = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(value) < 104 or value[:4] != b"WBPR" or _checksum(value) != value[16:24]:
        raise Damage("the record of what was pruned is damaged", path)
    version, count, octets = struct.unpack_from("<HHI", value, 4)
    if version != 1:
        raise Newer(f"the record of what was pruned has version {version}; this reader knows 1: use a "
                    "later one", path)
    log_id, last, chain, epoch = struct.unpack_from("<16sQ32sI", value, 24)
    offset = 104 + octets
    archive, bases = value[104:offset].decode(), []
    for _ in range(count):
        number, digest, length = struct.unpack_from("<I32sB", value, offset)
        bases.append((value[offset + 37:offset + 37 + length].decode(), number, digest))
        offset += 37 + length
    if offset != len(value):
        raise Damage("the record of what was pruned has other entries than it says", path)
    return Pruned(log_id, last, chain, epoch, archive, bases)


def segments(directory: Path) -> list[Segment]:
    """The segments of a data directory or of its `log` directory, oldest first.

    What stands before the first one that is kept is a removal that did not come to its end."""
    if (directory / "log").is_dir():
        directory = directory / "log"
    found = []
    if directory.is_dir():
        for path in sorted(directory.iterdir()):
            if re.fullmatch(r"[0-9a-f]{16}\.mdb", path.name):
                found.append(Segment(path, int(path.name[:16], 16)))
    record = pruned(directory)
    if record is not None:
        found = [segment for segment in found if segment.first > record.last]
    if not found:
        raise NothingThere(f"{directory}: no log here (files like 0000000000000001.mdb)")
    return found


def writer_is_running(segment: Segment) -> bool:
    """Whether a server holds the log's lock; nothing is locked to find out."""
    try:
        status = os.stat(segment.path.parent / "writer.lock")
        with open("/proc/locks") as locks:
            text = locks.read()
    except OSError:
        return False
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return any(line.split()[1] == "FLOCK" and place in line.split() for line in text.splitlines())


def check_size(path: Path) -> None:
    """LMDB maps a file without asking how long it is; reading beyond its end kills the process."""
    lack = pages.missing(path)
    if lack is not None:
        raise Damage(lack, path)


def open_segment(segment: Segment) -> lmdb.Environment:
    """The environment, read only; with LMDB's lock only beside a running server."""
    if segment.environment is None:
        check_size(segment.path)
        lock = (writer_is_running(segment)
                and os.access(f"{segment.path}-lock", os.R_OK | os.W_OK))
        try:
            segment.environment = lmdb.open(
                str(segment.path), subdir=False, readonly=True, lock=lock, max_dbs=8,
                readahead=False, create=False)
        except lmdb.Error as error:
            raise Damage(f"LMDB cannot open it: {error}", segment.path) from error
        check_format(segment)
    return segment.environment


def check_format(segment: Segment) -> None:
    """Refuses a segment of a format that this reader does not know, before anything else of it is read."""
    try:
        table = segment.environment.open_db(b"meta", create=False)
        with segment.environment.begin(db=table) as transaction:
            value = transaction.get(b"format")
    except lmdb.Error as error:
        close_segment(segment)
        raise Damage(f"LMDB cannot read the table meta: {error}", segment.path) from error
    number = struct.unpack("<I", value)[0] if value is not None and len(value) == 4 else None
    if number not in FORMATS:
        close_segment(segment)
        if number is None:
            raise Damage("the table meta is not complete: format", segment.path)
        raise Newer(f"the segment has format {number}; this reader knows 1 and 2: use a later one",
                    segment.path)


def close_segment(segment: Segment) -> None:
    """Closes the environment; it opens again when it is needed."""
    if segment.environment is not None:
        segment.environment.close()
        segment.environment = None


def _rows(segment: Segment, name: bytes, start: int):
    """(key, value) of a table with integer keys, in short transactions."""
    environment = open_segment(segment)
    try:
        table = environment.open_db(name, integerkey=True, create=False)
        while True:
            rows = []
            with environment.begin(db=table) as transaction, transaction.cursor() as cursor:
                found = cursor.set_range(struct.pack("<Q", start))
                while found and len(rows) < 64:
                    rows.append((struct.unpack("<Q", cursor.key())[0], bytes(cursor.value())))
                    found = cursor.next()
            yield from rows
            if not rows:
                return
            start = rows[-1][0] + 1
    except (lmdb.Error, struct.error) as error:
        raise Damage(f"LMDB cannot read the table {name.decode()}: {error}", segment.path) from error


def meta(segment: Segment) -> Meta:
    """The segment's own records."""
    environment = open_segment(segment)
    try:
        table = environment.open_db(b"meta", create=False)
        with environment.begin() as transaction:
            values = dict(transaction.cursor(table))
    except lmdb.Error as error:
        raise Damage(f"LMDB cannot read the table meta: {error}", segment.path) from error
    try:
        sealed = values.get(b"sealed")
        if sealed is not None:
            sealed = struct.unpack("<Q32sq", sealed)
        previous = struct.unpack("<Q32s", values[b"previous"])
        compacted = values.get(b"compacted")
        if compacted is not None:
            compacted = struct.unpack("<qQQ", compacted)
        return Meta(
            format=struct.unpack("<I", values[b"format"])[0], log_id=values[b"log_id"],
            first=struct.unpack("<Q", values[b"first"])[0], previous_last=previous[0],
            previous_chain=previous[1], epochs=list(struct.iter_unpack("<IQ", values[b"epochs"])),
            sealed=sealed, compacted=compacted,
            dropped=list(struct.iter_unpack("<QQ", values.get(b"dropped", b""))))
    except (KeyError, struct.error) as error:
        raise Damage(f"the table meta is not complete: {error}", segment.path) from error


def _checksum(value: bytes) -> bytes:
    return hashlib.sha256(value[:16] + value[24:]).digest()[:8]


def _inflate(codec: int, frame: bytes, length: int) -> bytes:
    if length > RAW_OCTETS_MAX:
        raise ValueError(f"a raw length of {length} octets")
    if codec == 0:
        raw = frame
    elif codec == 1:
        raw = zstandard.ZstdDecompressor().decompress(frame, max_output_size=max(1, length))
    else:
        raise ValueError(f"codec {codec}")
    if len(raw) != length:
        raise ValueError(f"{len(raw)} octets instead of {length}")
    return raw


def _refuse_dictionary(what: str, dictionary: int, path: Path, first: int,
                       last: int | None = None) -> None:
    """No version writes a frame with a dictionary; the checksum says that one did."""
    if dictionary:
        raise Newer(f"the {what} was made with a dictionary ({dictionary}), which this reader does "
                    "not know: use a later one", path, first, last)


def read_batch(path: Path, key: int, value: bytes) -> Batch:
    """Checks and inflates a value of the table `events`."""
    if len(value) < 104:
        raise Damage("a batch without a whole header", path, key)
    magic, version, header, codec, reserved, dictionary, checksum = struct.unpack_from(
        "<4sHHB3sI8s", value)
    (first, last, count, epoch, first_time, last_time, length, previous) = struct.unpack_from(
        "<QQIIqqQ32s", value, 24)
    if magic != b"WBE1" or version != 1 or header != 104:
        raise Damage("not a batch of format version 1", path, key)
    if checksum != _checksum(value):
        raise Damage("the checksum of the batch does not fit", path, key)
    if first != key or last < first or count != last - first + 1 or first < 1 or epoch < 1:
        raise Damage("the header of the batch contradicts itself", path, key)
    _refuse_dictionary("batch", dictionary, path, first, last)
    if reserved != bytes(3):
        raise Damage("the header of the batch contradicts itself", path, first, last)
    try:
        raw = _inflate(codec, value[104:], length)
    except (ValueError, zstandard.ZstdError) as error:
        raise Damage(f"the frame cannot be inflated: {error}", path, first, last) from error
    chain = hashlib.sha256(value[24:104] + raw).digest()
    return Batch(path, first, last, epoch, first_time, last_time, previous, raw, chain)


def read_group(path: Path, key: int, value: bytes) -> list[Batch]:
    """Checks and inflates a group of batches, as compacted segments have them."""
    if len(value) < 88:
        raise Damage("a group of batches without a whole header", path, key)
    magic, version, header, codec, reserved, dictionary, checksum = struct.unpack_from(
        "<4sHHB3sI8s", value)
    first, last, count, zero, length, previous = struct.unpack_from("<QQIIQ32s", value, 24)
    if magic != b"WBG1" or version != 1 or header != 88:
        raise Damage("not a group of batches of version 1", path, key)
    if checksum != _checksum(value):
        raise Damage("the checksum of the group of batches does not fit", path, key)
    _refuse_dictionary("group", dictionary, path, first, last)
    if first != key or last < first or count < 1 or reserved != bytes(3) or zero:
        raise Damage("the header of the group contradicts itself", path, key)
    try:
        raw = _inflate(codec, value[88:], length)
    except (ValueError, zstandard.ZstdError) as error:
        raise Damage(f"the frame cannot be inflated: {error}", path, first, last) from error
    found, offset, next_ = [], 0, first
    for _ in range(count):
        part = raw[offset:offset + 48]
        if len(part) < 48:
            raise Damage("the group has fewer batches than it says", path, first, last)
        begin, end, events, epoch, first_time, last_time, octets = struct.unpack("<QQIIqqQ", part)
        body = raw[offset + 48:offset + 48 + octets]
        if begin != next_ or end < begin or events != end - begin + 1 or len(body) != octets:
            raise Damage("a batch of the group contradicts itself", path, first, last)
        # The hash before a batch is not stored, it follows from the batch before.
        chain = hashlib.sha256(part + previous + body).digest()
        found.append(Batch(path, begin, end, epoch, first_time, last_time, previous, body, chain))
        previous, next_, offset = chain, end + 1, offset + 48 + octets
    if next_ != last + 1 or offset != len(raw):
        raise Damage("the group has other batches than it says", path, first, last)
    return found


def batches(segment: Segment, start: int = 0):
    """The batches of a segment from a key on, or a Damage in the place of a stored value."""
    for key, value in _rows(segment, b"events", start):
        try:
            if value[:4] == b"WBG1":
                yield from read_group(segment.path, key, value)
            else:
                yield read_batch(segment.path, key, value)
        except Damage as damage:
            yield damage


def read_block(path: Path, key: int, value: bytes) -> list[tuple[int, bytes]]:
    """The messages of a value of the table `content`: (sequence, octets)."""
    if len(value) < 40:
        raise Damage("a content block without a whole header", path, key)
    magic, version, header, codec, _, dictionary, checksum = struct.unpack_from(
        "<4sHHB3sI8s", value)
    count, reserved, length = struct.unpack_from("<IIQ", value, 24)
    end = 40 + 16 * count
    if magic != b"WBC1" or version != 1 or header != 40:
        raise Damage("not a content block of format version 1", path, key)
    if checksum != _checksum(value):
        raise Damage("the checksum of the content block does not fit", path, key)
    _refuse_dictionary("content block", dictionary, path, key)
    if count < 1 or reserved != 0 or len(value) < end:
        raise Damage("the header of the content block contradicts itself", path, key)
    index = list(struct.iter_unpack("<QQ", value[40:end]))
    sequences = [sequence for sequence, _ in index]
    if (sequences[0] != key or sequences != sorted(set(sequences))
            or sum(octets for _, octets in index) != length):
        raise Damage("the index of the content block contradicts itself", path, key)
    try:
        raw = _inflate(codec, value[end:], length)
    except (ValueError, zstandard.ZstdError) as error:
        raise Damage(
            f"the content cannot be inflated: {error}", path, key, sequences[-1]) from error
    messages, offset = [], 0
    for sequence, octets in index:
        messages.append((sequence, raw[offset:offset + octets]))
        offset += octets
    return messages


def contents(segment: Segment):
    """Lists of (sequence, octets), a block each, or a Damage in the place of one."""
    for key, value in _rows(segment, b"content", 0):
        try:
            yield read_block(segment.path, key, value)
        except Damage as damage:
            yield damage


def batch(directory: Path, sequence: int) -> Batch:
    """The batch that the event is in."""
    holding = [segment for segment in segments(directory) if segment.first <= sequence]
    if not holding:
        raise NothingThere(f"no event {sequence}")
    start = holding[-1].first
    environment = open_segment(holding[-1])
    table = environment.open_db(b"events", integerkey=True, create=False)
    with environment.begin(db=table) as transaction, transaction.cursor() as cursor:
        if cursor.set_range(struct.pack("<Q", sequence + 1)):
            found = cursor.prev()
        else:
            found = cursor.last()
        if found:
            start = struct.unpack("<Q", cursor.key())[0]
    for found in batches(holding[-1], start):
        if isinstance(found, Damage):
            raise found
        if found.last >= sequence:
            return found
    raise NothingThere(f"no event {sequence}")


def content(directory: Path, sequence: int) -> bytes:
    """The content that is stored with an event."""
    holding = [segment for segment in segments(directory) if segment.first <= sequence]
    if not holding:
        raise NothingThere(f"no event {sequence}")
    segment = holding[-1]
    environment = open_segment(segment)
    try:
        table = environment.open_db(b"content", integerkey=True, create=False)
        with environment.begin(db=table) as transaction, transaction.cursor() as cursor:
            wanted = struct.pack("<Q", sequence)
            # The block with the greatest key that is not greater than the sequence.
            if not cursor.set_range(wanted) or cursor.key() != wanted:
                if not (cursor.prev() if cursor.key() else cursor.last()):
                    raise NothingThere(f"no content for event {sequence}")
            key, value = struct.unpack("<Q", cursor.key())[0], bytes(cursor.value())
    except (lmdb.Error, struct.error) as error:
        raise Damage(f"LMDB cannot read the table content: {error}", segment.path) from error
    for number, octets in read_block(segment.path, key, value):
        if number == sequence:
            return octets
    raise NothingThere(f"no content for event {sequence}")
