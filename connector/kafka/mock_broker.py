"""librdkafka's own mock cluster as an embedded broker: for the demo and for quick tests, never as proof.

It keeps everything in memory, stores no offsets that are sent to a transaction, and shows aborted records to readers of
committed ones (librdkafka 2.16, measured). Topics come into being when they are named.
"""

from collections.abc import Iterable
from typing import Final

from confluent_kafka import Producer

PARTITIONS: Final = 4
"""Of every topic: the mock cluster's own figure, which its public API cannot change."""

METADATA_TIMEOUT_S: Final = 10.0


class MockBroker:
    """Lives as long as this object; other clients and processes may connect to :attr:`bootstrap`."""

    def __init__(self) -> None:
        # The servers named here are never asked: the mock cluster replaces them.
        self._owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock:1", "log_level": 0})
        brokers = self._owner.list_topics(timeout=METADATA_TIMEOUT_S).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def create(self, topics: Iterable[str]) -> None:
        """Make topics, of :data:`PARTITIONS` partitions each."""
        for topic in topics:
            self._owner.list_topics(topic, timeout=METADATA_TIMEOUT_S)
