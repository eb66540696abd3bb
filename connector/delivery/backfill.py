"""Reads deferred records again: where the backlog aims it, a chunk at a time, between the turns of the live stream."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from connector.delivery.backlog import Backlog, Partition
from connector.kafka.reader import PositionedReader

CHUNK: Final = 500
"""Records read in a turn: a few milliseconds, so that the live stream and the transactions are not kept waiting."""

STEP: Final = 50
"""The same while they are taken: a command costs thirty times what one that is passed over does, on this thread and on
the event loop, and a number at full speed does not wait for hundreds of them."""


class Backfill:
    """On the Kafka thread. ``live`` tells where a partition's live stream goes on, None when it has not begun."""

    def __init__(self, reader: PositionedReader, backlog: Backlog, live: Callable[[Partition], int | None]) -> None:
        self._reader = reader
        self._backlog = backlog
        self._live = live
        self._reading: set[Partition] = set()
        self._read = 0
        self._count = STEP

    def records(self) -> Iterator[Any]:
        """The next chunk. The backlog is offered each record before the next one is drawn."""
        self._read = 0
        self._aim()
        if not self._reading:
            return
        records = self._reader.read(self._count, 0.0)
        self._read = len(records)
        yield from records
        for partition in self._reading:
            live, position = self._live(partition), self._reader.position(*partition)
            if live is not None and position is not None:
                self._backlog.reached(partition, position, live)

    def taken(self, count: int) -> bool:
        """So many of the chunk were taken; whether that was most of a small one, so that a rest does no harm."""
        if self._read:
            self._count = STEP if 2 * count > STEP else CHUNK
        return self._read > 0 and self._count == STEP

    def close(self) -> None:
        """Let go."""
        self._reader.close()

    def _aim(self) -> None:
        wanted = set(self._backlog.behind())
        for partition in self._reading - wanted:
            self._leave(partition)
        for partition in wanted:
            self._aim_at(partition)

    def _aim_at(self, partition: Partition) -> None:
        position = self._reader.position(*partition)
        target = self._backlog.aim(partition, position)
        if target is None:
            self._leave(partition)
        elif target != position:
            self._reader.go(*partition, target)
            self._reading.add(partition)

    def _leave(self, partition: Partition) -> None:
        self._reader.leave(*partition)
        self._reading.discard(partition)
