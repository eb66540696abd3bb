"""Reads whole topics without a consumer group: for people who look, not for work that must not be lost."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

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
