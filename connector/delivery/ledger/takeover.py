"""Reads back what earlier owners of a slot have committed: states, settled identities, recent sends.

Only committed records count, up to an end that is fixed when reading starts. A transaction that a dead worker left open
holds the end back until the broker has aborted it (10 s at most), so nothing that may still be committed is missed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import KafkaException

from connector.clock import Clock
from connector.delivery.backlog import Partition
from connector.delivery.command import Source, pair_of
from connector.delivery.identities import WINDOW_COUNT, WINDOW_S, Identities
from connector.delivery.ledger.states import SlotStates
from connector.kafka.reader import PositionedReader
from connector.records.codec import Codec
from connector.whatsapp.limits import PAIR_BURST, PAIR_INTERVAL_S

log = structlog.get_logger()

READ_MAX: Final = 1000
READ_WAIT_S: Final = 0.5
PAIR_MEMORY_MS: Final = int((PAIR_BURST * PAIR_INTERVAL_S + PAIR_INTERVAL_S) * 1000)
"""A full burst is paid back after so long; older sends owe nothing."""


@dataclass(slots=True)
class RecentSend:
    """A message that Meta accepted a short while ago; ``at_ms`` in Unix milliseconds."""

    phone_number_id: str
    recipient: str
    at_ms: int


@dataclass(slots=True)
class History:
    """Of one slot."""

    slot: int
    states: SlotStates = field(default_factory=SlotStates)
    identities: Identities = field(default_factory=Identities)
    recent_sends: list[RecentSend] = field(default_factory=list)
    positions: dict[Partition, int] = field(default_factory=dict)
    """Where the live stream of each partition begins; one that was never committed is not among them."""
    outcomes_read: int = 0


class Log(Protocol):
    """What is asked of the brokers about offsets; see :class:`connector.kafka.topics.TopicAdmin`."""

    def committed(self, group_id: str, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Committed positions of a group, open transactions waited for."""
        ...

    def extents(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """Oldest and next offset of each partition."""
        ...

    def offsets_at(self, partitions: Iterable[tuple[str, int]], at_ms: int) -> dict[tuple[str, int], int]:
        """First offset of each partition at or after a time, -1 for none."""
        ...


class Takeover:
    """Blocks while it reads: used from a thread of its own."""

    def __init__(
        self,
        log_: Callable[[], Log],
        group_id: str,
        reader: Callable[[], PositionedReader],
        codec: Codec,
        clock: Clock,
        *,
        state_topic: str,
        outcomes_topic: str,
    ) -> None:
        self._new_log = log_
        self._closed = Event()
        self._group_id = group_id
        self._new_reader = reader
        self._codec = codec
        self._clock = clock
        self._state_topic = state_topic
        self._outcomes_topic = outcomes_topic

    def read(self, partitions: Iterable[Partition], slots: Iterable[int]) -> list[History]:
        """The history of these slots, with the committed positions of ``partitions``; tried until it is read.

        Raises:
            Undecodable: a topic of ours holds something that is not ours.
        """
        wanted, whose = list(partitions), list(slots)
        while not self._closed.is_set():
            try:
                return self._read(wanted, whose)
            except KafkaException as error:
                log.warning("delivery.takeover_waits", slots=whose, reason=error.args[0].str())
        return []

    def close(self) -> None:
        """Let :meth:`read` return, with nothing."""
        self._closed.set()

    def _read(self, partitions: Iterable[Partition], slots: Iterable[int]) -> list[History]:
        # A client that has seen its brokers go away may wait for their old selves (librdkafka issue 5511): a new one.
        offsets = self._new_log()
        histories = {slot: History(slot) for slot in slots}
        for name, position in offsets.committed(self._group_id, partitions).items():
            partition = Partition(*name)
            histories[partition.partition].positions[partition] = position
        reader = self._new_reader()
        try:
            ends = self._go(reader, offsets, histories)
            while any((reader.position(*place) or 0) < end for place, end in ends.items()):
                if self._closed.is_set():
                    return []
                for message in reader.read(READ_MAX, READ_WAIT_S):
                    self._take(histories[message.partition() or 0], message)
        finally:
            reader.close()
        return list(histories.values())

    def _go(self, reader: PositionedReader, offsets: Log, slots: Iterable[int]) -> dict[tuple[str, int], int]:
        """Start reading every partition; where each of them ends."""
        states = [(self._state_topic, slot) for slot in slots]
        outcomes = [(self._outcomes_topic, slot) for slot in slots]
        extents = offsets.extents([*states, *outcomes])
        recent = offsets.offsets_at(outcomes, self._clock.wall_ms() - int(WINDOW_S * 1000))
        for place, (oldest, end) in extents.items():
            start = oldest
            if place in recent:
                start = max(oldest, end - WINDOW_COUNT, recent[place] if recent[place] >= 0 else end)
            reader.go(*place, start)
        return {place: end for place, (_, end) in extents.items()}

    def _take(self, history: History, message: Any) -> None:
        if message.topic() == self._state_topic:
            history.states.read(message.key(), message.value(), self._codec)
            return
        outcome = self._codec.decode("DeliveryOutcome", message.value() or b"")
        history.outcomes_read += 1
        source = outcome["source"]
        origin = Source(source["topic"], source["partition"], source["offset"])
        number, accepted = outcome["phone_number_id"] or "", outcome["outcome"] == "ACCEPTED"
        if outcome["outcome"] == "DUPLICATE":  # the first of its identity is the one to be compared with
            history.identities.settle_place(origin, at_ms=outcome["settled_at"])
            return
        history.identities.settle(
            number, outcome["command_id"], outcome["payload_digest"] or "", origin,
            accepted=accepted, at_ms=outcome["settled_at"],
        )  # fmt: skip
        if accepted and outcome["settled_at"] > self._clock.wall_ms() - PAIR_MEMORY_MS:
            recipient = pair_of(outcome["to"], outcome["recipient"])
            history.recent_sends.append(RecentSend(number, recipient, outcome["settled_at"]))
