"""Whether what a transaction has written stays written.

A broker that has answered a commit still has to write the markers that make it visible. When it dies before, and starts
again, it writes them then; but Kafka 4 skips partitions that have no leader at that moment, as if their topics had been
deleted, and takes the transaction for complete (KAFKA-20734; seen with 4.3.1 and 4.4.0 after kills of a single broker).
What such a transaction has written waits for the next marker of the same producer: a commit shows it after all, an
abort takes it away. So whoever aborts a transaction has to look whether the one before it is still there.
"""

from collections.abc import Mapping
from typing import Any, Final

from connector.clock import SystemClock
from connector.kafka.reader import PositionedReader

UNDECIDED_S: Final = 5.0
"""An abort's markers are written soon after it was answered. Without any, the next transaction decides."""

Places = dict[tuple[str, int], int]
"""Topic and partition to the offset of a record."""

_READ_MAX: Final = 100
_READ_WAIT_S: Final = 0.1
_CLOCK: Final = SystemClock()


class CommitCheck:
    """``config`` has librdkafka's names; what is of producers only is left to it to ignore."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def undone(self, places: Places) -> bool:
        """Whether one of these records, that were committed, is none that readers of committed records see.

        Blocks until each is decided, for up to :data:`UNDECIDED_S`; what is not decided then is not undone.
        """
        reader = PositionedReader(self._config)
        try:
            for (topic, partition), offset in places.items():
                reader.go(topic, partition, offset)
            return _undone(reader, dict(places))
        finally:
            reader.close()


def _undone(reader: PositionedReader, left: Places) -> bool:
    deadline = _CLOCK.monotonic() + UNDECIDED_S
    while left and _CLOCK.monotonic() < deadline:
        for message in reader.read(_READ_MAX, _READ_WAIT_S):
            place = (message.topic() or "", message.partition() or 0)
            if message.offset() == left.get(place):
                del left[place]
                reader.leave(*place)
        if any((reader.position(*place) or 0) > offset for place, offset in left.items()):
            return True
    return False
