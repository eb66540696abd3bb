"""Takes in the records of the owned slots: what is kept, what is left in the log, what is settled at once. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from connector.delivery.admission import Admission, note_outcome, note_settled, repeated
from connector.delivery.backlog import Backlog, Kept, Offer, Partition
from connector.delivery.command import QueuedCommand, Reading, Settlement, Source, SourceRecord, Tried
from connector.delivery.identities import Identities
from connector.delivery.intake import Intake
from connector.delivery.outcomes import OutcomeWriter
from connector.records.types import DeliveryOutcome

KEYLESS: Final = b""
"""Records without a key share one unit: they are told apart only by decoding, which is what units are to spare."""


@dataclass(frozen=True, slots=True)
class SlotPast:
    """What earlier owners of a slot have left: what they settled, what they tried, what they did not get committed."""

    identities: Identities = field(default_factory=Identities)
    tried: dict[Source, Tried] = field(default_factory=dict)
    evidence: dict[Source, DeliveryOutcome] = field(default_factory=dict)


class Reception:
    """Of one worker, on one thread.

    ``let_go`` is told the offsets that the watermark is not to wait for any more; ``live`` tells where a partition's
    live stream goes on.
    """

    def __init__(
        self,
        intake: Intake,
        admission: Admission,
        outcomes: OutcomeWriter,
        let_go: Callable[[Partition, Iterable[int]], None],
        live: Callable[[Partition], int | None],
        *,
        slotted: frozenset[str],
        window: int,
    ) -> None:
        self._slotted = slotted
        self._intake = intake
        self._admission = admission
        self._outcomes = outcomes
        self._let_go = let_go
        self._live = live
        self._pasts: dict[int, SlotPast] = {}
        self.backlog = Backlog(window)

    def begin(self, slot: int, past: SlotPast, kept: dict[tuple[str, bytes], Kept]) -> None:
        """The slot is ours, with what its owners before have left."""
        self._pasts[slot] = past
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
        past = self._pasts.get(queued.slot) if queued else None
        if past is not None:
            note_settled(settlement, past.identities, wall_ms)

    def tried(self, slot: int) -> dict[Source, Tried]:
        """Commands that an earlier owner of the slot has tried, and that were not read again yet."""
        return self._pasts[slot].tried if slot in self._pasts else {}

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
            self._pasts.pop(slot, None)

    def _take(self, record: SourceRecord, epoch: int, now: float, wall_ms: int) -> QueuedCommand | Settlement:
        reading = self._intake.reading(record, epoch)
        past = self._pasts.get(reading.slot)
        if past is not None and past.identities.is_settled(reading.origin):
            return repeated(reading)
        if past is not None and (outcome := past.evidence.pop(reading.origin, None)) is not None:
            past.tried.pop(reading.origin, None)
            return self._settle_again(reading, outcome, past.identities)
        try:
            taken = self._intake.take(record, epoch, now, wall_ms)
        except Exception:
            self.backlog.untake(*_place(record))
            raise
        if isinstance(taken, QueuedCommand) and past is not None:
            tried = past.tried.pop(reading.origin, None)
            if tried is not None:
                taken.resume(tried, now, wall_ms)
            return self._admission.admit(taken, past.identities, wall_ms)
        return taken

    def _settle_again(self, reading: Reading, outcome: DeliveryOutcome, identities: Identities) -> Settlement:
        """An earlier owner had the answer, and died before its outcome was committed."""
        note_outcome(outcome, reading.origin, identities)
        return self._outcomes.again(reading, outcome)


def _place(record: SourceRecord) -> tuple[Partition, bytes, int]:
    source = record.source
    return Partition(source.topic, source.partition), record.key or KEYLESS, source.offset
