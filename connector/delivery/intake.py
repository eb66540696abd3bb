"""What becomes of a record that was read: taken, forwarded to its number's home slot, or rejected with a reason."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.delivery.command import (
    DeadLetterClass,
    Output,
    QueuedCommand,
    Reading,
    Settlement,
    Source,
    SourceRecord,
    TopicPolicy,
)
from connector.delivery.outcomes import Fault, OutcomeWriter
from connector.records.codec import Codec, Undecodable
from connector.records.commands import Command, InvalidCommand, parse_command, payload_digest
from connector.records.headers import traceparent_in
from connector.records.keys import slot_of

FORWARDED: Final = "FORWARDED"

_ORIGIN: Final = "wa.origin."
_TOPIC_NAME: Final = re.compile(rb"[a-zA-Z0-9._-]{1,249}")
_PARTITION_MAX: Final = (1 << 31) - 1
_OFFSET_MAX: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Placement:
    """The slots and topics of the delivery group.

    ``slots`` is the partition count of every owned topic; a command topic outside ``slotted`` has another count, is
    forward-only, and each of its records is rerouted.
    """

    slots: int
    rerouted: str
    slotted: frozenset[str]
    policies: Mapping[str, TopicPolicy]
    default_policy: TopicPolicy


class Intake:
    """Turns records into commands or settlements. Pure: times are passed in, nothing is kept."""

    def __init__(self, placement: Placement, outcomes: OutcomeWriter, codec: Codec) -> None:
        self._placement = placement
        self._outcomes = outcomes
        self._codec = codec

    def take(self, record: SourceRecord, epoch: int, now: float, wall_ms: int) -> QueuedCommand | Settlement:
        """What becomes of ``record``; ``now`` in monotonic seconds, ``wall_ms`` in Unix milliseconds."""
        reading = self.reading(record, epoch)
        try:
            command = parse_command(record.value, self._codec)
            digest = payload_digest(command)
        except (Undecodable, InvalidCommand) as error:
            return self._outcomes.reject(reading, _fault(error), wall_ms)
        home = slot_of(command.phone_number_id, self._placement.slots)
        at_home = reading.slot == home and record.source.topic in self._placement.slotted
        if not at_home and reading.origin == record.source:
            return self._forward(record, command, home, epoch)
        queued = self._queued(reading, command, digest)
        if command.not_before_ms is not None:
            queued.retry_at = now + (command.not_before_ms - wall_ms) / 1000
        queued.expires_at = _expires_at(queued, now, wall_ms)
        return queued

    def reading(self, record: SourceRecord, epoch: int) -> Reading:
        """The record with its origin and its slot; nothing is decoded."""
        slot = record.source.partition % self._placement.slots
        return Reading(record, self._moved_from(record) or record.source, slot, epoch)

    def _queued(self, reading: Reading, command: Command, digest: str) -> QueuedCommand:
        origin = reading.origin
        return QueuedCommand(
            command=command,
            command_id=command.command_id or origin.command_id(),
            payload_digest=digest,
            reading=reading,
            policy=self._placement.policies.get(origin.topic, self._placement.default_policy),
            traceparent=traceparent_in(reading.record.headers),
        )

    def _forward(self, record: SourceRecord, command: Command, home: int, epoch: int) -> Settlement:
        """Once to the home slot, value and headers untouched, with the place it came from added; no outcome."""
        source = record.source
        headers = (
            *record.headers,
            (_ORIGIN + "topic", source.topic.encode()),
            (_ORIGIN + "partition", str(source.partition).encode()),
            (_ORIGIN + "offset", str(source.offset).encode()),
        )
        key = command.phone_number_id.encode()
        output = Output(self._placement.rerouted, home, key, record.value, headers, record.timestamp_ms)
        return Settlement(
            source=source,
            key=record.key,
            epoch=epoch,
            outputs=(output,),
            outcome=FORWARDED,
            phone_number_id=command.phone_number_id,
            queued_at_ms=record.timestamp_ms,
            traceparent=traceparent_in(record.headers),
        )

    def _moved_from(self, record: SourceRecord) -> Source | None:
        """The place a forwarded record came from; only in the topic of ours is it believed, and only when whole."""
        if record.source.topic != self._placement.rerouted:
            return None
        headers = dict(record.headers)
        topic, partition, offset = (headers.get(_ORIGIN + name) or b"" for name in ("topic", "partition", "offset"))
        if not (_TOPIC_NAME.fullmatch(topic) and _up_to(_PARTITION_MAX, partition) and _up_to(_OFFSET_MAX, offset)):
            return None
        return Source(topic.decode(), int(partition), int(offset))


def _fault(error: Undecodable | InvalidCommand) -> Fault:
    if isinstance(error, InvalidCommand):
        return Fault(DeadLetterClass.INVALID, error.path or "command", str(error), stage="VALUE_CONVERTER")
    return Fault(DeadLetterClass.UNDECODABLE, "undecodable", str(error), stage="VALUE_CONVERTER")


def _expires_at(queued: QueuedCommand, now: float, wall_ms: int) -> float | None:
    """The command's own end, else its topic's default, which counts from the record's time."""
    if queued.command.expires_at_ms is not None:
        return now + (queued.command.expires_at_ms - wall_ms) / 1000
    if queued.policy.expires_after_s is not None:
        return now + (queued.reading.record.timestamp_ms - wall_ms) / 1000 + queued.policy.expires_after_s
    return None


def _up_to(limit: int, text: bytes) -> bool:
    return text.isdigit() and len(text) <= len(str(limit)) and int(text) <= limit
