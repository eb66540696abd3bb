"""SHELL. Encodes what a webhook became and publishes it as one group: all acknowledged by Kafka, or an error."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from connector.clock import Clock
from connector.ingress.events import Event, Reject
from connector.kafka.producer import MESSAGE_MAX_BYTES, PublishError, Record
from connector.records.codec import Codec, Unencodable
from connector.records.headers import cloud_event, event_type
from connector.telemetry.metrics import Metrics

log = structlog.get_logger()

PATH_HEADER: Final = "wa.webhook.path"
REASON_HEADER: Final = "wa.webhook.reason"
# What Kafka adds to a value: key, headers, framing. Ids in them are as long as Meta makes them.
_OVERHEAD_BYTES: Final = 256 * 1024
_REJECT = "WebhookReject"


class Producer(Protocol):
    """What is needed of :class:`connector.kafka.producer.RecordProducer`."""

    def publish(self, records: Sequence[Record]) -> asyncio.Future[None]:
        """Done when all are acknowledged; fails with ``PublishError``."""
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


class Publisher:
    """Publishes for one ingress.

    Args:
        producer: Where records go.
        codec: How they are encoded.
        topics: Their names.
        clock: Measures how long Kafka takes.
        metrics: Counts what is handed over.
        timeout_s: Seconds to wait for Kafka, both for acknowledgements and for the number of slots.
    """

    def __init__(
        self,
        producer: Producer,
        codec: Codec,
        topics: EventTopics,
        *,
        clock: Clock,
        metrics: Metrics,
        timeout_s: float,
    ) -> None:
        self._producer = producer
        self._codec = codec
        self._topics = topics
        self._clock = clock
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._slots: int | None = None
        self._asking: asyncio.Task[None] | None = None

    async def slots(self) -> int:
        """How many slots there are: the partitions of the signals topic. Asked once, by whoever comes first.

        Raises:
            PublishError: Kafka did not say in time.
        """
        if self._slots is None:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask_slots())
            await asyncio.wait({self._asking}, timeout=self._timeout_s)
        if self._slots is None:
            message = "the number of slots is not known yet"
            raise PublishError(message)
        return self._slots

    async def publish(self, items: Sequence[Event | Reject]) -> None:
        """Return when Kafka has acknowledged every record.

        Raises:
            PublishError: It has not, in time or at all. Some of the records may arrive nevertheless.
        """
        records = [self._record(item) for item in items]
        started = self._clock.monotonic()
        try:
            # Whoever gives up cancels the future; what is queued is still written.
            await asyncio.wait_for(self._producer.publish(records), self._timeout_s)
        except TimeoutError:
            message = "not acknowledged in time"
            raise PublishError(message) from None
        finally:
            self._metrics.publish_duration.record(self._clock.monotonic() - started, {})
            for topic, count in Counter(record.topic for record in records).items():
                self._metrics.sent_messages.add(count, {"topic": topic})

    async def _ask_slots(self) -> None:
        try:
            self._slots = await asyncio.to_thread(self._producer.partitions, self._topics.number_signals)
        except PublishError as error:
            log.warning("number of slots not known", topic=self._topics.number_signals, error=str(error))
        finally:
            self._asking = None

    def _record(self, item: Event | Reject) -> Record:
        if isinstance(item, Reject):
            return self._reject(item)
        try:
            value = self._codec.encode(item.schema, item.record)
        except Unencodable:
            return self._reject(_unfit(item, "does not fit its schema"))
        if len(value) > MESSAGE_MAX_BYTES - _OVERHEAD_BYTES:
            return self._reject(_unfit(item, "too large beside its typed fields"))
        return Record(
            topic=getattr(self._topics, item.topic),
            value=value,
            key=None if item.key is None else item.key.encode("utf-8", "replace"),
            headers=cloud_event(item.event_id, event_type(item.schema), item.source, item.traceparent),
            partition=item.partition,
        )

    def _reject(self, reject: Reject) -> Record:
        digest = hashlib.sha256(reject.path.encode() + b"\0" + reject.raw).hexdigest()[:32]
        headers = [
            *cloud_event(f"reject-{digest}", event_type(_REJECT), "/whatsapp/"),
            (PATH_HEADER, reject.path.encode()),
            (REASON_HEADER, reject.reason.encode()),
        ]
        return Record(self._topics.webhook_rejects, reject.raw, headers=headers)


def _unfit(item: Event, reason: str) -> Reject:
    """An item whose record cannot be written goes with its own text, so that it costs no other."""
    return Reject(path=item.path, reason=reason, raw=str(item.record.get("raw", "")).encode("utf-8", "replace"))
