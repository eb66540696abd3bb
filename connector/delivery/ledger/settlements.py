"""Settlements, made durable: the records that settle commands and the offsets behind them, in one transaction.

Fences: the transaction carries the group's metadata as it is at that moment, so a worker that is no member any more
writes nothing; and our own epoch shuts out what belongs to an assignment that has ended, because the broker checks
membership, not ownership.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from connector.clock import Clock
from connector.delivery.backlog import Partition
from connector.delivery.command import Output, Settlement, Source
from connector.delivery.watermark import Watermark
from connector.kafka.transaction import RecordTooLargeError, TransactionAbortedError

log = structlog.get_logger()


class Transactions(Protocol):
    """The transactional producer, as it is used here."""

    def commit(self, records: Iterable[Output], offsets: Sequence[tuple[str, int, int]], member: object) -> None:
        """Write all or nothing."""

    def close(self) -> None:
        """Let go."""


class TransactionObserver(Protocol):
    """What is measured of the transactions."""

    def transaction(self, *, committed: bool, seconds: float) -> None:
        """One has ended after so many seconds."""


class Ledger:
    """Used from one thread. A settlement is pending from :meth:`add` until a transaction with it has committed."""

    def __init__(self, transactions: Transactions, observer: TransactionObserver, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock
        self._observer = observer
        self._watermarks: dict[Partition, Watermark] = {}
        self._pending: list[Settlement] = []

    @property
    def pending(self) -> int:
        """Settlements that are not committed."""
        return len(self._pending)

    def expected(self, source: Source, newest: int) -> int | None:
        """The epoch that a record belongs to, or None when it had been read before in this assignment.

        ``newest`` becomes that of a partition of which nothing was read yet.
        """
        watermark = self._watermarks.get(Partition(source.topic, source.partition))
        if watermark is None:
            return newest
        return watermark.epoch if watermark.expects(source.offset) else None

    def read(self, source: Source, epoch: int) -> None:
        """An expected record was read."""
        partition = Partition(source.topic, source.partition)
        if partition not in self._watermarks:
            self._watermarks[partition] = Watermark(epoch, source.offset)
        self._watermarks[partition].read(source.offset)

    def add(self, settlement: Settlement) -> bool:
        """Take a settlement; False when its assignment has ended, so that it is void."""
        if not self._is_current(settlement):
            return False
        self._watermarks[_partition(settlement)].settle(settlement.source.offset)
        self._pending.append(settlement)
        return True

    def commit(self, membership: Callable[[], object]) -> list[Settlement]:
        """Commit what is pending; those that are committed now.

        What an aborted transaction held stays pending and is written again.

        Raises:
            FatalProducerError: nothing can be written any more.
        """
        self._pending = [settlement for settlement in self._pending if self._is_current(settlement)]
        if not self._pending:
            return []
        offsets = self._offsets()
        if not self._written(offsets, membership):
            return []
        for topic, partition, offset in offsets:
            self._watermarks[Partition(topic, partition)].committed(offset)
        committed, self._pending = self._pending, []
        return committed

    def forget(self, partition: Partition) -> None:
        """The assignment of the partition has ended: what is pending of it is void."""
        self._watermarks.pop(partition, None)

    def close(self) -> None:
        """Let go of the producer; nothing uncommitted becomes visible."""
        self._transactions.close()

    def _written(self, offsets: Sequence[tuple[str, int, int]], membership: Callable[[], object]) -> bool:
        while True:
            outputs = [output for settlement in self._pending for output in settlement.outputs]
            began = self._clock.monotonic()
            try:
                self._transactions.commit(outputs, offsets, membership())
            except TransactionAbortedError as error:
                self._observer.transaction(committed=False, seconds=self._clock.monotonic() - began)
                log.warning("delivery.transaction_aborted", reason=str(error), settlements=len(self._pending))
                if not isinstance(error, RecordTooLargeError):
                    return False
                self._shorten(outputs[error.index])
            else:
                self._observer.transaction(committed=True, seconds=self._clock.monotonic() - began)
                return True

    def _shorten(self, large: Output) -> None:
        """One record that Kafka will never take must not stop all others: it goes without its value, then bare.

        What it was lies at the place that its headers, and the outcome beside it, name.
        """
        shorter = large._replace(key=None, headers=()) if large.value is None else large._replace(value=None)
        log.error("delivery.record_too_large", topic=large.topic, partition=large.partition)
        self._pending = [
            replace(settlement, outputs=tuple(shorter if output is large else output for output in settlement.outputs))
            if any(output is large for output in settlement.outputs)
            else settlement
            for settlement in self._pending
        ]

    def _offsets(self) -> list[tuple[str, int, int]]:
        """Of every partition whose settled prefix has grown."""
        return [
            (partition.topic, partition.partition, position)
            for partition, watermark in self._watermarks.items()
            if (position := watermark.uncommitted()) is not None
        ]

    def _is_current(self, settlement: Settlement) -> bool:
        watermark = self._watermarks.get(_partition(settlement))
        return watermark is not None and watermark.epoch == settlement.epoch


def _partition(settlement: Settlement) -> Partition:
    return Partition(settlement.source.topic, settlement.source.partition)
