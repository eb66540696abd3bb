"""A member of a consumer group, on a real broker and under both group protocols."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from connector.kafka.group import Partitions
from connector.kafka.transaction import TransactionalProducer
from tests.fixtures.broker import CreateTopics
from tests.kafka.members import PROTOCOLS, Member, fill, place_of, unique, until

SLOTS = 4

Join = Callable[..., Member]


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The properties of each protocol."""
    return PROTOCOLS[request.param]


@pytest.fixture
def join(kafka_bootstrap: str, topic_prefix: str, protocol: dict[str, Any]) -> Iterator[Join]:
    """Makes members of one group; those that are left at the end leave it."""
    members: list[Member] = []

    def make(*topics: str, **config: Any) -> Member:
        members.append(Member(kafka_bootstrap, f"{topic_prefix}group", list(topics), protocol | config))
        return members[-1]

    yield make
    for member in members:
        member.group.close()


def committing(member: Member, bootstrap: str) -> Member:
    """The member commits what it has read of a partition before it goes."""
    producer = TransactionalProducer({"bootstrap.servers": bootstrap}, unique("writer"))
    producer.start()
    member.on_revoked = lambda partitions: producer.commit(
        [], next_offsets(member.places(), partitions), member.group.membership()
    )
    return member


def next_offsets(places: list[tuple[str, int, int]], of: Partitions) -> list[tuple[str, int, int]]:
    """What is to be committed of these partitions when all that was read of them is settled."""
    ends: dict[tuple[str, int], int] = {}
    for topic, partition, offset in places:
        if (topic, partition) in of:
            ends[topic, partition] = max(offset + 1, ends.get((topic, partition), 0))
    return [(*name, offset) for name, offset in ends.items()]


def test_members_share_slots_and_repeat_nothing(
    kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str, join: Join
) -> None:
    """Equal partition numbers of both topics belong to one member; what it has committed, nobody reads again.

    All in one course, for each rebalance takes seconds: one member, two, and one again.
    """
    crm, marketing = f"{topic_prefix}crm", f"{topic_prefix}marketing"
    create_topics(crm, marketing, partitions=SLOTS)
    written = fill(kafka_bootstrap, crm, SLOTS, 30) | fill(kafka_bootstrap, marketing, SLOTS, 30)
    first = committing(join(crm, marketing), kafka_bootstrap)
    until(lambda: len(first.records) == len(written), first)
    assert len(first.owned) == 2 * SLOTS
    assert set(first.places()) == written

    second = committing(join(crm, marketing), kafka_bootstrap)
    until(lambda: len(first.owned) == len(second.owned) == SLOTS, first, second)
    for member in (first, second):
        slots = {partition for _, partition in member.owned}
        assert member.owned == {(topic, slot) for topic in (crm, marketing) for slot in slots}
    assert not first.owned & second.owned

    written |= {(topic, slot, offset + 30) for topic, slot, offset in fill(kafka_bootstrap, crm, SLOTS, 10)}
    read = len(first.records)
    until(lambda: len(first.records) - read + len(second.records) >= 10 * SLOTS, first, second)
    assert sorted(first.places() + second.places()) == sorted(written)

    # The first one leaves: what it has, the second one gets at once, and nothing of what was committed again.
    first.group.close()
    until(lambda: len(second.owned) == 2 * SLOTS, second)
    fresh = {(topic, slot, offset + 40) for topic, slot, offset in fill(kafka_bootstrap, crm, SLOTS, 1)}
    until(lambda: fresh <= set(second.places()), second)
    assert sorted(first.places() + second.places()) == sorted(written | fresh)


def test_what_was_read_of_a_partition_that_goes_is_dropped(
    kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str, join: Join
) -> None:
    """A turn in which a partition goes gives nothing of it: its records belong to the next owner."""
    topic = f"{topic_prefix}crm"
    create_topics(topic, partitions=SLOTS)
    fill(kafka_bootstrap, topic, SLOTS, 500)
    first = join(topic)
    until(lambda: bool(first.owned), first)
    second = join(topic)
    gone: set[tuple[str, int]] = set()
    first.on_revoked = gone.update
    while not first.revoked:
        turn = first.group.read(100, 0.1)
        second.read()
        assert not {place_of(message)[:2] for message in turn} & gone


def test_a_member_reads_what_is_committed(
    kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str, join: Join
) -> None:
    """From the oldest record on; what an aborted transaction has left is not seen."""
    topic = f"{topic_prefix}crm"
    create_topics(topic)
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": unique("writer")})
    producer.init_transactions(30.0)
    for value, end in ((b"aborted", producer.abort_transaction), (b"kept", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(30.0)
        end(30.0)
    member = join(topic)
    until(lambda: bool(member.records), member)
    assert [message.value() for message in member.records] == [b"kept"]


def test_a_partition_rests_exactly_as_long_as_it_is_told_to(
    kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str, join: Join
) -> None:
    """A paused one gives nothing, the others go on; resumed, it goes on where it was, and loses nothing."""
    topic = f"{topic_prefix}crm"
    create_topics(topic, partitions=2)
    member = join(topic)
    until(lambda: len(member.owned) == 2, member)
    member.group.pause([(topic, 0), ("not ours", 7)])
    written = fill(kafka_bootstrap, topic, 2, 50)
    until(lambda: len(member.records) == 50, member)
    assert {partition for _, partition, _ in member.places()} == {1}
    member.group.pause([])
    until(lambda: len(member.records) == 100, member)
    assert set(member.places()) == written


def test_promises_are_not_configurable(kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str) -> None:
    """Offsets are committed by transactions only, and only what is committed is read, whatever somebody configures."""
    topic = f"{topic_prefix}crm"
    create_topics(topic)
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": unique("writer")})
    producer.init_transactions(30.0)
    producer.begin_transaction()
    producer.produce(topic, b"aborted")
    producer.flush(30.0)
    producer.abort_transaction(30.0)
    fill(kafka_bootstrap, topic, 1, 1)
    config = {
        "enable.auto.commit": True,
        "enable.auto.offset.store": True,
        "auto.offset.reset": "latest",
        "isolation.level": "read_uncommitted",
        "group.id": "another",
    }
    for _ in range(2):
        member = Member(kafka_bootstrap, f"{topic_prefix}group", [topic], config)
        until(lambda: bool(member.records), member)  # noqa: B023 - called here and now
        assert [message.value() for message in member.records] == [b"0"]
        member.group.close()
