"""Reads topics for a person, from a chosen point on, over all partitions; no group is joined, nothing committed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import KafkaException, Message

from connector.clock import Clock
from connector.config import Settings
from connector.kafka.reader import PositionedReader
from connector.kafka.topics import TopicAdmin, UnreachableError
from connector.service.startup import client_config

BATCH_MAX: Final = 1000
TURN_S: Final = 0.2
SOON: Final = {"fetch.wait.max.ms": 50}
"""A person waits for the last record; the client would let the broker wait half a second for more."""
QUIET_MAX_S: Final = 30.0
"""Transactions of delivery are open for some milliseconds, that of a dead worker for 10 s."""


class KafkaFault(Exception):  # noqa: N818 - it is told as it is
    """Kafka cannot be read or written; the message says what to do."""


class Tail:
    """Some topics, being read; used from one thread.

    Args:
        settings: how to reach Kafka.
        topics: full names.

    Raises:
        KafkaFault: no broker answers, or a topic is missing.
    """

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        self._admin = TopicAdmin(client_config(settings, {}))
        self._places = partitions_of(self._admin, settings, topics)
        self._reader = PositionedReader({**SOON, **client_config(settings, settings.kafka.consumer)})
        self._ends: dict[tuple[str, int], int] = {}
        self._total = 0

    def from_end(self) -> None:
        """Read what comes from now on."""
        self._begin({place: end for place, (_, end) in self._extents().items()})

    def from_start(self) -> None:
        """Read everything that is kept."""
        self._begin({place: oldest for place, (oldest, _) in self._extents().items()})

    def from_time(self, at_ms: int) -> None:
        """Read what was written at or after a time, Unix milliseconds."""
        extents = self._extents()
        try:
            offsets = self._admin.offsets_at(self._places, at_ms)
        except KafkaException as error:
            raise unanswered(error) from None
        self._begin({p: offsets[p] if offsets[p] >= 0 else end for p, (_, end) in extents.items()})

    @property
    def caught_up(self) -> bool:
        """Whether everything has been read that was there when reading began."""
        return all((self._reader.position(*place) or 0) >= end for place, end in self._ends.items())

    @property
    def total(self) -> int:
        """How many offsets lay ahead when reading began."""
        return self._total

    @property
    def left(self) -> int:
        """How many of them lie ahead still."""
        return sum(max(0, end - (self._reader.position(*place) or 0)) for place, end in self._ends.items())

    def read(self, wait_s: float) -> list[Message]:
        """Records that have come; waits for the first one."""
        return self._reader.read(BATCH_MAX, wait_s)

    def to_the_end(self, clock: Clock) -> Iterator[Message]:
        """Every record that was there when reading began.

        Raises:
            KafkaFault: nothing more came for half a minute.
        """
        until = clock.monotonic() + QUIET_MAX_S
        while not self.caught_up:
            before = self.left
            yield from self.read(TURN_S)
            if self.left < before:
                until = clock.monotonic() + QUIET_MAX_S
            elif clock.monotonic() >= until:
                message = f"nothing more came from Kafka for {QUIET_MAX_S:g} s, with {self.left} records left"
                raise KafkaFault(message)

    def close(self) -> None:
        """Let go."""
        self._reader.close()

    def _extents(self) -> dict[tuple[str, int], tuple[int, int]]:
        try:
            extents = self._admin.extents(self._places)
        except KafkaException as error:
            raise unanswered(error) from None
        self._ends = {place: end for place, (_, end) in extents.items()}
        return extents

    def _begin(self, offsets: Mapping[tuple[str, int], int]) -> None:
        for place, offset in offsets.items():
            self._reader.go(*place, offset)
        self._total = self.left


def partition_counts(admin: TopicAdmin, settings: Settings) -> dict[str, int]:
    """Of every topic that this user may see.

    Raises:
        KafkaFault: no broker answers.
    """
    try:
        return admin.partitions()
    except UnreachableError as error:
        servers = settings.kafka.common["bootstrap.servers"]
        message = f"no broker answered at {servers} ({error}); check kafka.common.bootstrap.servers"
        raise KafkaFault(message) from None


def partitions_of(admin: TopicAdmin, settings: Settings, topics: Iterable[str]) -> list[tuple[str, int]]:
    """Every partition of some topics.

    Raises:
        KafkaFault: no broker answers, or a topic is missing.
    """
    found = partition_counts(admin, settings)
    if missing := sorted(set(topics) - found.keys()):
        message = f"missing topics: {', '.join(missing)}; run `connector topics apply`, or check the right to read them"
        raise KafkaFault(message)
    return [(topic, partition) for topic in topics for partition in range(found[topic])]


def unanswered(error: KafkaException) -> KafkaFault:
    """What is told when a call of the client failed."""
    reason: Any = error.args[0]
    return KafkaFault(f"Kafka did not answer ({reason.str()}); check kafka.common and the rights of this user")
