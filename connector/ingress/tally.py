"""SHELL. Counts of the ingress, kept as plain numbers and handed to the metrics once a second.

A histogram takes 10 us for each call and a counter with its labels 1, and a webhook would make eight of them.
For the same reason durations are recorded of some when there are many: of every n-th, so that they stand for all.
"""

import asyncio
from collections import Counter
from typing import Final

from connector.telemetry.metrics import Metrics

TIMED_PER_S: Final = 50
"""About so many durations of each kind are recorded in a second; below that each one is."""

_INTERVAL_S: Final = 1.0


class Tally:
    """What has happened since the last hand-over.

    Attributes:
        items: Items taken, by kind.
        untyped: Items published with something that ``raw`` alone holds, by reason.
        rejects: Items set aside, by reason.
        refusals: Requests not taken, by reason.
        sent: Records handed to Kafka, by topic.
        requests: Requests answered, by method and status.
        repeats: Items dropped because Kafka has them, or is about to.
        in_flight_bytes: Bytes of bodies not answered yet; a level, not a count.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.items: Counter[str] = Counter()
        self.untyped: Counter[str] = Counter()
        self.rejects: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.repeats = 0
        self.in_flight_bytes = 0
        self._told_bytes = 0
        self._requests = _Sample()
        self._publications = _Sample()

    def answered(self, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self.requests[method, status] += 1
        if self._requests.takes_next():
            self._metrics.http_server_duration.record(seconds, {"method": method, "status": status})

    def published(self, seconds: float) -> None:
        """A publication was acknowledged, or given up."""
        if self._publications.takes_next():
            self._metrics.publish_duration.record(seconds, {})

    async def run(self) -> None:
        """Hand over once a second, for ever."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self.hand_over()

    def hand_over(self) -> None:
        """Add everything to the metrics, and begin anew."""
        metrics = self._metrics
        self._requests.adapt()
        self._publications.adapt()
        for kind, count in self.items.items():
            metrics.webhook_items.add(count, {"kind": kind})
        for reason, count in self.untyped.items():
            metrics.webhook_untyped.add(count, {"reason": reason})
        for reason, count in self.rejects.items():
            metrics.webhook_rejects.add(count, {"reason": reason})
        for reason, count in self.refusals.items():
            metrics.webhook_refusals.add(count, {"reason": reason})
        for topic, count in self.sent.items():
            metrics.sent_messages.add(count, {"topic": topic})
        for (method, status), count in self.requests.items():
            metrics.http_server_requests.add(count, {"method": method, "status": status})
        for counter in (self.items, self.untyped, self.rejects, self.refusals, self.sent, self.requests):
            counter.clear()
        if self.repeats:
            metrics.webhook_repeats.add(self.repeats, {})
            self.repeats = 0
        if self.in_flight_bytes != self._told_bytes:
            metrics.ingress_in_flight_bytes.add(self.in_flight_bytes - self._told_bytes, {})
            self._told_bytes = self.in_flight_bytes


class _Sample:
    """Every n-th of many, n by how many there were in the last interval."""

    __slots__ = ("_count", "_step")

    def __init__(self) -> None:
        self._count = 0
        self._step = 1

    def takes_next(self) -> bool:
        self._count += 1
        return self._count % self._step == 0

    def adapt(self) -> None:
        self._step = max(1, round(self._count / _INTERVAL_S / TIMED_PER_S))
        self._count = 0
