"""What topics there are, and making those that are missing."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

CALL_TIMEOUT_S: Final = 3.0
CREATE_TIMEOUT_S: Final = 30.0
OFFSETS_TIMEOUT_S: Final = 5.0
"""Of one try. A transaction that a dead worker left open is aborted after 10 s: two or three tries then."""

STABLE_PAUSE_S: Final = 0.05
"""Between two questions for offsets that a transaction still holds: most end within some milliseconds."""

EARLIEST: Final[OffsetSpec] = OffsetSpec.earliest()  # type: ignore[no-untyped-call] # the binding has no types here
LATEST: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call] # see above


T = TypeVar("T")


class TopicSpec(NamedTuple):
    """A topic as it should be; ``config`` has the broker's names for topic properties."""

    name: str
    partitions: int
    config: Mapping[str, str]


class UnreachableError(Exception):
    """No broker answered in time; trying again later makes sense."""


class TopicCreationError(Exception):
    """The brokers refused to make a topic; the message says which and why."""


def _told(answer: Future[T]) -> T:
    """What the brokers said.

    Raises:
        KafkaException: they refused, or nothing came. A client that saw its brokers go away may never answer, whatever
            time it was given (librdkafka issue 5511): such a one is to be left behind.
    """
    try:
        return answer.result(OFFSETS_TIMEOUT_S + CALL_TIMEOUT_S)
    except TimeoutError:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from None  # noqa: SLF001 - the binding's public name


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

    def retentions_s(self, topics: Iterable[str]) -> dict[str, float]:
        """How many seconds each topic keeps its records; without those that keep them for ever.

        Raises:
            KafkaException: no answer in time, a topic that is not there, or no right to see its configuration.
        """
        asked = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
        answers = self._client.describe_configs(asked, request_timeout=OFFSETS_TIMEOUT_S) if asked else {}
        milliseconds = {asked.name: int(_told(answer)["retention.ms"].value) for asked, answer in answers.items()}
        return {topic: value / 1000 for topic, value in milliseconds.items() if value >= 0}

    def committed(self, group_id: str, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The group's committed positions, those in open transactions waited for; without the never committed ones.

        Raises:
            KafkaException: no answer in time; with a transaction still open this may be worth another try.
        """
        names = list(partitions)
        for _ in range(round(OFFSETS_TIMEOUT_S / STABLE_PAUSE_S)):
            places = self._stored(group_id, names)
            if not (errors := [place.error for place in places if place.error is not None]):
                return {(place.topic, place.partition): place.offset for place in places if place.offset >= 0}
            # The client waits for no transaction: it gives an error, and no offset, of each partition that is held.
            if any(error.code() != KafkaError.UNSTABLE_OFFSET_COMMIT for error in errors):
                break
            time.sleep(STABLE_PAUSE_S)
        raise KafkaException(errors[0])

    def _stored(self, group_id: str, names: list[tuple[str, int]]) -> list[TopicPartition]:
        asked = ConsumerGroupTopicPartitions(group_id, [TopicPartition(*name) for name in names])
        (answer,) = self._client.list_consumer_group_offsets(
            [asked], require_stable=True, request_timeout=OFFSETS_TIMEOUT_S
        ).values()
        return list(_told(answer).topic_partitions)

    def extents(
        self, partitions: Iterable[tuple[str, int]], *, committed: bool = False
    ) -> dict[tuple[str, int], tuple[int, int]]:
        """Of each partition the oldest offset, and the next one to be written, those in open transactions included.

        ``committed``: up to the first record of a transaction that is still open.

        Raises:
            KafkaException: no answer in time.
        """
        names = list(partitions)
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        oldest, newest = self._offsets(names, EARLIEST), self._offsets(names, LATEST, level)
        return {name: (oldest[name], newest[name]) for name in names}

    def offsets_at(self, partitions: Iterable[tuple[str, int]], at_ms: int) -> dict[tuple[str, int], int]:
        """Of each partition the first offset at or after a time in Unix milliseconds; -1 when there is none yet.

        Raises:
            KafkaException: no answer in time.
        """
        return self._offsets(list(partitions), OffsetSpec.for_timestamp(at_ms))

    def _offsets(
        self,
        names: list[tuple[str, int]],
        spec: OffsetSpec,
        level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[tuple[str, int], int]:
        asked = {TopicPartition(*name): spec for name in names}
        answers = (
            self._client.list_offsets(asked, isolation_level=level, request_timeout=OFFSETS_TIMEOUT_S) if asked else {}
        )
        return {(place.topic, place.partition): _told(answer).offset for place, answer in answers.items()}

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
