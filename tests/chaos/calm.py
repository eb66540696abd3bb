"""Three scenes on one worker that nobody disturbs: a throttle storm, a stopped number, CRM behind a backlog."""

import asyncio
from collections.abc import Iterable
from typing import Final

from connector.clock import SystemClock
from connector.simulator.client import SimulatorClient
from tests.chaos import collect
from tests.chaos.commands import Draft, numbers_of_slots, plain_draft
from tests.chaos.driver import CommandDriver
from tests.chaos.ledgers import Outcome
from tests.chaos.probe_ledgers import Held, Priority, Throttled
from tests.chaos.site import READY_WITHIN_S, Installation, Site, holds
from tests.integration.system import SLOTS

WINDOW: Final = 100
ATTEMPTS_MAX: Final = 2
MIN_SHARE: Final = 0.1
STANDARD_MPS: Final = 80

THROTTLED_NUMBER: Final = 5
THROTTLED_PAIRS: Final = 10
THROTTLED_S: Final = 12.0
"""Long enough for four refusals: the waits in between are 1, 2 and 4 s, of a pair 1 and 4 s."""

STOPPED: Final = 3 * WINDOW
NEIGHBOUR: Final = 100
NEIGHBOUR_WITHIN_S: Final = 12.0
"""At its full speed the neighbour needs less than 2 s."""
RESUMED_WITHIN_S: Final = 60.0
"""A stopped number is tried again every 30 s."""

MARKETING: Final = 1200
CRM: Final = 240
SETTLED_WITHIN_S: Final = 60.0

_CLOCK: Final = SystemClock()


class CalmStage:
    """One worker, five numbers, all scenes at the same time."""

    def __init__(self, place: Site) -> None:
        self._place = place
        ids = numbers_of_slots([0, 0, 1, 1, 2], SLOTS)
        self._stopped, self._neighbour, self._slow, self._paired, self._busy = ids
        commands = [
            {"topic": "commands.crm", "priority": 0, "burst": True},
            {"topic": "commands.marketing", "priority": 1, "min_share": MIN_SHARE, "on_ambiguous": "DEAD_LETTER"},
        ]
        self.installation = Installation(
            place,
            "calm",
            simulator={"numbers": [{"id": id_, "level": "STANDARD"} for id_ in ids], "latency": {"median_ms": 40}},
            changes={
                "delivery": {
                    "session_timeout_s": 45,
                    "attempts_max": ATTEMPTS_MAX,
                    "window_per_number": WINDOW,
                    "commands": commands,
                }
            },
        )
        self._names = self.installation.system.settings.topic_names
        self._recipients = 0

    async def run(self) -> tuple[Throttled, Held, Priority]:
        """All scenes; their ledgers."""
        try:
            worker = self.installation.add("delivery", "worker")
            await self.installation.open()
            worker.start()
            await self.installation.until("the worker is ready", lambda: worker.ready, READY_WITHIN_S)
            self._place.say("calm: one worker is ready")
            with self.installation.observer() as observer:
                seen = await asyncio.gather(self._throttled(observer), self._held(observer), self._priority(observer))
            await self.installation.stop(worker)
            self._place.say("calm: done")
            return seen
        finally:
            self.installation.close()

    async def _throttled(self, observer: SimulatorClient) -> Throttled:
        """Two numbers: one over its own limit, one whose recipients are over the pair's, for so long."""
        for code, number in ((130429, self._slow), (131056, self._paired)):
            members = {"code": code, "numbers": [number], "for_s": THROTTLED_S}
            await asyncio.to_thread(observer.add_fault, "throttle", **members)
        drafts = [
            *self._drafts("slow", self._slow, THROTTLED_NUMBER),
            *self._drafts("paired", self._paired, THROTTLED_PAIRS),
        ]
        await self._produce(drafts)
        wanted = tuple(draft.id for draft in drafts)
        outcomes = await self._settled(frozenset(wanted))
        requests = await asyncio.to_thread(collect.requests, observer)
        return Throttled(ATTEMPTS_MAX, wanted, requests, outcomes)

    async def _settled(self, wanted: frozenset[str]) -> tuple[Outcome, ...]:
        found: dict[str, Outcome] = {}
        with collect.reading(self._place.broker.bootstrap, [self._names.delivery_outcomes]) as reading:

            def all_there() -> bool:
                outcomes = map(collect.outcome, reading.more())
                found.update({outcome.command_id: outcome for outcome in outcomes if outcome.command_id in wanted})
                return len(found) == len(wanted)

            await holds(all_there, SETTLED_WITHIN_S, every_s=0.5)
        return tuple(found.values())

    async def _held(self, observer: SimulatorClient) -> Held:
        """One number's token expires with far more queued than its window; then its neighbour gets work."""
        fault = await asyncio.to_thread(observer.add_fault, "token_expired", numbers=[self._stopped])
        await self._produce(self._drafts("stopped", self._stopped, STOPPED))
        await holds(lambda: _refused(observer, self._stopped) > 0, READY_WITHIN_S)
        began_s = _CLOCK.monotonic()
        await self._produce(self._drafts("neighbour", self._neighbour, NEIGHBOUR))
        in_time = await holds(lambda: _accepted(observer, self._neighbour) >= NEIGHBOUR, NEIGHBOUR_WITHIN_S)
        took_s = _CLOCK.monotonic() - began_s
        sent = await asyncio.to_thread(_accepted, observer, self._neighbour)
        await asyncio.to_thread(observer.remove_fault, fault)
        mended_s = _CLOCK.monotonic()
        resumed = await holds(lambda: _accepted(observer, self._stopped) >= STOPPED, RESUMED_WITHIN_S, every_s=0.5)
        return Held(
            window=WINDOW,
            queued=STOPPED,
            neighbour=NEIGHBOUR,
            neighbour_sent=sent,
            neighbour_s=took_s if in_time else None,
            neighbour_allowed_s=NEIGHBOUR_WITHIN_S,
            resumed=await asyncio.to_thread(_accepted, observer, self._stopped),
            resumed_s=_CLOCK.monotonic() - mended_s if resumed else None,
            resumed_allowed_s=RESUMED_WITHIN_S,
        )

    async def _priority(self, observer: SimulatorClient) -> Priority:
        """A backlog of marketing that takes many seconds; once it is being worked on, the CRM has something to say."""
        marketing = self._drafts("marketing", self._busy, MARKETING, marketing=True)
        await self._produce(marketing)
        await holds(lambda: _accepted(observer, self._busy) > 0, READY_WITHIN_S)
        crm = self._drafts("crm", self._busy, CRM)
        await self._produce(crm)
        from_ms = _CLOCK.wall_ms()
        names = frozenset(draft.id for draft in crm)

        def all_sent() -> bool:
            return sum(request.command in names for request in collect.requests(observer) if request.accepted) >= CRM

        await holds(all_sent, SETTLED_WITHIN_S, every_s=0.5)
        return Priority(
            marketing=frozenset(draft.id for draft in marketing),
            crm=names,
            from_ms=from_ms,
            limit=STANDARD_MPS,
            min_share=MIN_SHARE,
            requests=await asyncio.to_thread(collect.requests, observer),
        )

    def _drafts(self, word: str, number: str, count: int, *, marketing: bool = False) -> list[Draft]:
        """Plain commands, each to somebody else."""
        return [self._draft(f"{word}-{index}", number, marketing=marketing) for index in range(count)]

    def _draft(self, name: str, number: str, *, marketing: bool) -> Draft:
        self._recipients += 1
        return plain_draft(name, number, f"16505{self._recipients:06d}", marketing=marketing)

    async def _produce(self, drafts: Iterable[Draft]) -> None:
        driver = CommandDriver(self._place.broker.bootstrap, *self._names.commands)
        driver.produce(drafts)
        await driver.flush()


def _refused(observer: SimulatorClient, number: str) -> int:
    tally = observer.summary()["numbers"].get(number)
    return 0 if tally is None else int(tally["requests"]) - int(tally["accepted"])


def _accepted(observer: SimulatorClient, number: str) -> int:
    tally = observer.summary()["numbers"].get(number)
    return 0 if tally is None else int(tally["accepted"])
