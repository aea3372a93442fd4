"""Checks a whole log: structure, checksums, sequence, chain, times, columns, contents."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from . import storage
from .events import Decoder
from .storage import Damage, Segment, ZEROS


@dataclass
class Report:
    """What was seen, and what is wrong with it."""

    segments: int = 0
    batches: int = 0
    events: int = 0
    contents: int = 0
    last: int = 0
    epoch: int = 0
    chain: bytes = ZEROS
    damages: list[Damage] = field(default_factory=list)


class Verifier:
    """Follows a log from its first segment."""

    def __init__(self):
        self.report = Report()
        self.log_id = None
        self.next = None
        self.chain: bytes | None = None
        self.time = None
        self.epoch = 0
        # Messages whose contents stand in pieces, and where contents are not there on purpose.
        self.in_pieces: list[dict] = []
        self.dropped_ranges: list[tuple[int, int]] = []
        self.kept = 1

    def bad(self, what: str, path: Path, first: int | None = None, last: int | None = None):
        self.report.damages.append(Damage(what, path, first, last))

    def run(self, directory: Path) -> Report:
        try:
            record = storage.pruned(directory)
            found = storage.segments(directory)
        except Damage as damage:
            self.report.damages.append(damage)
            return self.report
        self.begin(record, found[0])
        for place, segment in enumerate(found):
            self.report.segments += 1
            try:
                self.segment(segment, is_last=place == len(found) - 1)
            except Damage as damage:
                self.report.damages.append(damage)
                # The chain is picked up again at the next segment.
                self.next = self.chain = None
            storage.close_segment(segment)
        self.whole(directory)
        return self.report

    def whole(self, directory: Path) -> None:
        """Puts contents together that stand in pieces, as far as all of them are there."""
        for event in self.in_pieces:
            if any(self.dropped(piece) for piece in event["content_pieces"]):
                continue
            digest, octets = hashlib.sha256(), 0
            for piece in event["content_pieces"]:
                try:
                    part = storage.content(directory, piece)
                except (storage.NothingThere, Damage) as problem:
                    self.bad(f"a piece of the content cannot be read: {problem}", directory,
                             event["sequence"])
                    break
                digest.update(part)
                octets += len(part)
            else:
                if (octets, digest.hexdigest()) != (event["size"], event["content_sha256"]):
                    self.bad("the pieces of the content are not what the event says", directory,
                             event["sequence"])

    def dropped(self, sequence: int) -> bool:
        return sequence < self.kept or any(
            first <= sequence <= last for first, last in self.dropped_ranges)

    def begin(self, record: storage.Pruned | None, first: Segment) -> None:
        """A log begins at event 1, or where its record says that it was pruned."""
        self.next, self.chain = 1, ZEROS
        if record is not None:
            self.next, self.chain, self.log_id = record.last + 1, record.chain, record.log_id
            self.kept = self.next
        if first.first != self.next:
            self.bad("the segments before are missing", first.path, self.next, first.first - 1)
            self.next = self.chain = None

    def segment(self, segment: Segment, is_last: bool) -> None:
        meta = storage.meta(segment)
        path = segment.path
        if (meta.compacted is not None) != (meta.format == 2):
            self.bad("the format and the record compacted contradict each other", path)
        if meta.compacted is not None and meta.sealed is None:
            self.bad("the segment is compacted and not sealed", path)
        before = self.report.batches
        if meta.first != segment.first:
            self.bad(f"the segment says it begins at {meta.first}", path)
        if self.log_id is not None and meta.log_id != self.log_id:
            self.bad("the segment belongs to another log", path)
        if len(meta.log_id) != 16:
            self.bad("the log's id does not have 16 octets", path)
        self.log_id = meta.log_id
        if self.next is None:
            self.next, self.chain = meta.first, meta.previous_chain
        if meta.first == 1 and meta.previous_chain != ZEROS:
            self.bad("the first segment names a segment before it", path)
        if (meta.previous_last, meta.previous_chain) != (self.next - 1, self.chain):
            self.bad("the segment does not continue the one before", path)
        if is_last and meta.sealed is not None:
            self.bad("the last segment is sealed: one that follows is missing", path)
        if not is_last and meta.sealed is None:
            self.bad("the segment is not sealed, but another one follows", path)
        wanted = self.batches(segment)
        if meta.sealed is not None and meta.sealed[:2] != (self.next - 1, self.chain):
            self.bad("the seal does not name the last batch", path)
        if meta.compacted and self.report.batches - before != meta.compacted[1]:
            self.bad("the record compacted counts other batches", path)
        self.contents(segment, meta, wanted)
        if [sequence for _, sequence in meta.epochs] != sorted(
                {sequence for _, sequence in meta.epochs}):
            self.bad("the history of epochs is not in order", path)

    def batches(self, segment: Segment) -> dict[int, tuple[int, str]]:
        """Follows the batches; returns the contents they name: {sequence: (size, hash)}."""
        wanted = {}
        for batch in storage.batches(segment):
            if isinstance(batch, Damage):
                self.report.damages.append(batch)
                self.chain = None
                continue
            path, first, last = batch.file, batch.first, batch.last
            if first != self.next:
                # A batch that could not be read has been reported with its place.
                if self.chain is not None:
                    self.bad(f"event {self.next} should stand here", path, first, last)
            elif self.chain is not None and batch.previous != self.chain:
                self.bad("the batch does not continue the chain", path, first, last)
            if batch.epoch < self.epoch:
                self.bad(f"epoch {batch.epoch} after {self.epoch}", path, first, last)
            self.next, self.chain, self.epoch = last + 1, batch.chain, batch.epoch
            try:
                self.decode(batch, wanted)
            except Damage as damage:
                self.report.damages.append(damage)
            self.report.batches += 1
            self.report.events += last - first + 1
            self.report.last, self.report.chain = last, batch.chain
            self.report.epoch = batch.epoch
        return wanted

    def decode(self, batch: storage.Batch, wanted: dict) -> None:
        times = []
        for event, time in Decoder(batch).events():
            times.append(time)
            # A hash of zeros: no content was stored (an imported log).
            if event["type"] in ("received", "content_received") and event["content_sha256"].strip("0"):
                if "content_pieces" in event:
                    self.in_pieces.append(event)
                else:
                    wanted[event["sequence"]] = (event["size"], event["content_sha256"])
        if times[0] != batch.first_time or times[-1] != batch.last_time:
            self.bad("the times of the batch are not those of its header",
                     batch.file, batch.first, batch.last)
        if times != sorted(times) or (self.time is not None and times[0] < self.time):
            self.bad("time runs backwards", batch.file, batch.first, batch.last)
        self.time = times[-1]

    def contents(self, segment: Segment, meta: storage.Meta,
                 wanted: dict[int, tuple[int, str]]) -> None:
        for block in storage.contents(segment):
            if isinstance(block, Damage):
                self.report.damages.append(block)
                continue
            for sequence, octets in block:
                known = wanted.pop(sequence, None)
                if known is None:
                    # Written since the batches were read, when a server is running.
                    if sequence < self.next:
                        self.bad("content that no event names", segment.path, sequence)
                elif known != (len(octets), hashlib.sha256(octets).hexdigest()):
                    self.bad("the content is not what its event says", segment.path, sequence)
                else:
                    self.report.contents += 1
        self.dropped_ranges += meta.dropped
        for first, last in meta.dropped:
            if first > last:
                self.bad("a range of dropped contents runs backwards", segment.path, first, last)
        for sequence in sorted(wanted):
            if meta.is_dropped(sequence):
                continue
            self.bad("the message's content is missing", segment.path, sequence)
