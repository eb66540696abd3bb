"""The only reader of time: every other module is handed a :class:`Clock` or a number.

Two times are kept apart. *Monotonic* seconds order and pace work inside one process and never jump; *wall* milliseconds
go into records, where people and other systems read them.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """What components need to know about time."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        ...


class SystemClock:
    """The host's clocks."""

    def monotonic(self) -> float:
        """Seconds since boot, time spent suspended included.

        CLOCK_MONOTONIC stands still while a host is suspended; a right that expires by time would then outlive its
        owner's session at the broker.
        """
        return time.clock_gettime(time.CLOCK_BOOTTIME)  # noqa: TID251 - this is the one reader

    def wall_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000  # noqa: TID251 - this is the one reader
