"""SHELL. What this replica tells delivery by the clock: inbound load, heartbeats, and gaps after refusals."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from connector.clock import Clock
from connector.ingress import number_signals
from connector.ingress.events import Event
from connector.ingress.publisher import Publisher
from connector.kafka.producer import PublishError

log = structlog.get_logger()

LOAD_INTERVAL_S: Final = 1.0
HEARTBEAT_INTERVAL_S: Final = 5.0


class Signals:
    """The signals of one replica.

    Args:
        publisher: Where they go.
        replica: Name of this ingress, unique among those of the installation.
        clock: Wall time for the signals, monotonic time for the heartbeat.
        vouched_until: Gives, for a time in milliseconds, the time up to which every webhook that came is answered.
    """

    def __init__(
        self, publisher: Publisher, replica: str, clock: Clock, vouched_until: Callable[[int], int] = lambda now: now
    ) -> None:
        self._publisher = publisher
        self._replica = replica
        self._clock = clock
        self._vouched_until = vouched_until
        self._load: dict[str, tuple[str, int]] = {}
        self._load_since = clock.wall_ms()
        self._gap: tuple[int, int] | None = None
        self._heartbeat_at = clock.monotonic()
        self._failing = False

    def received(self, phone_number_id: str, waba_id: str) -> None:
        """An inbound message of a number was taken."""
        if phone_number_id:
            _, before = self._load.get(phone_number_id, ("", 0))
            self._load[phone_number_id] = (waba_id, before + 1)

    def refused(self, begin: int, end: int) -> None:
        """A webhook that came at ``begin`` was refused at ``end`` (milliseconds since the epoch)."""
        self._gap = _union(self._gap, (begin, end))

    async def run(self) -> None:
        """Tick for ever, once a second."""
        while True:
            await self.tick()
            await asyncio.sleep(LOAD_INTERVAL_S)

    async def tick(self) -> None:
        """Publish what is due. What Kafka does not take is due again, save the load, which is soon of no interest."""
        now = self._clock.wall_ms()
        gap, load, interval = self._gap, self._load, (self._load_since, now)
        self._gap, self._load, self._load_since = None, {}, now
        beats = self._clock.monotonic() >= self._heartbeat_at
        # A webhook that is not answered yet may still be refused: the sign of life is from before it came.
        alive_at = self._vouched_until(now)
        try:
            slots = await self._publisher.slots()
            if gap is not None:
                # Acknowledged before the heartbeat leaves: whoever sees the sign of life has seen what was missed.
                await self._publisher.publish(number_signals.gap(self._replica, slots, now, gap))
                gap = None
            events = self._load_events(slots, load, interval)
            if beats:
                events += number_signals.heartbeat(self._replica, slots, alive_at)
            await self._publisher.publish(events)
        except PublishError as error:
            self._failed(str(error))
            if gap is not None:
                self.refused(*gap)
        else:
            self._failing = False
            if beats:
                self._next_heartbeat()

    def _next_heartbeat(self) -> None:
        # From when this one was due, so that the interval does not grow by what a tick takes; after a silence from now.
        now = self._clock.monotonic()
        next_at = self._heartbeat_at + HEARTBEAT_INTERVAL_S
        self._heartbeat_at = next_at if next_at > now else now + HEARTBEAT_INTERVAL_S

    def _failed(self, reason: str) -> None:
        if not self._failing:
            log.warning("signals not published, tried again each second", error=reason)
        self._failing = True

    def _load_events(self, slots: int, load: dict[str, tuple[str, int]], interval: tuple[int, int]) -> list[Event]:
        return [
            event
            for number, (waba_id, count) in load.items()
            for event in number_signals.inbound_load(
                self._replica, slots, number, waba_id=waba_id, count=count, interval=interval
            )
        ]


def _union(one: tuple[int, int] | None, other: tuple[int, int]) -> tuple[int, int]:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))
