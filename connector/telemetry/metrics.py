"""The catalogue of metrics: code, ``docs/metrics.md`` and dashboards are made from it.

Each attribute of :class:`Metrics` states in one place its kind and labels (the type, so that mypy checks each call)
and its name, unit, description and buckets. Names follow OpenTelemetry's messaging and HTTP conventions; our own begin
with ``whatsapp.connector``.

Every label is bounded: a label keeps the first values it sees up to its limit, all later ones become ``_OTHER``. Users
are never a label.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, NoOpMeterProvider, Observation

from connector.telemetry.labels import (
    Answer,
    Attempt,
    Hold,
    Kind,
    LookUpEnd,
    NoLabels,
    Outcome,
    PhoneNumber,
    Queue,
    Reason,
    Request,
    Result,
    Topic,
)

OVERFLOW = "_OTHER"  # the value OpenTelemetry's conventions use for what is not listed
VALUES_MAX = 100
VALUES_MAX_OF: Mapping[str, int] = {"phone_number_id": 500}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# Seconds. For requests the bounds that OpenTelemetry's conventions give. The time from queue to settlement goes on to
# minutes and hours: a held or deferred command is settled late without anything being wrong.
REQUEST_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
ACKNOWLEDGE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SETTLE_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 14400.0, 86400.0)


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
    """One line of the catalogue.

    Attributes:
        attribute: Name at :class:`Metrics`.
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
    """A number that only grows."""

    kind: ClassVar = "counter"

    def __init__(self, meter: Meter, limits: Limits, row: Row) -> None:
        self._instrument = meter.create_counter(row.name, row.unit, row.description)
        self._limits = limits

    def add(self, amount: int, labels: L) -> None:
        """Count ``amount`` more."""
        self._instrument.add(amount, self._limits.bounded(labels))


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


class Metrics:
    """All instruments, on one meter provider.

    Args:
        provider: Where values go; see :mod:`connector.telemetry.setup`.
    """

    # Ingress
    http_server_duration: Annotated[
        Histogram[Request],
        Spec(
            "http.server.request.duration",
            "s",
            "Time to answer a request at the ingress port; of about 200 a second when there are more.",
            REQUEST_BOUNDS,
        ),
    ]
    http_server_requests: Annotated[
        Counter[Request],
        Spec("whatsapp.connector.http.server.requests", "{request}", "Requests answered at the ingress port."),
    ]
    webhook_items: Annotated[
        Counter[Kind],
        Spec("whatsapp.connector.webhook.items", "{item}", "Items taken out of webhooks, by what they are."),
    ]
    webhook_rejects: Annotated[
        Counter[Reason],
        Spec(
            "whatsapp.connector.webhook.rejects",
            "{item}",
            "Signed items that could not be understood and were set aside.",
        ),
    ]
    webhook_untyped: Annotated[
        Counter[Reason],
        Spec(
            "whatsapp.connector.webhook.untyped",
            "{item}",
            "Items published with something that only their raw text holds: message_kind, message_content, status, "
            "account_field, account_content or size; and bodies in which there was nothing_told.",
        ),
    ]
    webhook_repeats: Annotated[
        Counter[NoLabels],
        Spec(
            "whatsapp.connector.webhook.repeats",
            "{item}",
            "Items dropped because the same fact is on Kafka already, or on its way.",
        ),
    ]
    webhook_refusals: Annotated[
        Counter[Reason],
        Spec(
            "whatsapp.connector.webhook.refusals",
            "{request}",
            "Requests not taken: signature, client_certificate, size, media_type, timeout, busy or unavailable.",
        ),
    ]
    ingress_in_flight_bytes: Annotated[
        UpDownCounter[NoLabels],
        Spec("whatsapp.connector.ingress.in_flight_bytes", "By", "Bytes of webhook bodies not answered yet."),
    ]

    # Kafka
    sent_messages: Annotated[
        Counter[Topic], Spec("messaging.client.sent.messages", "{message}", "Records handed to Kafka, by topic.")
    ]
    publish_duration: Annotated[
        Histogram[NoLabels],
        Spec(
            "messaging.client.operation.duration",
            "s",
            "Time from a publish to Kafka's acknowledgement; of about 200 a second when there are more.",
            ACKNOWLEDGE_BOUNDS,
        ),
    ]
    consumed_messages: Annotated[
        Counter[Topic], Spec("messaging.client.consumed.messages", "{message}", "Records read from Kafka, by topic.")
    ]

    # Delivery
    process_duration: Annotated[
        Histogram[NoLabels],
        Spec("messaging.process.duration", "s", "Time from a command's record to its settlement.", SETTLE_BOUNDS),
    ]
    http_client_duration: Annotated[
        Histogram[Answer],
        Spec("http.client.request.duration", "s", "Time of a request to the Cloud API.", REQUEST_BOUNDS),
    ]
    attempts: Annotated[
        Counter[Attempt],
        Spec("whatsapp.connector.attempts", "{attempt}", "Attempts to send, by outcome and by Meta's error code."),
    ]
    delivery_outcomes: Annotated[
        Counter[Outcome], Spec("whatsapp.connector.delivery.outcomes", "{command}", "Commands settled, by how.")
    ]
    commands_queued: Annotated[
        Gauge[Queue],
        Spec("whatsapp.connector.commands.queued", "{command}", "Commands in memory that wait to be sent."),
    ]
    commands_in_flight: Annotated[
        Gauge[PhoneNumber],
        Spec("whatsapp.connector.commands.in_flight", "{command}", "Requests to the Cloud API without an answer yet."),
    ]
    number_limit: Annotated[
        Gauge[PhoneNumber],
        Spec("whatsapp.connector.number.limit", "{message}/s", "Messages a second a number may send at present."),
    ]
    number_held: Annotated[
        Gauge[Hold], Spec("whatsapp.connector.number.held", "{hold}", "1 while a number is held, by reason.")
    ]
    ambiguous_open: Annotated[
        Gauge[NoLabels],
        Spec(
            "whatsapp.connector.ambiguous.open",
            "{command}",
            "Commands of which nobody knows whether they arrived; they wait for a receipt, 10 minutes at most.",
        ),
    ]
    ambiguous_resolved: Annotated[
        Counter[LookUpEnd],
        Spec(
            "whatsapp.connector.ambiguous.resolved",
            "{command}",
            "Ambiguous commands that are waited for no more: receipt (it arrived), silent (it did not) or unproven.",
        ),
    ]
    late_receipts: Annotated[
        Counter[PhoneNumber],
        Spec(
            "whatsapp.connector.receipts.late",
            "{command}",
            "Receipts of commands that had been sent again, or given up, as not arrived.",
        ),
    ]
    reroutes: Annotated[
        Counter[NoLabels],
        Spec("whatsapp.connector.reroutes", "{command}", "Commands forwarded to the home slot of their number."),
    ]
    transactions: Annotated[
        Counter[Result], Spec("whatsapp.connector.transactions", "{transaction}", "Kafka transactions, by result.")
    ]
    transaction_duration: Annotated[
        Histogram[NoLabels],
        Spec("whatsapp.connector.transaction.duration", "s", "Time to commit a transaction.", ACKNOWLEDGE_BOUNDS),
    ]

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("whatsapp-kafka-connector")
        limits = Limits()
        for row, make in _ROWS:
            setattr(self, row.attribute, make(meter, limits, row))

    @classmethod
    def no_op(cls) -> "Metrics":
        """Instruments that keep nothing."""
        return cls(NoOpMeterProvider())


def _rows() -> Iterable[tuple[Row, Callable[[Meter, Limits, Row], object]]]:
    for attribute, hint in get_type_hints(Metrics, include_extras=True).items():
        instrument, spec = get_args(hint)
        make = cast("Any", get_origin(instrument))
        (labels,) = get_args(instrument)
        names = tuple(labels.__annotations__)
        yield Row(attribute, spec.name, make.kind, spec.unit, spec.description, names, spec.bounds), make


_ROWS = tuple(_rows())
CATALOGUE: tuple[Row, ...] = tuple(row for row, _ in _ROWS)
