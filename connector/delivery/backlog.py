"""What is in memory of the log and what is left in it: a bounded window, and a cursor where it was not enough.

A *unit* is what one partition holds under one record key, which is a business number's. Records are taken from the live
stream while the unit's window has room. What does not fit is left in the log: the unit is then *deferred*, its later
records are left too, so that order holds, and a backfill reads them again from its cursor when there is room.

Invariants, for every deferred unit: its records below the cursor are settled; of those beyond it exactly the ones in
``settled_beyond`` are. A unit that is not deferred has all its unsettled records above the partition's watermark.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

SKIP_WORTH: Final = 2000
"""Records that are worth a new fetch to get over: below that, reading on is quicker than asking anew."""


class Partition(NamedTuple):
    """A partition of a command topic."""

    topic: str
    partition: int


class Interval(NamedTuple):
    """Offsets from ``first`` to ``last``, both included."""

    first: int
    last: int


class Kept(NamedTuple):
    """What has to survive of a deferred unit: see the module's invariants."""

    cursor: int
    settled_beyond: tuple[Interval, ...] = ()


class Offer(Enum):
    """What becomes of a record of the live stream."""

    TAKE = auto()
    """It is in memory; the watermark waits for it."""
    TAKE_DEFERRED = auto()
    """It is in memory; the unit's cursor stands for it, the watermark passes."""
    LEAVE = auto()
    """It stays in the log; the watermark passes."""
    DEFER = auto()
    """It stays in the log, and from now on the cursor stands for all of the unit: the watermark lets go of it."""


class Unit:
    """The records of one key in one partition."""

    __slots__ = ("_done", "_open", "_order", "deferred", "filling", "following", "next_take")

    def __init__(self) -> None:
        self.deferred = False
        self.following = True
        """The live stream goes on where the unit has read up to; else the backfill has to read first."""
        self.filling = True
        """The backfill may take more: from half a window down until it is full again."""
        self.next_take = 0
        self._order: deque[int] = deque()
        self._open: set[int] = set()
        self._done: tuple[Interval, ...] = ()

    def __len__(self) -> int:
        return len(self._open)

    def restore(self, kept: Kept) -> None:
        """Go on where another worker stopped."""
        self.deferred, self.following = True, False
        self.next_take = kept.cursor
        self._done = tuple(sorted(kept.settled_beyond))

    def take(self, offset: int) -> None:
        """The record at ``offset`` is in memory now; offsets only grow."""
        self._order.append(offset)
        self._open.add(offset)
        self.next_take = offset + 1

    def untake(self, offset: int) -> None:
        """The record that was taken last is not in memory after all."""
        self._order.pop()
        self._open.discard(offset)
        self.next_take = offset

    def settle(self, offset: int) -> bool:
        """The record needs nothing more; False when it is not in memory."""
        if offset not in self._open:
            return False
        self._open.discard(offset)
        while self._order and self._order[0] not in self._open:
            self._order.popleft()
        return True

    def open_offsets(self) -> Iterator[int]:
        """Of the records in memory, in order."""
        return (offset for offset in self._order if offset in self._open)

    def is_done(self, offset: int) -> bool:
        """Whether the record had been settled by the worker before."""
        at = bisect_right(self._done, (offset, float("inf"))) - 1
        return at >= 0 and self._done[at].last >= offset

    def kept(self) -> Kept:
        """What has to survive now."""
        runs: list[Interval] = []
        in_run = False
        for offset in self._order:
            if offset in self._open:
                in_run = False
            elif in_run:
                runs[-1] = Interval(runs[-1].first, offset)
            else:
                runs.append(Interval(offset, offset))
                in_run = True
        cursor = self._order[0] if self._order else self.next_take
        before = (interval for interval in self._done if interval.last >= cursor)
        return Kept(cursor, _joined((*runs, *before)))


def _joined(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """In order, those that overlap as one: what an earlier owner settled may lie within a run of ours."""
    found: list[Interval] = []
    for first, last in sorted(intervals):
        if found and first <= found[-1].last:
            found[-1] = Interval(found[-1].first, max(last, found[-1].last))
        else:
            found.append(Interval(first, last))
    return tuple(found)


class Backlog:
    """The units of all partitions of a worker. Records that are not taken are told apart by key, never decoded."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._units: dict[Partition, dict[bytes, Unit]] = {}
        self._behind: dict[Partition, set[bytes]] = {}
        self._urgent: set[tuple[Partition, bytes]] = set()
        self._changed: set[tuple[Partition, bytes]] = set()
        self._ended: set[tuple[Partition, bytes]] = set()

    def restore(self, partition: Partition, key: bytes, kept: Kept) -> None:
        """A deferred unit of the worker before."""
        unit = self._units.setdefault(partition, {})[key] = Unit()
        unit.restore(kept)
        self._behind.setdefault(partition, set()).add(key)

    def offer(self, partition: Partition, key: bytes, offset: int) -> Offer:
        """A record of the live stream."""
        units = self._units.setdefault(partition, {})
        unit = units.get(key)
        if unit is None:
            unit = units[key] = Unit()
        if not unit.following:
            return Offer.LEAVE
        if len(unit) >= self._window:
            self._defer(partition, key, unit)
            self._fall_behind(partition, key, unit, offset)
            return Offer.DEFER
        unit.take(offset)
        return Offer.TAKE_DEFERRED if unit.deferred else Offer.TAKE

    def offer_again(self, partition: Partition, key: bytes, offset: int, live: int) -> bool:
        """A record that the backfill reads: True when it is taken now.

        From ``live`` on, where the live stream goes on, records are not the backfill's.
        """
        unit = self._units.get(partition, {}).get(key)
        if unit is None or unit.following or not unit.filling or not unit.next_take <= offset < live:
            return False
        if unit.is_done(offset):
            unit.next_take = offset + 1
            return False
        if len(unit) >= self._window:
            unit.filling = False
            unit.next_take = offset
            return False
        unit.take(offset)
        self._changed.add((partition, key))
        return True

    def untake(self, partition: Partition, key: bytes, offset: int) -> None:
        """The record that was taken last could not be read yet: it will be offered again."""
        self._units[partition][key].untake(offset)

    def settle(self, partition: Partition, key: bytes, offset: int) -> None:
        """The record needs nothing more."""
        unit = self._units.get(partition, {}).get(key)
        if unit is None or not unit.settle(offset):
            return
        if unit.deferred:
            self._changed.add((partition, key))
        if len(unit) <= self._window // 2:
            unit.filling = True
        if not len(unit) and unit.following:
            self._end(partition, key, unit)

    def aim(self, partition: Partition, position: int | None) -> int | None:
        """Where the backfill is to read a partition now: None for nowhere, ``position`` for on from where it is.

        Whoever may take more has read everything up to where the backfill goes on, so nothing of it is skipped.
        """
        wanting = self._wanting(partition).values()
        if not wanting:
            return None
        start = min(unit.next_take for unit in wanting)
        if position is not None and position <= start <= position + SKIP_WORTH:
            return position
        return start

    def reached(self, partition: Partition, position: int, live: int) -> None:
        """The backfill has read up to ``position``; ``live`` is where the live stream goes on."""
        for key, unit in self._wanting(partition).items():
            unit.next_take = max(unit.next_take, position)
            if position >= live:
                unit.following = True
                self._behind[partition].discard(key)
                if not len(unit):
                    self._end(partition, key, unit)

    def stand_for(self, partition: Partition, offset: int) -> list[int]:
        """Let a cursor stand for the unit that has ``offset`` in memory: the watermark is not to wait for it.

        Its records stay in memory, and the live stream goes on; their offsets are returned.
        """
        for key, unit in self._units.get(partition, {}).items():
            if not unit.deferred and next(unit.open_offsets(), None) == offset:
                self._defer(partition, key, unit)
                return list(unit.open_offsets())
        return []

    def give_back(self, partition: Partition) -> list[int]:
        """Leave everything unsettled of the partition to the log; the offsets that were in memory."""
        released = []
        for key, unit in self._units.get(partition, {}).items():
            if len(unit) or unit.deferred:
                released += list(unit.open_offsets())
                self._defer(partition, key, unit)
        return released

    def open_offsets(self, partition: Partition, key: bytes) -> list[int]:
        """Of the unit's records in memory."""
        unit = self._units.get(partition, {}).get(key)
        return list(unit.open_offsets()) if unit else []

    def changes(self, *, urgent: bool) -> list[tuple[Partition, bytes, Kept | None]]:
        """What has changed of the deferred units since it was written; None for one that is deferred no more.

        ``urgent``: only what has to be committed together with the offsets that pass it. The rest may be stale after
        a crash: what was settled since is known by its outcome.
        """
        names = self._urgent if urgent else self._urgent | self._changed
        kept = [(partition, key, self._units[partition][key].kept()) for partition, key in names]
        return [*kept, *((partition, key, None) for partition, key in self._ended if not urgent)]

    def written(self, *, urgent: bool) -> None:
        """What :meth:`changes` gave is committed."""
        self._urgent.clear()
        if not urgent:
            self._changed.clear()
            self._ended.clear()

    def deferred(self) -> int:
        """How many units have a cursor."""
        return sum(unit.deferred for units in self._units.values() for unit in units.values())

    def behind(self) -> list[Partition]:
        """Partitions that the backfill may have to read."""
        return [partition for partition, keys in self._behind.items() if keys]

    def wants_more(self) -> bool:
        """Whether some unit has room for what lies behind; one whose window is full wants nothing."""
        return any(self._wanting(partition) for partition in self.behind())

    def forget(self, partition: Partition) -> None:
        """The partition was given up."""
        self._units.pop(partition, None)
        self._behind.pop(partition, None)
        for changes in (self._urgent, self._changed, self._ended):
            changes.difference_update([change for change in changes if change[0] == partition])

    def _wanting(self, partition: Partition) -> dict[bytes, Unit]:
        units = self._units.get(partition, {})
        return {key: units[key] for key in self._behind.get(partition, ()) if units[key].filling}

    def _defer(self, partition: Partition, key: bytes, unit: Unit) -> None:
        unit.deferred = True
        self._urgent.add((partition, key))
        self._ended.discard((partition, key))

    def _fall_behind(self, partition: Partition, key: bytes, unit: Unit, offset: int) -> None:
        unit.following = unit.filling = False
        unit.next_take = offset
        self._behind.setdefault(partition, set()).add(key)

    def _end(self, partition: Partition, key: bytes, unit: Unit) -> None:
        """Nothing in memory and nothing behind: the unit is like any other that is not there."""
        del self._units[partition][key]
        self._changed.discard((partition, key))
        self._urgent.discard((partition, key))
        if unit.deferred:
            self._ended.add((partition, key))
