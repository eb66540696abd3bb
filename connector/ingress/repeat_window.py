"""Facts that Kafka has, or is about to have: the obvious repeats, dropped before they cost anything.

A repeat is dropped only once Kafka has acknowledged the first; until then it shares the fate of the first. What fails
is forgotten, so that the next delivery is published. A repeat is the same fact in the same words: what comes under a
known id and says anything else is published too. The window is small and forgets: whoever reads the topics merges by
``event_id``.
"""

import asyncio
from collections.abc import Hashable
from typing import Final

DEFAULT_SIZE: Final = 200_000
"""Facts remembered: a minute at full load, hours at the usual. Each takes about 100 bytes."""


class Claim:
    """The facts of one publication; the window hears of its end by :meth:`RepeatWindow.settled`."""

    __slots__ = ("_waiting", "facts")

    def __init__(self) -> None:
        self.facts: list[bytes] = []
        self._waiting: list[asyncio.Future[bool]] = []

    def outcome(self) -> asyncio.Future[bool]:
        """Done when the publication has ended: whether all of it was acknowledged."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def tell(self, *, acknowledged: bool) -> None:
        """It has ended."""
        self.facts.clear()
        for future in self._waiting:
            if not future.done():
                future.set_result(acknowledged)
        self._waiting.clear()


class RepeatWindow:
    """The facts one process has seen lately.

    Args:
        size: How many facts are remembered; 0: none, and only repeats during the first are noticed.
    """

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        self._half = max(1, size // 2) if size else 0
        # Two generations: the older is forgotten whole when the younger has reached half the size.
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._pending: dict[bytes, Claim] = {}

    def claim(self, event_id: str, told: Hashable, claim: Claim) -> Claim | None:
        """Tell whether a fact is new, and make it part of a publication if so.

        Args:
            event_id: Of the fact.
            told: All that was said of it.
            claim: The publication it is to become part of.

        Returns:
            None: it is new, and belongs to ``claim`` now. Else it is a repeat: of the publication that is returned, or
            when that is ``claim`` itself, of something in it or acknowledged before.
        """
        key = _key(event_id, told)
        pending = self._pending.get(key)
        if pending is not None:
            return pending
        if key in self._young or key in self._old:
            return claim
        self._pending[key] = claim
        claim.facts.append(key)
        return None

    def settled(self, claim: Claim, *, acknowledged: bool) -> None:
        """All records of a publication are acknowledged, or one is not and the rest have ended."""
        for key in claim.facts:
            del self._pending[key]
            if acknowledged:
                self._remember(key)
        claim.tell(acknowledged=acknowledged)

    def _remember(self, key: bytes) -> None:
        if not self._half:
            return
        if len(self._young) >= self._half:
            self._old, self._young = self._young, set()
        self._young.add(key)


def _key(event_id: str, told: Hashable) -> bytes:
    """Digest and kind of an event id, and Python's own 64 bits of what was told: 25 bytes instead of hundreds."""
    kind, _, digest = event_id.rpartition("-")
    return bytes.fromhex(digest) + kind[:1].encode() + hash(told).to_bytes(8, "big", signed=True)
