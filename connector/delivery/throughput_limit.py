"""When may a business number send its next message? An exact log of its last R sends answers, not a guess.

Meta counts over a sliding second. The log alone keeps that limit but lets R messages leave at once and then none for a
second; so sends are also spread: one every 1/R seconds, with a small burst to catch up after a pause of the event loop.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 1.0

GUARD_S: Final = 0.03
"""Added to the window. Meta counts when a request arrives, we when it leaves: two requests R apart may come closer by
their jitter. Smaller: a pause of one event loop turn costs a 130429; larger: 1 % of the rate per 10 ms."""

GUARD_MAX_S: Final = 0.10
GUARD_STEP_S: Final = 0.01

BURST_S: Final = 0.025
"""How far sends may run ahead of their even spacing: about one pause of a busy event loop."""

SPREAD: Final = 0.97
"""Even spacing is this much shorter than window / R, so that a late send can be caught up inside the same window."""

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 32.0


@dataclass(slots=True)
class Spend:
    """One message in the log; ``at`` is when it was let go, corrected to when its bytes were written."""

    at: float


class ThroughputLimit:
    """The throughput limit of one number; times are monotonic seconds, ``rate`` is messages per second."""

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._guard_s = GUARD_S
        self._sends = self._spent(now)
        self._unused = True
        self._even_at = 0.0
        self._held_until = 0.0
        self._backoff_s = BACKOFF_FIRST_S

    @property
    def rate(self) -> int:
        """Messages per second that Meta allows."""
        return self._rate

    def set_rate(self, rate: int, now: float) -> None:
        """Take over another level; sends already made keep counting."""
        if rate != self._rate:
            self._rate = rate
            self._sends = self._spent(now) if self._unused else deque(self._sends, maxlen=rate)

    def ready_at(self, now: float) -> float:
        """The earliest time at which the next message may leave; ``now`` when that is at once."""
        earliest = max(now, self._held_until, self._even_at - BURST_S)
        if len(self._sends) == self._rate:
            earliest = max(earliest, self._sends[0].at + WINDOW_S + self._guard_s)
        return earliest

    def spend(self, now: float) -> Spend:
        """A message leaves now; the caller corrects the entry when the bytes go out later, behind a new connection."""
        self._unused = False
        spend = Spend(now)
        self._sends.append(spend)
        self._even_at = max(self._even_at, now) + SPREAD * (WINDOW_S + self._guard_s) / self._rate
        return spend

    def refused(self, now: float) -> None:
        """Meta answered 130429: rest, longer each time in a row, and keep a wider guard from now on."""
        if now < self._held_until:  # answers to requests that were under way with the first one
            return
        self._guard_s = min(GUARD_MAX_S, self._guard_s + GUARD_STEP_S)
        self._held_until = now + self._backoff_s
        self._backoff_s = min(BACKOFF_MAX_S, 2 * self._backoff_s)

    def _spent(self, now: float) -> deque[Spend]:
        """The log of a number whose last second belongs to somebody else, or to nobody: taken for full.

        Sends then come at half the rate for one second, while connections are made and their jitter is at its worst,
        and at the full rate afterwards; the first one may leave at once.
        """
        half = self._rate // 2
        offsets = [2 * k / self._rate if k < half else 1 + (k - half) / self._rate for k in range(self._rate)]
        return deque((Spend(now - WINDOW_S - self._guard_s + offset) for offset in offsets), maxlen=self._rate)

    def accepted(self, now: float) -> None:
        """Meta accepted a message after the last rest was over: the next rest is a short one again."""
        if now > self._held_until:
            self._backoff_s = BACKOFF_FIRST_S
