"""Where metrics and traces go: Prometheus text on request, and OTLP when an endpoint is set."""

import threading
from typing import TYPE_CHECKING

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import CardinalityLimits, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from connector.telemetry.instruments import POINTS_MAX
from connector.telemetry.metrics import Metrics
from connector.telemetry.spans import Spans

if TYPE_CHECKING:
    from connector.telemetry.span_pipeline import SpanPipeline

SERVICE_NAME = "whatsapp-kafka-connector"
# Points of one instrument: numbers times outcomes times codes have to fit, and OpenTelemetry's own limit of 2000 would
# be met by a few hundred numbers. A point of a histogram costs about 1 KiB.
_POINTS_MAX: CardinalityLimits = {
    sdk.ObservableCounter: POINTS_MAX + 1,
    sdk.Histogram: 5_000,
    sdk.ObservableGauge: 5_000,
}
_OTLP_TIMEOUT_S = 5.0
_CLOSE_TIMEOUT_MS = 5_000


class Pipeline:
    """Metrics and spans with somewhere to go.

    Args:
        role: ``ingress`` or ``delivery``; told with every exported value.
        version: Version of the connector.
        otlp_endpoint: Base URL of an OTLP/HTTP collector, or None.
        trace_ratio: Share of the traces begun here that are recorded, 0 to 1.

    Attributes:
        metrics: The instruments.
        spans: The kinds of spans; None without an endpoint.
    """

    def __init__(self, role: str, version: str, otlp_endpoint: str | None = None, trace_ratio: float = 0.0) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        readers: list[MetricReader] = [
            PrometheusMetricReader(scope_info_enabled=False, registry=self._registry, cardinality_limits=_POINTS_MAX)
        ]
        resource = Resource.create(
            {"service.name": SERVICE_NAME, "service.version": version, "whatsapp.connector.role": role}
        )
        self._span_pipeline: SpanPipeline | None = None
        if otlp_endpoint is not None:
            readers.append(_otlp_reader(otlp_endpoint))
            self._span_pipeline = _otlp_spans(otlp_endpoint, trace_ratio, resource)
        self._provider = MeterProvider(
            metric_readers=readers,
            resource=resource,
            exemplar_filter=AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
        )
        self.metrics = Metrics(self._provider)
        self.spans: Spans | None = self._span_pipeline.spans if self._span_pipeline is not None else None

    def prometheus_text(self) -> bytes:
        """All values in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)

    def close(self) -> None:
        """Send what OTLP still has; blocks for 5 s at most, so call it off the loop."""
        closing = None
        if self._span_pipeline is not None:
            closing = threading.Thread(target=self._span_pipeline.close, name="spans-close")
            closing.start()
        self._provider.shutdown(timeout_millis=_CLOSE_TIMEOUT_MS)
        if closing is not None:
            closing.join()


def _otlp_spans(endpoint: str, trace_ratio: float, resource: Resource) -> "SpanPipeline":
    from connector.telemetry.span_pipeline import to_collector  # noqa: PLC0415 - as below

    return to_collector(endpoint, trace_ratio, resource)


def _otlp_reader(endpoint: str) -> MetricReader:
    # Imported here: it loads an HTTP client that a process without OTLP has no use for.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - see above

    exporter = OTLPMetricExporter(f"{endpoint}/v1/metrics", timeout=_OTLP_TIMEOUT_S)
    return PeriodicExportingMetricReader(exporter, cardinality_limits=_POINTS_MAX)
