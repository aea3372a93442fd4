"""A batch's columns as events, in the JSON of schemas/events.md."""

import json

from google.protobuf.message import DecodeError

from .schema import load
from .storage import Batch, Damage

EventBatch, TYPES = load()

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
EVENTS_MAX = 1 << 20
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

BODY = ["7BIT", "8BITMIME", "BINARYMIME"]
RET = ["", "FULL", "HDRS"]
PROTOCOL = ["LOCAL", "SMTP", "ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA", "UTF8SMTP", "UTF8SMTPA",
            "UTF8SMTPS", "UTF8SMTPSA", "HTTP"]
NOTIFY = ["NEVER", "SUCCESS", "FAILURE", "DELAY"]
SUPPLIED = ["Message-ID", "Date"]
CLASS = ["", "InvalidRecipient", "BadDomain", "InactiveMailbox", "InvalidSender", "QuotaIssues",
         "NoAnswerFromHost", "BadConnection", "DNSFailure", "RoutingErrors", "TransientFailure",
         "MessageExpired", "ProtocolErrors", "AuthenticationFailed", "PolicyRelated",
         "TooManyRecipients", "SpamRelated", "ContentRelated"]
SAID_BY = ["remote", "local", "policy", "suppression", "administrator"]

# Which messages of columns have an entry for an event of the type.
GROUPS = {
    "received": ("received",),
    "queued": ("recipient", "queued"),
    "deferred": ("recipient", "attempt", "deferred", "failure"),
    "delivered": ("recipient", "attempt"),
    "bounced": ("recipient", "attempt", "failure"),
    "expired": ("recipient", "attempt", "failure"),
    "attempted": ("recipient", "attempt"),
    "rejected": ("rejected",),
    "epoch_started": ("epoch_started",),
    "configuration_applied": ("configuration_applied",),
    "suspended": ("control",),
    "resumed": ("control",),
    "rebound": ("control",),
    "cancelled": ("control",),
    "suppressed": ("address",),
    "unsuppressed": ("address",),
    "complained": ("feedback",),
    "bounced_later": ("feedback",),
    "lost": (),
    "content_received": ("content_received",),
}
ABOUT_RECIPIENT = {
    name for name, groups in GROUPS.items() if groups[:1] in (("recipient",), ("feedback",))}
# May name a message, or none.
MAY_NAME_MESSAGE = {
    name for name, groups in GROUPS.items() if groups[:1] in (("control",), ("address",))}


def instant(microseconds: int) -> str:
    """RFC 3339 in UTC with microseconds; any year."""
    days, rest = divmod(microseconds, 86_400_000_000)
    # Days since 0000-03-01 in eras of 400 years.
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    seconds, fraction = divmod(rest, 1_000_000)
    return (f"{str(year).rjust(4, '0')}-{month:02}-{day:02}T{seconds // 3600:02}:"
            f"{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}Z")


def base32(number: int) -> str:
    """Crockford's digits, without leading zeros."""
    digits = ""
    while True:
        digits = ALPHABET[number & 31] + digits
        number >>= 5
        if not number:
            return digits


def message_id(epoch: int, sequence: int) -> str:
    return f"{base32(epoch)}-{base32(sequence)}"


def parse_message_id(text: str) -> tuple[int, int] | None:
    """(epoch, sequence) of the shown form, in either case; None when it is not one."""
    parts = text.lower().split("-")
    if len(parts) != 2 or not all(
            0 < len(part) <= 13 and set(part) <= set(ALPHABET) for part in parts):
        return None
    epoch, sequence = ([sum(ALPHABET.index(digit) << 5 * place
                            for place, digit in enumerate(reversed(part))) for part in parts])
    if not 0 < epoch <= MASK32 or not 0 < sequence <= MASK64:
        return None
    return epoch, sequence


def without_empty(members: dict) -> dict:
    return {name: value for name, value in members.items() if value not in ("", 0, [], {}, None)}


def named(names: list[str], number: int) -> str:
    """The name of an enumeration's number; what later versions added reads as 0."""
    return names[number] if number < len(names) else names[0]


def flags(names: list[str], bits: int) -> list[str]:
    return [name for place, name in enumerate(names) if bits >> place & 1]


def to_line(event: dict) -> str:
    """The event as Waybill writes it, octet by octet."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


class Decoder:
    """Goes through the columns of one batch."""

    def __init__(self, batch: Batch):
        self.batch = batch
        self.columns = EventBatch()
        try:
            self.columns.ParseFromString(batch.raw)
        except DecodeError as error:
            raise self.damage(f"not an EventBatch: {error}") from error
        self.strings = [octets.decode("utf-8", errors="replace")
                        for octets in self.columns.strings]
        self.types = list(self.columns.type)
        if len(self.types) > EVENTS_MAX:
            raise self.damage(f"{len(self.types)} events")
        self.names = [TYPES.get(number, "unknown") for number in self.types]
        self.rows = {"": len(self.types)}
        for name in self.names:
            for group in GROUPS.get(name, ()):
                self.rows[group] = self.rows.get(group, 0) + 1
        self.next_row = dict.fromkeys(self.rows, 0)
        self.check()

    def damage(self, what: str) -> Damage:
        return Damage(what, self.batch.file, self.batch.first, self.batch.last)

    def check(self) -> None:
        """Every column is absent or complete."""
        if len(self.types) != self.batch.last - self.batch.first + 1:
            raise self.damage(f"the batch has {len(self.types)} events")
        for field, value in self.columns.ListFields():
            if field.message_type is None:
                self.check_column("", field, value)
            else:
                for column, entries in value.ListFields():
                    self.check_column(field.name, column, entries)

    def check_column(self, group: str, field, entries) -> None:
        if field.name == "strings":
            return
        expected = self.rows.get(group, 0) * (32 if field.name == "content_sha256" else 1)
        if len(entries) != expected:
            name = f"{group}.{field.name}" if group else field.name
            raise self.damage(f"column {name} has {len(entries)} entries instead of {expected}")
        if field.name.endswith("_string") and max(entries) > len(self.strings):
            raise self.damage(f"column {group}.{field.name} names a text that is not there")

    def take(self, group: str):
        """A function that reads the columns of the group's next row."""
        row = self.next_row[group]
        self.next_row[group] = row + 1
        columns = getattr(self.columns, group) if group else self.columns

        def value(name: str):
            entries = getattr(columns, name)
            if name == "content_sha256":
                return entries[32 * row:32 * row + 32] if entries else bytes(32)
            number = entries[row] if len(entries) else 0
            if name.endswith("_string"):
                return self.strings[number - 1] if number else ""
            return number

        return value

    def events(self):
        """The events as (dictionary, time in microseconds), in the batch's order."""
        time = self.batch.first_time
        for place, name in enumerate(self.names):
            row = self.take("")
            sequence = (self.batch.first + place) & MASK64
            time = wrapped(time + row("time_delta"))
            back, epoch_back = row("message_back"), row("message_epoch_back")
            event = {
                "sequence": sequence, "epoch": self.batch.epoch, "time": instant(time),
                "type": name,
            }
            message = message_id((self.batch.epoch - epoch_back) & MASK32, (sequence - back) & MASK64)
            if name == "received":
                event["message_id"] = message_id(self.batch.epoch, sequence)
            elif name in ABOUT_RECIPIENT or (
                    (name not in GROUPS or name in MAY_NAME_MESSAGE) and (back or epoch_back)):
                event["message_id"] = message
            if name in GROUPS:
                getattr(self, name)(event, time)
            else:
                event["type_number"] = self.types[place]
            yield event, time

    def received(self, event: dict, time: int) -> None:
        row = self.take("received")
        event |= without_empty({
            "tenant": row("tenant_string"), "campaign": row("campaign_string")})
        local, domain = row("reverse_path_local_string"), row("reverse_path_domain_string")
        event["reverse_path"] = f"{local}@{domain}" if local or domain else ""
        event["size"] = row("size_octets")
        event["content_sha256"] = row("content_sha256").hex()
        pieces = row("content_pieces_string")
        try:
            event |= without_empty({"content_pieces": [
                (event["sequence"] - int(number)) & MASK64
                for number in (pieces.split(" ") if pieces else [])]})
        except ValueError as error:
            raise self.damage(f"pieces of a content that are none: {pieces!r}") from error
        event["recipients"] = row("recipient_count")
        event["body"] = named(BODY, row("body"))
        back, epoch_back = row("reports_on_back"), row("reports_on_epoch_back")
        reports_on = ""
        if back or epoch_back:
            reports_on = message_id(
                (self.batch.epoch - epoch_back) & MASK32, (event["sequence"] - back) & MASK64)
        event |= without_empty({
            "smtputf8": row("smtp_utf8") != 0 or None, "ret": named(RET, row("return_content")),
            "envid": row("envelope_id_string"),
            "header_message_id": row("header_message_id_string"),
            "supplied_fields": flags(SUPPLIED, row("supplied_fields")), "reports_on": reports_on,
            "listener": row("listener_string"), "server": row("server_name_string")})
        event["protocol"] = named(PROTOCOL, row("transmission_type"))
        event |= without_empty({
            "client": without_empty({
                "address": row("client_address_string"), "name": row("client_name_string")}),
            "identity": row("identity_string"), "session": row("session_string"),
            "tls": without_empty({
                "version": row("tls_version_string"), "cipher": row("tls_cipher_string")})})
        event["ack_level"] = row("ack_level")
        parts = row("metadata_string").split("\0")
        event |= without_empty({
            "idempotency_key": row("idempotency_key_string"),
            "metadata": {parts[place]: parts[place + 1] for place in range(0, len(parts) - 2, 2)}})

    def recipient(self, event: dict) -> None:
        self.recipient_of(event, self.take("recipient"))

    @staticmethod
    def recipient_of(event: dict, row) -> None:
        event["recipient"] = f"{row('local_string')}@{row('domain_string')}"
        event["recipient_number"] = row("number")
        event |= without_empty({
            "tenant": row("tenant_string"), "campaign": row("campaign_string")})

    def attempt(self, event: dict) -> None:
        row = self.take("attempt")
        event |= without_empty({
            "attempt": row("number"), "reply": self.reply(row),
            "command": row("command_string"),
            "mx": without_empty({
                "host": row("mx_host_string"), "address": row("mx_address_string"),
                "port": row("mx_port")}),
            "source_address": row("source_address_string"),
            "tls": without_empty({
                "version": row("tls_version_string"), "cipher": row("tls_cipher_string")}),
            "timings": without_empty({
                "waited_us": row("waited"), "connecting_us": row("connecting"),
                "transaction_us": row("transaction")})})

    @staticmethod
    def reply(row) -> dict:
        packed = row("enhanced_status")
        status = f"{packed // 1_000_000}.{packed // 1000 % 1000}.{packed % 1000}" if packed else ""
        return without_empty({
            "code": row("reply_code"), "status": status, "text": row("reply_text_string")})

    def failure(self, event: dict) -> None:
        row = self.take("failure")
        event |= without_empty({"class": named(CLASS, row("class"))})
        event["said_by"] = named(SAID_BY, row("said_by"))

    def queued(self, event: dict, time: int) -> None:
        self.recipient(event)
        row = self.take("queued")
        event["due"] = instant(wrapped(time + row("due_delay")))
        event |= without_empty({
            "notify": flags(NOTIFY, row("notify")),
            "original_recipient": row("original_recipient_string")})

    def deferred(self, event: dict, time: int) -> None:
        self.recipient(event)
        self.attempt(event)
        self.failure(event)
        row = self.take("deferred")
        if row("in_doubt"):
            event["in_doubt"] = True
        event["next_due"] = instant(wrapped(time + row("next_due_delay")))

    def delivered(self, event: dict, time: int) -> None:
        self.recipient(event)
        self.attempt(event)

    attempted = delivered

    def bounced(self, event: dict, time: int) -> None:
        self.recipient(event)
        self.attempt(event)
        self.failure(event)

    expired = bounced

    def rejected(self, event: dict, time: int) -> None:
        row = self.take("rejected")
        event |= without_empty({
            "listener": row("listener_string"),
            "client": without_empty({
                "address": row("client_address_string"), "name": row("client_name_string")}),
            "identity": row("identity_string"), "session": row("session_string"),
            "command": row("command_string"), "reverse_path": row("reverse_path_string"),
            "forward_path": row("forward_path_string"), "reply": self.reply(row)})

    def content_received(self, event: dict, time: int) -> None:
        row = self.take("content_received")
        event["size"] = row("size_octets")
        event["content_sha256"] = row("content_sha256").hex()

    def lost(self, event: dict, time: int) -> None:
        """Has no columns."""

    def epoch_started(self, event: dict, time: int) -> None:
        row = self.take("epoch_started")
        event["started_epoch"] = row("epoch")
        event |= without_empty({"site": row("site_string"), "reason": row("reason_string")})

    def configuration_applied(self, event: dict, time: int) -> None:
        row = self.take("configuration_applied")
        event |= without_empty({
            "digest": row("digest_string"), "version": row("version_string")})

    def order(self, event: dict, time: int):
        row = self.take("control")
        event |= without_empty({
            "tenant": row("tenant_string"), "campaign": row("campaign_string"),
            "domain": row("domain_string"), "reason": row("reason_string"),
            "actor": row("actor_string")})
        return row

    resumed = rebound = cancelled = order

    def suspended(self, event: dict, time: int) -> None:
        delay = self.order(event, time)("until_delay")
        if delay:
            event["until"] = instant(wrapped(time + delay))

    def unsuppressed(self, event: dict, time: int):
        row = self.take("address")
        event |= without_empty({"tenant": row("tenant_string"), "local_part": row("local_string")})
        event["domain"] = row("domain_string")
        event |= without_empty({"reason": row("reason_string"), "actor": row("actor_string")})
        return row

    def suppressed(self, event: dict, time: int) -> None:
        delay = self.unsuppressed(event, time)("expires_delay")
        if delay:
            event["expires"] = instant(wrapped(time + delay))

    def complained(self, event: dict, time: int) -> None:
        row = self.take("feedback")
        self.recipient_of(event, row)
        event |= without_empty({
            "feedback_type": row("feedback_type_string"), "reporter": row("reporter_string"),
            "text": row("text_string")})
        self.route_of(event, row)

    def route_of(self, event: dict, row) -> None:
        host = row("mx_host_string")
        if host:
            event["mx"] = {"host": host}
        event |= without_empty({"source_address": row("source_address_string")})

    def bounced_later(self, event: dict, time: int) -> None:
        row = self.take("feedback")
        self.recipient_of(event, row)
        event |= without_empty({
            "reporter": row("reporter_string"), "text": row("text_string"),
            "class": named(CLASS, row("class"))})
        event["said_by"] = named(SAID_BY, row("said_by"))
        self.route_of(event, row)


def wrapped(number: int) -> int:
    """As 64 signed bits."""
    number &= MASK64
    return number - (1 << 64) if number >> 63 else number
