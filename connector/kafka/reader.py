"""Reads whole topics without a consumer group: for people who look, not for work that must not be lost."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.kafka.group import READ_AHEAD

METADATA_TIMEOUT_S: Final = 10.0


class TopicReader:
    """Committed records of all partitions of some topics, from the oldest on; used from one thread."""

    def __init__(self, config: Mapping[str, Any], topics: Sequence[str]) -> None:
        self._consumer = Consumer(
            {
                **config,
                "group.id": "unused",  # the client wants one; nothing joins a group or commits
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in topics
                for partition in self._partitions(topic)
            ]
        )

    def read(self, count_max: int, timeout_s: float) -> list[Message]:
        """Up to ``count_max`` records; waits for the first one only."""
        records: list[Message] = []
        wait_s = timeout_s
        while len(records) < count_max and (message := self._consumer.poll(wait_s)) is not None:
            wait_s = 0.0
            if message.error() is None:
                records.append(message)
        return records

    def close(self) -> None:
        """Let go."""
        self._consumer.close()

    def _partitions(self, topic: str) -> list[int]:
        found = self._consumer.list_topics(topic, timeout=METADATA_TIMEOUT_S).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return list(found.partitions)


class PositionedReader:
    """Records from chosen offsets of chosen partitions; no group, no commits; used from one thread.

    Args:
        config: librdkafka properties. The protocol of groups is left out: nothing joins one.
        committed: not those of transactions that are open or were aborted.
    """

    def __init__(self, config: Mapping[str, Any], *, committed: bool = True) -> None:
        self._consumer = Consumer(
            {
                **READ_AHEAD,
                **{name: value for name, value in config.items() if name != "group.protocol"},
                "group.id": "unused",  # the client wants one; nothing joins a group or commits
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed" if committed else "read_uncommitted",
            }
        )
        self._positions: dict[tuple[str, int], int] = {}

    def go(self, topic: str, partition: int, offset: int) -> None:
        """Read this partition from ``offset`` on; a partition that is being read already is read anew from there."""
        self.leave(topic, partition)
        self._consumer.incremental_assign([TopicPartition(topic, partition, offset)])
        self._positions[topic, partition] = offset

    def leave(self, topic: str, partition: int) -> None:
        """Read this partition no more."""
        if self._positions.pop((topic, partition), None) is not None:
            self._consumer.incremental_unassign([TopicPartition(topic, partition)])

    def position(self, topic: str, partition: int) -> int | None:
        """Where reading goes on: everything committed below has been read. None when the partition is not read."""
        return self._positions.get((topic, partition))

    def read(self, count_max: int, timeout_s: float) -> list[Message]:
        """Up to ``count_max`` records; waits for the first one only."""
        records: list[Message] = []
        wait_s = timeout_s
        while len(records) < count_max and self._positions and (message := self._consumer.poll(wait_s)) is not None:
            wait_s = 0.0
            place = (message.topic() or "", message.partition() or 0)
            error, offset = message.error(), message.offset()
            if place not in self._positions or offset is None:
                continue
            if error is None:
                self._positions[place] = offset + 1
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the binding's public name for a local event
                self._positions[place] = max(self._positions[place], offset)
        return records

    def close(self) -> None:
        """Let go."""
        self._consumer.close()
