"""Which slots are whole, and when each may start: only with all its partitions, and only once its past is read."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import structlog

from connector.delivery.backlog import Partition
from connector.delivery.command import RefusedStartError
from connector.delivery.intake import Placement
from connector.delivery.ledger.takeover import History

log = structlog.get_logger()


class SlotsChangedError(RefusedStartError):
    """The group had another number of slots before; the message says what to do."""


class Past(Protocol):
    """Reads what earlier owners have left."""

    def read(self, partitions: Iterable[Partition], slots: Iterable[int]) -> list[History]:
        """Blocks until it is read."""
        ...

    def close(self) -> None:
        """Let :meth:`read` return, with nothing."""


class SlotStarter:
    """Used from the Kafka thread; reads the past on one of its own, so that other slots go on meanwhile."""

    def __init__(self, placement: Placement, past: Past) -> None:
        self._placement = placement
        self._past = past
        self._assigned: set[Partition] = set()
        self._started: set[int] = set()
        self._asked: dict[int, Future[list[History]]] = {}
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="takeover")

    @property
    def assigned(self) -> frozenset[Partition]:
        """All partitions that are ours."""
        return frozenset(self._assigned)

    @property
    def started(self) -> frozenset[int]:
        """The slots that are at work."""
        return frozenset(self._started)

    def assign(self, partitions: Iterable[Partition]) -> None:
        """These are ours now; the past of the slots that are whole with them is asked for."""
        self._assigned.update(partitions)
        whole = {slot for slot in self.of(self._assigned) if self._is_whole(slot)}
        new = whole - self._started - self._asked.keys()
        if new:
            wanted = [p for p in self._assigned if p.topic in self._placement.slotted and p.partition in new]
            future = self._executor.submit(self._past.read, wanted, sorted(new))
            self._asked.update(dict.fromkeys(new, future))
        incomplete = self.of(self._assigned) - whole
        if incomplete:
            log.warning("delivery.slots_incomplete", slots=sorted(incomplete))

    def ready(self) -> list[History]:
        """Slots whose past is read; they count as started.

        Raises:
            SlotsChangedError: a slot's record names another number of slots.
        """
        done = {future for future in self._asked.values() if future.done()}
        histories = []
        for future, history in ((asked, history) for asked in done for history in asked.result()):
            if self._asked.get(history.slot) is future:  # not one that was given up meanwhile, or asked for anew
                self._check(history)
                del self._asked[history.slot]
                self._started.add(history.slot)
                histories.append(history)
        return histories

    def resting(self) -> set[Partition]:
        """Partitions that are ours and may not flow yet."""
        return {p for p in self._assigned if p.topic in self._placement.slotted and p.partition not in self._started}

    def is_started(self, slot: int) -> bool:
        """Whether the slot is at work."""
        return slot in self._started

    def of(self, partitions: Iterable[Partition]) -> frozenset[int]:
        """The slots that these partitions belong to; those of forward-only topics belong to none."""
        return frozenset(p.partition for p in partitions if p.topic in self._placement.slotted)

    def forget(self, partitions: frozenset[Partition]) -> None:
        """These are not ours any more, nor are their slots whole."""
        gone = self.of(partitions)
        self._assigned -= partitions
        self._started -= gone
        for slot in gone:
            self._asked.pop(slot, None)

    def close(self) -> None:
        """What is being read is of no use any more."""
        self._past.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _is_whole(self, slot: int) -> bool:
        return all(Partition(topic, slot) in self._assigned for topic in self._placement.slotted)

    def _check(self, history: History) -> None:
        before = history.states.slot["slots_total"] if history.states.slot is not None else self._placement.slots
        if before != self._placement.slots:
            message = (
                f"this group had {before} slots before and its topics have {self._placement.slots} partitions now; "
                "the number of slots cannot change: use a second set of topics and another group"
            )
            raise SlotsChangedError(message)
