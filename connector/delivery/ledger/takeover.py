"""Reads back what earlier owners of a slot have left: states, settled identities, what they tried.

First the dead owner is shut out, so that nothing more can come of it; then everything is read to one end that is fixed
after that. What was committed settles. What lies in a transaction that was aborted is still evidence of an answer: it
is written again, not sent again. An attempt with neither is open: nobody knows whether it arrived.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import KafkaException

from connector.clock import Clock
from connector.delivery.admission import note_outcome
from connector.delivery.backlog import Partition
from connector.delivery.command import RefusedStartError, Source
from connector.delivery.identities import EVERYTHING, WINDOW_COUNT, WINDOW_S, Identities
from connector.delivery.ledger.attempts import SlotAttempts
from connector.delivery.ledger.states import SLOT_KEY, SlotStates
from connector.kafka.reader import PositionedReader
from connector.kafka.transaction import UnreachableProducerError
from connector.records.codec import Codec
from connector.whatsapp.limits import PAIR_BURST, PAIR_INTERVAL_S

log = structlog.get_logger()

READ_MAX: Final = 1000
READ_WAIT_S: Final = 0.5
RETRY_S: Final = 0.5

PAIR_MEMORY_MS: Final = int((PAIR_BURST * PAIR_INTERVAL_S + PAIR_INTERVAL_S) * 1000)
"""A full burst is paid back after so long; older attempts of settled commands owe nothing."""

EVIDENCE_MS: Final = 600_000
"""Before the last word of a slot's owner: what it may have answered and not committed. Where an open attempt is older,
its answer may be as well: an owner that died before it could settle what its predecessor had answered leaves it so."""

Places = dict[tuple[str, int], int]


class MissingOffsetsError(RefusedStartError):
    """The group worked before and its offsets are gone; the message says what to do."""


@dataclass(slots=True)
class History:
    """Of one slot."""

    slot: int
    states: SlotStates = field(default_factory=SlotStates)
    identities: Identities = field(default_factory=Identities)
    attempts: SlotAttempts = field(default_factory=SlotAttempts)
    evidence: dict[Source, Any] = field(default_factory=dict)
    """Outcomes that were written and not committed, by the origin of their command."""
    positions: dict[Partition, int] = field(default_factory=dict)
    """Where the live stream of each partition begins."""
    unstored: set[Partition] = field(default_factory=set)
    """Partitions of which the group has no position yet."""
    outcomes_read: int = 0
    outcomes_begin: int = 0
    """Of older outcomes it is not known which were committed."""
    attempts_end: int = 0

    @property
    def worked_before(self) -> bool:
        """Whether the slot had an owner."""
        return self.states.slot is not None

    @property
    def attempts_offset(self) -> int:
        """Below it nothing was tried that is not settled, or has not been written again."""
        return self.states.slot.get("attempts_offset", 0) if self.states.slot is not None else 0

    def forget_settled(self) -> None:
        """Of what was tried only what has no committed outcome matters."""
        self.attempts.tried = {
            origin: tried for origin, tried in self.attempts.tried.items() if not self.identities.is_settled(origin)
        }


class Log(Protocol):
    """What is asked of the brokers about offsets; see :class:`connector.kafka.topics.TopicAdmin`."""

    def committed(self, group_id: str, partitions: Iterable[tuple[str, int]]) -> Places:
        """Committed positions of a group, open transactions waited for."""
        ...

    def extents(
        self, partitions: Iterable[tuple[str, int]], *, committed: bool = False
    ) -> dict[tuple[str, int], tuple[int, int]]:
        """Oldest and next offset of each partition."""
        ...

    def offsets_at(self, partitions: Iterable[tuple[str, int]], at_ms: int) -> Places:
        """First offset of each partition at or after a time, -1 for none."""
        ...


@dataclass(frozen=True, slots=True)
class Topics:
    """The internal topics."""

    state: str
    outcomes: str
    attempts: str


class Takeover:
    """Blocks while it reads: used from a thread of its own.

    ``reader`` makes one of committed records, or of all. ``fence`` shuts out the worker of a transactional id;
    ``self_id`` is ours. ``on_missing``: see ``delivery.on_missing_offsets``.
    """

    def __init__(
        self,
        log_: Callable[[], Log],
        group_id: str,
        reader: Callable[[bool], PositionedReader],
        codec: Codec,
        clock: Clock,
        *,
        topics: Topics,
        fence: Callable[[str], None],
        self_id: str,
        on_missing: str,
    ) -> None:
        self._new_log = log_
        self._closed = Event()
        self._group_id = group_id
        self._new_reader = reader
        self._codec = codec
        self._clock = clock
        self._topics = topics
        self._fence = fence
        self._self_id = self_id
        self._on_missing = on_missing
        self._records = 0
        self._bytes = 0

    def read(self, partitions: Iterable[Partition], slots: Iterable[int]) -> list[History]:
        """The history of these slots, with the positions of ``partitions``; tried until it is read.

        Raises:
            FatalProducerError: the dead worker's transactional id may not be used.
            MissingOffsetsError: see ``on_missing``.
            Undecodable: a topic of ours holds something that is not ours.
        """
        wanted, whose = list(partitions), list(slots)
        while not self._closed.is_set():
            began, self._records, self._bytes = self._clock.monotonic(), 0, 0
            try:
                histories = self._read(wanted, whose)
            except (KafkaException, UnreachableProducerError) as error:
                reason = error.args[0].str() if isinstance(error, KafkaException) else str(error)
                log.warning("delivery.takeover_waits", slots=whose, reason=reason)
                self._closed.wait(RETRY_S)
            else:
                log.info(
                    "delivery.past_read",
                    slots=len(whose),
                    records=self._records,
                    bytes=self._bytes,
                    seconds=round(self._clock.monotonic() - began, 3),
                )
                return histories
        return []

    def close(self) -> None:
        """Let :meth:`read` return, with nothing."""
        self._closed.set()

    def _read(self, partitions: Iterable[Partition], slots: Iterable[int]) -> list[History]:
        # A client that has seen its brokers go away may wait for their old selves (librdkafka issue 5511): a new one.
        log_ = self._new_log()
        histories = {slot: History(slot) for slot in slots}
        settled, everything = self._new_reader(True), self._new_reader(False)  # noqa: FBT003 - committed, or all
        try:
            self._read_owners(settled, log_, histories)
            self._shut_out(histories, self._read_newcomers(everything, log_, histories))
            self._find_positions(log_, histories, list(partitions))
            seen: dict[int, set[int]] = {slot: set() for slot in histories}
            ends = self._go(settled, log_, histories)
            self._drain(settled, ends, lambda message: self._take_settled(histories, seen, message))
            attempts = self._go_through_attempts(everything, log_, histories)
            self._drain(everything, attempts, lambda message: self._take_any(histories, seen, message))
            for history in histories.values():
                history.forget_settled()
            evidence = self._go_through_outcomes(everything, log_, histories, ends)
            self._drain(everything, evidence, lambda message: self._take_any(histories, seen, message))
        finally:
            settled.close()
            everything.close()
        return [] if self._closed.is_set() else list(histories.values())

    def _drain(self, reader: PositionedReader, ends: Places, take: Callable[[Any], None]) -> None:
        """Everything below ``ends``."""
        while not self._closed.is_set() and any((reader.position(*place) or 0) < end for place, end in ends.items()):
            for message in reader.read(READ_MAX, READ_WAIT_S):
                place = (message.topic() or "", message.partition() or 0)
                if (message.offset() or 0) < ends.get(place, 0):
                    take(message)
                    self._records += 1
                    self._bytes += len(message.value() or b"")

    def _read_owners(self, reader: PositionedReader, log_: Log, histories: dict[int, History]) -> None:
        """Who was here last. What it has left open may hide the newest states, never its name."""
        extents = log_.extents([(self._topics.state, slot) for slot in histories], committed=True)
        for place, (oldest, _) in extents.items():
            reader.go(*place, oldest)
        self._drain(
            reader,
            {place: end for place, (_, end) in extents.items()},
            lambda message: histories[message.partition()].states.read(message.key(), message.value(), self._codec),
        )

    def _read_newcomers(self, reader: PositionedReader, log_: Log, histories: dict[int, History]) -> set[str]:
        """Who has left open the transaction in which it first gave its name: else its expiry is waited for."""
        found = SlotStates()
        names: set[str] = set()

        def take(message: Any) -> None:
            if message.key() == SLOT_KEY:
                found.read(message.key(), message.value(), self._codec)
                names.add(found.slot["transactional_id"] if found.slot is not None else "")

        places = [(self._topics.state, slot) for slot in histories]
        for place, (_, stable) in log_.extents(places, committed=True).items():
            reader.go(*place, stable)
        self._drain(reader, {place: end for place, (_, end) in log_.extents(places).items()}, take)
        return names

    def _shut_out(self, histories: dict[int, History], newcomers: set[str]) -> None:
        owners = [history.states.slot for history in histories.values()]
        left = {owner["transactional_id"] for owner in owners if owner is not None and not owner.get("released")}
        for transactional_id in sorted((left | newcomers) - {self._self_id, ""}):
            self._fence(transactional_id)
            log.info("delivery.owner_shut_out", transactional_id=transactional_id)

    def _find_positions(self, log_: Log, histories: dict[int, History], partitions: list[Partition]) -> None:
        """A partition that the group never had begins with its oldest record; one that it has lost, as configured."""
        stored = log_.committed(self._group_id, partitions)
        extents = log_.extents([partition for partition in partitions if partition not in stored])
        for partition in partitions:
            history = histories[partition.partition]
            if partition in stored:
                history.positions[partition] = stored[partition]
                continue
            lost = history.worked_before and not any(p in stored for p in partitions if p.partition == history.slot)
            if lost and self._on_missing == "stop":
                raise MissingOffsetsError(_missing(self._group_id, partition))
            oldest, end = extents[partition]
            history.positions[partition] = end if lost and self._on_missing == "latest" else oldest
            history.unstored.add(partition)
            if lost and self._on_missing == "from_outcomes":
                history.identities = Identities(count_max=EVERYTHING, age_max_s=float(EVERYTHING))

    def _go(self, reader: PositionedReader, log_: Log, histories: dict[int, History]) -> Places:
        """Start reading states and outcomes; where each of them ends."""
        states = [(self._topics.state, slot) for slot in histories]
        outcomes = [(self._topics.outcomes, slot) for slot in histories]
        extents = log_.extents([*states, *outcomes])
        recent = log_.offsets_at(outcomes, self._clock.wall_ms() - int(WINDOW_S * 1000))
        for place, (oldest, end) in extents.items():
            start = reader.position(*place) or oldest
            if place in recent and not histories[place[1]].identities.is_boundless:
                start = max(oldest, end - WINDOW_COUNT, recent[place] if recent[place] >= 0 else end)
                histories[place[1]].outcomes_begin = start
            reader.go(*place, start)
        return {place: end for place, (_, end) in extents.items()}

    def _go_through_attempts(self, reader: PositionedReader, log_: Log, histories: dict[int, History]) -> Places:
        """Start reading attempts; where each slot's end."""
        attempts = [(self._topics.attempts, slot) for slot in histories]
        ends: Places = {}
        extents = log_.extents(attempts)
        owing = log_.offsets_at(attempts, self._clock.wall_ms() - PAIR_MEMORY_MS)
        for place, (oldest, end) in extents.items():
            pointer = histories[place[1]].attempts_offset
            reader.go(*place, max(oldest, min(pointer, owing[place] if owing[place] >= 0 else end)))
            ends[place] = histories[place[1]].attempts_end = end
        return ends

    def _go_through_outcomes(
        self, reader: PositionedReader, log_: Log, histories: dict[int, History], settled_ends: Places
    ) -> Places:
        """Start reading outcomes that may not have been committed; where each slot's end."""
        ends: Places = {}
        for slot, history in histories.items():
            now_ms = self._clock.wall_ms()
            last_word_ms = history.states.slot["updated_at"] if history.states.slot is not None else now_ms
            since_ms = min(last_word_ms - EVIDENCE_MS, history.attempts.oldest_open_ms(now_ms))
            place = (self._topics.outcomes, slot)
            since = log_.offsets_at([place], since_ms)[place]
            if since >= 0:
                reader.go(*place, max(since, history.outcomes_begin))
                ends[place] = settled_ends[place]
        return ends

    def _take_settled(self, histories: dict[int, History], seen: dict[int, set[int]], message: Any) -> None:
        history = histories[message.partition()]
        if message.topic() == self._topics.state:
            history.states.read(message.key(), message.value(), self._codec)
            return
        seen[history.slot].add(message.offset())
        outcome = self._codec.decode("DeliveryOutcome", message.value() or b"")
        history.outcomes_read += 1
        note_outcome(outcome, _origin(outcome), history.identities)

    def _take_any(self, histories: dict[int, History], seen: dict[int, set[int]], message: Any) -> None:
        history = histories[message.partition()]
        if message.topic() == self._topics.attempts:
            history.attempts.read(message.value(), self._codec, tried=message.offset() >= history.attempts_offset)
            return
        if message.offset() in seen[history.slot]:
            return
        outcome = self._codec.decode("DeliveryOutcome", message.value() or b"")
        origin = _origin(outcome)
        if not history.identities.is_settled(origin):
            history.evidence[origin] = outcome


def _origin(outcome: Any) -> Source:
    source = outcome["source"]
    return Source(source["topic"], source["partition"], source["offset"])


def _missing(group_id: str, partition: Partition) -> str:
    return (
        f"the group {group_id} has worked on {partition.topic}[{partition.partition}] before and its offsets are gone; "
        "it does not start by itself, because every command that is still in the topic might be sent again. Choose "
        "delivery.on_missing_offsets: from_outcomes (sends what has no outcome), earliest (sends all that is not known "
        "from the last 24 hours), latest (sends of what is there now only what has a cursor); and stop again after that"
    )
