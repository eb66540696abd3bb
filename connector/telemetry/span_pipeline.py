"""Where spans go: a bounded queue, emptied towards an OTLP/HTTP collector by a thread of its own.

Whoever ends a span only puts it into the queue. What finds no room is dropped: a collector that is slow or away costs
spans and nothing else.
"""

import threading
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased

from connector.telemetry.spans import Spans

QUEUE_MAX: Final = 4096
"""Spans that wait, about 3.5 KiB each: a second of 1000 messages, or some seconds of a collector that hangs."""

BATCH_MAX: Final = 512
TEXT_MAX: Final = 256
"""Characters of an attribute; the longest of ours is a URL."""

CLOSE_S: Final = 5.0
_TIMEOUT_S: Final = 5.0


def sampler(trace_ratio: float) -> Sampler:
    """Records what the one who began a trace records, and of the traces begun here this share, 0 to 1."""
    return ParentBased(TraceIdRatioBased(trace_ratio))


class SpanPipeline:
    """Spans on their way to a collector.

    Args:
        exporter: Sends them.
        trace_ratio: Share of the traces begun here that are recorded.
        resource: Told with all of them.

    Attributes:
        spans: The kinds of spans.
    """

    def __init__(self, exporter: SpanExporter, trace_ratio: float, resource: Resource) -> None:
        self._exporter = exporter
        self._provider = TracerProvider(
            sampler(trace_ratio),
            resource,
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_attribute_length=TEXT_MAX),
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=QUEUE_MAX, max_export_batch_size=BATCH_MAX)
        )
        self.spans = Spans(self._provider)

    def close(self) -> None:
        """Send what waits; blocks for :data:`CLOSE_S` at most, then the rest is dropped."""
        closing = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        if closing.is_alive():  # the library waits 30 s, whatever it is told
            self._exporter.shutdown()


def to_collector(endpoint: str, trace_ratio: float, resource: Resource) -> SpanPipeline:
    """Spans on their way to ``{endpoint}/v1/traces``."""
    return SpanPipeline(OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=_TIMEOUT_S), trace_ratio, resource)
