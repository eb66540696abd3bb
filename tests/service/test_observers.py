"""What the delivery role reports becomes figures that operators can trust."""

from collections.abc import Iterator

import pytest

from connector.delivery.ambiguity import Ambiguity
from connector.delivery.command import Output, Settlement, Source
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.intake import FORWARDED
from connector.delivery.retry import RetryPolicy
from connector.service.observers import DeliveryObserver
from connector.telemetry.readings import Readings
from connector.whatsapp.response import maybe_sent
from tests.delivery.making import ACCEPTED, CRM, MARKETING, NUMBER, WALL_MS, queued, record, result_of, seeded


class Clock:
    """A clock that stands."""

    def monotonic(self) -> float:
        """Seconds."""
        return 100.0

    def wall_ms(self) -> int:
        """Milliseconds."""
        return WALL_MS + 1500


@pytest.fixture
def readings() -> Iterator[Readings]:
    """Instruments in memory."""
    readings = Readings()
    yield readings
    readings.close()


@pytest.fixture
def observer(readings: Readings) -> DeliveryObserver:
    """Reports to these instruments."""
    return DeliveryObserver(readings.metrics, Clock())


def settlement(outcome: str, *topics: str, class_: str = "", queued_at_ms: int = WALL_MS) -> Settlement:
    """What settled a record, with outputs in these topics."""
    outputs = tuple(Output(topic, 0, None, b"", ()) for topic in topics)
    return Settlement(
        Source("crm", 0, 1),
        b"",
        1,
        outputs,
        outcome,
        phone_number_id=NUMBER,
        dead_letter_class=class_,
        queued_at_ms=queued_at_ms,
    )


def test_each_attempt_is_counted_by_what_it_came_to(readings: Readings, observer: DeliveryObserver) -> None:
    """By number, outcome, Meta's code and HTTP status; without an answer the figures are zero."""
    for result in (ACCEPTED, result_of(131056), result_of(131056), maybe_sent("TimeoutError")):
        observer.attempted(queued(), result, 0.25)
    name = "whatsapp.connector.attempts"
    assert readings.value(name, outcome="accepted", code=0) == 1
    assert readings.value(name, phone_number_id=NUMBER, outcome="throttled", code=131056) == 2
    assert readings.value(name, outcome="ambiguous", code=0) == 1
    duration = "http.client.request.duration"
    assert [readings.value(duration, http_status=status) for status in (200, 400, 0)] == [1, 2, 1]


def test_what_settles_is_counted_when_it_is_committed(readings: Readings, observer: DeliveryObserver) -> None:
    """By outcome and class, with the time that it took since it was queued, and each record by its topic."""
    observer.settled(
        [
            settlement("ACCEPTED", "outcomes"),
            settlement("DEAD_LETTERED", "outcomes", "dlq.crm", class_="refused"),
            settlement("EXPIRED", "outcomes", queued_at_ms=WALL_MS + 9000),
        ]
    )
    outcomes = "whatsapp.connector.delivery.outcomes"
    assert readings.value(outcomes, outcome="ACCEPTED") == 1
    assert readings.value(outcomes, **{"outcome": "DEAD_LETTERED", "class": "refused"}) == 1
    assert readings.value("messaging.client.sent.messages", topic="outcomes") == 3
    assert readings.value("messaging.client.sent.messages", topic="dlq.crm") == 1
    # The last one comes from a clock that is ahead of ours: no negative time.
    assert readings.value("messaging.process.duration") == 3


def test_a_forwarded_command_is_no_outcome(readings: Readings, observer: DeliveryObserver) -> None:
    """It is counted where it is settled."""
    observer.settled([settlement(FORWARDED, "rerouted")])
    assert readings.value("whatsapp.connector.reroutes") == 1
    assert readings.value("whatsapp.connector.delivery.outcomes") == 0
    assert readings.value("messaging.process.duration") == 0


def test_transactions_and_records_are_counted(readings: Readings, observer: DeliveryObserver) -> None:
    """Committed and aborted ones apart; records by topic."""
    observer.transaction(committed=True, seconds=0.01)
    observer.transaction(committed=False, seconds=5.0)
    observer.consumed("crm", 7)
    assert readings.value("whatsapp.connector.transactions", result="committed") == 1
    assert readings.value("whatsapp.connector.transactions", result="aborted") == 1
    assert readings.value("whatsapp.connector.transaction.duration") == 2
    assert readings.value("messaging.client.consumed.messages", topic="crm") == 7


def test_the_state_of_numbers_is_read_when_somebody_asks(readings: Readings, observer: DeliveryObserver) -> None:
    """Queue by priority, requests under way, rate, and why a number is held: as it is at that moment."""
    dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=80, in_flight_per_number=9)
    observer.watch(dispatcher, Ambiguity(dispatcher, observer))
    queue = "whatsapp.connector.commands.queued"
    assert readings.labels(queue) == []
    dispatcher.set_rate(NUMBER, 80, 100.0)
    for policy in (CRM, MARKETING):
        dispatcher.accept(queued(f"user of {policy.topic}", policy), 100.0)
    attempts = dispatcher.due(100.0).attempts
    assert readings.value(queue, phone_number_id=NUMBER, priority=0) == 1
    assert readings.value(queue, phone_number_id=NUMBER, priority=1) == 1
    assert readings.value("whatsapp.connector.commands.in_flight", phone_number_id=NUMBER) == len(attempts) == 1
    assert readings.value("whatsapp.connector.number.limit", phone_number_id=NUMBER) == 80
    assert readings.labels("whatsapp.connector.number.held") == []
    dispatcher.on_result(attempts[0], result_of(190), 100.0)
    assert readings.value("whatsapp.connector.number.held", phone_number_id=NUMBER, reason="190") == 1


def test_what_only_waits_for_the_number_is_told_apart(readings: Readings, observer: DeliveryObserver) -> None:
    """A recipient whose pair has to wait is none of them, and none is left once the last one has gone."""
    dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=80, in_flight_per_number=2)
    observer.watch(dispatcher, Ambiguity(dispatcher, observer))
    dispatcher.set_rate(NUMBER, 80, 100.0)
    for to in ("1", "1", "2", "3"):
        dispatcher.accept(queued(to, MARKETING), 100.0)
    name = "whatsapp.connector.commands.ready"
    assert readings.value(name, phone_number_id=NUMBER) == 3
    first, second = dispatcher.due(110.0).attempts
    assert readings.value(name, phone_number_id=NUMBER) == 1
    dispatcher.on_result(first, ACCEPTED, 110.1)
    (third,) = dispatcher.due(111.0).attempts
    for attempt in (second, third):
        dispatcher.on_result(attempt, ACCEPTED, 111.1)
    assert dispatcher.due(112.0).attempts == []
    assert readings.value(name, phone_number_id=NUMBER) == 0
    assert readings.value("whatsapp.connector.commands.queued", phone_number_id=NUMBER) == 1


def test_the_age_of_the_oldest_command_is_told_by_topic(readings: Readings, observer: DeliveryObserver) -> None:
    """Counted from its record's time, until it is settled."""
    dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=80, in_flight_per_number=9)
    observer.watch(dispatcher, Ambiguity(dispatcher, observer))
    dispatcher.set_rate(NUMBER, 80, 100.0)
    dispatcher.accept(queued("1", read=record(topic="crm", timestamp_ms=WALL_MS - 60_000)), 100.0)
    dispatcher.accept(queued("2", read=record(topic="crm", timestamp_ms=WALL_MS)), 100.0)
    name = "whatsapp.connector.commands.oldest_age"
    assert readings.value(name, phone_number_id=NUMBER, topic="crm") == 61.5
    for attempt in dispatcher.due(100.0).attempts:
        dispatcher.on_result(attempt, ACCEPTED, 100.1)
    assert readings.value(name, phone_number_id=NUMBER, topic="crm") == 1.5


def test_no_user_is_a_label(readings: Readings, observer: DeliveryObserver) -> None:
    """Whatever is observed of a command, its recipient is not in it."""
    observer.attempted(queued(), ACCEPTED, 0.1)
    observer.settled([settlement("ACCEPTED", "outcomes")])
    for name in ("whatsapp.connector.attempts", "whatsapp.connector.delivery.outcomes"):
        assert "16505551234" not in str(readings.labels(name))
