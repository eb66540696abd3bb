"""Topics as a person reads them, on a real broker."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Producer

from connector.clock import SystemClock
from connector.config import Settings, settle
from connector.operations.tail import Tail
from tests.fixtures.broker import CreateTopics

CLOCK = SystemClock()
NEW_MS = CLOCK.wall_ms()
OLD_MS = NEW_MS - 60_000


@pytest.fixture
def topic(kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str) -> str:
    """With two old records and a new one."""
    name = f"{topic_prefix}read"
    create_topics(name)
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    for value, at_ms in ((b"1", OLD_MS), (b"2", OLD_MS), (b"3", NEW_MS)):
        producer.produce(name, value, partition=0, timestamp=at_ms)
    assert producer.flush(30) == 0
    return name


@pytest.fixture
def tail(kafka_bootstrap: str, topic: str) -> Iterator[Tail]:
    """Of that topic."""
    settings: Settings = settle({"kafka": {"common": {"bootstrap.servers": kafka_bootstrap}}}, [])
    with closing(Tail(settings, [topic])) as made:
        yield made


def test_total_is_what_lay_ahead_when_reading_began(tail: Tail) -> None:
    """From the start, from a time, from the end."""
    tail.from_start()
    assert (tail.total, tail.left) == (3, 3)
    assert [message.value() for message in tail.to_the_end(CLOCK)] == [b"1", b"2", b"3"]
    assert (tail.total, tail.left) == (3, 0)
    tail.from_time(NEW_MS)
    assert (tail.total, tail.left) == (1, 1)
    tail.from_end()
    assert (tail.total, tail.left) == (0, 0)
