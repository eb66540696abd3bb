"""A Kafka and a clock for the ingress's tests, under their control."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

from connector.ingress.publisher import EventTopics, Publisher
from connector.ingress.tally import Tally
from connector.kafka.producer import PublishError, Record, RecordTooLargeError
from connector.records.codec import Codec
from connector.telemetry.metrics import Metrics

CODEC = Codec()
TOPICS = EventTopics(
    inbound_messages="inbound",
    message_statuses="statuses",
    account_events="accounts",
    number_signals="signals",
    webhook_rejects="rejects",
)
SCHEMAS = {
    "inbound": "InboundMessage",
    "statuses": "MessageStatus",
    "accounts": "AccountEvent",
    "signals": "NumberSignal",
}
SLOTS = 4
PLANTED = "planted"


class ManualClock:
    """Time stands still until it is moved."""

    def __init__(self, wall_ms: int = 1_800_000_000_000) -> None:
        self.now_s = 0.0
        self._wall_ms = wall_ms

    def monotonic(self) -> float:
        """Seconds since the start of the test."""
        return self.now_s

    def wall_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._wall_ms + round(self.now_s * 1000)


class FakeProducer:
    """Takes records; acknowledges them at once, or fails, or keeps them waiting.

    Attributes:
        groups: What was published, call by call.
        failing: Publishing and asking fail.
        silent: Nothing is acknowledged until :meth:`acknowledge`.
        known: The number of slots is answered when it is set.
        published: Set by each publish.
        taken: Bytes of the largest value that is taken; None: any.
    """

    def __init__(self) -> None:
        self.groups: list[list[Record]] = []
        self.failing = False
        self.silent = False
        self.taken: int | None = None
        self.asked = 0
        self.known = threading.Event()
        self.known.set()
        self.published = asyncio.Event()
        self._waiting: list[tuple[asyncio.Future[None], Callable[[bool], None]]] = []

    def publish(self, records: Sequence[Record], settled: Callable[[bool], None] | None = None) -> asyncio.Future[None]:
        """One group."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, settled or (lambda _: None)))
        if self.failing:
            self.fail(PublishError(PLANTED))
            return future
        if self.taken is not None and any(len(record.value or b"") > self.taken for record in records):
            self.fail(RecordTooLargeError(PLANTED))
            return future
        self.groups.append(list(records))
        self.published.set()
        if not self.silent:
            self.acknowledge()
        return future

    def partitions(self, topic: str) -> int:
        """The number of slots, once ``known`` is set."""
        assert topic == TOPICS.number_signals
        self.asked += 1
        self.known.wait(10)
        if self.failing:
            raise PublishError(PLANTED)
        return SLOTS

    def acknowledge(self) -> None:
        """Acknowledge everything that waits."""
        for future, settled in self._waiting:
            if not future.done():
                future.set_result(None)
            settled(True)  # noqa: FBT003 - the producer's own form
        self._waiting.clear()

    def fail(self, error: PublishError) -> None:
        """Give up everything that waits."""
        for future, settled in self._waiting:
            if not future.done():
                future.set_exception(error)
            settled(False)  # noqa: FBT003 - the producer's own form
        self._waiting.clear()

    @property
    def records(self) -> list[Record]:
        """All records, in order."""
        return [record for group in self.groups for record in group]

    def on(self, topic: str) -> list[Any]:
        """The decoded records of one topic; of the rejects the bytes."""
        values = [record.value or b"" for record in self.records if record.topic == topic]
        return [CODEC.decode(SCHEMAS[topic], value) for value in values] if topic in SCHEMAS else values


def publisher_to(producer: FakeProducer, timeout_s: float = 5.0, tally: Tally | None = None) -> Publisher:
    """A publisher in front of the fake."""
    return Publisher(producer, CODEC, TOPICS, tally=tally or Tally(Metrics.no_op()), timeout_s=timeout_s)
