"""Kafka's side of delivery, all of it on one thread: reads the slots' records and commits what settles them.

The consumer and the transactional producer share the thread, so that a revoked slot is committed inside the callback
that takes it away, and nothing else can come in between.
"""

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, Final

import structlog

from connector.clock import Clock
from connector.delivery.backfill import STEP, Backfill
from connector.delivery.backlog import Partition
from connector.delivery.command import Output, QueuedCommand, Settlement, Source, SourceRecord
from connector.delivery.lease import Lease
from connector.delivery.ledger.attempts import AttemptWriter
from connector.delivery.ledger.settlements import Ledger
from connector.delivery.ledger.states import StateWriter
from connector.delivery.ledger.takeover import History
from connector.delivery.loop import Loop
from connector.delivery.reception import Reception, SlotPast
from connector.delivery.slots import SlotStarter
from connector.kafka.group import FatalConsumerError, GroupConsumer, Partitions
from connector.kafka.registry import RegistryUnavailableError

log = structlog.get_logger()

READ_MAX: Final = 500
READ_WAIT_S: Final = 0.02
"""How long a turn waits for the first record: the longest that a settlement waits for its turn when all is quiet."""

READ_BUSY_S: Final = 0.002
"""The same while the backfill has something to pass over, or to wait for. Without it the thread would turn for nothing
until its records have come, and hold up the event loop: Python runs one of the two at a time. After a step of commands
it rests as when all is quiet, which is twice as many a second as the fastest number sends."""

COMMIT_EVERY_S: Final = 0.1
"""Between two transactions: half of the 200 ms that are promised, so that a slow turn still keeps them."""

AHEAD_MAX: Final = 10_000
"""Records before a watermark that one slow number holds: a bound on memory, and on what a crash reads again."""

POINT_EVERY_S: Final = 60.0
"""Between two moves of the slots' pointers into their attempts: what a takeover reads of them is a minute at most."""

STATES_EVERY_S: Final = 1.0
"""Between two records of a deferred unit's progress: after a crash as much is read again, and known by its outcomes."""


class SlotConsumer:
    """Reads, takes in, commits.

    :meth:`run` is the thread; :meth:`settle` and :meth:`stop` may be called from any other.
    """

    def __init__(
        self,
        group: GroupConsumer,
        ledger: Ledger,
        reception: Reception,
        loop: Loop,
        clock: Clock,
        *,
        slots: SlotStarter,
        backfill: Backfill,
        lease: Lease,
        states: StateWriter,
        attempts: AttemptWriter,
        topics: Sequence[str],
        rest: Callable[[float], object],
        on_slots: Callable[[frozenset[int]], Any],
        on_read: Callable[[str, int], None],
    ) -> None:
        self._group = group
        self._ledger = ledger
        self._reception = reception
        self._loop = loop
        self._clock = clock
        self._slots = slots
        self._backfill = backfill
        self._lease = lease
        self._states = states
        self._attempts = attempts
        self._slot_topics = {states.topic, attempts.topic}
        self._pointers: dict[int, int] = {}
        self._read_to: dict[int, int] = {}
        self._pointed_at = clock.monotonic()
        self._topics = topics
        self._rest = rest
        self._on_slots = on_slots
        self._on_read = on_read
        self._arrived: deque[tuple[SourceRecord, int]] = deque()
        self._early: list[SourceRecord] = []
        self._inbox: deque[Settlement] = deque()
        self._noted: deque[Output] = deque()
        self._notes: list[Output] = []
        self._stopping = Event()
        self._registry_fault = ""
        self._epoch = 0
        self._committed_at = 0.0
        self._took_a_step = self._took_a_live_step = False
        self._states_at = 0.0

    def settle(self, settlement: Settlement) -> None:
        """A command of ours is done; its records are written in the next transaction."""
        self._inbox.append(settlement)

    def note(self, output: Output) -> None:
        """A record of ours that belongs to no command; it is written in the next transaction."""
        self._noted.append(output)

    def stop(self) -> None:
        """Drain, commit and leave the group; :meth:`run` then returns."""
        self._stopping.set()

    def run(self) -> None:
        """Until :meth:`stop`.

        Raises:
            FatalProducerError: settlements cannot be written any more.
            FatalConsumerError: records cannot be read any more.
            SlotsChangedError: the group had another number of slots before.
        """
        self._group.join(self._topics, self._on_assigned, self._on_revoked, self._on_lost)
        try:
            while not self._stopping.is_set():
                self._turn()
            self._give_up(self._slots.assigned)
        finally:
            with contextlib.ExitStack() as last:  # the group is left first, and whatever that raises, the rest goes too
                for close in (self._ledger.close, self._slots.close, self._backfill.close, self._group.close):
                    last.callback(close)

    def _turn(self) -> None:
        if histories := self._slots.ready():
            for history in histories:
                self._begin(history)
            self._on_slots(self._slots.started)
        records = self._read()
        self._arrive(records)
        self._take()
        self._commit_when_due()
        self._group.pause(self._slots.assigned if self._arrived else self._slots.resting())

    def _read(self) -> Sequence[Any]:
        """The live stream comes in steps too while it is taken: a bulk at once would hold up what is being sent."""
        if self._took_a_live_step:
            self._rest(READ_WAIT_S)
        hurries = self._reception.backlog.wants_more() and not self._took_a_step
        return self._group.read(STEP if self._took_a_live_step else READ_MAX, READ_BUSY_S if hurries else READ_WAIT_S)

    def _begin(self, history: History) -> None:
        """The slot's past is read: its records may flow."""
        for partition, position in history.positions.items():
            self._ledger.begin(partition, position, stored=partition not in history.unstored)
        past = SlotPast(history.identities, history.attempts.tried, history.evidence)
        self._reception.begin(history.slot, past, history.states.kept)
        self._loop.remember(history.slot, history.attempts)
        self._arrive_again(history.slot)
        self._pointers[history.slot] = history.attempts_offset
        self._read_to[history.slot] = history.attempts_end
        self._notes.append(self._slot_state(history.slot))
        log.info(
            "delivery.slot_started",
            slot=history.slot,
            outcomes=history.outcomes_read,
            cursors=len(history.states.kept),
            tried=len(history.attempts.tried),
            open=sum(tried.is_open for tried in history.attempts.tried.values()),
            evidence=len(history.evidence),
        )

    def _slot_state(self, slot: int, *, released: bool = False) -> Output:
        wall_ms = self._clock.wall_ms()
        return self._states.slot(slot, wall_ms, released=released, attempts_offset=self._pointers.get(slot, 0))

    def _point(self) -> None:
        """Leave older attempts behind: what still matters of them is written again, in the transaction that says so."""
        newest = {slot: max(self._loop.next_attempt(slot) or 0, self._read_to[slot]) for slot in self._slots.started}
        moved = {slot: offset for slot, offset in newest.items() if offset > self._pointers.get(slot, 0)}
        if not moved:
            return
        for queued, tried in self._loop.tried(frozenset(moved)):
            self._notes.append(self._attempts.again(queued.slot, queued.reading.origin, tried))
        for slot in moved:
            for origin, tried in self._reception.tried(slot).items():
                self._notes.append(self._attempts.again(slot, origin, tried))
        self._pointers.update(moved)
        self._notes += [self._slot_state(slot) for slot in moved]

    def _arrive(self, records: Sequence[Any]) -> None:
        """A partition that rests since this turn may have given records before: they wait until its slot starts."""
        resting = self._slots.resting()
        for message in records:
            record = _source_record(message)
            epoch = self._ledger.read(record.source)
            if epoch is not None and _partition_of(record) in resting:
                self._early.append(record)
            elif epoch is not None:
                self._arrived.append((record, epoch))
        for topic, count in Counter(message.topic() or "" for message in records).items():
            self._on_read(topic, count)

    def _arrive_again(self, slot: int) -> None:
        waiting, self._early = self._early, []
        for record in waiting:
            partition = _partition_of(record)
            epoch = self._ledger.epoch(partition)
            if slot not in self._slots.of([partition]):
                self._early.append(record)
            elif epoch is not None:
                self._arrived.append((record, epoch))

    def _take(self) -> None:
        """All that has arrived, then a chunk of the backfill; what needs a registry that is away stays."""
        now, wall_ms = self._clock.monotonic(), self._clock.wall_ms()
        commands: list[QueuedCommand] = []
        try:
            while self._arrived:
                self._sort(self._reception.live(*self._arrived[0], now, wall_ms), commands)
                self._arrived.popleft()
            live = len(commands)
            self._took_a_live_step = 2 * live > STEP
            for message in self._backfill.records():
                record = _source_record(message)
                epoch = self._ledger.epoch(Partition(record.source.topic, record.source.partition))
                if epoch is not None:
                    self._sort(self._reception.again(record, epoch, now, wall_ms), commands)
            self._took_a_step = self._backfill.taken(len(commands) - live)
        except RegistryUnavailableError as error:
            if str(error) != self._registry_fault:
                self._registry_fault = str(error)
                log.warning("delivery.registry_unavailable", reason=str(error))
        if commands:
            self._loop.feed(commands)

    def _sort(self, taken: QueuedCommand | Settlement | None, commands: list[QueuedCommand]) -> None:
        if isinstance(taken, QueuedCommand):
            commands.append(taken)
        elif taken is not None:
            self._inbox.append(taken)

    def _commit_when_due(self) -> None:
        now = self._clock.monotonic()
        if now - self._committed_at < COMMIT_EVERY_S:
            return
        if self._lease.is_due(now):
            self._renew()
        if now - self._pointed_at >= POINT_EVERY_S:
            self._pointed_at = now
            self._point()
        if self._inbox or self._noted or self._notes or self._ledger.is_due():
            self._commit()

    def _renew(self) -> None:
        """Something to commit, of one slot, so that there is a transaction although nothing was settled."""
        if self._slots.started:
            self._notes.append(self._slot_state(min(self._slots.started)))

    def _commit(self, *, everything: bool = False) -> bool:
        wall_ms, now = self._clock.wall_ms(), self._clock.monotonic()
        while self._inbox:
            settlement = self._inbox.popleft()
            if self._ledger.add(settlement):
                self._reception.settled(settlement, wall_ms)
        while self._noted:
            self._notes.append(self._noted.popleft())
        for partition, offset in self._ledger.pinned(AHEAD_MAX):
            self._reception.unpin(partition, offset)
        urgent = not everything and now - self._states_at < STATES_EVERY_S
        changes = self._reception.backlog.changes(urgent=urgent)
        states = [self._states.unit(partition, key, kept, wall_ms) for partition, key, kept in changes]
        had_lease, before = self._lease.holds(now), self._ledger.transactions
        committed = self._ledger.commit(self._group.membership, [*self._notes, *states])
        self._committed_at = self._clock.monotonic()
        if committed is None:
            return False
        if self._ledger.transactions > before:
            self._lease.renew(now)
            if not had_lease:
                self._loop.resume()
        self._notes = []
        self._reception.backlog.written(urgent=urgent)
        self._states_at = self._states_at if urgent else now
        if committed:
            self._loop.settled(committed)
        return True

    def _on_assigned(self, partitions: Partitions) -> None:
        """New ones rest until the past of their slots is read."""
        self._epoch += 1
        for name in partitions:
            self._ledger.assign(Partition(*name), self._epoch)
        self._slots.assign(Partition(*name) for name in partitions)
        self._group.pause(self._slots.resting())
        log.info("delivery.assigned", partitions=len(partitions))
        self._on_slots(self._slots.started)

    def _on_revoked(self, partitions: Partitions) -> None:
        """Start nothing more, wait for what is in flight, commit all that is settled, and only then let go."""
        self._give_up(frozenset(Partition(*name) for name in partitions))
        log.info("delivery.revoked", partitions=len(partitions))

    def _on_lost(self, partitions: Partitions) -> None:
        """They are somebody else's already: what is not committed will be read again there."""
        lost = frozenset(Partition(*name) for name in partitions)
        self._loop.drop(self._slots.of(lost))
        self._forget(lost)
        log.warning("delivery.lost", partitions=len(partitions))

    def _give_up(self, partitions: frozenset[Partition]) -> None:
        """What is unsettled goes back to the log, with cursors that say where: the next owner repeats nothing.

        So does what a slot has in partitions that stay here: it is taken up again when the slot is whole again.
        """
        slots = self._slots.of(partitions)
        staying = frozenset(each for each in self._slots.assigned - partitions if self._slots.of([each]) & slots)
        self._loop.drain(slots)
        self._loop.drop(slots)  # from here on nothing of theirs settles any more
        self._commit()
        self._reception.give_back(partitions | staying)
        started = [slot for slot in slots if self._slots.is_started(slot)]
        self._notes += [self._slot_state(slot, released=True) for slot in started]
        committed = self._commit(everything=True)
        if not committed:
            log.warning("delivery.uncommitted_at_revoke", pending=self._ledger.pending)
        self._forget(partitions, staying)
        if staying and not committed:  # their watermarks have let go of what has no cursor on Kafka
            message = "what a slot has left behind could not be written"
            raise FatalConsumerError(message)
        self._epoch += 1
        for partition in staying:
            self._ledger.assign(partition, self._epoch)

    def _forget(self, partitions: frozenset[Partition], staying: frozenset[Partition] = frozenset()) -> None:
        slots = self._slots.of(partitions)
        self._slots.forget(partitions)
        self._notes += self._noted
        self._noted.clear()
        self._notes = [note for note in self._notes if self._is_of_others(note, slots)]
        gone = slots - self._slots.of(staying)
        self._ledger.keep_states(lambda state: self._is_of_others(state, gone))
        for slot in slots:
            self._pointers.pop(slot, None)
            self._read_to.pop(slot, None)
        arrived, self._arrived = self._arrived, deque()
        early, self._early = self._early, []
        for record, epoch in arrived:
            if _partition_of(record) in staying:
                self._early.append(record)
            elif _partition_of(record) not in partitions:
                self._arrived.append((record, epoch))
        self._early += [record for record in early if _partition_of(record) not in partitions]
        for partition in partitions:
            self._ledger.forget(partition)
        self._reception.forget(partitions | staying, slots)

    def _is_of_others(self, output: Output, slots: frozenset[int]) -> bool:
        return output.topic not in self._slot_topics or output.partition not in slots


def _partition_of(record: SourceRecord) -> Partition:
    return Partition(record.source.topic, record.source.partition)


def _source_record(message: Any) -> SourceRecord:
    return SourceRecord(
        Source(message.topic(), message.partition(), message.offset()),
        message.key(),
        message.value(),
        tuple(message.headers() or ()),
        message.timestamp()[1],
    )
