"""Kafka's side of delivery, all of it on one thread: reads the slots' records and commits what settles them.

The consumer and the transactional producer share the thread, so that a revoked slot is committed inside the callback
that takes it away, and nothing else can come in between.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, Final, Protocol

import structlog

from connector.clock import Clock
from connector.delivery.backlog import Partition, Windows
from connector.delivery.command import QueuedCommand, Settlement, Source, SourceRecord
from connector.delivery.intake import Intake, Placement
from connector.delivery.ledger.settlements import Ledger
from connector.kafka.group import GroupConsumer, Partitions
from connector.kafka.registry import RegistryUnavailableError

log = structlog.get_logger()

READ_MAX: Final = 500
READ_WAIT_S: Final = 0.02
"""How long a turn waits for the first record: the longest that a settlement waits for its turn when all is quiet."""

COMMIT_EVERY_S: Final = 0.1
"""Between two transactions: half of the 200 ms that are promised, so that a slow turn still keeps them."""


class Loop(Protocol):
    """The event loop's side, called from this thread."""

    def feed(self, commands: Sequence[QueuedCommand]) -> None:
        """Hand over commands; returns at once."""

    def drain(self, slots: frozenset[int]) -> None:
        """Return when nothing of these slots is in flight any more, or the drain budget is used up."""

    def drop(self, slots: frozenset[int]) -> None:
        """Forget these slots; returns when that is done."""

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """These are committed; returns at once."""


class SlotConsumer:
    """Reads, places, pauses and commits.

    :meth:`run` is the thread; :meth:`settle` and :meth:`stop` may be called from any other.
    """

    def __init__(
        self,
        group: GroupConsumer,
        ledger: Ledger,
        intake: Intake,
        loop: Loop,
        clock: Clock,
        *,
        placement: Placement,
        topics: Sequence[str],
        window: int,
        on_assignment: Callable[[int], Any],
        on_read: Callable[[str, int], None],
    ) -> None:
        self._group = group
        self._ledger = ledger
        self._intake = intake
        self._placement = placement
        self._loop = loop
        self._clock = clock
        self._topics = topics
        self._windows = Windows(window)
        self._on_assignment = on_assignment
        self._on_read = on_read
        self._assigned: set[Partition] = set()
        self._arrived: deque[SourceRecord] = deque()
        self._inbox: deque[Settlement] = deque()
        self._stopping = Event()
        self._epoch = 0
        self._committed_at = 0.0

    def settle(self, settlement: Settlement) -> None:
        """A command of ours is done; its records are written in the next transaction."""
        self._inbox.append(settlement)

    def stop(self) -> None:
        """Drain, commit and leave the group; :meth:`run` then returns."""
        self._stopping.set()

    def run(self) -> None:
        """Until :meth:`stop`.

        Raises:
            FatalProducerError: settlements cannot be written any more.
            FatalConsumerError: records cannot be read any more.
        """
        self._group.join(self._topics, self._on_assigned, self._on_revoked, self._on_lost)
        try:
            while not self._stopping.is_set():
                self._turn()
            self._give_up(frozenset(self._assigned))
        finally:
            self._group.close()
            self._ledger.close()

    def _turn(self) -> None:
        records = self._group.read(READ_MAX, READ_WAIT_S)
        self._arrived.extend(_source_record(message) for message in records)
        for topic, count in Counter(message.topic() or "" for message in records).items():
            self._on_read(topic, count)
        if self._arrived:
            self._take()
        if self._inbox or self._ledger.pending:
            self._commit_when_due()
        self._group.pause(self._assigned if self._arrived else self._windows.full() | self._incomplete())

    def _take(self) -> None:
        """All that has arrived, in order; what cannot be decoded while the registry is away stays for the next turn."""
        now, wall_ms = self._clock.monotonic(), self._clock.wall_ms()
        commands = []
        while self._arrived:
            record = self._arrived[0]
            epoch = self._ledger.expected(record.source, self._epoch)
            if epoch is not None:
                try:
                    taken = self._intake.take(record, epoch, now, wall_ms)
                except RegistryUnavailableError as error:
                    log.warning("delivery.registry_unavailable", reason=str(error), waiting=len(self._arrived))
                    break
                self._ledger.read(record.source, epoch)
                if isinstance(taken, QueuedCommand):
                    self._windows.take(_partition(record.source), taken.command.phone_number_id)
                    commands.append(taken)
                else:
                    self._inbox.append(taken)
            self._arrived.popleft()
        if commands:
            self._loop.feed(commands)

    def _commit_when_due(self) -> None:
        if self._clock.monotonic() - self._committed_at >= COMMIT_EVERY_S:
            self._commit()

    def _commit(self) -> bool:
        while self._inbox:
            settlement = self._inbox.popleft()
            if self._ledger.add(settlement) and settlement.taken:
                self._windows.settle(_partition(settlement.source), settlement.phone_number_id or "")
        committed = self._ledger.commit(self._group.membership)
        self._committed_at = self._clock.monotonic()
        if committed:
            self._loop.settled(committed)
        return not self._ledger.pending

    def _on_assigned(self, partitions: Partitions) -> None:
        self._epoch += 1
        self._assigned |= {Partition(*name) for name in partitions}
        incomplete = self._incomplete()
        log.info("delivery.assigned", partitions=len(partitions), slots=len(self._slots()), incomplete=len(incomplete))
        if incomplete:
            log.warning("delivery.slots_incomplete", partitions=sorted(f"{t}/{p}" for t, p in incomplete))
        self._on_assignment(len(self._slots()))

    def _on_revoked(self, partitions: Partitions) -> None:
        """Start nothing more, wait for what is in flight, commit all that is settled, and only then let go."""
        self._give_up(frozenset(Partition(*name) for name in partitions))
        log.info("delivery.revoked", partitions=len(partitions))

    def _on_lost(self, partitions: Partitions) -> None:
        """They are somebody else's already: what is not committed will be read again there."""
        self._forget(frozenset(Partition(*name) for name in partitions))
        log.warning("delivery.lost", partitions=len(partitions))

    def _give_up(self, partitions: frozenset[Partition]) -> None:
        self._loop.drain(self._slots_of(partitions))
        if not self._commit():
            log.warning("delivery.uncommitted_at_revoke", pending=self._ledger.pending)
        self._forget(partitions)

    def _forget(self, partitions: frozenset[Partition]) -> None:
        self._loop.drop(self._slots_of(partitions))
        self._assigned -= partitions
        self._arrived = deque(record for record in self._arrived if _partition(record.source) not in partitions)
        for partition in partitions:
            self._ledger.forget(partition)
            self._windows.forget(partition)

    def _slots_of(self, partitions: frozenset[Partition]) -> frozenset[int]:
        return frozenset(p.partition for p in partitions if p.topic in self._placement.slotted)

    def _slots(self) -> set[int]:
        """Slots of which this worker holds the partition of every slotted topic."""
        held = self._slots_of(frozenset(self._assigned))
        return {slot for slot in held if all((topic, slot) in self._assigned for topic in self._placement.slotted)}

    def _incomplete(self) -> set[Partition]:
        """Partitions of slots that another worker holds a part of: they rest until they are together."""
        complete = self._slots()
        return {p for p in self._assigned if p.topic in self._placement.slotted and p.partition not in complete}


def _partition(source: Source) -> Partition:
    return Partition(source.topic, source.partition)


def _source_record(message: Any) -> SourceRecord:
    return SourceRecord(
        Source(message.topic(), message.partition(), message.offset()),
        message.key(),
        message.value(),
        tuple(message.headers() or ()),
        message.timestamp()[1],
    )
