"""Reads the ledgers that others keep: the topics to a fixed end, and the simulator's observer."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from connector.clock import SystemClock
from connector.config import TopicNames
from connector.records.codec import Codec
from connector.simulator.client import SimulatorClient
from tests.chaos.commands import name_in
from tests.chaos.ledgers import DeadLetter, Event, FactKind, Outcome, Request, Source
from tests.chaos.site import BenchError

READ_WITHIN_S: Final = 60.0
"""The transaction of a dead worker is aborted after 10 s; until then readers of committed records wait before it."""

_CODEC: Final = Codec()
_MARKER: Final = re.compile(r'"marker":"([^"]+)"')
_CLOCK: Final = SystemClock()
_Partition = tuple[str, int]


class TopicReading:
    """Committed records of some topics; :meth:`more` goes on where it stood."""

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        self._common = {"bootstrap.servers": bootstrap, "group.id": "bench", "log_level": 0}
        self._consumer = Consumer(
            {**self._common, "isolation.level": "read_committed", "enable.partition.eof": True,
             "enable.auto.commit": False}
        )  # fmt: skip
        self._partitions = [
            TopicPartition(topic, partition, OFFSET_BEGINNING)
            for topic in topics
            for partition in self._consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ]
        self._reached: dict[_Partition, int] = {}
        self._consumer.assign(self._partitions)

    def more(self, wait_s: float = 0.1) -> list[Message]:
        """What has come since; waits for the first one."""
        found: list[Message] = []
        while messages := self._consumer.consume(1000, wait_s):
            wait_s = 0.0
            for message in messages:
                self._take(message, found)
        return found

    def to_the_end(self) -> list[Message]:
        """Everything up to the end as it is now, transactions that are still open included: their end is waited for.

        Raises:
            BenchError: the end was not reached in time.
        """
        found, ends = self.more(), self._ends()
        deadline = _CLOCK.monotonic() + READ_WITHIN_S
        while not all(self._reached.get(partition, 0) >= end for partition, end in ends.items()):
            if _CLOCK.monotonic() > deadline:
                message = "the end of the topics was not reached: a transaction is still open"
                raise BenchError(message)
            found += self.more()
        return found

    def close(self) -> None:
        """Let go."""
        self._consumer.close()

    def _take(self, message: Message, found: list[Message]) -> None:
        error = message.error()
        partition = (message.topic() or "", message.partition() or 0)
        if error is None:
            found.append(message)
            self._reached[partition] = (message.offset() or 0) + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            self._reached[partition] = message.offset() or 0

    def _ends(self) -> dict[_Partition, int]:
        watcher = Consumer({**self._common, "isolation.level": "read_uncommitted"})
        try:
            return {(p.topic, p.partition): watcher.get_watermark_offsets(p, timeout=30)[1] for p in self._partitions}
        finally:
            watcher.close()


@contextlib.contextmanager
def reading(bootstrap: str, topics: Sequence[str]) -> Iterator[TopicReading]:
    """Reads from the beginning."""
    opened = TopicReading(bootstrap, topics)
    try:
        yield opened
    finally:
        opened.close()


def outcome(message: Message) -> Outcome:
    """A record of the outcomes topic."""
    record = _CODEC.decode("DeliveryOutcome", message.value() or b"")
    return Outcome(
        source=Source(**record["source"]),
        command_id=record["command_id"],
        outcome=record["outcome"],
        error_class=(record["error"] or {}).get("class") or "",
        attempts=record["attempts"],
        message_id=record["message_id"] or "",
        settled_at_ms=_millis(record["settled_at"]),
        recovered=record["recovered"],
    )


def _millis(value: Any) -> int:
    return value if isinstance(value, int) else int(value.timestamp() * 1000)


def dead_letter(message: Message) -> DeadLetter:
    """A record of a dead-letter topic."""
    headers = _headers(message)
    return DeadLetter(
        topic=message.topic() or "",
        origin=_place(dict(headers), "__connect.errors."),
        value=_bytes(message.value()),
        key=None if message.key() is None else _bytes(message.key()),
        headers=headers,
        timestamp_ms=message.timestamp()[1],
    )


def rerouted(message: Message) -> tuple[Source, Source] | None:
    """Where a forwarded command was produced, and where it lies."""
    origin = _place(dict(_headers(message)), "wa.origin.")
    place = Source(message.topic() or "", message.partition() or 0, message.offset() or 0)
    return None if origin is None else (origin, place)


def cursors(messages: Iterable[Message]) -> dict[tuple[str, str], int]:
    """What the last state of each number and topic says; keys are ``<number>/<topic>``."""
    found: dict[tuple[str, str], int] = {}
    for message in messages:
        number, slash, topic = _bytes(message.key()).decode().rpartition("/")
        if not slash:
            continue
        found.pop((number, topic), None)
        state = _CODEC.decode("DeliveryState", _bytes(message.value()))["number"] if message.value() else None
        if state is not None and state["cursor"] is not None:
            found[number, topic] = state["cursor"]
    return found


def open_attempts(messages: Iterable[Message]) -> dict[Source, int]:
    """Commands whose last attempt has no ENDED, and when it began in Unix milliseconds."""
    started: dict[Source, tuple[int, int]] = {}
    ended: dict[Source, int] = {}
    for message in messages:
        record = _CODEC.decode("DeliveryAttempt", _bytes(message.value()))
        source, attempt = Source(**record["source"]), record["attempt"]
        if record["phase"] == "ENDED":
            ended[source] = max(attempt, ended.get(source, 0))
        else:
            started[source] = max((attempt, _millis(record["at"])), started.get(source, (0, 0)))
    return {source: at for source, (attempt, at) in started.items() if attempt > ended.get(source, 0)}


def sent_again(messages: Iterable[Message]) -> int:
    """How many ambiguous attempts ended in another one."""
    records = (_CODEC.decode("DeliveryAttempt", _bytes(message.value())) for message in messages)
    return sum(record["result"] == "ambiguous" for record in records)


def event(message: Message, names: TopicNames) -> Event:
    """A record of one of the topics that the ingress writes events to."""
    value, topic = _bytes(message.value()), message.topic() or ""
    source = Source(topic, message.partition() or 0, message.offset() or 0)
    if topic == names.account_events:
        record = _CODEC.decode("AccountEvent", value)
        marker = _MARKER.search(record["raw"])
        fact_id = f"account/{marker[1] if marker else record['raw']}"
        return Event(FactKind.ACCOUNT, source, record["event_id"], fact_id, record["raw"])
    if topic == names.inbound_messages:
        record = _CODEC.decode("InboundMessage", value)
        class_ = "unsupported" if record["type"] == "unsupported" else "content"
        fact_id = f"message/{record['phone_number_id']}/{record['message_id']}/{class_}"
        return Event(FactKind.MESSAGE, source, record["event_id"], fact_id, record["raw"], record["message_id"])
    record = _CODEC.decode("MessageStatus", value)
    fact_id = f"status/{record['phone_number_id']}/{record['message_id']}/{record['status']}"
    return Event(
        FactKind.STATUS, source, record["event_id"], fact_id, record["raw"], record["message_id"], record["status"]
    )


def everything(message: Message) -> bytes:
    """Key, headers and value in one, to be searched."""
    headers = [part for name, value in _headers(message) for part in (name.encode(), value)]
    return b" ".join([_bytes(message.key()), *headers, _bytes(message.value())])


def _headers(message: Any) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, _bytes(value)) for name, value in message.headers() or ())


def _place(headers: Mapping[str, bytes], prefix: str) -> Source | None:
    topic, partition, offset = (headers.get(prefix + name) for name in ("topic", "partition", "offset"))
    if topic is None or partition is None or offset is None:
        return None
    return Source(topic.decode(), int(partition), int(offset))


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def requests(observer: SimulatorClient) -> tuple[Request, ...]:
    """Every request that the simulator noted, in its order."""
    return tuple(
        Request(
            at_s=seen["at_s"],
            wall_ms=seen["wall_ms"],
            number=seen["number"],
            recipient=seen["recipient"],
            command=name_in(seen["callback_data"]),
            code=seen["code"],
            message_id=seen["message_id"] or "",
            fault=seen.get("fault") or "",
            over_number_limit=seen["over_number_limit"],
            over_pair_limit=seen["over_pair_limit"],
        )
        for seen in observer.requests()
    )


def committed(bootstrap: str, group: str, names: TopicNames, slots: int) -> dict[_Partition, int]:
    """The group's committed offsets of what it reads; nothing for partitions without one."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0})
    try:
        topics = (*names.commands, names.rerouted_commands)
        asked = [TopicPartition(topic, partition) for topic in topics for partition in range(slots)]
        return {(p.topic, p.partition): p.offset for p in consumer.committed(asked, timeout=30) if p.offset >= 0}
    finally:
        consumer.close()
