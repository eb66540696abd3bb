"""What topics there are, and making those that are missing."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

CALL_TIMEOUT_S: Final = 3.0
CREATE_TIMEOUT_S: Final = 30.0


class TopicSpec(NamedTuple):
    """A topic as it should be; ``config`` has the broker's names for topic properties."""

    name: str
    partitions: int
    config: Mapping[str, str]


class UnreachableError(Exception):
    """No broker answered in time; trying again later makes sense."""


class TopicCreationError(Exception):
    """The brokers refused to make a topic; the message says which and why."""


class TopicAdmin:
    """Calls block, :meth:`partitions` for up to 3 s: use it off the event loop."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._client = AdminClient(dict(config))

    def partitions(self) -> dict[str, int]:
        """Partition count of every topic that this client may see.

        Raises:
            UnreachableError: no broker answered.
        """
        try:
            topics = self._client.list_topics(timeout=CALL_TIMEOUT_S).topics
        except KafkaException as error:
            raise UnreachableError(error.args[0].str()) from error
        return {name: len(topic.partitions) for name, topic in topics.items() if topic.error is None}

    def create(self, specs: Iterable[TopicSpec], replication: int) -> None:
        """Make topics; ``replication`` -1 takes the broker's default.

        Raises:
            TopicCreationError: one was refused; others may have been made.
        """
        new = [
            NewTopic(
                spec.name, num_partitions=spec.partitions, replication_factor=replication, config=dict(spec.config)
            )
            for spec in specs
        ]
        if not new:
            return
        refused = []
        for name, made in self._client.create_topics(new, operation_timeout=CREATE_TIMEOUT_S).items():
            try:
                made.result()
            except KafkaException as error:
                refused.append(f"{name}: {error.args[0].str()}")
        if refused:
            raise TopicCreationError("; ".join(refused))
