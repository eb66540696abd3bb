"""Joins the Kafka thread of a delivery worker with its event loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from connector.clock import Clock
from connector.delivery.care import Care
from connector.delivery.command import QueuedCommand, Settlement, Tried
from connector.delivery.ledger.attempts import SlotAttempts
from connector.delivery.ledger.journal import AttemptJournal
from connector.delivery.news import News
from connector.delivery.worker import Worker

OF_ATTEMPTS: Final = frozenset({"RECEIPT", "HEARTBEAT", "GAP"})


class Bridge:
    """What the Kafka thread asks of the event loop, and what is joined only once all of it is made."""

    worker: Worker
    care: Care
    news: News
    journal: AttemptJournal

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        drain_s: float,
        on_settled: Callable[[Sequence[Settlement]], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._drain_s = drain_s
        self._on_settled = on_settled

    def pump(self) -> None:
        """Something that the dispatcher knows by now may let messages go; on the event loop."""
        self.worker.pump()

    def reread_level(self, phone_number_id: str) -> None:
        """A number's level has changed; on the event loop."""
        self.worker.reread_level(phone_number_id)

    def feed(self, commands: Sequence[QueuedCommand]) -> None:
        """Hand over commands; returns at once."""
        self._loop.call_soon_threadsafe(self.worker.feed, commands)

    def drain(self, slots: frozenset[int]) -> None:
        """Return when nothing of these slots is in flight any more, or the drain budget is used up."""
        asyncio.run_coroutine_threadsafe(self.worker.drain(slots, self._drain_s), self._loop).result()

    def remember(self, slot: int, past: SlotAttempts) -> None:
        """What earlier owners of a slot have tried; returns at once."""
        self.news.hear_since(slot, past.oldest_open_ms(self._clock.wall_ms()))
        self._loop.call_soon_threadsafe(self.worker.remember, slot, past)

    def tried(self, slots: frozenset[int]) -> list[tuple[QueuedCommand, Tried]]:
        """The unsettled commands of these slots of which an attempt has begun."""

        async def tried() -> list[tuple[QueuedCommand, Tried]]:
            return self.worker.tried(slots)

        return asyncio.run_coroutine_threadsafe(tried(), self._loop).result()

    def next_attempt(self, slot: int) -> int | None:
        """The offset beyond the newest acknowledged record of the slot's attempts; None before the first."""
        return self.journal.next_offset(slot)

    def on_control(self, key: str, control: Mapping[str, Any] | None) -> None:
        """Somebody holds or releases a scope; on the event loop."""
        self.care.on_control(key, control)

    def on_signal(self, slot: int, signal: Mapping[str, Any]) -> None:
        """The ingress has told something; on the event loop."""
        if signal["kind"] in OF_ATTEMPTS:
            self.worker.on_signal(slot, signal)
        self.care.on_signal(signal)

    def drop(self, slots: frozenset[int]) -> None:
        """Forget these slots; returns when that is done."""

        async def drop() -> None:
            self.worker.drop(slots)

        asyncio.run_coroutine_threadsafe(drop(), self._loop).result()

    def resume(self) -> None:
        """The right to start requests is back; returns at once."""
        self._loop.call_soon_threadsafe(self.worker.resume)

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """These are committed; returns at once."""
        self._on_settled(settlements)

    def on_slots(self, call: Callable[[frozenset[int]], None]) -> Callable[[frozenset[int]], None]:
        """Tell the news and ``call``, on the event loop, which slots are at work."""

        def tell(started: frozenset[int]) -> None:
            self.news.listen_to(started)
            self._loop.call_soon_threadsafe(call, started)

        return tell
