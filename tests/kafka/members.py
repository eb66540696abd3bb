"""Members of a group on a real broker, and what the tests of the Kafka ports read and write around them."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from connector.clock import SystemClock
from connector.kafka.group import GroupConsumer, Partitions

CLOCK: Final = SystemClock()
PATIENCE_S: Final = 40.0
SESSION_S: Final = 6.0
PROTOCOLS: Final[dict[str, dict[str, Any]]] = {"classic": {}, "consumer": {"group.protocol": "consumer"}}


class Written(NamedTuple):
    """A record to be written."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_ms: int = 0


class Member:
    """A member that writes down what happens to it; ``on_revoked`` is called while it still owns what goes."""

    def __init__(self, bootstrap: str, group_id: str, topics: list[str], config: dict[str, Any]) -> None:
        self.group = GroupConsumer({"bootstrap.servers": bootstrap, **config}, group_id, SESSION_S)
        self.owned: set[tuple[str, int]] = set()
        self.revoked: list[Partitions] = []
        self.on_revoked: Callable[[Partitions], None] = lambda _: None
        self.records: list[Message] = []
        self.group.join(topics, self._assigned, self._revoked, self._lost)

    def read(self) -> list[Message]:
        """One turn."""
        records = self.group.read(100, 0.1)
        self.records += records
        return records

    def places(self) -> list[tuple[str, int, int]]:
        """Topic, partition and offset of all that was read."""
        return [place_of(message) for message in self.records]

    def _assigned(self, partitions: Partitions) -> None:
        self.owned |= partitions

    def _revoked(self, partitions: Partitions) -> None:
        self.on_revoked(partitions)
        self.revoked.append(partitions)
        self.owned -= partitions

    def _lost(self, partitions: Partitions) -> None:
        self.owned -= partitions


def place_of(message: Message) -> tuple[str, int, int]:
    """Topic, partition and offset."""
    return message.topic() or "", message.partition() or 0, message.offset() or 0


def until(satisfied: Callable[[], bool], *members: Member) -> None:
    """Let members take their turns until it is so; fails when it takes too long."""
    deadline = CLOCK.monotonic() + PATIENCE_S
    while not satisfied():
        assert CLOCK.monotonic() < deadline, [sorted(member.owned) for member in members]
        for member in members:
            member.read()


def unique(prefix: str) -> str:
    """A name that nobody else has."""
    return f"{prefix}{uuid.uuid4().hex[:8]}"


def fill(bootstrap: str, topic: str, partitions: int, each: int) -> set[tuple[str, int, int]]:
    """So many records into each partition; their places."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for partition in range(partitions):
        for number in range(each):
            producer.produce(topic, b"%d" % number, partition=partition)
    assert producer.flush(PATIENCE_S) == 0
    return {(topic, partition, number) for partition in range(partitions) for number in range(each)}


def committed_records(bootstrap: str, topic: str, wanted: int) -> list[Message]:
    """The committed records of partition 0, up to the end of it; fails when there are fewer than wanted."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": unique("reader"),
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[Message] = []
    deadline = CLOCK.monotonic() + PATIENCE_S
    at_end = False
    while not (at_end and len(found) >= wanted):
        assert CLOCK.monotonic() < deadline, len(found)
        message = consumer.poll(1.0)
        at_end = message is not None and message.error() is not None
        if message is not None and message.error() is None:
            found.append(message)
    consumer.close()
    return found


def values(messages: Iterable[Message]) -> list[bytes | None]:
    """Their values."""
    return [message.value() for message in messages]
