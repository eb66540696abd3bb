"""SHELL. The spans of commands and their attempts; for each trace that nobody records there is nothing."""

from collections.abc import Iterable
from contextvars import Token
from typing import Final, Self
from urllib.parse import urlsplit

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

from connector.clock import Clock
from connector.delivery.admission import REPEATED, is_repeat
from connector.delivery.command import QueuedCommand, Settlement, Source
from connector.telemetry.masking import mask_message_ids, mask_phones
from connector.telemetry.span_attributes import Attempt, Process, Request
from connector.telemetry.spans import Spans, traceparent_of
from connector.telemetry.tracing import parse_traceparent
from connector.whatsapp.response import AttemptOutcome, Kind

LEFT: Final = "LEFT"
_HTTP_OK: Final = 200
_TEMPLATE: Final = "/{phone_number_id}/messages"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class DeliveryTraces:
    """Of one worker.

    Args:
        spans: The catalogue.
        clock: For how long a command lay in its topic.
        cloud_api: Base URL of the Cloud API, with its version.
    """

    def __init__(self, spans: Spans, clock: Clock, cloud_api: str) -> None:
        self.spans = spans
        self._clock = clock
        url = urlsplit(cloud_api)
        self._url = cloud_api
        self._server: Request = {
            "http.request.method": "POST",
            "url.template": _TEMPLATE,
            "server.address": url.hostname or "",
            "server.port": url.port or _DEFAULT_PORTS.get(url.scheme, 0),
        }

    def taken(self, queued: QueuedCommand) -> "CommandSpan | None":
        """A command was read; None when its trace is not recorded."""
        parent = parse_traceparent(queued.traceparent)
        return CommandSpan(self, self._clock.wall_ms()) if parent is None or parent.sampled else None

    def begin(self, queued: QueuedCommand, read_ms: int) -> Span | None:
        """The span of a command that was read at this time, in Unix milliseconds."""
        record = queued.reading.record
        return self.spans.process.begin(
            parse_traceparent(queued.traceparent),
            {
                **_process(record.source, read_ms - record.timestamp_ms),
                "whatsapp.connector.phone_number_id": queued.command.phone_number_id,
                "whatsapp.connector.command_id": _masked(queued.command_id),
                "whatsapp.connector.message_type": queued.command.type,
            },
            name=f"process {record.source.topic}",
            start_ms=read_ms,
        )

    def settled(self, settlements: Iterable[Settlement]) -> None:
        """These are committed; called on any thread."""
        for settlement in settlements:
            queued = settlement.command
            if queued is not None and queued.trace is not None:
                queued.trace.settled(settlement)
            elif _was_settled_at_once(settlement):
                self._at_once(settlement)

    def request(self, phone_number_id: str, attempt: int) -> Request:
        """What is known of a request before it is made."""
        known: Request = {**self._server, "url.full": self._url + _TEMPLATE.format(phone_number_id=phone_number_id)}
        if attempt > 1:
            known["http.request.resend_count"] = attempt - 1
        return known

    def _at_once(self, settlement: Settlement) -> None:
        parent = parse_traceparent(settlement.traceparent)
        source = settlement.source
        known = _process(source, self._clock.wall_ms() - settlement.queued_at_ms)
        if settlement.phone_number_id:
            known["whatsapp.connector.phone_number_id"] = settlement.phone_number_id
        if settlement.command_id:
            known["whatsapp.connector.command_id"] = _masked(settlement.command_id)
        span = self.spans.process.begin(parent, known, name=f"process {source.topic}")
        if span is not None:
            self.end(span, settlement)

    def end(self, span: Span, settlement: Settlement) -> None:
        """A command's span is over."""
        known: Process = {
            "whatsapp.connector.outcome": settlement.outcome,
            "whatsapp.connector.attempts": settlement.attempts,
        }
        if settlement.dead_letter_class:
            class_ = str(settlement.dead_letter_class)
            known["whatsapp.connector.dead_letter_class"] = known["error.type"] = class_
            span.set_status(Status(StatusCode.ERROR))
        self.spans.process.note(span, known)
        span.end()


class CommandSpan:
    """The span of a command, from its reading on.

    It is made only when something happens: windows hold thousands of commands, and a span takes more memory than most.
    """

    __slots__ = ("_read_ms", "_span", "_traces")

    def __init__(self, traces: DeliveryTraces, read_ms: int) -> None:
        self._traces = traces
        self._read_ms = read_ms
        self._span: Span | None = None

    def attempt(self, queued: QueuedCommand) -> "AttemptSpan | None":
        """One more begins; None when the trace is not recorded after all."""
        span = self._begun(queued)
        if span is None:
            return None
        return AttemptSpan(self._traces, span, queued.command.phone_number_id, queued.attempts)

    def settling(self, queued: QueuedCommand) -> None:
        """Its outcome is about to be written."""
        self._begun(queued)

    def settled(self, settlement: Settlement) -> None:
        """Its outcome is committed."""
        if self._span is not None and self._span.is_recording():
            self._traces.end(self._span, settlement)

    def _begun(self, queued: QueuedCommand) -> Span | None:
        if self._span is None:
            self._span = self._traces.begin(queued, self._read_ms)
            if self._span is None:
                queued.trace = None
            else:
                queued.traceparent = traceparent_of(self._span)
        return self._span

    def left(self) -> None:
        """Its slot has another owner, who reads it again."""
        if self._span is not None and self._span.is_recording():
            self._traces.spans.process.note(self._span, {"whatsapp.connector.outcome": LEFT})
            self._span.end()


class AttemptSpan:
    """The span of an attempt, which log lines made in its block name, and that of its request.

    Attributes:
        result: What it came to.
        traceparent: What the message carries through Meta.
    """

    __slots__ = ("_before", "_number", "_phone_number_id", "_request", "_span", "_traces", "result", "traceparent")

    def __init__(self, traces: DeliveryTraces, command: Span, phone_number_id: str, number: int) -> None:
        self._traces = traces
        self._phone_number_id = phone_number_id
        self._number = number
        known: Attempt = {"whatsapp.connector.phone_number_id": phone_number_id, "whatsapp.connector.attempt": number}
        self._span = traces.spans.attempt.under(command, known)
        self._request: Span | None = None
        self._before: Token[Context] | None = None
        self.result: AttemptOutcome | None = None
        self.traceparent = traceparent_of(self._span)

    def requested(self) -> None:
        """The request begins."""
        known = self._traces.request(self._phone_number_id, self._number)
        self._request = self._traces.spans.request.under(self._span, known)

    def __enter__(self) -> Self:
        """Its log lines name it."""
        self._before = attach(set_span_in_context(self._span))
        return self

    def __exit__(self, *_: object) -> None:
        """It has its result, or was given up."""
        if self._before is not None:
            detach(self._before)
        if self._request is not None:
            self._end_request(self._request)
        self._end(self._span)

    def _end_request(self, span: Span) -> None:
        known: Request = {}
        result, error = self.result, self.result.error if self.result else None
        status = error.http_status if error is not None else None
        if result is not None and result.kind is Kind.ACCEPTED:
            status = _HTTP_OK
        else:
            known["error.type"] = str(status or _reason(result))
            span.set_status(Status(StatusCode.ERROR))
        if status is not None:
            known["http.response.status_code"] = status
        if error is not None and error.fbtrace_id:
            known["whatsapp.connector.fbtrace_id"] = error.fbtrace_id
        self._traces.spans.request.note(span, known)
        span.end()

    def _end(self, span: Span) -> None:
        operation, result = self._traces.spans.attempt, self.result
        if result is not None:
            operation.note(span, {"whatsapp.connector.result": result.kind.value})
            if result.error is not None and result.error.code is not None:
                operation.note(span, {"whatsapp.connector.error_code": result.error.code})
        if result is None or result.kind is not Kind.ACCEPTED:
            operation.note(span, {"error.type": _reason(result)})
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _reason(result: AttemptOutcome | None) -> str:
    return "cancelled" if result is None else result.reason


def _masked(command_id: str) -> str:
    return mask_phones(mask_message_ids(command_id))


def _was_settled_at_once(settlement: Settlement) -> bool:
    """Whether it never was taken into memory."""
    return settlement.outcome != REPEATED and (settlement.command is None or is_repeat(settlement))


def _process(source: Source, queue_ms: int) -> Process:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": source.topic,
        "messaging.destination.partition.id": str(source.partition),
        "messaging.kafka.offset": source.offset,
        "whatsapp.connector.queue_s": max(0, queue_ms) / 1000,
    }
