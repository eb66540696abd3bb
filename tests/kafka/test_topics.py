"""Topics as they are, and making those that are missing."""

from collections.abc import Mapping
from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from connector.kafka import topics as topics_module
from connector.kafka.topics import TopicAdmin, TopicCreationError, TopicSpec, UnreachableError
from connector.kafka.transaction import TransactionalProducer
from tests.fixtures.broker import CreateTopics
from tests.kafka.members import CLOCK, PATIENCE_S, Member, Written, fill, unique, until

NOWHERE = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}


@pytest.fixture
def admin(kafka_bootstrap: str) -> TopicAdmin:
    """Of the real broker."""
    return TopicAdmin({"bootstrap.servers": kafka_bootstrap})


def known(admin: TopicAdmin, name: str) -> int:
    """The topic's partition count, once the broker knows that it has it."""
    deadline = CLOCK.monotonic() + PATIENCE_S
    while name not in (found := admin.partitions()):
        assert CLOCK.monotonic() < deadline
    return found[name]


def test_a_topic_is_made_as_it_is_asked_for(kafka_bootstrap: str, admin: TopicAdmin, topic_prefix: str) -> None:
    """Partitions, properties, and the broker's own replication."""
    name = f"{topic_prefix}made"
    admin.create([TopicSpec(name, 5, {"retention.ms": "86400000", "cleanup.policy": "compact"})], -1)
    assert known(admin, name) == 5
    client = AdminClient({"bootstrap.servers": kafka_bootstrap})
    (described,) = client.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
    found = described.result()
    assert (found["retention.ms"].value, found["cleanup.policy"].value) == ("86400000", "compact")


def test_how_long_topics_keep_their_records(admin: TopicAdmin, topic_prefix: str) -> None:
    """In seconds; one that keeps them for ever is left out, one that is not there is an error."""
    day, ever, none = (f"{topic_prefix}{name}" for name in ("day", "ever", "none"))
    admin.create([TopicSpec(day, 1, {"retention.ms": "86400000"}), TopicSpec(ever, 1, {"retention.ms": "-1"})], 1)
    assert (known(admin, day), known(admin, ever)) == (1, 1)
    assert admin.retentions_s([day, ever]) == {day: 86400.0}
    assert admin.retentions_s([]) == {}
    with pytest.raises(KafkaException):
        admin.retentions_s([none])


def test_nothing_is_made_of_nothing(admin: TopicAdmin) -> None:
    """No request, no error."""
    admin.create([], -1)


def test_a_refusal_names_each_topic_and_stops_no_other(admin: TopicAdmin, topic_prefix: str) -> None:
    """One exists, one has a property that there is not: both are named, the third is made."""
    old, odd, new = (f"{topic_prefix}{name}" for name in ("old", "odd", "new"))
    admin.create([TopicSpec(old, 1, {})], 1)
    with pytest.raises(TopicCreationError) as caught:
        admin.create([TopicSpec(old, 1, {}), TopicSpec(odd, 1, {"no.such": "x"}), TopicSpec(new, 2, {})], 1)
    assert old in str(caught.value)
    assert odd in str(caught.value)
    assert new not in str(caught.value)
    assert known(admin, new) == 2


def test_without_a_broker_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an empty one nor an endless wait."""
    monkeypatch.setattr(topics_module, "CALL_TIMEOUT_S", 0.2)
    with pytest.raises(UnreachableError):
        TopicAdmin(NOWHERE).partitions()


def test_positions_are_those_that_a_group_has_committed(
    kafka_bootstrap: str, create_topics: CreateTopics, admin: TopicAdmin, topic_prefix: str
) -> None:
    """Of partitions that it never committed there are none."""
    topic, group = f"{topic_prefix}crm", f"{topic_prefix}group"
    create_topics(topic, partitions=2)
    names = [(topic, 0), (topic, 1)]
    member = Member(kafka_bootstrap, group, [topic], {})
    until(lambda: bool(member.owned), member)
    assert admin.committed(group, names) == {}
    producer = TransactionalProducer({"bootstrap.servers": kafka_bootstrap}, unique("writer"))
    producer.start()
    # Right behind a commit the offset is held by its transaction for a moment: waited for, not taken for none.
    for offset in range(1, 31):
        producer.commit([], [(topic, 1, offset)], member.group.membership())
        assert admin.committed(group, names) == {(topic, 1): offset}
    member.group.close()


def test_a_transaction_that_does_not_end_is_told_apart_from_no_position(
    kafka_bootstrap: str,
    create_topics: CreateTopics,
    admin: TopicAdmin,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that died in the middle of its commit: an error, so that nobody starts at the wrong place."""
    topic, group = f"{topic_prefix}crm", f"{topic_prefix}group"
    create_topics(topic)
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": unique("writer")})
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    member = Member(kafka_bootstrap, group, [topic], {})
    until(lambda: bool(member.owned), member)
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, 7)], member.group.membership(), PATIENCE_S)
    monkeypatch.setattr(topics_module, "OFFSETS_TIMEOUT_S", 0.3)
    with pytest.raises(KafkaException):
        admin.committed(group, [(topic, 0)])
    producer.abort_transaction(PATIENCE_S)
    monkeypatch.undo()
    assert admin.committed(group, [(topic, 0)]) == {}
    member.group.close()


def test_extents_include_what_is_in_the_log(
    kafka_bootstrap: str, create_topics: CreateTopics, admin: TopicAdmin, topic_prefix: str
) -> None:
    """The oldest offset and the next one, of full and of empty partitions; of no partitions nothing is asked."""
    topic = f"{topic_prefix}crm"
    create_topics(topic, partitions=2)
    fill(kafka_bootstrap, topic, 1, 3)
    assert admin.extents([(topic, 0), (topic, 1)]) == {(topic, 0): (0, 3), (topic, 1): (0, 0)}
    assert admin.extents([]) == {}


def test_an_unknown_partition_has_no_extent(admin: TopicAdmin, create_topics: CreateTopics, topic_prefix: str) -> None:
    """It is an error, not an empty partition."""
    topic = f"{topic_prefix}crm"
    create_topics(topic)
    with pytest.raises(KafkaException):
        admin.extents([(topic, 5)])


def test_an_offset_is_found_by_its_time(
    kafka_bootstrap: str, create_topics: CreateTopics, admin: TopicAdmin, topic_prefix: str
) -> None:
    """The first record at or after it; -1 when there is none yet."""
    topic = f"{topic_prefix}crm"
    create_topics(topic)
    producer = TransactionalProducer({"bootstrap.servers": kafka_bootstrap}, unique("writer"))
    producer.start()
    records = [Written(topic, 0, None, b"", (), 1_700_000_000_000 + number * 1000) for number in range(3)]
    producer.commit(records, [], None)
    assert admin.offsets_at([(topic, 0)], 1_700_000_000_500) == {(topic, 0): 1}
    assert admin.offsets_at([(topic, 0)], 1_800_000_000_000) == {(topic, 0): -1}


def test_an_answer_that_never_comes_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that saw its brokers go away kept a worker waiting for ever, whatever time its request was given."""
    monkeypatch.setattr(topics_module, "OFFSETS_TIMEOUT_S", 0.0)
    monkeypatch.setattr(topics_module, "CALL_TIMEOUT_S", 0.01)
    admin = TopicAdmin({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    monkeypatch.setattr(admin, "_client", Silent())
    with pytest.raises(KafkaException, match="_TIMED_OUT"):
        admin.offsets_at([("topic", 0)], 0)


class Silent:
    """Takes every question and answers none."""

    def list_offsets(self, asked: Mapping[TopicPartition, object], **_: object) -> dict[TopicPartition, Future[object]]:
        """Futures of nothing."""
        return {place: Future() for place in asked}
