"""What must hold of the logs of several sites, read with nothing of Waybill's own code.

Used by tools/check-sites. The first log is the survivor: the one that mail goes on with. The others
are further sites, or exports of what a former primary had alone (`DATA/salvage/...`).
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from . import storage
from .events import Decoder, parse_message_id
from .verify import Verifier

FINAL = {"delivered", "bounced", "expired", "cancelled"}
# Who decides about mail in doubt.
DECIDED = {"administrator", "policy"}


@dataclass
class Log:
    """One directory's log, read once."""

    directory: Path
    log_id: bytes = b""
    # Of each batch: (first, last, epoch, chain hash), in their order.
    batches: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    # Message ids, each with the sequence of its `received`.
    received: dict[str, int] = field(default_factory=dict)
    received_twice: list[str] = field(default_factory=list)
    # (message id, recipient): how often, and the sequences of `delivered`.
    queued: Counter = field(default_factory=Counter)
    delivered: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    finals: Counter = field(default_factory=Counter)
    in_doubt: set[tuple[str, str]] = field(default_factory=set)
    # Announced attempts that are not settled, and those that another one was begun beside.
    announced: set[tuple[str, str]] = field(default_factory=set)
    announced_twice: list[tuple[str, str]] = field(default_factory=list)
    damages: list[str] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.batches[-1][1] if self.batches else 0

    @property
    def position(self) -> str:
        if not self.batches:
            return "empty"
        _, last, epoch, chain = self.batches[-1]
        return f"epoch {epoch}, sequence {last}, chain {chain.hex()[:16]}"

    def chain_at(self) -> dict[int, bytes]:
        """The chain hash after the batch that ends at a sequence."""
        return {last: chain for _, last, _, chain in self.batches}


def read(directory: Path, is_whole: bool = True) -> Log:
    """Reads a log; what a whole one must be is checked too (an export begins in the middle)."""
    log = Log(Path(directory))
    if is_whole:
        report = Verifier().run(log.directory)
        log.damages = [str(damage) for damage in report.damages]
    for segment in storage.segments(log.directory):
        log.log_id = log.log_id or storage.meta(segment).log_id
        for batch in storage.batches(segment):
            if isinstance(batch, storage.Damage):
                log.damages.append(str(batch))
                continue
            log.batches.append((batch.first, batch.last, batch.epoch, batch.chain))
            for event, _ in Decoder(batch).events():
                take(log, event)
        storage.close_segment(segment)
    log.damages = list(dict.fromkeys(log.damages))
    return log


def take(log: Log, event: dict) -> None:
    kind, message = event["type"], event.get("message_id")
    if kind == "received":
        if message in log.received:
            log.received_twice.append(message)
        log.received[message] = event["sequence"]
        return
    who = (message, event.get("recipient", ""))
    if kind == "queued":
        log.queued[who] += 1
    elif kind == "delivered":
        log.delivered[who].append(event["sequence"])
    elif kind == "deferred" and event.get("in_doubt"):
        log.in_doubt.add(who)
    if kind == "attempted":
        if who in log.announced:
            log.announced_twice.append(who)
        log.announced.add(who)
    elif kind in FINAL or kind == "deferred" and (
            not event.get("in_doubt") or event.get("said_by") in DECIDED):
        log.announced.discard(who)
    if kind in FINAL:
        log.finals[who] += 1


@dataclass
class Verdict:
    """What was found; `wrong` is empty when everything holds."""

    wrong: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    # Acknowledged, and not in the survivor.
    missing: list[str] = field(default_factory=list)

    def bad(self, text: str, examples=()) -> None:
        some = ", ".join(str(one) for one in list(examples)[:3])
        self.wrong.append(text + (f", such as {some}" if some else ""))


def cut_after(directory: Path) -> int | None:
    """Behind which sequence an export is what only that site had, as it says itself."""
    try:
        words = (directory / "salvage").read_text().split()
    except OSError:
        return None
    return int(words[1]) if words[:1] == ["after"] and words[1].isdigit() else None


class Judge:
    """Judges logs against each other and against what clients and the next hop saw."""

    def __init__(self, survivor: Log, others: list[Log], salvaged: list[Log]):
        self.survivor, self.others, self.salvaged = survivor, others, salvaged
        self.verdict = Verdict()
        # Of a log that went another way: the last sequence that it shares with the survivor.
        self.common: dict[Path, int] = {}

    def run(
        self, acknowledged: list[Path], sinks: list[Path], planned: bool, drained: bool,
        duplicates_most: int | None,
    ) -> Verdict:
        self.each_log()
        self.histories()
        self.one_writer_an_epoch()
        if acknowledged:
            self.promises(acknowledged, planned)
        repeated = self.deliveries(planned, drained)
        if sinks:
            self.next_hop(sinks, repeated, planned, duplicates_most)
        return self.verdict

    # One log by itself

    def each_log(self) -> None:
        for log in [self.survivor, *self.others, *self.salvaged]:
            name = log.directory
            for damage in log.damages:
                self.verdict.bad(f"{name}: {damage}")
            for (_, last, epoch, _), (first, _, after, _) in zip(log.batches, log.batches[1:]):
                if first != last + 1:
                    self.verdict.bad(f"{name}: {first} follows {last}")
                if after < epoch:
                    self.verdict.bad(f"{name}: epoch {after} follows {epoch}")
            if log.received_twice:
                self.verdict.bad(f"{name}: a message id twice", log.received_twice)
            twice = [who for who, count in log.queued.items() if count > 1]
            if twice:
                self.verdict.bad(f"{name}: a recipient queued twice", twice)
            if log.announced_twice:
                self.verdict.bad(
                    f"{name}: sent again though in doubt and undecided", log.announced_twice)
            self.verdict.lines.append(f"{name}: {log.position}")

    # The logs beside each other

    def histories(self) -> None:
        ours = self.survivor.chain_at()
        for log in self.others:
            if log.log_id != self.survivor.log_id:
                self.verdict.bad(f"{log.directory}: another log ({log.log_id.hex()})")
                continue
            common = 0
            for _, last, _, chain in log.batches:
                if ours.get(last) != chain:
                    break
                common = last
            self.common[log.directory] = common
            tail = log.last - common
            what = "a beginning of the survivor's" if not tail else f"{tail} events of its own behind"
            self.verdict.lines.append(f"{log.directory}: the same up to {common}, {what}")
            if tail and common and log.batches and common not in ours:
                self.verdict.bad(f"{log.directory}: no common point at {common}")

    def one_writer_an_epoch(self) -> None:
        """Two logs may have different batches at one sequence only when their epochs differ."""
        seen: dict[tuple[int, int], bytes] = {}
        for log in [self.survivor, *self.others, *self.salvaged]:
            for first, last, epoch, chain in log.batches:
                known = seen.setdefault((epoch, last), chain)
                if known != chain:
                    self.verdict.bad(
                        f"{log.directory}: epoch {epoch} has two batches that end at {last}: it had "
                        "two writers")
                    break

    # What clients were told

    def promises(self, files: list[Path], planned: bool) -> None:
        promised: dict[str, str] = {}
        for path in files:
            for line in Path(path).read_text().splitlines():
                identity, *rest = line.split()
                if parse_message_id(identity) is None:
                    self.verdict.bad(f"{path}: {identity} is no message id")
                if identity in promised:
                    self.verdict.bad(f"{path}: {identity} was acknowledged twice")
                promised[identity] = rest[0] if rest else ""
        self.verdict.counts["acknowledged"] = len(promised)
        missing = promised.keys() - self.survivor.received.keys()
        self.verdict.counts["missing"] = len(missing)
        self.verdict.missing = sorted(missing)
        elsewhere = {
            identity for log in [*self.salvaged, *self.others] for identity in log.received}
        kept = missing & elsewhere
        self.verdict.counts["kept_elsewhere"] = len(kept)
        if planned and missing:
            self.verdict.bad(f"{len(missing)} acknowledged messages are not in the survivor", missing)
        lost = missing - kept
        self.verdict.counts["lost"] = len(lost)
        if lost:
            self.verdict.bad(f"{len(lost)} acknowledged messages are in no log", sorted(lost))
        self.right_ones(promised)

    def right_ones(self, promised: dict[str, str]) -> None:
        """The number that a client gave its message is in its recipients' addresses."""
        wrong = []
        for log in [self.survivor, *self.others, *self.salvaged]:
            for message, recipient in log.queued:
                number = promised.get(message)
                if number and recipient[:1] == "r" and recipient[1:].split(".")[0] != number:
                    wrong.append((message, recipient))
        if wrong:
            self.verdict.bad("an id names another message than the client was told", wrong)

    # What was sent

    def deliveries(self, planned: bool, drained: bool) -> set[tuple[str, str]]:
        """Returns recipients that were delivered more than once, all logs together."""
        survivor = self.survivor
        twice = [
            who for who, times in survivor.delivered.items()
            if len(times) > 1 and who not in survivor.in_doubt]
        if twice:
            self.verdict.bad("a recipient delivered twice in one log", twice)
        finals = [who for who, count in survivor.finals.items() if count > 1]
        if finals:
            self.verdict.bad("a recipient has two final states", finals)
        # In a tail that the survivor does not have: the survivor could not know of it.
        again = set()
        for log in [*self.others, *self.salvaged]:
            common = self.common.get(log.directory, cut_after(log.directory))
            for who, times in log.delivered.items():
                # Behind the common part even the same sequence is another delivery.
                if who in survivor.delivered and any(
                        time not in survivor.delivered[who] if common is None else time > common
                        for time in times):
                    again.add(who)
        self.verdict.counts["delivered"] = len(survivor.delivered)
        self.verdict.counts["delivered_again_after_failover"] = len(again)
        if planned and again:
            self.verdict.bad("a recipient delivered at two sites", again)
        waiting = [who for who in survivor.queued if who not in survivor.finals]
        self.verdict.counts["waiting"] = len(waiting)
        if drained and waiting:
            self.verdict.bad(f"{len(waiting)} recipients have no final state", waiting)
        return again

    def next_hop(
        self, files: list[Path], again: set, planned: bool, duplicates_most: int | None
    ) -> None:
        """Counts by address, so each address must be that of one message."""
        taken: Counter = Counter()
        for path in files:
            for line in Path(path).read_text(errors="replace").splitlines():
                if line.startswith("{") and '"recipients":[' in line:
                    message = json.loads(line)
                    if message.get("reply", "250").startswith("2"):
                        taken.update(message["recipients"])
        said: Counter = Counter()
        for log in [self.survivor, *self.others, *self.salvaged]:
            for _, recipient in log.delivered:
                said[recipient] = 1
        never = [recipient for recipient in said if recipient not in taken]
        if never:
            self.verdict.bad("delivered by the log, but the next hop never saw it", never)
        twice = [recipient for recipient, count in taken.items() if count > 1]
        self.verdict.counts["next_hop_took"] = sum(taken.values())
        self.verdict.counts["next_hop_took_twice"] = len(twice)
        if planned and twice:
            self.verdict.bad(f"{len(twice)} recipients were sent twice", twice)
        if duplicates_most is not None and len(twice) > duplicates_most + len(again):
            self.verdict.bad(
                f"{len(twice)} recipients were sent twice; {duplicates_most} attempts under way and "
                f"{len(again)} records that did not get over explain fewer", twice)
