"""Webhooks on their way: what is due, what is packed together, what is sent again and when. PURE; time is passed in.

A POST that is not answered 200 is repeated with the very same bytes, at once and then ever more rarely, until it is or
until it is too old (Meta, webhook pages, 2026-09-11: retried at once, then with falling frequency for up to 7 days).
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from connector.simulator.disturbances import Disturbances
from connector.simulator.settings_webhooks import WebhookSettings
from connector.simulator.webhooks import Notice, encode, envelope

OK = 200
MEDIAN_MAX_S = 0.25
SLOW_S = 1.0


@dataclass(slots=True)
class Delivery:
    """One POST and its tries so far.

    Attributes:
        body: the bytes, the same on every try.
        updates: how many statuses and messages are in it.
        first_s: when it was first handed out.
        tries: how often it has been handed out.
    """

    body: bytes
    updates: int
    first_s: float
    tries: int = 0


class Outbox:
    """Everything that has happened and is not yet answered 200.

    Attributes:
        settings: packing, bounds and redelivery.

    Args:
        settings: see above.
        random: of what happens to updates on their way.
    """

    def __init__(self, settings: WebhookSettings, random: Random) -> None:
        self.settings = settings
        self._random = random
        self._disturbances = Disturbances(settings, random)
        self._sequence = count()
        self._waiting: list[tuple[float, int, Notice]] = []
        self._again: list[tuple[float, int, Delivery]] = []
        self._under_way = 0
        self.pending = 0
        self.reset()

    def reset(self) -> None:
        """Start the sums anew; what is pending stays."""
        self.delivered = 0
        self.dropped = 0
        self.given_up = 0
        self.posts = 0
        self.posts_delivered = 0
        self.posts_redelivered = 0
        self.answers: Counter[str] = Counter()
        self.over_250_ms = 0
        self.over_1_s = 0
        self.slowest_s = 0.0
        self._disturbances.counts.clear()

    def change(self, settings: WebhookSettings) -> None:
        """Go by other settings from now on."""
        self.settings = settings
        self._disturbances.change(settings)

    def add(self, notices: Iterable[Notice]) -> None:
        """Keep ``notices`` until they are due; those beyond the bound are dropped and counted."""
        for update in self._disturbances(notices):
            if self.pending >= self.settings.pending_max:
                self.dropped += 1
                continue
            self.pending += 1
            heapq.heappush(self._waiting, (update.due_s, next(self._sequence), update))

    def next_wakeup(self) -> float | None:
        """When :meth:`take` will next have something; None when nothing is waiting."""
        if self._held_up and not self._again:
            return None
        times = [self._again[0][0]] if self._again else []
        if self._waiting and not self._held_up:
            times.append(self._waiting[0][0] + self.settings.gather_ms / 1000)
        return min(times, default=None)

    @property
    def _held_up(self) -> bool:
        """Whether nothing new may go because something older is not answered 200 yet."""
        return self.settings.order == "strict" and bool(self._under_way or self._again)

    def take(self, now: float) -> Delivery | None:
        """The next POST to try now: repeats first, then what is due."""
        delivery = self._take_repeat(now) or (None if self._held_up else self._pack(now))
        if delivery is not None:
            delivery.tries += 1
            self._under_way += 1
            self.posts += 1
        return delivery

    def _take_repeat(self, now: float) -> Delivery | None:
        if self._again and self._again[0][0] <= now:
            return heapq.heappop(self._again)[2]
        return None

    def _pack(self, now: float) -> Delivery | None:
        if not self._waiting or self._waiting[0][0] + self.settings.gather_ms / 1000 > now:
            return None
        packed: list[Notice] = []
        while self._waiting and self._waiting[0][0] <= now and len(packed) < self.settings.updates_max:
            packed.append(heapq.heappop(self._waiting)[2])
        if self.settings.order == "shuffled":
            self._random.shuffle(packed)
        return Delivery(encode(envelope(packed)), len(packed), now)

    def settle(self, delivery: Delivery, answer: int | str, started_s: float, now: float) -> None:
        """Record the answer to one try: an HTTP status, or the name of what went wrong."""
        self._under_way -= 1
        self.answers[str(answer)] += 1
        self._measure(now - started_s)
        if answer == OK:
            self.pending -= delivery.updates
            self.delivered += delivery.updates
            self.posts_delivered += 1
            self.posts_redelivered += delivery.tries > 1
        elif now - delivery.first_s >= self.settings.retry_for_s:
            self.pending -= delivery.updates
            self.given_up += delivery.updates
        else:
            again_s = now + self._wait_s(delivery.tries)
            heapq.heappush(self._again, (again_s, next(self._sequence), delivery))

    def _wait_s(self, tries: int) -> float:
        """The pause before the next try: none after the first, then doubling."""
        if tries == 1:
            return 0.0
        # 2 ** 40 is far above any cap; larger exponents only cost time.
        wait_ms = self.settings.retry_first_ms * 2.0 ** min(tries - 2, 40)
        return min(wait_ms, self.settings.retry_max_ms) / 1000

    def _measure(self, took_s: float) -> None:
        self.over_250_ms += took_s > MEDIAN_MAX_S
        self.over_1_s += took_s > SLOW_S
        self.slowest_s = max(self.slowest_s, took_s)

    def summary(self) -> dict[str, Any]:
        """The sums as JSON has them; answers slower than Meta's standard count (median 250 ms, 99% within 1 s)."""
        return {
            "updates": {
                "delivered": self.delivered,
                "pending": self.pending,
                "dropped": self.dropped,
                "given_up": self.given_up,
                **{name: self._disturbances.counts[name] for name in ("muted", "lost", "duplicated")},
            },
            "posts": {
                "tried": self.posts,
                "delivered": self.posts_delivered,
                "delivered_after_retry": self.posts_redelivered,
                "waiting_for_retry": len(self._again),
                "under_way": self._under_way,
            },
            "answers": dict(sorted(self.answers.items())),
            "answers_over_250_ms": self.over_250_ms,
            "answers_over_1_s": self.over_1_s,
            "slowest_answer_ms": round(self.slowest_s * 1000, 1),
        }
