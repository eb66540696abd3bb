"""When may a business number send its next message? An exact log of the last second's sends answers, not a guess.

Meta counts over a sliding second. The log alone keeps that limit but lets R messages leave at once and then none for a
second; so sends are also spread: one every 1/R seconds, with a small burst to catch up after a pause of the event loop.

Invariant: messages written within the last second, and those let go but not written yet, are R together at most. A
network that stalls for seconds and then takes everything at once cannot break the limit.
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

GUARD_KEPT_S: Final = 300.0
"""After so long without a refusal the guard is narrowed by one step. If that was too much, the rest of one second that
follows costs 0.3 % of the rate; a guard that stays wide costs 1 % per step."""

BURST_S: Final = 0.10
"""How far sends may run ahead of their even spacing: a few pauses of a busy event loop. With pauses of 10 ms on average
the rate stays at 95 %; half of it loses 3 % more at 1000 a second."""

SPREAD: Final = 0.97
"""Even spacing is this much shorter than window / R, so that a late send can be caught up inside the same window."""

RESERVED_S: Final = 3.0
"""How long a reservation for inbound messages stands: the ingress tells their rate once a second."""

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 32.0

NEVER: Final = float("inf")


@dataclass(slots=True, eq=False)
class Spend:
    """One message that was let go; ``written`` once its bytes have gone out."""

    written: bool = False


class ThroughputLimit:
    """The throughput limit of one number; times are monotonic seconds, ``rate`` is messages per second, 1 or more."""

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._guard_s = GUARD_S
        self._written = _taken_for_full(rate, now)
        self._let_go = 0
        self._unused = True
        self._even_at = 0.0
        self._held_until = 0.0
        self._backoff_s = BACKOFF_FIRST_S
        self._narrow_at = 0.0
        self._reserved = 0
        self._reserved_until = 0.0

    @property
    def rate(self) -> int:
        """Messages per second that Meta allows."""
        return self._rate

    def set_rate(self, rate: int, now: float) -> None:
        """Take over another level; sends already made keep counting."""
        if rate != self._rate:
            self._rate = rate
            if self._unused:
                self._written = _taken_for_full(rate, now)

    def ready_at(self, now: float) -> float:
        """The earliest time at which the next message may leave; ``now`` when that is at once.

        NEVER while as many as one second takes are let go and not written.
        """
        room = self._room(now)
        if room <= 0:
            return NEVER
        earliest = max(now, self._held_until, self._even_at - BURST_S)
        if len(self._written) >= room:
            earliest = max(earliest, self._written[-room] + WINDOW_S + self._guard_s)
        return earliest

    def reserve(self, rate: float, now: float) -> None:
        """Leave so many messages per second to what comes in: it counts against the same limit."""
        self._reserved = min(round(rate), self._rate // 2)
        self._reserved_until = now + RESERVED_S

    def spend(self, now: float) -> Spend:
        """A message is let go now; the caller tells when it is written, or that it never will be."""
        self._unused = False
        self._let_go += 1
        self._even_at = max(self._even_at, now) + SPREAD * (WINDOW_S + self._guard_s) / self._rate
        return Spend()

    def written(self, spend: Spend, now: float) -> None:
        """The bytes of a message go out now, or its attempt is over without: counted once, and as if they had."""
        if spend.written:
            return
        spend.written = True
        self._let_go -= 1
        self._written.append(now)
        while self._written[0] <= now - WINDOW_S - GUARD_MAX_S:
            self._written.popleft()

    def _room(self, now: float) -> int:
        """How many of one second's messages are neither let go nor reserved."""
        reserved = self._reserved if now < self._reserved_until else 0
        return self._rate - self._let_go - reserved

    def refused(self, now: float) -> None:
        """Meta answered 130429: rest, longer each time in a row, and keep a wider guard for a while."""
        if now < self._held_until:  # answers to requests that were under way with the first one
            return
        self._guard_s = min(GUARD_MAX_S, self._guard_s + GUARD_STEP_S)
        self._held_until = now + self._backoff_s
        self._narrow_at = self._held_until + GUARD_KEPT_S
        self._backoff_s = min(BACKOFF_MAX_S, 2 * self._backoff_s)

    def accepted(self, now: float) -> None:
        """Meta accepted a message after the last rest was over: the next rest is a short one again."""
        if now > self._held_until:
            self._backoff_s = BACKOFF_FIRST_S
        if now >= self._narrow_at:
            self._guard_s = max(GUARD_S, self._guard_s - GUARD_STEP_S)
            self._narrow_at = now + GUARD_KEPT_S


def _taken_for_full(rate: int, now: float) -> deque[float]:
    """The log of a number whose last second belongs to somebody else, or to nobody.

    Sends then come at half the rate for one second, while connections are made and their jitter is at its worst, and at
    the full rate afterwards; the first one may leave at once.
    """
    half = (rate + 1) // 2
    offsets = [2 * k / rate if k < half else 1 + (k - half) / rate for k in range(rate)]
    return deque(now - WINDOW_S - GUARD_S + offset for offset in offsets)
