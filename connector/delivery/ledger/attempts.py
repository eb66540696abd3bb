"""The records of ``delivery_attempts``: what was tried of a command that is not settled, and how it is read back. Pure.

STARTED is written before a request leaves, ENDED when its answer does not settle the command. *Open* is an attempt with
neither an ENDED nor an outcome: nobody knows whether it arrived. Both say all that the next owner has to know of the
command, so the newest of them is enough, and either may be written again.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from connector.delivery.command import Output, QueuedCommand, Source, Tried, recipient_digest
from connector.delivery.pair_limit import NO_DEBT, PairDebt
from connector.records.codec import Codec
from connector.records.event_ids import attempt_event_id
from connector.records.headers import cloud_event, connector_source, event_type
from connector.records.types import DeliveryAttempt

STARTED: Final = "STARTED"
ENDED: Final = "ENDED"
_EVENT_TYPE: Final = event_type("DeliveryAttempt")


class PairKey(NamedTuple):
    """A pair as the journal names it."""

    phone_number_id: str
    recipient_digest: str


class AttemptWriter:
    """Builds the records of one worker."""

    def __init__(self, topic: str, worker: str, codec: Codec) -> None:
        self.topic = topic
        self._worker = worker
        self._source = connector_source(worker)
        self._codec = codec

    def started(self, queued: QueuedCommand, debt: PairDebt) -> Output:
        """The attempt that begins now; ``debt`` of its pair includes it."""
        tried = _tried_of(queued, debt)
        return self._output(queued.slot, queued.reading.origin, tried, STARTED, traceparent=queued.traceparent)

    def ended(self, queued: QueuedCommand, debt: PairDebt, *, result: str, charged: bool, retry_at_ms: int) -> Output:
        """The answer to the last attempt, which did not settle the command."""
        tried = _tried_of(queued, debt)
        tried.answered, tried.retry_at_ms = tried.attempts, retry_at_ms
        return self._output(
            queued.slot, queued.reading.origin, tried, ENDED,
            result=result, charged=charged, traceparent=queued.traceparent,
        )  # fmt: skip

    def again(self, slot: int, origin: Source, tried: Tried) -> Output:
        """What is known already, so that older records may be left behind."""
        return self._output(slot, origin, tried, STARTED if tried.is_open else ENDED)

    def _output(
        self,
        slot: int,
        origin: Source,
        tried: Tried,
        phase: Any,
        *,
        result: str | None = None,
        charged: bool = False,
        traceparent: str | None = None,
    ) -> Output:
        record: DeliveryAttempt = {
            "command_id": tried.command_id,
            "payload_digest": tried.payload_digest,
            "attempt": tried.attempts,
            "phase": phase,
            "result": result,
            "retry_at": tried.retry_at_ms or None,
            "charged": charged,
            "failures": tried.failures,
            "phone_number_id": tried.phone_number_id,
            "recipient_digest": tried.recipient_digest,
            "pair_free_at": tried.debt.free_at_ms or None,
            "pair_exponent": tried.debt.exponent,
            "first_attempt_at": tried.first_attempt_at_ms or None,
            "first_failure_at": tried.first_failure_at_ms or None,
            "source": {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset},
            "worker": self._worker,
            "at": tried.started_at_ms,
        }
        value = self._codec.encode("DeliveryAttempt", record)
        event_id = attempt_event_id(*origin, tried.attempts, phase)
        headers = tuple(cloud_event(event_id, _EVENT_TYPE, self._source, traceparent))
        return Output(self.topic, slot, tried.phone_number_id.encode(), value, headers)


def tried_of(queued: QueuedCommand, debt: PairDebt, now: float, wall_ms: int) -> Tried:
    """What the journal should say of a command in memory, whether its last attempt is under way or not."""
    tried = _tried_of(queued, debt)
    if queued.unresolved is not None:  # whoever takes it over counts the open attempt itself
        tried.failures -= 1
    elif not queued.in_flight:
        tried.answered = tried.attempts
        tried.retry_at_ms = wall_ms + round(max(0.0, queued.retry_at - now) * 1000)
    return tried


def _tried_of(queued: QueuedCommand, debt: PairDebt) -> Tried:
    number = queued.command.phone_number_id
    return Tried(
        command_id=queued.command_id,
        phone_number_id=number,
        recipient_digest=recipient_digest(number, queued.recipient),
        payload_digest=queued.payload_digest,
        attempts=queued.attempts,
        failures=queued.failures,
        started_at_ms=queued.started_at_ms,
        first_attempt_at_ms=queued.first_attempt_at_ms or 0,
        first_failure_at_ms=(queued.first_failure_at_ms or 0) if queued.failures else 0,
        debt=debt,
    )


@dataclass(slots=True)
class SlotAttempts:
    """What is read back of one slot."""

    tried: dict[Source, Tried] = field(default_factory=dict)
    debts: dict[PairKey, PairDebt] = field(default_factory=dict)
    last_sent_ms: dict[str, int] = field(default_factory=dict)
    """Of each number: when its newest attempt began."""

    def oldest_open_ms(self, now_ms: int) -> int:
        """Since when receipts matter: when the oldest open attempt began, or now."""
        return min((tried.started_at_ms for tried in self.tried.values() if tried.is_open), default=now_ms)

    def read(self, value: bytes | None, codec: Codec, *, tried: bool = True) -> None:
        """One record, in the order of the partition, whether its transaction was committed or not.

        An answer is an answer, although the worker that had it died before it could say so for good. Without ``tried``
        only what the record says of limits counts.

        Raises:
            Undecodable: somebody else has written there.
        """
        record = codec.decode("DeliveryAttempt", value or b"")
        number = record["phone_number_id"]
        if record["phase"] == STARTED:
            self.last_sent_ms[number] = max(self.last_sent_ms.get(number, 0), record["at"])
        if record["pair_free_at"] is not None:
            pair = PairKey(number, record["recipient_digest"])
            before = self.debts.get(pair, NO_DEBT)
            self.debts[pair] = PairDebt(max(before.free_at_ms, record["pair_free_at"]), record["pair_exponent"])
        if tried:
            self._read_tried(record)

    def _read_tried(self, record: Any) -> None:
        source = record["source"]
        origin = Source(source["topic"], source["partition"], source["offset"])
        tried = self.tried.get(origin)
        if tried is None:
            tried = self.tried[origin] = Tried(record["command_id"], record["phone_number_id"])
        tried.recipient_digest, tried.payload_digest = record["recipient_digest"], record["payload_digest"]
        tried.first_attempt_at_ms = record["first_attempt_at"] or tried.first_attempt_at_ms
        tried.first_failure_at_ms = record["first_failure_at"] or tried.first_failure_at_ms
        tried.failures = max(tried.failures, record["failures"])
        if record["pair_free_at"] is not None:
            tried.debt = PairDebt(record["pair_free_at"], record["pair_exponent"])
        if record["phase"] == STARTED and record["attempt"] >= tried.attempts:
            tried.attempts, tried.started_at_ms = record["attempt"], record["at"]
        elif record["phase"] == ENDED and record["attempt"] >= tried.answered:
            tried.answered, tried.retry_at_ms = record["attempt"], record["retry_at"] or 0
            tried.attempts = max(tried.attempts, tried.answered)
