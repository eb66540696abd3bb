"""The records that settle a command: its outcome, and its dead letter with the original bytes."""

from dataclasses import dataclass
from typing import Final

from connector.delivery.command import DeadLetterClass, Output, QueuedCommand, Reading, Settle, Settlement
from connector.records.codec import Codec
from connector.records.event_ids import outcome_event_id
from connector.records.headers import cloud_event, connector_source, event_type, traceparent_in
from connector.records.types import DeliveryError, DeliveryOutcome
from connector.whatsapp.response import GraphError

_EVENT_TYPE: Final = event_type("DeliveryOutcome")
_COMMAND_SOURCE_HEADER: Final = "wa.command.source"
_CONNECT: Final = "__connect.errors."
_REDRIVE_COUNT: Final = "wa.dlq.redrive-count"

_TEMPLATE_NAME_MAX: Final = 512
"""A name is a few words; a longer one is a mistake, and must not make an outcome too large for Kafka."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where outcomes and dead letters go; ``dead_letters`` maps each command topic to its dead-letter topic."""

    outcomes: str
    dead_letters: dict[str, str]
    default_dead_letters: str
    installation: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record ended as a dead letter; ``message`` never quotes its content."""

    class_: DeadLetterClass
    code: str
    message: str
    stage: str = "TASK_PUT"
    http_status: int | None = None
    fbtrace_id: str | None = None
    attempts: int = 0
    first_failure_at_ms: int | None = None
    last_failure_at_ms: int | None = None


class OutcomeWriter:
    """Builds settlements. Pure: the time of settling is passed in, in Unix milliseconds."""

    def __init__(self, destinations: Destinations, codec: Codec) -> None:
        self._destinations = destinations
        self._codec = codec

    def settle(self, queued: QueuedCommand, effect: Settle, settled_at_ms: int) -> Settlement:
        """The settlement of a command that was taken."""
        outputs = [self._outcome_output(queued.reading, _outcome(queued, effect, settled_at_ms))]
        if effect.dead_letter_class is not None:
            fault = _fault(queued, effect, effect.dead_letter_class)
            outputs.append(self._dead_letter(queued.reading, fault, settled_at_ms))
        return Settlement(
            source=queued.reading.record.source,
            key=queued.reading.record.key,
            epoch=queued.reading.epoch,
            outputs=tuple(outputs),
            outcome=effect.verdict.value,
            command=queued,
            phone_number_id=queued.command.phone_number_id,
            command_id=queued.command_id,
            dead_letter_class=effect.dead_letter_class or "",
            queued_at_ms=queued.reading.record.timestamp_ms,
            attempts=queued.attempts,
            traceparent=queued.traceparent,
        )

    def reject(self, reading: Reading, fault: Fault, settled_at_ms: int) -> Settlement:
        """The settlement of a record that never became a command: settled where it was read."""
        outcome = _rejected_outcome(reading, fault, settled_at_ms)
        return Settlement(
            source=reading.record.source,
            key=reading.record.key,
            epoch=reading.epoch,
            outputs=(
                self._outcome_output(reading, outcome),
                self._dead_letter(reading, fault, settled_at_ms),
            ),
            outcome=outcome["outcome"],
            command_id=outcome["command_id"],
            dead_letter_class=fault.class_.value,
            queued_at_ms=reading.record.timestamp_ms,
            traceparent=outcome["traceparent"],
        )

    def again(self, reading: Reading, outcome: DeliveryOutcome) -> Settlement:
        """The settlement of a command whose outcome an earlier owner had written and not committed: the same again."""
        outputs = [self._outcome_output(reading, outcome)]
        error = outcome.get("error")
        if error is not None:
            outputs.append(self._dead_letter(reading, _fault_again(outcome, error), outcome["settled_at"]))
        return Settlement(
            source=reading.record.source,
            key=reading.record.key,
            epoch=reading.epoch,
            outputs=tuple(outputs),
            outcome=outcome["outcome"],
            phone_number_id=outcome.get("phone_number_id"),
            command_id=outcome["command_id"],
            dead_letter_class=error["class"] if error is not None else "",
            queued_at_ms=reading.record.timestamp_ms,
            attempts=outcome.get("attempts", 0),
            traceparent=traceparent_in(reading.record.headers),
        )

    def _outcome_output(self, reading: Reading, outcome: DeliveryOutcome) -> Output:
        source = connector_source(f"{self._destinations.installation}/delivery")
        headers: list[tuple[str, bytes | None]] = [
            *cloud_event(outcome["event_id"], _EVENT_TYPE, source, outcome.get("traceparent"))
        ]
        if command_source := outcome.get("command_source"):
            headers.append((_COMMAND_SOURCE_HEADER, command_source.encode()))
        phone_number_id = outcome.get("phone_number_id")
        key = phone_number_id.encode() if phone_number_id else None
        value = self._codec.encode("DeliveryOutcome", outcome)
        return Output(self._destinations.outcomes, reading.slot, key, value, tuple(headers))

    def _dead_letter(self, reading: Reading, fault: Fault, settled_at_ms: int) -> Output:
        """Value, key, headers and timestamp as they were.

        Of an earlier round the place stays, and what it says of its failure goes.
        """
        record = reading.record
        present = {name for name, _ in record.headers}
        first_round = self._place(reading) | {_REDRIVE_COUNT: "0"}
        added = {name: text for name, text in first_round.items() if name not in present}
        failure = _failure(fault, settled_at_ms)
        kept = tuple((name, value) for name, value in record.headers if name not in failure)
        added |= {name: text for name, text in failure.items() if text is not None}
        headers = (*kept, *((name, text.encode()) for name, text in added.items()))
        topics = self._destinations
        topic = topics.dead_letters.get(reading.origin.topic, topics.default_dead_letters)
        return Output(topic, reading.slot, record.key, record.value, headers, record.timestamp_ms)

    def _place(self, reading: Reading) -> dict[str, str]:
        return {
            _CONNECT + "topic": reading.origin.topic,
            _CONNECT + "partition": str(reading.origin.partition),
            _CONNECT + "offset": str(reading.origin.offset),
            _CONNECT + "connector.name": self._destinations.installation,
            _CONNECT + "task.id": str(reading.slot),
        }


def _failure(fault: Fault, settled_at_ms: int) -> dict[str, str | None]:
    return {
        _CONNECT + "stage": fault.stage,
        _CONNECT + "exception.class.name": fault.class_.value,
        _CONNECT + "exception.message": fault.message,
        "wa.dlq.class": fault.class_.value,
        "wa.dlq.code": fault.code,
        "wa.dlq.attempts": str(fault.attempts),
        "wa.dlq.first-failure-at": str(fault.first_failure_at_ms or settled_at_ms),
        "wa.dlq.last-failure-at": str(fault.last_failure_at_ms or settled_at_ms),
        "wa.dlq.http-status": None if fault.http_status is None else str(fault.http_status),
        "wa.dlq.fbtrace-id": fault.fbtrace_id or None,
    }


def _fault(queued: QueuedCommand, effect: Settle, class_: DeadLetterClass) -> Fault:
    error = _graph_error(effect)
    return Fault(
        class_=class_,
        code=str(error.code) if error.code is not None else effect.reason,
        message=error.title,
        http_status=error.http_status,
        fbtrace_id=error.fbtrace_id,
        attempts=queued.attempts,
        first_failure_at_ms=queued.first_failure_at_ms,
        last_failure_at_ms=queued.last_failure_at_ms,
    )


def _fault_again(outcome: DeliveryOutcome, error: DeliveryError) -> Fault:
    code = error.get("code")
    return Fault(
        class_=DeadLetterClass(error["class"]),
        code=str(code) if code is not None else error.get("title") or error["class"],
        message=error.get("title") or "",
        http_status=error.get("http_status"),
        fbtrace_id=error.get("fbtrace_id"),
        attempts=outcome.get("attempts", 0),
    )


def _graph_error(effect: Settle) -> GraphError:
    error = effect.result.error if effect.result else None
    return error or GraphError(title=effect.reason)


def _outcome(queued: QueuedCommand, effect: Settle, settled_at_ms: int) -> DeliveryOutcome:
    command, origin, result = queued.command, queued.reading.origin, effect.result
    template = command.body.get("template")
    name = template.get("name") if isinstance(template, dict) else None
    return DeliveryOutcome(
        event_id=outcome_event_id(*origin),
        command_id=queued.command_id,
        payload_digest=queued.payload_digest,
        outcome=effect.verdict.value,
        duplicate_of=effect.duplicate_of,
        phone_number_id=command.phone_number_id,
        to=command.to,
        recipient=command.recipient,
        type=command.type,
        template_name=name[:_TEMPLATE_NAME_MAX] if isinstance(name, str) else None,
        message_id=result.message_id if result else None,
        message_status=result.message_status if result else None,
        wa_id=result.wa_id if result else None,
        user_id=result.user_id if result else None,
        attempts=queued.attempts,
        error=_error(effect),
        recovered=effect.recovered,
        queued_at=queued.reading.record.timestamp_ms,
        first_attempt_at=queued.first_attempt_at_ms,
        settled_at=settled_at_ms,
        source={"topic": origin.topic, "partition": origin.partition, "offset": origin.offset},
        command_source=command.source,
        opaque_data=command.opaque_data,
        traceparent=queued.traceparent,
    )


def _error(effect: Settle) -> DeliveryError | None:
    if effect.dead_letter_class is None:
        return None
    error = _graph_error(effect)
    return {
        "class": effect.dead_letter_class.value,
        "code": error.code,
        "subcode": error.subcode,
        "title": error.title,
        "details": error.details or None,
        "http_status": error.http_status,
        "fbtrace_id": error.fbtrace_id,
    }


def _rejected_outcome(reading: Reading, fault: Fault, settled_at_ms: int) -> DeliveryOutcome:
    origin = reading.origin
    return DeliveryOutcome(
        event_id=outcome_event_id(*origin),
        command_id=origin.command_id(),
        outcome="DEAD_LETTERED",
        error={"class": fault.class_.value, "title": fault.message},
        queued_at=reading.record.timestamp_ms,
        settled_at=settled_at_ms,
        source={"topic": origin.topic, "partition": origin.partition, "offset": origin.offset},
        traceparent=traceparent_in(reading.record.headers),
    )
