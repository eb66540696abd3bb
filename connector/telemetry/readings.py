"""Metrics kept in memory and read back by name: for tests and for commands that show their own figures."""

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint

from connector.telemetry.metrics import Metrics


class Readings:
    """Instruments whose values can be asked for.

    Attributes:
        metrics: The instruments to hand to the component under observation.
    """

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider(metric_readers=[self._reader], shutdown_on_exit=False)
        self.metrics = Metrics(self._provider)

    def value(self, name: str, **labels: str | int) -> float:
        """Sum of the instrument's points with these labels among theirs; for a histogram the number of its values."""
        return sum(
            point.count if isinstance(point, HistogramDataPoint) else point.value
            for point in self._points(name)
            if labels.items() <= dict(point.attributes or {}).items()
        )

    def labels(self, name: str) -> list[dict[str, Any]]:
        """The labels of each point of the instrument."""
        return [dict(point.attributes or {}) for point in self._points(name)]

    def _points(self, name: str) -> list[NumberDataPoint | HistogramDataPoint]:
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint | HistogramDataPoint)
        ]

    def close(self) -> None:
        """Let go of the provider."""
        self._provider.shutdown()
