"""Joins the Kafka thread of a delivery worker with its event loop."""

import asyncio
from collections.abc import Callable, Sequence

from connector.delivery.command import QueuedCommand, Settlement
from connector.delivery.ledger.takeover import RecentSend
from connector.delivery.news import News
from connector.delivery.worker import Worker


class Bridge:
    """What the Kafka thread asks of the event loop, and what is joined only once all of it is made."""

    worker: Worker
    news: News

    def __init__(
        self, loop: asyncio.AbstractEventLoop, drain_s: float, on_settled: Callable[[Sequence[Settlement]], None]
    ) -> None:
        self._loop = loop
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

    def remember(self, slot: int, sends: Sequence[RecentSend]) -> None:
        """Messages that left a slot before it was ours; returns at once."""
        if sends:
            self._loop.call_soon_threadsafe(self.worker.remember, slot, sends)

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
