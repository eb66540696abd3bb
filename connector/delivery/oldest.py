"""Which of a number's commands has waited longest, for each topic that they lie on. Pure.

Commands of one number and topic are taken in the order of their partition, so the first that is not settled is the
oldest, of those in the log too.
"""

from collections import Counter, deque
from typing import Final

from connector.delivery.command import QueuedCommand

VOID_SPARED: Final = 64
"""Settled commands behind an unsettled one that are not worth a clean-up, beside as many as are not settled."""


class Oldest:
    """Told of each command that is taken and of each that is settled.

    Attributes:
        since_ms: Record time of the oldest unsettled command, in Unix milliseconds, by topic.
    """

    def __init__(self) -> None:
        self.since_ms: dict[str, int] = {}
        self._order: dict[str, deque[QueuedCommand]] = {}
        self._open: Counter[str] = Counter()

    def taken(self, queued: QueuedCommand) -> None:
        """A command is in memory now."""
        record = queued.reading.record
        topic = record.source.topic
        self._order.setdefault(topic, deque()).append(queued)
        self._open[topic] += 1
        self.since_ms.setdefault(topic, record.timestamp_ms)

    def settled(self, queued: QueuedCommand) -> None:
        """A command is settled, and marked so."""
        topic = queued.reading.record.source.topic
        self._open[topic] -= 1
        if not self._open[topic]:
            for known in (self._order, self._open, self.since_ms):
                del known[topic]
            return
        order = self._order[topic]
        if len(order) > 2 * self._open[topic] + VOID_SPARED:
            order = self._order[topic] = deque(each for each in order if not each.settled)
        while order[0].settled:
            order.popleft()
        self.since_ms[topic] = order[0].reading.record.timestamp_ms
