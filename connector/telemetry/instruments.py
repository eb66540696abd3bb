"""The kinds of instruments, each with bounded labels; those there are stand in ``metrics``."""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from opentelemetry.metrics import CallbackOptions, Meter, Observation

OVERFLOW = "_OTHER"  # the value OpenTelemetry's conventions use for what is not listed
VALUES_MAX = 100
VALUES_MAX_OF: Mapping[str, int] = {"phone_number_id": 500}
POINTS_MAX = 10_000  # of one counter: numbers times outcomes times codes have to fit
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_PROMETHEUS_UNITS = {"s": "_seconds", "By": "_bytes", "{message}/s": "_per_second"}

L = TypeVar("L", bound=Mapping[str, Any])


class Limits:
    """Keeps each label to a bounded set of values."""

    def __init__(self) -> None:
        self._seen: dict[str, set[str | int]] = {}

    def bounded(self, labels: Mapping[str, Any]) -> dict[str, str | int]:
        """The labels, with ``_OTHER`` in place of values beyond the limit."""
        return {name: value if self._admits(name, value) else OVERFLOW for name, value in labels.items()}

    def _admits(self, name: str, value: str | int) -> bool:
        if name == "method":
            return value in METHODS  # anybody may send any word: no first-come places here
        seen = self._seen.setdefault(name, set())
        if value not in seen and len(seen) < VALUES_MAX_OF.get(name, VALUES_MAX):
            seen.add(value)
        return value in seen


class Row(NamedTuple):
    """One line of the catalogue of metrics.

    Attributes:
        attribute: Name at the class ``Metrics``.
        name: OpenTelemetry name.
        kind: ``counter``, ``up-down counter``, ``histogram`` or ``gauge``.
        unit: UCUM, such as ``s``, ``By`` or ``{message}``.
        description: One sentence.
        labels: Names, in order.
        bounds: Upper bounds of a histogram's buckets, in its unit.
    """

    attribute: str
    name: str
    kind: str
    unit: str
    description: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]

    @property
    def prometheus_name(self) -> str:
        """The name on ``/metrics``; a histogram's series add ``_bucket``, ``_count`` and ``_sum`` to it."""
        name, unit = self.name.replace(".", "_"), _PROMETHEUS_UNITS.get(self.unit, "")
        return name.removesuffix(unit) + unit + ("_total" if self.kind == "counter" else "")


class Counter(Generic[L]):
    """A number that only grows; summed up here, from any thread, and read when somebody collects.

    OpenTelemetry's own counter takes 7 us of CPU for each step, not 1.
    """

    kind: ClassVar = "counter"

    def __init__(self, meter: Meter, limits: Limits, row: Row) -> None:
        self._limits = limits
        self._names = row.labels
        self._totals: dict[tuple[str | int, ...], int] = {}
        self._lock = Lock()
        meter.create_observable_counter(row.name, [self._observe], row.unit, row.description)

    def add(self, amount: int, labels: L) -> None:
        """Count ``amount`` more."""
        values = tuple([labels[name] for name in self._names])
        with self._lock:
            if values not in self._totals:
                values = self._bounded(labels)
            self._totals[values] = self._totals.get(values, 0) + amount

    def _bounded(self, labels: L) -> tuple[str | int, ...]:
        bounded = self._limits.bounded(labels)
        values = tuple([bounded[name] for name in self._names])
        return values if values in self._totals or len(self._totals) < POINTS_MAX else (OVERFLOW,) * len(self._names)

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            totals = list(self._totals.items())
        return [Observation(total, dict(zip(self._names, values, strict=True))) for values, total in totals]


class UpDownCounter(Generic[L]):
    """A number that grows and shrinks by what is added."""

    kind: ClassVar = "up-down counter"

    def __init__(self, meter: Meter, limits: Limits, row: Row) -> None:
        self._instrument = meter.create_up_down_counter(row.name, row.unit, row.description)
        self._limits = limits

    def add(self, amount: int, labels: L) -> None:
        """Add ``amount``, which may be negative."""
        self._instrument.add(amount, self._limits.bounded(labels))


class Histogram(Generic[L]):
    """How values spread over buckets."""

    kind: ClassVar = "histogram"

    def __init__(self, meter: Meter, limits: Limits, row: Row) -> None:
        self._instrument = meter.create_histogram(
            row.name, row.unit, row.description, explicit_bucket_boundaries_advisory=row.bounds
        )
        self._limits = limits

    def record(self, value: float, labels: L) -> None:
        """Note one value, in the unit of the catalogue."""
        self._instrument.record(value, self._limits.bounded(labels))


class Gauge(Generic[L]):
    """Present values, asked for when somebody collects."""

    kind: ClassVar = "gauge"

    def __init__(self, meter: Meter, limits: Limits, row: Row) -> None:
        self._reads: list[Callable[[], Iterable[tuple[float, L]]]] = []
        self._limits = limits
        meter.create_observable_gauge(row.name, [self._observe], row.unit, row.description)

    def watch(self, read: Callable[[], Iterable[tuple[float, L]]]) -> None:
        """Ask ``read`` for all present values at each collection.

        It is called on the loop for ``/metrics`` and on the exporter's thread for OTLP: it must change nothing, and
        copy what the loop changes (``list(map.items())``) before it walks over it.
        """
        self._reads.append(read)

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, self._limits.bounded(labels)) for read in self._reads for value, labels in read()]


class Spec(NamedTuple):
    """What a type cannot say about an instrument."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...] = ()
