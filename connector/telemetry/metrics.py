"""The catalogue of metrics: code, ``docs/metrics.md`` and dashboards are made from it.

Each attribute of :class:`Metrics` states in one place its kind and labels (the type, so that mypy checks each call)
and its name, unit, description and buckets. Names follow OpenTelemetry's messaging and HTTP conventions; our own begin
with ``whatsapp.connector``.

Every label is bounded: a label keeps the first values it sees up to its limit, all later ones become ``_OTHER``. Users
are never a label.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from opentelemetry.metrics import Meter, MeterProvider, NoOpMeterProvider

from connector.telemetry.instruments import Counter, Gauge, Histogram, Limits, Row, Spec, UpDownCounter
from connector.telemetry.labels import (
    Answer,
    Attempt,
    Check,
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
    Waiting,
)

# Seconds. For requests the bounds that OpenTelemetry's conventions give. The time from queue to settlement goes on to
# minutes and hours: a held or deferred command is settled late without anything being wrong.
REQUEST_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
ACKNOWLEDGE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SETTLE_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 14400.0, 86400.0)


class Metrics:
    """All instruments, on one meter provider.

    Args:
        provider: Where values go; see :mod:`connector.telemetry.setup`.
    """

    # Both roles
    ready: Annotated[
        Gauge[Check],
        Spec("whatsapp.connector.ready", "{check}", "1 while a readiness check is good, 0 while it is not."),
    ]

    # Ingress
    http_server_duration: Annotated[
        Histogram[Request],
        Spec(
            "http.server.request.duration",
            "s",
            "Time to answer a request at the ingress port; of about 50 a second when there are more.",
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
            "Time from a publish to Kafka's acknowledgement; of about 50 a second when there are more.",
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
    commands_ready: Annotated[
        Gauge[PhoneNumber],
        Spec(
            "whatsapp.connector.commands.ready",
            "{command}",
            "Recipients with a command that nothing but the number's own throughput keeps waiting.",
        ),
    ]
    commands_oldest_age: Annotated[
        Gauge[Waiting],
        Spec(
            "whatsapp.connector.commands.oldest_age",
            "s",
            "Age of the oldest command of a number that is not settled, by its record's time.",
        ),
    ]
    topic_retention: Annotated[
        Gauge[Topic],
        Spec(
            "whatsapp.connector.topic.retention",
            "s",
            "How long a topic of commands keeps its records; none for one that keeps them for ever.",
        ),
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
