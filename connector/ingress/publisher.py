"""SHELL. Encodes what a webhook became and publishes it as one group: all acknowledged by Kafka, or an error."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from connector.ingress.events import Event, Reject
from connector.ingress.oversize import PART_BYTES, beside, parts_of, without_content
from connector.ingress.tally import Tally
from connector.kafka.producer import MESSAGE_MAX_BYTES, PublishError, Record
from connector.records import schemas
from connector.records.codec import Codec, Unencodable
from connector.records.headers import cloud_event, event_type

log = structlog.get_logger()

# What Kafka adds to a value: key, headers, framing. Ids in them are as long as Meta makes them.
_OVERHEAD_BYTES: Final = 256 * 1024
LARGEST_BYTES: Final = MESSAGE_MAX_BYTES - _OVERHEAD_BYTES


class Producer(Protocol):
    """What is needed of :class:`connector.kafka.producer.RecordProducer`."""

    def publish(self, records: Sequence[Record], settled: Callable[[bool], None] | None = None) -> asyncio.Future[None]:
        """Done when all are acknowledged; fails with ``PublishError``. ``settled`` hears when the last has ended."""
        ...

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; may block."""
        ...


@dataclass(frozen=True, slots=True)
class EventTopics:
    """Full names of the topics the ingress writes."""

    inbound_messages: str
    message_statuses: str
    account_events: str
    number_signals: str
    webhook_rejects: str


@dataclass(slots=True)
class Group:
    """The records of some items.

    Attributes:
        records: In the order of the items.
        untyped: How many go without their typed content, for their size.
        rejects: Why items were set aside that cannot be written.
    """

    records: list[Record] = field(default_factory=list)
    untyped: int = 0
    rejects: list[str] = field(default_factory=list)


class Publisher:
    """Publishes for one ingress.

    Args:
        producer: Where records go.
        codec: How they are encoded.
        topics: Their names.
        tally: Counts what is handed over, and once Kafka has it, what could not go as it was.
        timeout_s: Seconds to wait for Kafka, for what has no deadline of its own.
    """

    def __init__(
        self, producer: Producer, codec: Codec, topics: EventTopics, *, tally: Tally, timeout_s: float
    ) -> None:
        self._producer = producer
        self._codec = codec
        self._topics = topics
        self._tally = tally
        self._timeout_s = timeout_s
        self._names = {name: getattr(topics, name) for name in EventTopics.__slots__}
        self._types = {name: event_type(name) for name in schemas.names()}
        self._largest = LARGEST_BYTES
        self._asking: asyncio.Task[None] | None = None
        self.known_slots: int | None = None

    @property
    def largest(self) -> int:
        """Bytes of the largest value that is written as things stand."""
        return self._largest

    async def slots(self) -> int:
        """How many slots there are: the partitions of the signals topic. Asked once, by whoever comes first.

        Raises:
            PublishError: Kafka did not say in time.
        """
        if self.known_slots is None:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask_slots())
            await asyncio.wait({self._asking}, timeout=self._timeout_s)
        if self.known_slots is None:
            message = "the number of slots is not known yet"
            raise PublishError(message)
        return self.known_slots

    async def publish(self, items: Sequence[Event | Reject]) -> None:
        """Return when Kafka has acknowledged every record.

        Raises:
            PublishError: It has not, in time or at all. Some of the records may arrive nevertheless.
        """
        group = self.group(items)
        try:
            # Whoever gives up cancels the future; what is queued is still written.
            await asyncio.wait_for(self.hand_over(group.records), self._timeout_s)
        except TimeoutError:
            message = "not acknowledged in time"
            raise PublishError(message) from None
        self.count(group)

    def group(self, items: Sequence[Event | Reject]) -> Group:
        """The records of some items, each one behind what delivery has to hear of it before."""
        group = Group()
        for item in items:
            if isinstance(item, Event):
                for signal in item.signals:
                    self._add(signal, group)
                self._add(item, group)
            else:
                group.records += parts_of(item, self._topics.webhook_rejects, self._largest)
        return group

    def count(self, group: Group) -> None:
        """Count what could not go as it was: once it has gone, for until then its items come again."""
        if group.untyped:
            self._tally.untyped["size"] += group.untyped
        if group.rejects:
            self._tally.rejects.update(group.rejects)

    def hand_over(
        self, records: Sequence[Record], settled: Callable[[bool], None] | None = None
    ) -> asyncio.Future[None]:
        """Give records to Kafka; see :meth:`connector.kafka.producer.RecordProducer.publish`."""
        sent = self._tally.sent
        for record in records:
            sent[record.topic] += 1
        return self._producer.publish(records, settled)

    def shrink(self) -> bool:
        """Kafka refused a record for its size: from now on write nothing larger than any broker takes.

        Returns:
            Whether that changes anything.
        """
        if self._largest == PART_BYTES:
            return False
        self._largest = PART_BYTES
        log.warning(
            "a topic takes no records as large as Meta's; large items are set aside in parts",
            setting="max.message.bytes",
            wanted=MESSAGE_MAX_BYTES,
        )
        return True

    async def _ask_slots(self) -> None:
        try:
            self.known_slots = await asyncio.to_thread(self._producer.partitions, self._topics.number_signals)
        except PublishError as error:
            log.warning("number of slots not known", topic=self._topics.number_signals, error=str(error))
        finally:
            self._asking = None

    def _add(self, item: Event, group: Group) -> None:
        try:
            value = self._codec.encode(item.schema, item.record)
            untyped = len(value) > self._largest
            if untyped:
                value = self._codec.encode(item.schema, without_content(item.record))
        except Unencodable:
            self._set_aside(item, "does not fit its schema", group)
            return
        if len(value) > self._largest:
            self._set_aside(item, "larger than Kafka takes", group)
            return
        headers = cloud_event(item.event_id, self._types[item.schema], item.source, item.traceparent)
        headers += beside(item.beside)
        key = None if item.key is None else item.key.encode("utf-8", "replace")
        group.records.append(Record(self._names[item.topic], value, key, headers, item.partition))
        group.untyped += untyped

    def _set_aside(self, item: Event, reason: str, group: Group) -> None:
        """An item whose record cannot be written goes with its own text, so that it costs no other."""
        group.rejects.append(reason)
        raw = str(item.record.get("raw", "")).encode("utf-8", "replace")
        reject = Reject(item.path, reason, raw, item.record.get("waba_id"), item.beside)
        group.records += parts_of(reject, self._topics.webhook_rejects, self._largest)
