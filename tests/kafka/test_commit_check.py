"""Whether readers of committed records see what was committed: on a real broker."""

from typing import Any

import pytest
from confluent_kafka import Message, Producer

from connector.kafka import commit_check
from connector.kafka.commit_check import CommitCheck, Places
from tests.fixtures.broker import CreateTopics
from tests.kafka.members import PATIENCE_S, unique


class Writer:
    """Transactions whose end is chosen; ``places`` has the last record of each partition of the last one."""

    def __init__(self, bootstrap: str) -> None:
        self.config: dict[str, Any] = {"bootstrap.servers": bootstrap}
        self._producer = Producer({**self.config, "transactional.id": unique("writer"), "linger.ms": 0})
        self._producer.init_transactions(PATIENCE_S)
        self.places: Places = {}

    def write(self, topic: str, partitions: range) -> None:
        """One record into each of them; the transaction stays open."""
        self.places = {}
        self._producer.begin_transaction()
        for partition in partitions:
            self._producer.produce(topic, b"value", partition=partition, on_delivery=self._written)
        assert self._producer.flush(PATIENCE_S) == 0

    def commit(self) -> None:
        """What was written is to be seen."""
        self._producer.commit_transaction(PATIENCE_S)

    def abort(self) -> None:
        """What was written is not to be seen."""
        self._producer.abort_transaction(PATIENCE_S)

    def _written(self, error: object, message: Message) -> None:
        assert error is None
        self.places[message.topic() or "", message.partition() or 0] = message.offset() or 0


@pytest.fixture
def topic(create_topics: CreateTopics, topic_prefix: str) -> str:
    """Of three partitions."""
    create_topics(f"{topic_prefix}sink", partitions=3)
    return f"{topic_prefix}sink"


@pytest.fixture
def writer(kafka_bootstrap: str) -> Writer:
    """A new one."""
    return Writer(kafka_bootstrap)


def test_what_is_seen_is_not_undone(writer: Writer, topic: str) -> None:
    """Whatever was aborted behind it, or in front of it."""
    writer.write(topic, range(3))
    writer.abort()
    writer.write(topic, range(3))
    writer.commit()
    places = writer.places
    writer.write(topic, range(2))
    writer.abort()
    assert not CommitCheck(writer.config).undone(places)


def test_what_an_abort_took_away_is_undone(writer: Writer, topic: str) -> None:
    """Even if it is so for one partition only, at its end or in the middle."""
    writer.write(topic, range(3))
    writer.commit()
    seen = writer.places
    writer.write(topic, range(1))
    writer.abort()
    gone = writer.places
    assert CommitCheck(writer.config).undone(seen | gone)
    writer.write(topic, range(1))
    writer.commit()
    assert CommitCheck(writer.config).undone(gone)


def test_what_nobody_knows_yet_is_not_undone(writer: Writer, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction without markers is decided by the next one."""
    monkeypatch.setattr(commit_check, "UNDECIDED_S", 0.5)
    writer.write(topic, range(1))
    assert not CommitCheck(writer.config).undone(writer.places)
    writer.abort()
    monkeypatch.undo()
    assert CommitCheck(writer.config).undone(writer.places)


def test_nothing_is_undone_where_nothing_was_written(writer: Writer) -> None:
    """Without a place there is nothing to look at."""
    assert not CommitCheck(writer.config).undone({})
