"""The catalogue of spans: code and ``docs/traces.md`` are made from it.

Each attribute of :class:`Spans` states in one place its attributes (the type, so that mypy checks each call), its name,
kind and meaning. Names follow OpenTelemetry's messaging and HTTP conventions; our own begin with
``whatsapp.connector``. No attribute holds a secret, a text that people wrote, or a user's number.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, cast, get_args, get_type_hints

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    TracerProvider,
    set_span_in_context,
)

from connector.telemetry.span_attributes import Attempt, Process, Request, Send, Webhook
from connector.telemetry.tracing import TraceParent

A = TypeVar("A")
_NS_PER_MS = 1_000_000
_NOWHERE = Context()


class SpanSpec(NamedTuple):
    """What a type cannot say about a span."""

    name: str
    kind: SpanKind
    parent: str
    description: str


class SpanRow(NamedTuple):
    """One line of the catalogue of spans.

    Attributes:
        attribute: Name at the class :class:`Spans`.
        name: Its first word, or the whole; ``{...}`` is filled in.
        kind: OpenTelemetry's kind.
        parent: Under which span it stands, in words.
        description: One sentence.
        attributes: Names, in order.
    """

    attribute: str
    name: str
    kind: SpanKind
    parent: str
    description: str
    attributes: tuple[str, ...]


class Operation(Generic[A]):
    """One kind of span. What happens to be the current span is never asked."""

    def __init__(self, tracer: Tracer, row: SpanRow) -> None:
        self._tracer = tracer
        self._row = row

    def begin(
        self,
        parent: TraceParent | None,
        attributes: A,
        *,
        name: str | None = None,
        start_ms: int | None = None,
        beside: Span | None = None,
    ) -> Span | None:
        """A span that runs; None when its trace is not recorded.

        Args:
            parent: What it stands under, elsewhere; None begins a trace.
            attributes: What is known at the start.
            name: Instead of the catalogue's, for one with a place to fill in.
            start_ms: When it began, in Unix milliseconds; None: now.
            beside: A span of another trace that it is linked to.
        """
        if parent is not None and not parent.sampled:
            return None
        context = _NOWHERE if parent is None else set_span_in_context(_remote(parent), _NOWHERE)
        links = None if beside is None else [Link(beside.get_span_context())]
        start_ns = None if start_ms is None else start_ms * _NS_PER_MS
        span = self._started(name, context, attributes, links, start_ns)
        return span if span.is_recording() else None

    def under(self, parent: Span, attributes: A, *, name: str | None = None) -> Span:
        """A span under one of ours, which is recorded as that is."""
        return self._started(name, set_span_in_context(parent, _NOWHERE), attributes)

    def _started(
        self,
        name: str | None,
        context: Context,
        attributes: A,
        links: list[Link] | None = None,
        start_ns: int | None = None,
    ) -> Span:
        known = _writable(attributes)
        return self._tracer.start_span(name or self._row.name, context, self._row.kind, known, links, start_ns)

    def note(self, span: Span, attributes: A) -> None:
        """What became known of it later."""
        span.set_attributes(_writable(attributes))


class Spans:
    """All kinds of spans, on one tracer provider.

    Args:
        provider: Where they go; see :mod:`connector.telemetry.setup`.
    """

    process: Annotated[
        Operation[Process],
        SpanSpec(
            "process {topic}",
            SpanKind.CONSUMER,
            "the CRM's span, by `traceparent` of the record; none: a trace begins",
            "A command, from its reading to the commit of its outcome.",
        ),
    ]
    attempt: Annotated[
        Operation[Attempt],
        SpanSpec(
            "attempt",
            SpanKind.INTERNAL,
            "`process`",
            "One attempt: journalled, sent, answered.",
        ),
    ]
    request: Annotated[
        Operation[Request],
        SpanSpec(
            "POST /{phone_number_id}/messages",
            SpanKind.CLIENT,
            "`attempt`",
            "The request to the Cloud API; waiting for a connection is part of it.",
        ),
    ]
    webhook: Annotated[
        Operation[Webhook],
        SpanSpec(
            "POST {path}",
            SpanKind.SERVER,
            "none: a trace begins; headers of a request from outside are not believed",
            "A signed webhook, from its arrival to its answer.",
        ),
    ]
    send: Annotated[
        Operation[Send],
        SpanSpec(
            "send {topic}",
            SpanKind.PRODUCER,
            "of a status of our message: its `attempt`, with a link to the webhook; else the webhook",
            "An event, from its mapping to Kafka's acknowledgement.",
        ),
    ]

    def __init__(self, provider: TracerProvider) -> None:
        tracer = provider.get_tracer("whatsapp-kafka-connector")
        for row, make in _ROWS:
            setattr(self, row.attribute, make(tracer, row))


def traceparent_of(span: Span) -> str:
    """The ``traceparent`` of what stands under a span."""
    context = span.get_span_context()
    return str(TraceParent(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags))


def _writable(attributes: object) -> dict[str, Any]:
    """Half a surrogate pair, which JSON can bring, would cost all spans that are exported with it."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value
        for name, value in cast("dict[str, Any]", attributes).items()
    }


def _remote(parent: TraceParent) -> Span:
    trace_id, span_id = int(parent.trace_id, 16), int(parent.span_id, 16)
    return NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(parent.flags)))


def _rows() -> Iterable[tuple[SpanRow, Callable[[Tracer, SpanRow], object]]]:
    for attribute, hint in get_type_hints(Spans, include_extras=True).items():
        operation, spec = get_args(hint)
        (attributes,) = get_args(operation)
        names = tuple(attributes.__annotations__)
        yield SpanRow(attribute, spec.name, spec.kind, spec.parent, spec.description, names), Operation


_ROWS = tuple(_rows())
CATALOGUE: tuple[SpanRow, ...] = tuple(row for row, _ in _ROWS)
