"""Records and offsets go together or not at all: on a real broker, through aborts, fences and a broker's death."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from confluent_kafka import Consumer, TopicPartition

from connector.kafka import transaction as transaction_module
from connector.kafka.commit_check import CommitCheck, Places
from connector.kafka.transaction import (
    FatalProducerError,
    RecordRefusedError,
    TransactionAbortedError,
    TransactionalProducer,
    UnreachableProducerError,
)
from tests.fixtures.broker import Broker, CreateTopics
from tests.kafka.members import CLOCK, PATIENCE_S, Member, Written, committed_records, unique, until, values


class Site:
    """Two topics, a member of a group that reads the first, and a producer that writes the second."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap = bootstrap
        self.source, self.sink = f"{prefix}source", f"{prefix}sink"
        self.group_id = f"{prefix}group"
        self.transactional_id = f"{prefix}writer"
        self.producer = self.another_producer()
        self.producer.start()
        self.member = Member(bootstrap, self.group_id, [self.source], {})
        until(lambda: bool(self.member.owned), self.member)

    def another_producer(self) -> TransactionalProducer:
        """Of the same id."""
        config = {"bootstrap.servers": self.bootstrap, "log_level": 0}
        return TransactionalProducer(config, self.transactional_id)

    def write(self, value: bytes, offset: int, *, member: object = None) -> None:
        """A transaction with one record and one offset."""
        records = [Written(self.sink, 0, None, value)]
        self.producer.commit(records, [(self.source, 0, offset)], member or self.member.group.membership())

    def offset(self) -> int:
        """What the group has committed, when no transaction is open any more."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group_id, "log_level": 0})
        (found,) = consumer.committed([TopicPartition(self.source, 0)], timeout=PATIENCE_S)
        consumer.close()
        return found.offset


@pytest.fixture
def site(kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str) -> Iterator[Site]:
    """Such a site, ready."""
    create_topics(f"{topic_prefix}source", f"{topic_prefix}sink")
    site = Site(kafka_bootstrap, topic_prefix)
    yield site
    site.member.group.close()


def test_a_record_arrives_as_it_was_handed_over(site: Site) -> None:
    """Headers in order, repeated and without value; its own time, or the time of writing; a tombstone stays one."""
    headers: tuple[tuple[str, bytes | None], ...] = (("a", b"1"), ("a", b"2"), ("none", None), ("empty", b""))
    records = [
        Written(site.sink, 0, b"\xffkey", b"\x00value", headers, 1_600_000_000_123),
        Written(site.sink, 0, None, None),
    ]
    site.producer.commit(records, [], site.member.group.membership())
    first, second = committed_records(site.bootstrap, site.sink, 2)
    assert (first.key(), first.value(), first.headers()) == (b"\xffkey", b"\x00value", list(headers))
    assert first.timestamp()[1] == 1_600_000_000_123
    assert (second.key(), second.value(), second.headers()) == (None, None, None)
    assert abs(second.timestamp()[1] - CLOCK.wall_ms()) < 60_000


def test_an_aborted_transaction_leaves_nothing_and_the_next_one_all(site: Site) -> None:
    """A membership from before a rebalance is refused by the broker: neither record nor offset; then both, once."""
    site.write(b"first", 1)
    membership = site.member.group.membership()
    stranger = Member(site.bootstrap, site.group_id, [site.source], {})
    until(lambda: bool(site.member.revoked), site.member, stranger)
    stranger.group.close()
    until(lambda: bool(site.member.owned), site.member)
    with pytest.raises(TransactionAbortedError):
        site.write(b"refused", 9, member=membership)
    assert site.offset() == 1
    site.write(b"second", 2)
    assert site.offset() == 2
    assert values(committed_records(site.bootstrap, site.sink, 2)) == [b"first", b"second"]


def test_who_was_replaced_writes_nothing_any_more(site: Site) -> None:
    """A newer producer of the same id fences the older one, whose error is final; the newer one goes on."""
    zombie, site.producer = site.producer, site.another_producer()
    site.producer.start()
    with pytest.raises(FatalProducerError):
        zombie.commit([Written(site.sink, 0, None, b"late")], [], site.member.group.membership())
    with pytest.raises(FatalProducerError):
        zombie.commit([Written(site.sink, 0, None, b"later")], [], site.member.group.membership())
    zombie.close()
    site.write(b"ours", 3)
    assert values(committed_records(site.bootstrap, site.sink, 1)) == [b"ours"]
    assert site.offset() == 3


def test_a_record_that_is_too_large_is_named(site: Site) -> None:
    """Nothing of its transaction is seen; the place of the record is told, and the next transaction works."""
    records = [Written(site.sink, 0, None, value) for value in (b"small", bytes(1_100_000), b"small too")]
    with pytest.raises(RecordRefusedError) as caught:
        site.producer.commit(records, [(site.source, 0, 7)], site.member.group.membership())
    assert caught.value.index == 1
    site.write(b"next", 8)
    assert values(committed_records(site.bootstrap, site.sink, 1)) == [b"next"]
    assert site.offset() == 8


def test_promises_are_not_configurable(site: Site) -> None:
    """Whoever configures the producer cannot take its guarantees away, nor its timeout."""
    config = {
        "bootstrap.servers": site.bootstrap,
        "enable.idempotence": False,
        "acks": 0,
        "transactional.id": "another",
        "transaction.timeout.ms": 900_000,
    }
    producer = TransactionalProducer(config, unique("writer"))
    producer.start()
    producer.commit([Written(site.sink, 0, None, b"safe")], [], site.member.group.membership())
    assert values(committed_records(site.bootstrap, site.sink, 1)) == [b"safe"]


def test_without_a_broker_the_start_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no fault of ours."""
    monkeypatch.setattr(transaction_module, "CALL_TIMEOUT_S", 0.2)
    producer = TransactionalProducer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, unique("writer"))
    for _ in range(2):
        with pytest.raises(UnreachableProducerError):
            producer.start()


def test_a_call_that_never_returns_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that waits on would be alive and do nothing: it ends, and another one takes over."""
    monkeypatch.setattr(transaction_module, "HANGS_AFTER_S", 0.05)
    never = threading.Event()
    with pytest.raises(FatalProducerError):
        transaction_module._returning(never.wait)  # type: ignore[arg-type]
    never.set()


def test_a_call_that_fails_fails_as_it_did() -> None:
    """Also from the thread that it runs on."""
    error = ValueError("planted")

    def fail() -> None:
        raise error

    with pytest.raises(ValueError, match="planted") as caught:
        transaction_module._returning(fail)
    assert caught.value is error


ENDS_AFTER_S: Final = 60.0


def crash(broker: Broker) -> None:
    """End it without a word, and start it again."""
    broker.kill()
    broker.start()


@pytest.mark.alone
def test_a_broker_that_dies_in_between_costs_nothing(kafka_broker: Broker, site: Site) -> None:
    """Killed and started again under transactions: each call ends, and what is committed is whole, record and offset.

    When the broker was away for longer than a transaction may last, the producer is fenced: final, and told so. When
    the broker has lost what it had committed, that is told too.
    """
    written = 0

    def write(count: int) -> None:
        nonlocal written
        deadline, wanted = CLOCK.monotonic() + ENDS_AFTER_S, written + count
        while written < wanted:
            assert CLOCK.monotonic() < deadline
            site.member.read()
            try:
                site.write(b"%d" % written, written + 1)
            except TransactionAbortedError as error:
                written -= error.undone
            else:
                written += 1

    write(5)
    with ThreadPoolExecutor(1) as aside:
        restarted = aside.submit(crash, kafka_broker)
        try:
            write(50)
        except FatalProducerError:
            restarted.result()
            site.producer = site.another_producer()
            site.producer.start()
            written = max(0, site.offset())
            write(5)
        restarted.result()
    found = values(committed_records(site.bootstrap, site.sink, written))
    assert found == [b"%d" % number for number in range(written)]
    assert site.offset() == written


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_abort_tells_whether_the_commit_before_it_is_lost(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, is_lost: bool
) -> None:
    """Asked once for each commit that was found lost: the places of its last records."""
    asked, told = list[Places](), list[bool]()

    def look(_: object, places: Places) -> bool:
        asked.append(places)
        return is_lost

    monkeypatch.setattr(CommitCheck, "undone", look)
    site.producer.commit([Written(site.sink, 0, None, b"a"), Written(site.sink, 0, None, b"b")], [], None)
    for _ in range(2):
        with pytest.raises(TransactionAbortedError) as caught:
            site.producer.commit([Written(site.sink, 0, None, bytes(1_100_000))], [], None)
        told.append(caught.value.undone)
    assert asked == [{(site.sink, 0): 1}] * (1 if is_lost else 2)
    assert told == [is_lost, False]


@pytest.mark.parametrize(
    ("limits", "value", "timestamp_ms", "for_its_time"),
    [
        ({"max.message.bytes": "2000"}, bytes(5000), 0, False),
        ({"cleanup.policy": "compact"}, b"without a key", 0, False),
        ({"message.timestamp.before.max.ms": "60000"}, b"old", 1_000_000_000_000, True),
    ],
    ids=["size", "key", "time"],
)
def test_a_record_that_the_broker_refuses_is_named(
    site: Site,
    create_topics: CreateTopics,
    *,
    limits: dict[str, str],
    value: bytes,
    timestamp_ms: int,
    for_its_time: bool,
) -> None:
    """A topic's own limits are known to the broker alone: what they refuse is told apart from what may be repeated."""
    narrow = unique("narrow")
    create_topics(narrow, config=limits)
    records = [Written(site.sink, 0, None, b"fine"), Written(narrow, 0, None, value, timestamp_ms=timestamp_ms)]
    with pytest.raises(RecordRefusedError) as caught:
        site.producer.commit(records, [(site.source, 0, 7)], site.member.group.membership())
    assert (caught.value.index, caught.value.for_its_time) == (1, for_its_time)
    site.write(b"next", 8)
    assert values(committed_records(site.bootstrap, site.sink, 1)) == [b"next"]
