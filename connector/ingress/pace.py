"""May another webhook be taken, or would it wait too long for Kafka? PURE.

Meta's standard for answers is a median of 250 ms and less than 1 % above 1 s (Meta, throughput, 2026-09-11). When Kafka
is slower than what arrives, a queue only grows; so what would stand in it is refused at once, and Meta sends it again.

By Little's law whoever comes now waits for as long as Kafka needs for those before: their number, divided by the rate
of acknowledgements. What was seen is judged every tick by what has happened since, so that a pause of this process, in
which no acknowledgement can be seen, is not taken for one of Kafka's.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

TICK_S: Final = 0.025
WAIT_MAX_S: Final = 0.2
"""The wait that is accepted; it stays below the median Meta asks for."""

PROBES: Final = 16
"""So many may always be under way: they show when Kafka is well again. With 16 of 64 KiB a broker is not flooded."""

_WINDOW_TICKS: Final = 10
# Half a second without any acknowledgement: brokers pause for less, to flush or to collect garbage.
_PATIENCE_TICKS: Final = 20
# A silence as long as this says nothing about the rate before and after it.
_SILENCE_TICKS: Final = 8
# The first acknowledgements of many fall into a part of a tick: fewer ticks make no rate.
_EVIDENCE_TICKS: Final = 4
_LATE_S: Final = 0.05


@dataclass(slots=True)
class _Tick:
    """Acknowledgements between two ticks: how many, and how long they took together."""

    count: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Pace:
    """What Kafka keeps up with.

    Attributes:
        in_flight: Publications that are not acknowledged.
    """

    in_flight: int = 0
    _limit: float = math.inf
    _ticks: deque[_Tick] = field(default_factory=lambda: deque(maxlen=_WINDOW_TICKS))
    _latest: _Tick = field(default_factory=_Tick)
    _silent_ticks: int = 0
    _ticked_at: float = -math.inf

    @property
    def admits(self) -> bool:
        """Whether another one may begin."""
        return self.in_flight < self._limit

    def begun(self) -> None:
        """A publication is under way."""
        self.in_flight += 1

    def ended(self, seconds: float) -> None:
        """It is acknowledged, or given up, after so many seconds."""
        self.in_flight -= 1
        self._latest.count += 1
        self._latest.seconds += seconds

    def tick(self, now: float) -> None:
        """Judge; called every :data:`TICK_S`, at monotonic times."""
        paused = now - self._ticked_at > TICK_S + _LATE_S
        self._ticked_at = now
        latest, self._latest = self._latest, _Tick()
        if paused or not (self.in_flight or latest.count):
            self._ticks.clear()
            self._silent_ticks = 0
            self._limit = self._limit if self.in_flight else math.inf
        elif latest.count:
            self._heard(latest)
        else:
            self._silent()

    def _heard(self, latest: _Tick) -> None:
        if self._silent_ticks >= _SILENCE_TICKS:
            self._ticks.clear()
        self._silent_ticks = 0
        self._ticks.append(latest)
        count = sum(tick.count for tick in self._ticks)
        if sum(tick.seconds for tick in self._ticks) / count <= WAIT_MAX_S / 2:
            self._limit = math.inf
        elif len(self._ticks) >= _EVIDENCE_TICKS:
            self._limit = max(PROBES, count / (len(self._ticks) * TICK_S) * WAIT_MAX_S)

    def _silent(self) -> None:
        self._silent_ticks += 1
        if self._ticks:  # before the first acknowledgement nobody could have heard any
            self._ticks.append(_Tick())
        if self._silent_ticks >= _PATIENCE_TICKS:
            self._limit = PROBES
