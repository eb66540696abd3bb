"""A cluster as one user sees it."""

from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from connector.kafka import cluster
from connector.kafka.cluster import look
from connector.kafka.topics import UnreachableError
from tests.fixtures.broker import CreateTopics


def test_topics_are_seen_with_properties_and_rights(
    kafka_bootstrap: str, create_topics: CreateTopics, topic_prefix: str
) -> None:
    """A missing one is not there; a broker that asks for no rights gives all; an unused group says nothing."""
    topic = f"{topic_prefix}seen"
    create_topics(topic, partitions=3, config={"cleanup.policy": "compact"})
    view = look({"bootstrap.servers": kafka_bootstrap}, [topic, f"{topic_prefix}gone"], f"{topic_prefix}group")
    assert view.brokers >= 1
    assert set(view.topics) == {topic}
    found = view.topics[topic]
    assert (found.partitions, found.replicas, found.in_sync) == (3, 1, 1)
    assert found.config is not None
    assert found.config["cleanup.policy"] == "compact"
    assert found.rights >= {"read", "write", "describe"}
    assert view.group_rights is None or "read" in view.group_rights


def test_a_topic_of_which_nothing_was_told_is_not_missing(
    kafka_bootstrap: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is busy answers late: making the topic would be the wrong advice."""
    late: Future[None] = Future()
    late.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))

    monkeypatch.setattr(AdminClient, "describe_topics", lambda *_, **__: {f"{topic_prefix}late": late})
    with pytest.raises(UnreachableError):
        look({"bootstrap.servers": kafka_bootstrap}, [f"{topic_prefix}late"], "g")


def test_without_a_broker_there_is_no_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told in time."""
    monkeypatch.setattr(cluster, "CALL_TIMEOUT_S", 0.3)
    with pytest.raises(UnreachableError):
        look({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, ["t"], "g")
