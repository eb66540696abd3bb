"""Carries out a plan: does to processes, network and Cloud API what it says, and notes when."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final

from connector.clock import SystemClock
from tests.chaos.ledgers import Disturbance
from tests.chaos.plan import Action, Kind, Plan
from tests.chaos.processes import Node
from tests.chaos.site import Installation

STARTED_AGAIN_EVERY_S: Final = 0.3
ENDED_BY_ITSELF: Final = "an end by itself"

_CLOCK: Final = SystemClock()


class Disturber:
    """One plan, carried out on one installation.

    ``done`` has a line for each disturbance, ``totals`` counts them by kind, with what ended by itself.
    """

    def __init__(self, installation: Installation, plan: Plan) -> None:
        self._installation = installation
        self._place = installation.place
        self._plan = plan
        self.done: list[Disturbance] = []
        self.totals: Counter[str] = Counter()
        self._deeds: Mapping[Kind, Callable[[list[Node], float], Awaitable[None]]] = {
            Kind.SCALE_UP: self._start,
            Kind.SCALE_DOWN: self._end,
            Kind.KILL: self._kill_and_start,
            Kind.INGRESS_KILL: self._kill_and_start,
            Kind.KILL_FOR_GOOD: self._kill,
            Kind.PAUSE: self._pause,
            Kind.CUT: self._cut,
            Kind.TERMINATE: self._end_and_start,
            Kind.BROKER_KILL: self._kill_broker,
        }

    def plant_faults(self) -> None:
        """Hand the Cloud API's faults to the simulator, which keeps their times."""
        with self._installation.observer() as observer:
            for fault in self._plan.faults:
                members = {"share": fault.share, "from_s": fault.at_s, "for_s": fault.lasts_s, "methods": ["POST"]}
                numbers = {"numbers": [fault.number]} if fault.number is not None else {}
                observer.add_fault(fault.kind.value, **members, **numbers)
                self.totals[fault.kind.value.replace("_", " ")] += 1

    async def run(self, start_s: float) -> None:
        """All actions at their times, counted from ``start_s`` (monotonic)."""
        for action in self._plan.actions:
            await asyncio.sleep(max(0.0, action.at_s - (_CLOCK.monotonic() - start_s)))
            targets = " ".join(action.targets)
            self._place.say(f"{_CLOCK.monotonic() - start_s:5.1f} s into the load: {action.kind} {targets}")
            self.totals[action.kind.value] += 1
            began_ms = _CLOCK.wall_ms()
            await self._do(action)
            self.done.append(Disturbance(action.kind.value, targets, began_ms, _CLOCK.wall_ms()))

    async def _do(self, action: Action) -> None:
        nodes = [self._installation.nodes[name] for name in action.targets if name in self._installation.nodes]
        await self._deeds[action.kind](nodes, action.lasts_s)

    @contextlib.asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """What ends by itself is started again, as an orchestrator would, and counted."""
        task = asyncio.create_task(self._supervise())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(STARTED_AGAIN_EVERY_S)
            for node in self._installation.nodes.values():
                if node.wanted and node.pid is None:
                    self._note_end(node)
                    node.start()

    def _note_end(self, node: Node) -> None:
        now_ms = _CLOCK.wall_ms()
        self.totals[ENDED_BY_ITSELF] += 1
        self.done.append(Disturbance(ENDED_BY_ITSELF, node.name, now_ms, now_ms))
        self._place.say(f"{node.name} ended by itself with {node.exit_code}, started again")

    async def _start(self, nodes: Sequence[Node], _: float) -> None:
        for node in nodes:
            node.start()

    async def _end(self, nodes: Sequence[Node], _: float) -> None:
        await self._installation.stop(*nodes)

    async def _kill(self, nodes: Sequence[Node], _: float) -> None:
        for node in nodes:
            node.kill()

    async def _kill_and_start(self, nodes: Sequence[Node], _: float) -> None:
        for node in nodes:
            node.kill()
            node.start()

    async def _end_and_start(self, nodes: Sequence[Node], _: float) -> None:
        await self._installation.stop(*nodes)
        for node in nodes:
            node.start()

    async def _pause(self, nodes: Sequence[Node], lasts_s: float) -> None:
        try:
            for node in nodes:
                node.signal(signal.SIGSTOP)
            await asyncio.sleep(lasts_s)
        finally:
            for node in nodes:
                node.signal(signal.SIGCONT)

    async def _cut(self, _: Sequence[Node], lasts_s: float) -> None:
        network = self._place.network
        if network is None:
            return
        try:
            network.cut()
            await asyncio.sleep(lasts_s)
        finally:
            network.heal()

    async def _kill_broker(self, _: Sequence[Node], __: float) -> None:
        await asyncio.to_thread(self._place.broker.kill)
        await asyncio.to_thread(self._place.broker.start)
