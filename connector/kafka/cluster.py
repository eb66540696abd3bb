"""One look at a cluster: its brokers, topics as they are, and what this user may do with them."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from connector.kafka.topics import UnreachableError

CALL_TIMEOUT_S: Final = 5.0
_MISSING: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED})


class TopicView(NamedTuple):
    """A topic as it is.

    Attributes:
        partitions: how many.
        replicas: of the partition that has fewest.
        in_sync: likewise, those that are in sync.
        config: the broker's names for topic properties; None when this user may not read them.
        rights: what this user may do: ``read``, ``write``, ``describe`` and others.
    """

    partitions: int
    replicas: int
    in_sync: int
    config: Mapping[str, str] | None
    rights: frozenset[str]


class ClusterView(NamedTuple):
    """A cluster as this user sees it; a topic that is missing, or hidden, is not in ``topics``.

    ``group_rights`` is None when the group has never been used: then nothing can be said.
    """

    brokers: int
    topics: Mapping[str, TopicView]
    group_rights: frozenset[str] | None


def look(config: Mapping[str, Any], topics: Iterable[str], group_id: str) -> ClusterView:
    """The cluster now; blocks, some seconds at worst.

    Raises:
        UnreachableError: no broker answered, or not about each of the topics.
    """
    client = AdminClient(dict(config))
    names = list(topics)
    try:
        cluster = client.describe_cluster(request_timeout=CALL_TIMEOUT_S).result()
        described = client.describe_topics(
            TopicCollection(names), include_authorized_operations=True, request_timeout=CALL_TIMEOUT_S
        )
    except KafkaException as error:
        raise UnreachableError(error.args[0].str()) from error
    found = {name: topic for name, answer in described.items() if (topic := _described(answer)) is not None}
    configs = _configs(client, found)
    views = {name: _view(topic, configs.get(name)) for name, topic in found.items()}
    return ClusterView(len(cluster.nodes), views, _group_rights(client, group_id))


def _described(answer: Future[Any]) -> Any | None:
    """The topic; None when it is missing or hidden.

    Raises:
        UnreachableError: nobody knows which.
    """
    error = answer.exception()
    if error is None:
        return answer.result()
    reason = error.args[0]
    if reason.code() in _MISSING:
        return None
    raise UnreachableError(reason.str()) from error


def _view(topic: Any, config: Mapping[str, str] | None) -> TopicView:
    return TopicView(
        partitions=len(topic.partitions),
        replicas=min((len(partition.replicas) for partition in topic.partitions), default=0),
        in_sync=min((len(partition.isr) for partition in topic.partitions), default=0),
        config=config,
        rights=_rights(topic.authorized_operations),
    )


def _configs(client: AdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    answers = client.describe_configs(resources, request_timeout=CALL_TIMEOUT_S) if resources else {}
    return {
        resource.name: {name: entry.value for name, entry in answer.result().items() if entry.value is not None}
        for resource, answer in answers.items()
        if answer.exception() is None
    }


def _group_rights(client: AdminClient, group_id: str) -> frozenset[str] | None:
    (answer,) = client.describe_consumer_groups(
        [group_id], include_authorized_operations=True, request_timeout=CALL_TIMEOUT_S
    ).values()
    error = answer.exception()
    if error is None:
        return _rights(answer.result().authorized_operations)
    return frozenset() if error.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED else None


def _rights(operations: Iterable[Any] | None) -> frozenset[str]:
    return frozenset(operation.name.lower() for operation in operations or ())
