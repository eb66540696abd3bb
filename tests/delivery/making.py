"""Commands, records and results for the tests of delivery."""

import itertools
import json
from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any, Final

from connector.delivery.command import QueuedCommand, Reading, Source, SourceRecord, TopicPolicy
from connector.records.commands import Command
from connector.whatsapp.error_table import Treatment
from connector.whatsapp.response import Answer, AttemptOutcome, Kind, read_answer

NUMBER: Final = "106540352242922"
USER: Final = "16505551234"
WALL_MS: Final = 1_790_000_000_000
CRM: Final = TopicPolicy("crm", priority=0, burst=True, resend_ambiguous=True)
MARKETING: Final = TopicPolicy(
    "marketing", priority=1, min_share=0.05, resend_ambiguous=False, expires_after_s=86_400.0
)

ACCEPTED: Final = AttemptOutcome(Kind.ACCEPTED, "accepted", message_id="wamid.1")

_offsets = itertools.count()


def seeded(seed: int) -> Random:
    """Randomness that is the same in each run."""
    return Random(seed)  # noqa: S311 - repeatable on purpose


def command(to: str | None = USER, number: str = NUMBER, **fields: Any) -> Command:
    """A text to a user."""
    body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "On its way"}}
    plain = Command(
        command_id="order-4711",
        phone_number_id=number,
        body=body,
        to=to,
        recipient=None,
        type="text",
        opaque_data=None,
        not_before_ms=None,
        expires_at_ms=None,
        on_ambiguous="DEFAULT",
        source=None,
        created_at_ms=None,
    )
    return replace(plain, **fields)


def record(
    value: bytes | None = b"value",
    topic: str = "crm",
    partition: int = 0,
    offset: int | None = None,
    *,
    key: bytes | None = NUMBER.encode(),
    headers: Iterable[tuple[str, bytes | None]] = (),
    timestamp_ms: int = WALL_MS,
) -> SourceRecord:
    """A record as it was read; each one has an offset of its own unless it is given."""
    place = Source(topic, partition, next(_offsets) if offset is None else offset)
    return SourceRecord(place, key, value, tuple(headers), timestamp_ms)


def queued(
    to: str | None = USER,
    policy: TopicPolicy = CRM,
    *,
    number: str = NUMBER,
    slot: int = 0,
    epoch: int = 1,
    retry_at: float = 0.0,
    expires_at: float | None = None,
    read: SourceRecord | None = None,
    **fields: Any,
) -> QueuedCommand:
    """A command that was taken into memory."""
    read = read or record(topic=policy.topic, partition=slot)
    asked = command(to, number, **fields)
    return QueuedCommand(
        command=asked,
        command_id=asked.command_id or "",
        payload_digest="digest",
        reading=Reading(read, read.source, slot, epoch),
        policy=policy,
        retry_at=retry_at,
        expires_at=expires_at,
    )


def json_command(number: str = NUMBER, **members: Any) -> bytes:
    """A command as a producer writes it."""
    document = {"command_id": "order-4711", "phone_number_id": number, "to": USER, "type": "text"}
    return json.dumps(document | {"text": {"body": "On its way"}} | members).encode()


def graph_answer(code: Any, status: int = 400, headers: dict[str, str] | None = None, **members: Any) -> Answer:
    """An answer with Meta's error body."""
    error = {"message": f"(#{code}) title", "type": "OAuthException", "code": code, "fbtrace_id": "A1"} | members
    return Answer(status, json.dumps({"error": error}).encode(), headers or {})


def result_of(code: int, **members: Any) -> AttemptOutcome:
    """What an attempt came to that Meta refused with a code."""
    return read_answer(graph_answer(code, **members))


def result(kind: Kind, treatment: Treatment | None = None, **fields: Any) -> AttemptOutcome:
    """What an attempt came to."""
    return AttemptOutcome(kind, "reason", treatment, **fields)


def strictly_allowed(sent: list[float], now: float) -> bool:
    """Whether Meta, strictly read, would take one more message to a user, told from all that it took before."""
    left = list(sent)
    while left:
        first = left[0]
        burst = [time for time in left if time < first + 6]
        left = left[len(burst) :]
        if not left:
            return (now < first + 6 and len(burst) < 45) or now >= first + 6 * len(burst)
    return True
