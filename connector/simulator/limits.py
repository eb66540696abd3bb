"""Meta's two send limits, read strictly.

Source: Meta, Cloud API overview and throughput pages, 2026-09-11. A refused message leaves no mark in
either.
"""

from collections import OrderedDict, deque

WINDOW_S = 1.0
PAIR_BURST = 45
PAIR_INTERVAL_S = 6.0


class SlidingSecond:
    """At most ``limit`` messages in any window ``(t - 1 s, t]``.

    Meta publishes a figure per second and no window; a true sliding second is the strictest reading.

    Args:
        limit: messages a second.
    """

    __slots__ = ("_times", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._times: deque[float] = deque()

    def used(self, now: float) -> int:
        """Messages counted in the second that ends at ``now``."""
        times = self._times
        start = now - WINDOW_S
        while times and times[0] <= start:
            times.popleft()
        return len(times)

    def has_room(self, now: float) -> bool:
        """Whether one more message fits at ``now``."""
        return self.used(now) < self.limit

    def count(self, now: float) -> None:
        """Count one message, also one that nobody can refuse (an inbound one)."""
        self.used(now)
        self._times.append(now)


class PairRule:
    """At most 45 messages to one recipient within 6 s of a first one; the next at first + 6 n seconds.

    Meta's text: one message every 6 seconds, bursts of up to 45 in 6 seconds, and after a burst as long a wait as the
    same messages would have taken at the plain pace. Strictly read nothing at all may be sent during that wait.
    """

    __slots__ = ("_bursts",)

    def __init__(self) -> None:
        self._bursts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._bursts)

    def free_at(self, recipient: str, now: float) -> float:
        """When the next message may be sent; ``now`` when it may be at once."""
        burst = self._bursts.get(recipient)
        if burst is None:
            return now
        start, sent = burst
        if now < start + PAIR_INTERVAL_S and sent < PAIR_BURST:
            return now
        return max(now, start + PAIR_INTERVAL_S * sent)

    def count(self, recipient: str, now: float) -> None:
        """Count one message that was free to go at ``now``."""
        start, sent = self._bursts.get(recipient, (now, 0))
        if now >= start + PAIR_INTERVAL_S * sent:
            self._bursts[recipient] = (now, 1)
            self._bursts.move_to_end(recipient)
            self._forget(now)
        else:
            self._bursts[recipient] = (start, sent + 1)

    def _forget(self, now: float) -> None:
        """Drop up to two paid-back recipients: more than comes in, so that memory follows the last 270 s of sends."""
        for _ in range(2):
            recipient, (start, sent) = next(iter(self._bursts.items()))
            if now < start + PAIR_INTERVAL_S * sent:
                return
            del self._bursts[recipient]
