"""One member of a consumer group, on one thread, under both group protocols."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, Message, TopicPartition

READ_AHEAD: Final = {"queued.min.messages": 2000, "queued.max.messages.kbytes": 2048, "fetch.queue.backoff.ms": 10}
"""What a client fetches before it is asked for: two seconds at full speed. By default it would be 64 MiB a partition,
and a worker's memory would grow with its backlog by that. Once that much is there the client looks again after the
third figure; its own second is a second in which a number at full speed has nothing to send."""

Partitions = frozenset[tuple[str, int]]

SESSION_MIN_POLL_MS: Final = 300_000
_NOT_ALLOWED: Final = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED})


class FatalConsumerError(Exception):
    """The consumer can never read again; the message tells why."""


class GroupConsumer:
    """All methods, and the callbacks from within :meth:`read`, belong to the thread that made it.

    ``config`` has librdkafka's names; ours that guarantee something win. ``range`` assignment gives equal partition
    numbers of topics with equal counts to one member.
    """

    def __init__(self, config: Mapping[str, Any], group_id: str, session_timeout_s: float) -> None:
        self._incremental = config.get("group.protocol") == "consumer"
        protocol: dict[str, Any] = (
            {"group.remote.assignor": "range"}
            if self._incremental
            else {"partition.assignment.strategy": "range", "session.timeout.ms": int(session_timeout_s * 1000)}
        )
        self._consumer = Consumer(
            {
                "max.poll.interval.ms": max(SESSION_MIN_POLL_MS, int(session_timeout_s * 2000)),
                **READ_AHEAD,
                **config,
                **protocol,
                "group.id": group_id,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        self._batch: list[Message] = []
        self._paused: set[tuple[str, int]] = set()
        self._assigned: set[tuple[str, int]] = set()

    def join(
        self,
        topics: Sequence[str],
        on_assigned: Callable[[Partitions], None],
        on_revoked: Callable[[Partitions], None],
        on_lost: Callable[[Partitions], None],
    ) -> None:
        """Subscribe; the callbacks get the partitions that came or are about to go."""

        def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
            for partition in partitions:
                partition.offset = OFFSET_INVALID
            if self._incremental:
                self._consumer.incremental_assign(partitions)
            else:
                self._consumer.assign(partitions)
            self._assigned |= _names(partitions)
            on_assigned(_names(partitions))

        def revoked(_: Consumer, partitions: list[TopicPartition]) -> None:
            on_revoked(_names(partitions))
            self._gone(partitions)

        def lost(_: Consumer, partitions: list[TopicPartition]) -> None:
            on_lost(_names(partitions))
            self._gone(partitions)

        self._consumer.subscribe(list(topics), on_assign=assigned, on_revoke=revoked, on_lost=lost)

    def read(self, count_max: int, timeout_s: float) -> list[Message]:
        """Records in the order of their partitions; serves the callbacks.

        One by one, not in the client's own batches: a callback then lies between two records, never beside them, and
        what was read of a partition that goes is dropped here instead of being taken for the next owner's.

        Raises:
            FatalConsumerError: reading is over for good.
        """
        self._batch = []
        wait_s = timeout_s
        while len(self._batch) < count_max and (message := self._consumer.poll(wait_s)) is not None:
            wait_s = 0.0
            error = message.error()
            if error is None:
                self._batch.append(message)
            elif error.fatal() or error.code() in _NOT_ALLOWED:
                raise FatalConsumerError(error.str())
        return self._batch

    def pause(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Make exactly these of the assigned partitions rest."""
        wanted = set(partitions) & self._assigned
        if pause := wanted - self._paused:
            self._consumer.pause([TopicPartition(*name) for name in pause])
        if resume := (self._paused - wanted) & self._assigned:
            self._consumer.resume([TopicPartition(*name) for name in resume])
        self._paused = wanted

    def membership(self) -> object:
        """Proof of membership for a transaction, as it is now."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Leave the group; the partitions are free at once."""
        self._consumer.close()

    def _gone(self, partitions: list[TopicPartition]) -> None:
        names = _names(partitions)
        self._batch = [record for record in self._batch if (record.topic(), record.partition()) not in names]
        self._assigned -= names
        self._paused -= names
        if self._incremental:
            self._consumer.incremental_unassign(partitions)
        else:
            self._consumer.unassign()


def _names(partitions: list[TopicPartition]) -> Partitions:
    return frozenset((partition.topic, partition.partition) for partition in partitions)
