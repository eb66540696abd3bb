"""An idempotent producer for an event loop: one future for a group of records, resolved when Kafka has all of them.

``confluent_kafka.AIOProducer`` refuses headers and ``produce_batch`` drops them (seen with 2.16), so this is the plain
``Producer``: ``produce()`` does not block, and the loop itself asks for the acknowledgements every few milliseconds. A
thread that waits for them instead takes the interpreter's lock at each one: 105 us of CPU for a record, not 42.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

log = structlog.get_logger()

# Also the limit of event topics at the broker: a webhook body reaches 3 MiB (Meta, create webhook endpoint,
# 2026-09-11), and its largest item travels twice, typed and raw.
MESSAGE_MAX_BYTES: Final = 8 * 1024 * 1024
# Seconds between two questions for acknowledgements while some are awaited: on average half of it is added to each.
# Otherwise the client only has errors to tell.
POLL_BUSY_S: Final = 0.002
_POLL_IDLE_S: Final = 0.1
_METADATA_TIMEOUT_S: Final = 5.0
_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})

_DEFAULTS: Final[Mapping[str, Any]] = {
    # Milliseconds to wait for more records of a partition before a request leaves; each partition has its own. At
    # 3,300 records a second over 24 partitions 2 ms cost client and broker a third more CPU than 10, and 20 would be
    # felt in the answers.
    "linger.ms": 10,
    "message.max.bytes": MESSAGE_MAX_BYTES,
    # A body of 1,000 account events tells each of them to every slot; the memory below is the bound that counts.
    "queue.buffering.max.messages": 1_000_000,
    # Memory for records not acknowledged; the client's own bound is a gigabyte. A full queue is told at once: this is
    # what pushes back on whoever publishes.
    "queue.buffering.max.kbytes": 128 * 1024,
}
# These carry what every writer here promises; no configuration changes them.
GUARANTEES: Final[Mapping[str, Any]] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",  # Java's: one key goes to one partition, whoever writes it
}


class Record(NamedTuple):
    """One record to be written.

    Attributes:
        topic: Full name.
        value: The value; None is a tombstone.
        key: Record key.
        headers: In order; names may repeat.
        partition: Explicit partition; -1: by the key.
    """

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int = -1


class PublishError(Exception):
    """Not acknowledged: in time, at all, or not even queued. The records may still arrive."""


class RecordTooLargeError(PublishError):
    """A record is larger than the client, the broker or its topic takes: no other try will help."""


class RecordProducer:
    """Publishes groups of records; all methods belong to one event loop.

    Args:
        config: librdkafka properties. They win over the defaults here, and lose against what is promised.
        delivery_timeout_s: Seconds after which a record that Kafka has not acknowledged is given up, tries included.
        poll_s: How often acknowledgements are asked for while some are awaited.
        on_fatal: Called once, on the loop, when the producer can never write again; the process has to end.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        delivery_timeout_s: float,
        poll_s: float = POLL_BUSY_S,
        on_fatal: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.fatal: str | None = None
        self._on_fatal = on_fatal
        self._poll_s = poll_s
        self._config = {
            **_DEFAULTS,
            **config,
            **GUARANTEES,
            "delivery.timeout.ms": int(delivery_timeout_s * 1000),
            "error_cb": _warn,
        }
        self._partitions: dict[str, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Make the client. Kafka need not be there yet."""
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._config)
        self._timer = self._loop.call_later(_POLL_IDLE_S, self._poll)

    def publish(
        self,
        records: Sequence[Record],
        settled: Callable[[bool], None] | None = None,
        on_record: Callable[[Message], None] | None = None,
    ) -> asyncio.Future[None]:
        """Hand records to the client.

        Args:
            records: In the order in which they are to be written.
            settled: Called once, when the last of them is acknowledged or given up: whether all were acknowledged. The
                future may have failed, or been abandoned, long before.
            on_record: Called with each record that is acknowledged: it has its offset.

        Returns:
            A future that is done when Kafka has acknowledged all of them, or fails with :class:`PublishError` at the
            first that it has not. Records of one call that were queued before the failing one may still be written.
        """
        group = _Group(self._loop.create_future(), settled, on_record)
        try:
            for record in records:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                    on_delivery=group.delivered,
                )
                group.queued += 1
        except BufferError:
            group.fail("the queue of records not acknowledged is full")
        except KafkaException as error:
            group.failed_by(error.args[0])
        group.all_queued()
        if self._idle.is_set():
            self._idle.clear()
            self._timer.cancel()
            self._timer = self._loop.call_later(self._poll_s, self._poll)
        return group.future

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; asked once, then remembered.

        Blocks for up to 5 s the first time: call it from another thread.

        Raises:
            PublishError: Kafka did not say, or has no such topic.
        """
        known = self._partitions.get(topic)
        if known is None:
            known = self._partitions[topic] = self._ask_partitions(topic)
        return known

    async def close(self, timeout_s: float) -> int:
        """Wait for what is queued, drop what Kafka does not take in time, and end.

        Returns:
            How many records were dropped; their futures fail.
        """
        left = await self._acknowledged_within(timeout_s)
        if left:
            self._producer.purge()
            await self._acknowledged_within(_POLL_IDLE_S)
        self._timer.cancel()
        # Otherwise the client's own threads go on until the object is collected.
        await asyncio.to_thread(self._producer.close)
        return left

    def _ask_partitions(self, topic: str) -> int:
        try:
            found = self._producer.list_topics(topic, timeout=_METADATA_TIMEOUT_S).topics[topic]
        except KafkaException as error:
            raise PublishError(str(error.args[0])) from error
        if found.error is not None or not found.partitions:
            message = f"no topic {topic}: {found.error}"
            raise PublishError(message)
        return len(found.partitions)

    async def _acknowledged_within(self, timeout_s: float) -> int:
        """Wait until nothing is queued; how many records are after all."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        return len(self._producer)

    def _poll(self) -> None:
        self._serve()
        if len(self._producer):
            self._timer = self._loop.call_later(self._poll_s, self._poll)
        else:
            self._idle.set()
            self._timer = self._loop.call_later(_POLL_IDLE_S, self._poll)

    def _serve(self) -> None:
        # The binding raises fatal errors out of poll() and hands all others to error_cb (seen with 2.16).
        try:
            self._producer.poll(0)
        except KafkaException as error:
            self._fail_for_good(str(error.args[0]))

    def _fail_for_good(self, reason: str) -> None:
        if self.fatal is None:
            self.fatal = reason
            log.error("kafka producer can never write again", error=reason)
            self._on_fatal(reason)


def _warn(error: KafkaError) -> None:
    # The client repairs these by itself: a broker out of reach, a connection lost.
    log.warning("kafka producer", error=error.str(), code=error.name())


class _Group:
    """The records of one publish() call, counted down to one word to whoever waits."""

    __slots__ = ("_ended", "_failed", "_on_record", "_settled", "_total", "future", "queued")

    def __init__(
        self,
        future: asyncio.Future[None],
        settled: Callable[[bool], None] | None,
        on_record: Callable[[Message], None] | None,
    ) -> None:
        self.future = future
        self.queued = 0
        self._settled = settled
        self._on_record = on_record
        self._ended = 0
        self._total: int | None = None
        self._failed = False

    def all_queued(self) -> None:
        """No more records will follow."""
        self._total = self.queued
        self._settle()

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """Called by the client for each record, while it is polled."""
        self._ended += 1
        if error is not None:
            self.failed_by(error)
        elif self._on_record is not None:
            self._on_record(message)
        self._settle()

    def failed_by(self, error: KafkaError) -> None:
        """One record was refused."""
        kind = RecordTooLargeError if error.code() in _TOO_LARGE else PublishError
        self.fail(error.str(), kind)

    def fail(self, reason: str, kind: type[PublishError] = PublishError) -> None:
        """Told by the first record that was not acknowledged; the later ones change nothing."""
        self._failed = True
        if not self.future.done():
            self.future.set_exception(kind(reason))

    def _settle(self) -> None:
        if self._ended != self._total:
            return
        if not self._failed and not self.future.done():
            self.future.set_result(None)
        if self._settled is not None:
            self._settled(not self._failed)
