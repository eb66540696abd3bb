"""When may a number write to one user again? Meta's pair limit: a burst is a loan, paid back in full.

After n messages that began at ``start`` the next may leave at ``start + 6 n`` seconds; up to 45 of them within the
first 6 seconds (Meta, throughput, 2026-09-11).
"""

from typing import Final, NamedTuple

from connector.whatsapp.limits import PAIR_BACKOFF_BASE, PAIR_BACKOFF_EXPONENT_MAX, PAIR_BURST, PAIR_INTERVAL_S

GUARD_S: Final = 0.25
"""Meta counts when a request arrives: the burst ends this much earlier, and the payback lasts this much longer, than
published. More than a request's jitter, and 4 % of one interval."""

EXPONENT_KEPT_S: Final = float(PAIR_BACKOFF_BASE**PAIR_BACKOFF_EXPONENT_MAX)
"""A pair that was refused and then never written to again is remembered for one longest wait more."""


class PairDebt(NamedTuple):
    """What a pair owes, as the journal says it: free again at ``free_at_ms`` (Unix), 0 for nothing; X of 4^X."""

    free_at_ms: int
    exponent: int


NO_DEBT: Final = PairDebt(0, 0)


class PairLimit:
    """The limit of one (number, recipient); times are monotonic seconds. A pair that owes nothing needs no object."""

    __slots__ = ("_exponent", "_held_until", "_sent", "_start")

    def __init__(self) -> None:
        self._start = 0.0
        self._sent = 0
        self._exponent = 0
        self._held_until = 0.0

    def ready_at(self, now: float, *, burst: bool) -> float:
        """The earliest time of the next message; ``burst`` says whether it may borrow from the future."""
        paid_at = self._paid_at()
        in_burst = burst and self._sent < PAIR_BURST and now < self._start + PAIR_INTERVAL_S - GUARD_S
        return max(now, self._held_until, now if in_burst else paid_at)

    def spend(self, now: float) -> None:
        """A message is let go now."""
        if now >= self._paid_at():
            self._start, self._sent = now, 0
        self._sent += 1

    def written(self, now: float) -> None:
        """The bytes of the last message go out now: Meta's count of a loan begins with its first message."""
        if self._sent == 1:
            self._start = now

    def restore(self, free_at: float, exponent: int) -> None:
        """What the pair owes for messages of an earlier owner: no burst before all of it is paid back."""
        self._held_until, self._exponent = free_at, exponent

    def debt(self) -> tuple[float, int]:
        """When the pair owes nothing any more, and the exponent of its next refusal."""
        return max(self._held_until, self._paid_at()), self._exponent

    def refused(self, now: float) -> None:
        """Meta answered 131056: wait 4^X seconds, X growing with each refusal in a row."""
        self._held_until = now + float(PAIR_BACKOFF_BASE**self._exponent)
        self._exponent = min(PAIR_BACKOFF_EXPONENT_MAX, self._exponent + 1)

    def accepted(self) -> None:
        """Meta accepted a message of this pair: the exponent starts again."""
        self._exponent = 0

    def spent_by(self, now: float) -> bool:
        """Whether nothing is owed any more, so that the pair can be forgotten."""
        kept_s = EXPONENT_KEPT_S if self._exponent else 0.0
        return now >= max(self._held_until + kept_s, self._paid_at())

    def _paid_at(self) -> float:
        return self._start + self._sent * PAIR_INTERVAL_S + GUARD_S if self._sent else 0.0
