"""What is kept in memory of the log: a bounded window for each partition and number."""

from collections import Counter
from typing import NamedTuple


class Partition(NamedTuple):
    """A partition of a command topic."""

    topic: str
    partition: int


class Windows:
    """Counts what was taken and not settled; a partition is full while one of its numbers has ``limit`` commands.

    It is open again when that number is down to half: pausing and resuming a fetcher for each command would cost more
    than the commands.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[Partition, Counter[str]] = {}
        self._full: dict[Partition, set[str]] = {}

    def take(self, partition: Partition, phone_number_id: str) -> None:
        """A command of the number was taken into memory."""
        counter = self._taken.setdefault(partition, Counter())
        counter[phone_number_id] += 1
        if counter[phone_number_id] >= self._limit:
            self._full.setdefault(partition, set()).add(phone_number_id)

    def settle(self, partition: Partition, phone_number_id: str) -> None:
        """A command of the number left memory."""
        counter = self._taken[partition]
        counter[phone_number_id] -= 1
        if counter[phone_number_id] <= self._limit // 2:
            self._full.get(partition, set()).discard(phone_number_id)
        if not counter[phone_number_id]:
            del counter[phone_number_id]

    def full(self) -> set[Partition]:
        """Partitions that are to be paused."""
        return {partition for partition, numbers in self._full.items() if numbers}

    def forget(self, partition: Partition) -> None:
        """The partition was given up."""
        self._taken.pop(partition, None)
        self._full.pop(partition, None)
