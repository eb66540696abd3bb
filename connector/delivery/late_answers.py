"""Answers that come late tell that messages have arrived late. PURE.

Meta counts a message when it arrives; we know when it was written. While a receiver, or the way to it, stands still,
messages go on being written, and all of them arrive in the instant in which it goes on. The answers that were due
meanwhile come then too, and none came before them: what was written since the last one may have arrived only now, and
as long as no answer comes at all, no more than one second's messages may be written.
"""

from typing import Final

LATE_S: Final = 0.02
"""Less than that is not worth a look: the guard bridges it."""

DEVIATIONS: Final = 3.0
"""An answer is late beyond so many usual deviations from the usual wait."""

FEW: Final = 3
"""With fewer messages written since the last answer it is a single one that was slow, and nothing has stood still. To
date those anew would cost a number of 20 a second 3 % of its rate where waits differ much."""

# As TCP estimates its round trips (RFC 6298, section 2, 2011-06).
_WAIT_SHARE: Final = 1 / 8
_DEVIATION_SHARE: Final = 1 / 4


class LateAnswers:
    """Of one number; times are monotonic seconds."""

    __slots__ = ("_deviation_s", "_last_at", "_late_at", "_usual_s", "since_last")

    def __init__(self) -> None:
        self.since_last = 0
        """Messages written since the last answer of which nothing is known; 0 as long as there was none at all."""
        self._usual_s: float | None = None
        self._deviation_s = 0.0
        self._last_at = 0.0
        self._late_at: float | None = None

    def written(self) -> None:
        """A message goes out."""
        if self._usual_s is not None:
            self.since_last += 1

    def given_up(self, written_at: float) -> None:
        """No answer to a message will come any more: one other may tell whether anything arrives."""
        # In the instant of an answer it may have been written after it: to count it twice lets one more try, not none.
        if written_at >= self._last_at:
            self.since_last = max(0, self.since_last - 1)

    def arrived_since(self, waited_s: float, now: float) -> float:
        """An answer has come after a wait: messages written after the time returned may have arrived only now."""
        since_last, last_at = self.since_last, self._last_at
        self._last_at, self.since_last = now, 0
        if self._usual_s is None:
            self._usual_s, self._deviation_s = waited_s, waited_s / 2
            return now
        off_s = waited_s - self._usual_s
        is_late = off_s > max(LATE_S, DEVIATIONS * self._deviation_s)
        # What was written before a late answer tells of the same stall; if later ones are late too, that is usual.
        if self._late_at is None and is_late:
            self._late_at = now
        elif self._late_at is None or now - waited_s >= self._late_at:
            self._usual_s += _WAIT_SHARE * off_s
            self._deviation_s += _DEVIATION_SHARE * (abs(off_s) - self._deviation_s)
            self._late_at = now if is_late else None
        return last_at if is_late and since_last >= FEW else now
