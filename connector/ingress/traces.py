"""SHELL. The spans of webhooks and of the events they become."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import msgspec
from opentelemetry.trace import Span, Status, StatusCode

from connector.ingress.admission import Refusal
from connector.ingress.events import Event, Reject
from connector.telemetry.span_attributes import Send, Webhook
from connector.telemetry.spans import Spans, traceparent_of
from connector.telemetry.tracing import parse_traceparent

_UNAVAILABLE: Final = 503
_OK: Final = 200
_NOT_ACKNOWLEDGED: Final = "not_acknowledged"
_STATUS: Final = "MessageStatus"


class IngressTraces:
    """Of one ingress.

    Args:
        spans: The catalogue.
        path: Where the webhook is.
        topics: Full names of the topics, by the configuration's.
    """

    def __init__(self, spans: Spans, path: str, topics: dict[str, str]) -> None:
        self.spans = spans
        self._path = path
        self._topics = topics

    def webhook(self, arrived_ms: int, size: int, scheme: str) -> "WebhookTrace":
        """A signed webhook of so many bytes is taken in."""
        known: Webhook = {
            "http.request.method": "POST",
            "url.scheme": scheme,
            "url.path": self._path,
            "http.route": self._path,
            "http.request.body.size": size,
        }
        span = self.spans.webhook.begin(None, known, name=f"POST {self._path}", start_ms=arrived_ms)
        return WebhookTrace(self, span)

    def send(self, event: Event, webhook: Span | None) -> Span | None:
        """An event is about to be published; None when nobody records its trace."""
        parent = parse_traceparent(event.traceparent)
        if not parent.sampled if parent is not None else webhook is None:
            return None
        topic = self._topics[event.topic]
        known: Send = {
            "messaging.system": "kafka",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": topic,
            "cloudevents.event_id": event.event_id,
        }
        if number := event.record.get("phone_number_id"):
            known["whatsapp.connector.phone_number_id"] = number
        if event.schema == _STATUS:
            known["whatsapp.connector.status"] = event.record["status"]
        name = f"send {topic}"
        if parent is None and webhook is not None:
            return self.spans.send.under(webhook, known, name=name)
        return self.spans.send.begin(parent, known, name=name, beside=webhook)


class WebhookTrace:
    """One webhook; it lasts as long as its block. Its own span is None when it is not recorded."""

    __slots__ = ("_span", "_traces")

    def __init__(self, traces: IngressTraces, span: Span | None) -> None:
        self._traces = traces
        self._span = span

    def publishing(self, items: Sequence[Event | Reject]) -> "Publication":
        """These are about to be published."""
        return Publication(self._traces, self._span, items)

    def __enter__(self) -> Self:
        """It is taken in."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """It is answered."""
        if self._span is None:
            return
        known: Webhook = {}
        if error is None:
            known["http.response.status_code"] = _OK
        elif isinstance(error, Exception):  # else it was given up, and there is no answer
            known["http.response.status_code"] = error.status if isinstance(error, Refusal) else _UNAVAILABLE
        if kind is not None:
            known["error.type"] = kind.__name__
            self._span.set_status(Status(StatusCode.ERROR))
        self._traces.spans.webhook.note(self._span, known)
        self._span.end()


class Publication:
    """What is published at once; a second try is another one.

    Attributes:
        items: The same, each with the trace that its consumers go on with.
    """

    __slots__ = ("_sends", "_traces", "_webhook", "items")

    def __init__(self, traces: IngressTraces, webhook: Span | None, items: Sequence[Event | Reject]) -> None:
        self._traces = traces
        self._webhook = webhook
        self._sends: list[Span] = []
        self.items: Sequence[Event | Reject] = [
            self._followed(item) if isinstance(item, Event) else item for item in items
        ]

    def published(self, *, acknowledged: bool) -> None:
        """Kafka has them, or has not."""
        for span in self._sends:
            if not acknowledged:
                self._traces.spans.send.note(span, {"error.type": _NOT_ACKNOWLEDGED})
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    def _followed(self, event: Event) -> Event:
        span = self._traces.send(event, self._webhook)
        if span is None:
            return event
        self._sends.append(span)
        return msgspec.structs.replace(event, traceparent=traceparent_of(span))
