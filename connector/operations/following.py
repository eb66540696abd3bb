"""One command's life as it shows on Kafka: the command, its attempts, its outcome, its statuses, and answers. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from connector.delivery.command import Source, pair_of, recipient_digest
from connector.records.codec import Codec, Undecodable
from connector.records.commands import Command, InvalidCommand, parse_command


class Kind(StrEnum):
    """What kind of record was read."""

    COMMAND = "command"
    ATTEMPT = "attempt"
    OUTCOME = "outcome"
    STATUS = "status"
    INBOUND = "inbound"


RECORD_OF: Mapping[Kind, str] = {
    Kind.ATTEMPT: "DeliveryAttempt",
    Kind.OUTCOME: "DeliveryOutcome",
    Kind.STATUS: "MessageStatus",
    Kind.INBOUND: "InboundMessage",
}


class Lying(NamedTuple):
    """A record as it lies in Kafka; ``written_ms`` is its own time, Unix milliseconds."""

    place: Source
    key: bytes | None
    value: bytes | None
    written_ms: int


class Event(NamedTuple):
    """One thing that happened; ``at_ms`` in Unix milliseconds, ``detail`` in a few words and never a message's text.

    ``source`` is where the command lies: a command and an outcome tell it.
    """

    at_ms: int
    kind: Kind
    phone_number_id: str | None
    command_id: str | None
    user: str | None
    detail: str
    message_id: str | None = None
    source: Source | None = None


class Followed(NamedTuple):
    """What is followed; each that is given has to agree. A user is a phone in any spelling, a user id or a group."""

    number: str | None = None
    user: str | None = None
    command_id: str | None = None

    def takes(self, event: Event, digest: str | None = None) -> bool:
        """Whether an event belongs to it; ``digest`` names the user of an attempt, which does not tell it otherwise."""
        return (
            (self.number is None or event.phone_number_id == self.number)
            and (self.command_id is None or event.command_id == self.command_id)
            and (self.user is None or self._is_user(event, digest))
        )

    def _is_user(self, event: Event, digest: str | None) -> bool:
        pair = pair_of(self.user, None)
        if digest is not None:
            return digest == recipient_digest(event.phone_number_id or "", pair)
        return event.user is not None and pair_of(event.user, None) == pair


def event(kind: Kind, record: Lying, codec: Codec, followed: Followed) -> Event | None:
    """What a record, of the kind that its topic has, tells; None when it is unreadable or belongs to something else."""
    if kind is Kind.COMMAND:
        found = _of_command(record, codec)
        return found if followed.takes(found) else None
    try:
        content = codec.decode(RECORD_OF[kind], record.value or b"")
    except Undecodable:
        return None
    digest = content["recipient_digest"] if kind is Kind.ATTEMPT else None
    found = _READERS[kind](content)
    return found if followed.takes(found, digest) else None


def is_last(found: Event) -> bool:
    """Whether nothing more of interest follows for that record: it was not sent, has failed, or was read."""
    word = _word(found)
    if found.kind is Kind.OUTCOME:
        return word not in {"ACCEPTED", "DUPLICATE"}
    return found.kind is Kind.STATUS and word in {"failed", "read", "played"}


def _word(found: Event) -> str:
    return found.detail.split(" ", 1)[0]


def is_over(events: Iterable[Event]) -> bool:
    """Whether nothing more of interest follows for one command, after these events in any order.

    It has failed or was read; or its newest outcome says that it was not sent, and each record of it that was seen has
    an outcome: a dead letter that was put back goes on.
    """
    found = list(events)
    outcomes = [one for one in found if one.kind is Kind.OUTCOME]
    settled = {one.source for one in outcomes}
    waiting = any(one.kind is Kind.COMMAND and one.source not in settled for one in found)
    told = [one for one in outcomes if _word(one) != "DUPLICATE"]  # of the first, whenever it was repeated
    not_sent = bool(told) and is_last(max(told, key=lambda one: one.at_ms))
    return (not_sent and not waiting) or any(one.kind is Kind.STATUS and is_last(one) for one in found)


def _of_command(record: Lying, codec: Codec) -> Event:
    place, at_ms = record.place, record.written_ms
    try:
        command: Command = parse_command(record.value, codec)
    except (Undecodable, InvalidCommand) as error:
        number = (record.key or b"").decode(errors="replace") or None
        return Event(at_ms, Kind.COMMAND, number, place.command_id(), None, f"unreadable: {error}", source=place)
    user, command_id = command.to or command.recipient, command.command_id or place.command_id()
    detail = f"{command.type} on {place.topic}"
    return Event(at_ms, Kind.COMMAND, command.phone_number_id, command_id, user, detail, source=place)


def _of_attempt(record: Mapping[str, Any]) -> Event:
    detail = f"{record['attempt']} {record['phase'].lower()}"
    if record["result"]:
        detail += f": {record['result']}"
    return Event(record["at"], Kind.ATTEMPT, record["phone_number_id"], record["command_id"], None, detail)


def _of_outcome(record: Mapping[str, Any]) -> Event:
    error = record["error"]
    why = f" {error['class']} {error['code'] or ''} {error['title'] or ''}".rstrip() if error else ""
    user = record["to"] or record["recipient"]
    number, command_id = record["phone_number_id"], record["command_id"]
    detail, source = record["outcome"] + why, Source(**record["source"])
    return Event(record["settled_at"], Kind.OUTCOME, number, command_id, user, detail, record["message_id"], source)


def _of_status(record: Mapping[str, Any]) -> Event:
    errors = record["errors"]
    why = f" {errors[0]['code']} {errors[0]['title'] or ''}".rstrip() if errors else ""
    user = record["recipient"]["wa_id"] or record["recipient"]["user_id"]
    number, command_id = record["phone_number_id"], record["command_id"]
    detail = record["status"] + why
    return Event(record["occurred_at"], Kind.STATUS, number, command_id, user, detail, record["message_id"])


def _of_inbound(record: Mapping[str, Any]) -> Event:
    sender = record["sender"] or {}
    user = sender.get("wa_id") or sender.get("user_id")
    number, detail = record["phone_number_id"], f"{record['type']} from the user"
    return Event(record["received_at"], Kind.INBOUND, number, None, user, detail, record["message_id"])


_READERS = {
    Kind.ATTEMPT: _of_attempt,
    Kind.OUTCOME: _of_outcome,
    Kind.STATUS: _of_status,
    Kind.INBOUND: _of_inbound,
}
