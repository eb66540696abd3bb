"""How far a partition is settled: the offset that may be committed.

Invariant: every offset below :meth:`Watermark.position` is settled, forwarded or was never a record; nothing at or
above it is skipped by a restart.
"""

from collections import deque


class Watermark:
    """The settled prefix of one assigned partition; ``first`` is where the live stream begins.

    ``stored``: that position is committed already.
    """

    def __init__(self, first: int, *, stored: bool = True) -> None:
        self._open: deque[int] = deque()
        self._settled: set[int] = set()
        self._committed = first if stored else -1
        self.next = first
        """The next offset of the live stream."""

    def read(self, offset: int) -> bool:
        """A record was read; False when it had been read before.

        Offsets of one partition only grow; gaps are transaction markers or compacted records.
        """
        if offset < self.next:
            return False
        self._open.append(offset)
        self.next = offset + 1
        return True

    def settle(self, offset: int) -> None:
        """The record at ``offset`` needs nothing more; a second time changes nothing."""
        if offset >= self.position():
            self._settled.add(offset)
        while self._open and self._open[0] in self._settled:
            self._settled.discard(self._open.popleft())

    def position(self) -> int:
        """The offset to commit: the lowest unsettled one, or the next to be read."""
        return self._open[0] if self._open else self.next

    def ahead(self) -> int:
        """How many records that were read the watermark has not passed, settled ones among them."""
        return len(self._open)

    def uncommitted(self) -> int | None:
        """The position, when it is ahead of the last committed one."""
        position = self.position()
        return position if position > self._committed else None

    def committed(self, offset: int) -> None:
        """The broker has stored ``offset``."""
        self._committed = max(self._committed, offset)

    def not_stored(self) -> None:
        """What the broker had stored may be gone: the position is to be committed anew."""
        self._committed = -1
