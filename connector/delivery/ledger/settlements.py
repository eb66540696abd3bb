"""Settlements, made durable: the records that settle commands and the offsets behind them, in one transaction.

Fences: the transaction carries the group's metadata as it is at that moment, so a worker that is no member any more
writes nothing; and our own epoch shuts out what belongs to an assignment that has ended, because the broker checks
membership, not ownership.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import structlog

from connector.clock import Clock
from connector.delivery.backlog import Partition
from connector.delivery.command import Output, Settlement, Source
from connector.delivery.watermark import Watermark
from connector.kafka.transaction import RecordRefusedError, TransactionAbortedError

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


class _Batch(NamedTuple):
    """What one transaction has written."""

    settlements: Sequence[Settlement] = ()
    states: Sequence[Output] = ()


class Ledger:
    """Used from one thread. A settlement is pending from :meth:`add` until a transaction with it has committed."""

    def __init__(self, transactions: Transactions, observer: TransactionObserver, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock
        self._observer = observer
        self._epochs: dict[Partition, int] = {}
        self._watermarks: dict[Partition, Watermark] = {}
        self._pending: list[Settlement] = []
        self._last = _Batch()
        self._again = _Batch()
        self.transactions = 0
        """Committed so far."""

    @property
    def pending(self) -> int:
        """Settlements that are not committed, or not any more."""
        return len(self._pending) + len(self._again.settlements)

    def assign(self, partition: Partition, epoch: int) -> None:
        """The partition is ours from now on; what belongs to an earlier epoch of it is void."""
        self._epochs[partition] = epoch

    def begin(self, partition: Partition, position: int, *, stored: bool = True) -> None:
        """The live stream of the partition begins here; a position that is not ``stored`` is committed soon."""
        self._watermarks.setdefault(partition, Watermark(position, stored=stored))

    def epoch(self, partition: Partition) -> int | None:
        """The epoch of the assignment; None when the partition is not ours."""
        return self._epochs.get(partition)

    def read(self, source: Source) -> int | None:
        """A record of the live stream was read; its epoch, or None when it is not ours or had been read before."""
        partition = Partition(source.topic, source.partition)
        epoch = self._epochs.get(partition)
        if epoch is None:
            return None
        watermark = self._watermarks.get(partition)
        if watermark is None:
            watermark = self._watermarks[partition] = Watermark(source.offset)
        return epoch if watermark.read(source.offset) else None

    def live_position(self, partition: Partition) -> int | None:
        """Where the live stream goes on; None when nothing is known of it yet."""
        watermark = self._watermarks.get(partition)
        return watermark.next if watermark else None

    def pinned(self, ahead_max: int) -> list[tuple[Partition, int]]:
        """Partitions whose watermark has more than ``ahead_max`` records before it, and the offset it waits for."""
        return [
            (partition, watermark.position())
            for partition, watermark in self._watermarks.items()
            if watermark.ahead() > ahead_max
        ]

    def let_go(self, partition: Partition, offsets: Iterable[int]) -> None:
        """The watermark is not to wait for these: a cursor stands for them, in the next transaction at the latest."""
        watermark = self._watermarks.get(partition)
        if watermark is not None:
            for offset in offsets:
                watermark.settle(offset)

    def add(self, settlement: Settlement) -> bool:
        """Take a settlement; False when its assignment has ended, so that it is void."""
        if not self._is_current(settlement):
            return False
        self.let_go(_partition(settlement), [settlement.source.offset])
        self._pending.append(settlement)
        return True

    def is_due(self) -> bool:
        """Whether there is something to commit."""
        return bool(self.pending or self._again.states) or any(True for _ in self._offsets())

    def commit(self, membership: Callable[[], object], states: Sequence[Output] = ()) -> list[Settlement] | None:
        """Commit what is pending, with ``states``: the settlements that are committed now; None when it was aborted.

        What an aborted transaction held stays pending and is written again; so is what the one before it held, when
        that was undone with it.

        Raises:
            FatalProducerError: nothing can be written any more.
        """
        self._pending = [settlement for settlement in self._pending if self._is_current(settlement)]
        offsets = list(self._offsets())
        states = [*self._again.states, *states]
        if not self.pending and not offsets and not states:
            return []
        offsets = offsets or self._same_again()
        if not self._written(states, offsets, membership):
            return None
        for topic, partition, offset in offsets:
            self._watermarks[Partition(topic, partition)].committed(offset)
        committed, self._pending = self._pending, []
        self._last = _Batch([*self._again.settlements, *committed], states)
        self._again = _Batch()
        return committed

    def forget(self, partition: Partition) -> None:
        """The assignment of the partition has ended: what is pending of it is void."""
        self._epochs.pop(partition, None)
        self._watermarks.pop(partition, None)
        self._last, self._again = (
            batch._replace(settlements=[each for each in batch.settlements if _partition(each) != partition])
            for batch in (self._last, self._again)
        )

    def keep_states(self, ours: Callable[[Output], bool]) -> None:
        """Slots have left: of what was committed last only these states may be written again."""
        self._last, self._again = (
            batch._replace(states=[state for state in batch.states if ours(state)])
            for batch in (self._last, self._again)
        )

    def close(self) -> None:
        """Let go of the producer; nothing uncommitted becomes visible."""
        self._transactions.close()

    def _written(
        self, states: Sequence[Output], offsets: Sequence[tuple[str, int, int]], membership: Callable[[], object]
    ) -> bool:
        while True:
            settlements = [*self._again.settlements, *self._pending]
            outputs = [output for settlement in settlements for output in settlement.outputs]
            began = self._clock.monotonic()
            try:
                self._transactions.commit([*outputs, *states], offsets, membership())
            except TransactionAbortedError as error:
                self._observer.transaction(committed=False, seconds=self._clock.monotonic() - began)
                log.warning("delivery.transaction_aborted", reason=str(error), settlements=len(self._pending))
                if error.undone:
                    self._write_again()
                    return False
                if not isinstance(error, RecordRefusedError) or error.index >= len(outputs):
                    return False
                self._replace(outputs[error.index], _acceptable(outputs[error.index], error))
            else:
                self._observer.transaction(committed=True, seconds=self._clock.monotonic() - began)
                self.transactions += 1
                return True

    def _write_again(self) -> None:
        """What the last transaction held is as if it had never been written, its offsets too."""
        log.warning("delivery.transaction_undone", settlements=len(self._last.settlements))
        self._again, self._last = self._last, _Batch()
        for watermark in self._watermarks.values():
            watermark.not_stored()

    def _replace(self, refused: Output, by: Output | None) -> None:
        """One record that Kafka will never take must not stop all others.

        What it was lies at the place that its headers, and the outcome beside it, name.
        """
        log.error("delivery.record_refused", topic=refused.topic, partition=refused.partition, dropped=by is None)
        self._pending = _without(self._pending, refused, by)
        self._again = self._again._replace(settlements=_without(self._again.settlements, refused, by))

    def _offsets(self) -> Iterator[tuple[str, int, int]]:
        """Of every partition whose settled prefix has grown."""
        for partition, watermark in self._watermarks.items():
            position = watermark.uncommitted()
            if position is not None:
                yield partition.topic, partition.partition, position

    def _same_again(self) -> list[tuple[str, int, int]]:
        """An offset that is committed already: a transaction without one would not ask whether we are a member."""
        for partition, watermark in self._watermarks.items():
            return [(partition.topic, partition.partition, watermark.position())]
        return []

    def _is_current(self, settlement: Settlement) -> bool:
        return self._epochs.get(_partition(settlement)) == settlement.epoch


def _partition(settlement: Settlement) -> Partition:
    return Partition(settlement.source.topic, settlement.source.partition)


def _without(settlements: Iterable[Settlement], refused: Output, by: Output | None) -> list[Settlement]:
    return [
        replace(settlement, outputs=tuple(_replaced(settlement.outputs, refused, by)))
        if any(output is refused for output in settlement.outputs)
        else settlement
        for settlement in settlements
    ]


def _replaced(outputs: Iterable[Output], refused: Output, by: Output | None) -> Iterator[Output]:
    for output in outputs:
        if output is not refused:
            yield output
        elif by is not None:
            yield by


def _acceptable(refused: Output, error: RecordRefusedError) -> Output | None:
    """The record without what is in the way: its time, else its value, then all but its place; None: nothing helps."""
    if error.for_its_time:
        return refused._replace(timestamp_ms=0) if refused.timestamp_ms else None
    if refused.value is not None:
        return refused._replace(value=None)
    return refused._replace(key=None, headers=()) if refused.headers or refused.key is not None else None
