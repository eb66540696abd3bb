"""What the roles report, put into metrics."""

from collections.abc import Iterable, Sequence

import structlog

from connector.clock import Clock
from connector.delivery.admission import REPEATED
from connector.delivery.ambiguity import Ambiguity
from connector.delivery.command import QueuedCommand, Settlement
from connector.delivery.dispatcher import Dispatcher, NumberState
from connector.delivery.intake import FORWARDED
from connector.telemetry.labels import Hold, PhoneNumber, Queue, Waiting
from connector.telemetry.metrics import Metrics
from connector.whatsapp.response import AttemptOutcome

log = structlog.get_logger()


class DeliveryObserver:
    """Attempts are reported from the event loop, settlements and transactions from the Kafka thread."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def attempted(self, queued: QueuedCommand, result: AttemptOutcome, seconds: float) -> None:
        """One request to the Cloud API has its result."""
        number = queued.command.phone_number_id
        status = result.error.http_status if result.error else 200
        code = result.error.code if result.error else None
        self._metrics.http_client_duration.record(seconds, {"phone_number_id": number, "http_status": status or 0})
        self._metrics.attempts.add(1, {"phone_number_id": number, "outcome": result.kind.value, "code": code or 0})

    def resolved(self, phone_number_id: str, how: str) -> None:
        """An ambiguous command is waited for no more."""
        self._metrics.ambiguous_resolved.add(1, {"phone_number_id": phone_number_id, "how": how})
        log.info("delivery.ambiguous_resolved", phone_number_id=phone_number_id, how=how)

    def late_receipt(self, phone_number_id: str) -> None:
        """What was decided on has arrived after all."""
        self._metrics.late_receipts.add(1, {"phone_number_id": phone_number_id})
        log.warning("delivery.late_receipt", phone_number_id=phone_number_id)

    def transaction(self, *, committed: bool, seconds: float) -> None:
        """One transaction has ended after so many seconds."""
        self._metrics.transactions.add(1, {"result": "committed" if committed else "aborted"})
        self._metrics.transaction_duration.record(seconds, {})

    def consumed(self, topic: str, count: int) -> None:
        """So many records were read from the topic."""
        self._metrics.consumed_messages.add(count, {"topic": topic})

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """These are committed."""
        wall_ms = self._clock.wall_ms()
        for settlement in settlements:
            for output in settlement.outputs:
                self._metrics.sent_messages.add(1, {"topic": output.topic})
            if settlement.outcome == FORWARDED:
                self._metrics.reroutes.add(1, {})
            if settlement.outcome in {FORWARDED, REPEATED}:
                continue
            self._metrics.delivery_outcomes.add(
                1, {"outcome": settlement.outcome, "class": settlement.dead_letter_class}
            )
            self._metrics.process_duration.record(max(0, wall_ms - settlement.queued_at_ms) / 1000, {})
            log.debug(
                "delivery.settled",
                command_id=settlement.command_id,
                phone_number_id=settlement.phone_number_id,
                outcome=settlement.outcome,
                dead_letter_class=settlement.dead_letter_class,
                attempts=settlement.attempts,
            )

    def watch(self, dispatcher: Dispatcher, ambiguity: Ambiguity) -> None:
        """Ask for the present state whenever somebody collects."""
        self._metrics.ambiguous_open.watch(lambda: [(len(ambiguity), {})])
        gauges = _Gauges(dispatcher, self._clock)
        self._metrics.commands_queued.watch(gauges.queued)
        self._metrics.commands_ready.watch(gauges.ready)
        self._metrics.commands_oldest_age.watch(gauges.oldest_ages)
        self._metrics.commands_in_flight.watch(gauges.in_flight)
        self._metrics.number_limit.watch(gauges.limits)
        self._metrics.number_held.watch(gauges.held)


class _Gauges:
    """Present values, read from the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, clock: Clock) -> None:
        self._dispatcher = dispatcher
        self._clock = clock

    def queued(self) -> Iterable[tuple[float, Queue]]:
        for state in self._numbers():
            for priority, count in state.queued.items():
                yield count, {"phone_number_id": state.phone_number_id, "priority": priority}

    def ready(self) -> Iterable[tuple[float, PhoneNumber]]:
        return ((state.ready, {"phone_number_id": state.phone_number_id}) for state in self._numbers())

    def oldest_ages(self) -> Iterable[tuple[float, Waiting]]:
        wall_ms = self._clock.wall_ms()
        for state in self._numbers():
            for topic, since_ms in state.oldest_ms.items():
                age_s = max(0, wall_ms - since_ms) / 1000
                yield age_s, {"phone_number_id": state.phone_number_id, "topic": topic}

    def in_flight(self) -> Iterable[tuple[float, PhoneNumber]]:
        return ((state.in_flight, {"phone_number_id": state.phone_number_id}) for state in self._numbers())

    def limits(self) -> Iterable[tuple[float, PhoneNumber]]:
        return ((state.rate, {"phone_number_id": state.phone_number_id}) for state in self._numbers())

    def held(self) -> Iterable[tuple[float, Hold]]:
        for state in self._numbers():
            if state.held_reason is not None:
                yield 1, {"phone_number_id": state.phone_number_id, "reason": state.held_reason}

    def _numbers(self) -> Iterable[NumberState]:
        return self._dispatcher.numbers(self._clock.monotonic())
