"""Takes in the records of the owned slots: what is kept, what is left in the log, what is settled at once. Pure."""

from collections.abc import Callable, Iterable
from typing import Final

from connector.delivery.admission import Admission, note_settled, repeated
from connector.delivery.backlog import Backlog, Kept, Offer, Partition
from connector.delivery.command import QueuedCommand, Settlement, SourceRecord
from connector.delivery.identities import Identities
from connector.delivery.intake import Intake

KEYLESS: Final = b""
"""Records without a key share one unit: they are told apart only by decoding, which is what units are to spare."""


class Reception:
    """Of one worker, on one thread.

    ``let_go`` is told the offsets that the watermark is not to wait for any more; ``live`` tells where a partition's
    live stream goes on.
    """

    def __init__(
        self,
        intake: Intake,
        admission: Admission,
        let_go: Callable[[Partition, Iterable[int]], None],
        live: Callable[[Partition], int | None],
        *,
        slotted: frozenset[str],
        window: int,
    ) -> None:
        self._slotted = slotted
        self._intake = intake
        self._admission = admission
        self._let_go = let_go
        self._live = live
        self._identities: dict[int, Identities] = {}
        self.backlog = Backlog(window)

    def begin(self, slot: int, identities: Identities, kept: dict[tuple[str, bytes], Kept]) -> None:
        """The slot is ours, with what its owners before have left."""
        self._identities[slot] = identities
        for (topic, key), unit in kept.items():
            self.backlog.restore(Partition(topic, slot), key, unit)

    def live(self, record: SourceRecord, epoch: int, now: float, wall_ms: int) -> QueuedCommand | Settlement | None:
        """A record of the live stream; None when it is left in the log."""
        if record.source.topic not in self._slotted:  # forward-only: nothing of it stays in memory
            return self._intake.take(record, epoch, now, wall_ms)
        partition, key, offset = _place(record)
        match self.backlog.offer(partition, key, offset):
            case Offer.TAKE:
                pass
            case Offer.TAKE_DEFERRED:
                self._let_go(partition, [offset])
            case Offer.LEAVE:
                self._let_go(partition, [offset])
                return None
            case Offer.DEFER:
                self._let_go(partition, [*self.backlog.open_offsets(partition, key), offset])
                return None
        return self._take(record, epoch, now, wall_ms)

    def again(self, record: SourceRecord, epoch: int, now: float, wall_ms: int) -> QueuedCommand | Settlement | None:
        """A record that the backfill has read; None when it is not wanted, or not yet."""
        partition, key, offset = _place(record)
        live = self._live(partition)
        if live is None or not self.backlog.offer_again(partition, key, offset, live):
            return None
        return self._take(record, epoch, now, wall_ms)

    def settled(self, settlement: Settlement, wall_ms: int) -> None:
        """A record needs nothing more once the next transaction has committed."""
        source = settlement.source
        self.backlog.settle(Partition(source.topic, source.partition), settlement.key or KEYLESS, source.offset)
        queued = settlement.command
        identities = self._identities.get(queued.slot) if queued else None
        if identities is not None:
            note_settled(settlement, identities, wall_ms)

    def unpin(self, partition: Partition, offset: int) -> None:
        """A slow or stopped number must not hold the watermark: a restart would read all the others' again."""
        self._let_go(partition, self.backlog.stand_for(partition, offset))

    def give_back(self, partitions: Iterable[Partition]) -> None:
        """Leave all that is unsettled of these partitions to the log, for their next owner."""
        for partition in partitions:
            self._let_go(partition, self.backlog.give_back(partition))

    def forget(self, partitions: Iterable[Partition], slots: Iterable[int]) -> None:
        """These are not ours any more."""
        for partition in partitions:
            self.backlog.forget(partition)
        for slot in slots:
            self._identities.pop(slot, None)

    def _take(self, record: SourceRecord, epoch: int, now: float, wall_ms: int) -> QueuedCommand | Settlement:
        reading = self._intake.reading(record, epoch)
        identities = self._identities.get(reading.slot)
        if identities is not None and identities.is_settled(reading.origin):
            return repeated(reading)
        try:
            taken = self._intake.take(record, epoch, now, wall_ms)
        except Exception:
            self.backlog.untake(*_place(record))
            raise
        if isinstance(taken, QueuedCommand) and identities is not None:
            return self._admission.admit(taken, identities, wall_ms)
        return taken


def _place(record: SourceRecord) -> tuple[Partition, bytes, int]:
    source = record.source
    return Partition(source.topic, source.partition), record.key or KEYLESS, source.offset
