"""When may a business number send its next message? An exact log of the last second's sends answers, not a guess.

Meta counts over a sliding second, and when a request arrives; we know when it leaves. Two figures bridge that. The
*guard* is added to the window of the log: no message leaves sooner than a second and the guard after the one that is a
full second's messages ahead of it. And sends are *spaced*: one every (1 s + guard + SLACK_S) / R. The spacing makes the
pace; the log, a little wider awake, only steps in when a pause has pushed messages together, and lets a message that
was late be on time again in the next second. What an even pace costs is the guard and the slack, and nothing else.

The guard follows what Meta answers: wide at first, narrowed while messages sent at the limit are accepted, doubled by a
130429. Doubled again and again it is also how a number finds a limit far below the one it was told.

Invariant: messages that may share a second with one that is let go now, and those let go but not written yet, are R
together at most. A network that stalls for seconds and then takes everything at once cannot break the limit: what it
had not taken is not written, and what it held back shows by late answers.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from connector.delivery.late_answers import LateAnswers

WINDOW_S: Final = 1.0

GUARD_FIRST_S: Final = 0.03
"""Of a number that has not shown yet how steady its way to Meta is: 3 % of its rate, for some seconds."""

GUARD_LEAST_S: Final = 0.005
"""Pauses of a busy event loop, here and there, and of a network without trouble."""

GUARD_MESSAGES: Final = 0.5
"""A guard is worth this share of one message at least, up to the first guard. From 80 messages a second on guard and
slack leave room for a whole one; at 20 they do not, so that a single late message could break the limit."""

GUARD_MAX_S: Final = 60.0
"""A limit of 20 is found by a number that was told 1000."""

GUARD_STEP_S: Final = 0.001
GUARD_SHARE: Final = 1 / 16
GUARD_SHARE_FIRST: Final = 1 / 4
"""Each time that R messages sent at the limit were accepted the guard is narrowed by this share, or the step: by the
larger one until it has been refused for the first time."""

FAILED_TIMES: Final = 1.25
"""For GUARD_KEPT_S a guard is not narrowed below this multiple of the one that was refused."""
GUARD_KEPT_S: Final = 300.0

SLACK_S: Final = 0.007
"""The spacing leaves this much more than the guard. So much a message can be late without delaying the one R behind."""

BURST_S: Final = 0.1
"""How far sends may run ahead of their spacing: what a pause of the event loop, or of the journal, has cost."""

AHEAD_MAX_S: Final = 0.05
"""Between being let go and being written a message waits for its place in the journal. The shortest of these waits, up
to this bound, is counted on: so much earlier it may be let go. Meta sees when it is written."""
AHEAD_KEPT_S: Final = 1.0
AHEAD_SENDS: Final = 16

RESERVED_S: Final = 3.0
"""How long a reservation for inbound messages stands: the ingress tells their rate once a second."""

BACKOFF_FIRST_S: Final = 0.25
"""About the time of an answer: what was under way with the refused message is not another refusal."""
BACKOFF_MAX_S: Final = 32.0

NEVER: Final = float("inf")


@dataclass(slots=True, eq=False)
class Spend:
    """One message that was let go at a time; ``written_at`` is None until its bytes have gone out."""

    let_go_at: float
    written_at: float | None = None


class ThroughputLimit:
    """The throughput limit of one number; times are monotonic seconds, ``rate`` is messages per second, 1 or more."""

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._guard = Guard(rate, now)
        self._written = _taken_for_full(rate, self._guard.seconds, now)
        self._let_go = 0
        self._unused = True
        self._even_at = 0.0
        self._held_until = 0.0
        self._backoff_s = BACKOFF_FIRST_S
        self._reserved = 0
        self._reserved_until = 0.0
        self._ahead = Ahead()
        self._late_answers = LateAnswers()

    @property
    def rate(self) -> int:
        """Messages per second that Meta allows."""
        return self._rate

    def set_rate(self, rate: int, now: float) -> None:
        """Take over another level; sends already made keep counting, what was learned at the old one does not."""
        if rate != self._rate:
            self._rate = rate
            self._guard = Guard(rate, now)
            if self._unused:
                self._written = _taken_for_full(rate, self._guard.seconds, now)

    def ready_at(self, now: float) -> float:
        """The earliest time at which the next message may be let go; ``now`` when that is at once.

        NEVER while as many as one second takes are let go and not written, or written since the last answer.
        """
        room = self._room(now)
        if room <= 0 or self._let_go + self._late_answers.since_last >= self._rate:
            return NEVER
        earliest = max(now, self._held_until, self._even_at - BURST_S)
        if len(self._written) >= room:
            earliest = max(earliest, self._written[-room] + WINDOW_S + self._guard.seconds - self._ahead.seconds)
        return earliest

    def reserve(self, rate: float, now: float) -> None:
        """Leave so many messages per second to what comes in: it counts against the same limit."""
        self._reserved = min(round(rate), self._rate // 2)
        self._reserved_until = now + RESERVED_S

    def spend(self, now: float) -> Spend:
        """A message is let go now; the caller tells when it is written, or that it never will be."""
        self._unused = False
        self._let_go += 1
        self._even_at = max(self._even_at, now) + (WINDOW_S + self._guard.seconds + SLACK_S) / self._rate
        return Spend(now)

    def written(self, spend: Spend, now: float) -> None:
        """The bytes of a message go out now, or its attempt is over without: counted once, and as if they had."""
        if spend.written_at is not None:
            return
        spend.written_at = now
        self._let_go -= 1
        self._ahead.saw(now - spend.let_go_at, now)
        if len(self._written) >= self._rate:
            self._guard.sent(now - self._written[-self._rate], now)
        self._written.append(now)
        self._late_answers.written()
        while self._written[0] <= now - WINDOW_S - 2 * max(self._guard.seconds, GUARD_FIRST_S):
            self._written.popleft()

    def answered(self, spend: Spend, now: float) -> None:
        """Meta has answered, whatever it said: what may have arrived only now is dated anew."""
        if spend.written_at is None:
            return
        since = self._late_answers.arrived_since(now - spend.written_at, now)
        for place in range(len(self._written) - 1, -1, -1):
            if self._written[place] <= since:
                break
            self._written[place] = now

    def given_up(self, spend: Spend) -> None:
        """The attempt is over, and Meta has not answered."""
        if spend.written_at is not None:
            self._late_answers.given_up(spend.written_at)

    def refused(self, now: float) -> None:
        """Meta answered 130429: rest, longer each time in a row, and go on with twice the guard."""
        if now < self._held_until:  # answers to requests that were under way with the first one
            return
        self._guard.refused(now)
        self._held_until = now + self._backoff_s
        self._backoff_s = min(BACKOFF_MAX_S, 2 * self._backoff_s)

    def accepted(self, now: float) -> None:
        """Meta accepted a message: after a rest is over, that makes the next rest a short one again."""
        if now > self._held_until:
            self._backoff_s = BACKOFF_FIRST_S
            self._guard.accepted(now)

    def _room(self, now: float) -> int:
        """How many of one second's messages are neither let go nor reserved."""
        reserved = self._reserved if now < self._reserved_until else 0
        return self._rate - self._let_go - reserved


class Guard:
    """How much wider than a second the window has to be, by what was accepted and what was refused."""

    __slots__ = ("_at_limit", "_failed_s", "_failed_until", "_least_s", "_rate", "_tried_at", "seconds")

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._least_s = _least_guard(rate)
        self.seconds = GUARD_FIRST_S
        self._failed_s = 0.0
        self._failed_until = 0.0
        self._at_limit = 0
        self._tried_at = now

    def sent(self, apart_s: float, now: float) -> None:
        """A message is written so long after the one that is a full second's messages ahead of it."""
        if apart_s > WINDOW_S + self.seconds + 3 * SLACK_S:
            return
        if now > self._tried_at + GUARD_KEPT_S:  # what was learned before a rest is old
            self.seconds = max(self.seconds, GUARD_FIRST_S)
        self._tried_at = now
        self._at_limit += 1

    def accepted(self, now: float) -> None:
        """Narrow it, once enough messages were sent at the limit to show that it can be."""
        if self._at_limit < self._rate:
            return
        self._at_limit = 0
        least_s = max(self._least_s, self._failed_s if now < self._failed_until else 0.0)
        if self.seconds > least_s:
            share = GUARD_SHARE if self._failed_s else GUARD_SHARE_FIRST
            self.seconds = max(least_s, self.seconds - max(GUARD_STEP_S, self.seconds * share))

    def refused(self, now: float) -> None:
        """Double it, and do not come back to where it failed for a while."""
        self._failed_s = min(GUARD_MAX_S, FAILED_TIMES * self.seconds)
        self._failed_until = now + GUARD_KEPT_S
        self.seconds = min(GUARD_MAX_S, 2 * self.seconds)
        self._at_limit = 0


class Ahead:
    """The shortest wait from being let go to being written, of the last second or two."""

    __slots__ = ("_count", "_next_s", "_until", "seconds")

    def __init__(self) -> None:
        self._count = 0
        self._until = 0.0
        self._next_s = AHEAD_MAX_S
        self.seconds = 0.0

    def saw(self, wait_s: float, now: float) -> None:
        """One more wait: a shorter one counts at once, longer ones once all of AHEAD_KEPT_S were longer.

        Messages that leave in one turn of a busy loop have waited alike: it is the time that has to be long enough.
        """
        self.seconds = min(self.seconds, wait_s)
        self._next_s = min(self._next_s, wait_s)
        self._count += 1
        if self._count >= AHEAD_SENDS and now >= self._until:
            self.seconds = self._next_s
            self._next_s, self._count, self._until = AHEAD_MAX_S, 0, now + AHEAD_KEPT_S


def reached(rate: int) -> float:
    """Messages per second that a number comes to, of ``rate`` that Meta allows, with its guard at the narrowest."""
    return rate / (WINDOW_S + _least_guard(rate) + SLACK_S)


def _least_guard(rate: int) -> float:
    return max(GUARD_LEAST_S, min(GUARD_FIRST_S, GUARD_MESSAGES / rate))


def _taken_for_full(rate: int, guard_s: float, now: float) -> deque[float]:
    """The log of a number whose last second belongs to somebody else, or to nobody.

    Sends then come at half the rate for one second, while connections are made and their jitter is at its worst, and at
    the full rate afterwards; the first one may leave at once.
    """
    half = (rate + 1) // 2
    offsets = [2 * k / rate if k < half else 1 + (k - half) / rate for k in range(rate)]
    return deque(now - WINDOW_S - guard_s + offset for offset in offsets)
