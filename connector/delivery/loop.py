"""What the Kafka thread of delivery asks of the event loop."""

from collections.abc import Sequence
from typing import Protocol

from connector.delivery.command import QueuedCommand, Settlement, Tried
from connector.delivery.ledger.attempts import SlotAttempts


class Loop(Protocol):
    """Called from the Kafka thread."""

    def feed(self, commands: Sequence[QueuedCommand]) -> None:
        """Hand over commands; returns at once."""

    def drain(self, slots: frozenset[int]) -> None:
        """Return when nothing of these slots is in flight any more, or the drain budget is used up."""

    def drop(self, slots: frozenset[int]) -> None:
        """Forget these slots; returns when that is done."""

    def remember(self, slot: int, past: SlotAttempts) -> None:
        """What earlier owners of a slot have tried; returns at once."""

    def tried(self, slots: frozenset[int]) -> Sequence[tuple[QueuedCommand, Tried]]:
        """The unsettled commands of these slots of which an attempt has begun."""
        ...

    def next_attempt(self, slot: int) -> int | None:
        """The offset beyond the newest acknowledged record of the slot's attempts; None before the first."""
        ...

    def resume(self) -> None:
        """The right to start requests is back; returns at once."""

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """These are committed; returns at once."""
