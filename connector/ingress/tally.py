"""SHELL. Counts of the ingress, kept as plain numbers and handed to the metrics once a second.

An instrument takes 5 to 10 us for each call, and a webhook would make eight of them: a third of what it costs in all.
"""

import asyncio
from collections import Counter
from typing import Final

from connector.telemetry.metrics import Metrics

TIMED_MAX: Final = 100
"""Publications whose duration is recorded, between two hand-overs."""

_INTERVAL_S: Final = 1.0


class Tally:
    """What has happened since the last hand-over.

    Attributes:
        items: Items taken, by kind.
        untyped: Items published with something that ``raw`` alone holds, by reason.
        rejects: Items set aside, by reason.
        refusals: Requests not taken, by reason.
        sent: Records handed to Kafka, by topic.
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
        self.repeats = 0
        self.in_flight_bytes = 0
        self._told_bytes = 0
        self._to_time = TIMED_MAX

    def published(self, seconds: float) -> None:
        """A publication was acknowledged, or given up, after so many seconds; some of them are told one by one."""
        if self._to_time:
            self._to_time -= 1
            self._metrics.publish_duration.record(seconds, {})

    async def run(self) -> None:
        """Hand over once a second, for ever."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self.hand_over()

    def hand_over(self) -> None:
        """Add everything to the metrics, and begin anew."""
        metrics = self._metrics
        self._to_time = TIMED_MAX
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
        for counter in (self.items, self.untyped, self.rejects, self.refusals, self.sent):
            counter.clear()
        if self.repeats:
            metrics.webhook_repeats.add(self.repeats, {})
            self.repeats = 0
        if self.in_flight_bytes != self._told_bytes:
            metrics.ingress_in_flight_bytes.add(self.in_flight_bytes - self._told_bytes, {})
            self._told_bytes = self.in_flight_bytes
