"""Whether a command that was read is new to its slot, or what it is instead. Pure."""

from typing import Any, Final

from connector.delivery.command import DeadLetterClass, QueuedCommand, Reading, Settle, Settlement, Source, Verdict
from connector.delivery.identities import Identities, Repeat
from connector.delivery.outcomes import OutcomeWriter
from connector.records.event_ids import outcome_event_id

REPEATED: Final = "REPEATED"
"""In metrics and logs: a record that was read again and has its outcome already."""

_REDRIVE_COUNT: Final = "wa.dlq.redrive-count"


class Admission:
    """Compares with the identities of a slot; what is no new command is settled at once."""

    def __init__(self, outcomes: OutcomeWriter) -> None:
        self._outcomes = outcomes

    def admit(self, queued: QueuedCommand, identities: Identities, wall_ms: int) -> QueuedCommand | Settlement:
        """The command itself when it is new; else what settles it."""
        number, origin = queued.command.phone_number_id, queued.reading.origin
        first = identities.origin_of(number, queued.command_id)
        repeat = identities.meet(
            number, queued.command_id, queued.payload_digest, origin, redriven=_is_redriven(queued.reading)
        )
        match repeat:
            case Repeat.NEW:
                return queued
            case Repeat.SAME:
                return repeated(queued.reading)
            case Repeat.DUPLICATE:
                duplicate_of = outcome_event_id(*first) if first else None
                effect = Settle(Verdict.DUPLICATE, "duplicate", duplicate_of=duplicate_of)
            case Repeat.CONFLICT:
                effect = Settle(Verdict.DEAD_LETTERED, "id_conflict", DeadLetterClass.ID_CONFLICT)
        return self._outcomes.settle(queued, effect, wall_ms)


def repeated(reading: Reading) -> Settlement:
    """The settlement of a record that has its outcome already: nothing but its offset."""
    record = reading.record
    return Settlement(record.source, record.key, reading.epoch, (), REPEATED, queued_at_ms=record.timestamp_ms)


def is_repeat(settlement: Settlement) -> bool:
    """Whether the identity of a command was known, so that it was settled without an attempt."""
    return settlement.outcome == Verdict.DUPLICATE or settlement.dead_letter_class == DeadLetterClass.ID_CONFLICT


def note_settled(settlement: Settlement, identities: Identities, wall_ms: int) -> None:
    """Remember an outcome that goes into the next transaction."""
    queued = settlement.command
    if queued is None or is_repeat(settlement):
        return
    identities.settle(
        queued.command.phone_number_id,
        queued.command_id,
        queued.payload_digest,
        queued.reading.origin,
        accepted=settlement.outcome == Verdict.ACCEPTED,
        at_ms=wall_ms,
    )


def note_outcome(outcome: Any, origin: Source, identities: Identities) -> None:
    """Remember a ``DeliveryOutcome`` that was read back.

    Of a repeat only its place: it is the first of its identity that others are compared with.
    """
    at_ms, error = outcome["settled_at"], outcome.get("error")
    conflicts = error is not None and error["class"] == DeadLetterClass.ID_CONFLICT
    if conflicts or outcome["outcome"] == Verdict.DUPLICATE:
        identities.settle_place(origin, at_ms=at_ms)
        return
    identities.settle(
        outcome.get("phone_number_id") or "", outcome["command_id"], outcome.get("payload_digest") or "", origin,
        accepted=outcome["outcome"] == Verdict.ACCEPTED, at_ms=at_ms,
    )  # fmt: skip


def _is_redriven(reading: Reading) -> bool:
    value = dict(reading.record.headers).get(_REDRIVE_COUNT)
    return value is not None and value.isdigit() and int(value[:9]) > 0
