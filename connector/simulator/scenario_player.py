"""Plays a scenario: each event at its time, counted from when the simulator began to serve."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from connector.simulator import admin
from connector.simulator.asgi import RequestError
from connector.simulator.fault_endpoints import put_fault, remove_fault
from connector.simulator.fault_kinds import Fault
from connector.simulator.scenario import EndEvent, Event, NumberEvent, SwitchEvent

if TYPE_CHECKING:
    from connector.simulator.app import Simulator


class Player:
    """One scenario under way.

    Args:
        simulator: it happens to.
        events: in any order.
    """

    def __init__(self, simulator: "Simulator", events: Sequence[Event]) -> None:
        self._simulator = simulator
        self._events = sorted(events, key=lambda event: event.at_s)
        self._results: list[str] = []
        self._started_s: float | None = None
        self._playing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin: now is 0 s."""
        self._started_s = self._simulator.clock.monotonic()
        self._playing = asyncio.create_task(self._play(self._started_s))

    async def close(self) -> None:
        """Let nothing more happen."""
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.gather(self._playing, return_exceptions=True)

    def listing(self) -> dict[str, Any]:
        """Seconds since the start; each event with what became of it: ``waiting``, ``done``, or what went wrong."""
        now_s = self._simulator.clock.monotonic()
        results = [*self._results, *["waiting"] * (len(self._events) - len(self._results))]
        return {
            "elapsed_s": None if self._started_s is None else round(now_s - self._started_s, 3),
            "events": [
                {"at_s": event.at_s, "place": event.place, "what": _told(event), "result": result}
                for event, result in zip(self._events, results, strict=True)
            ],
        }

    async def _play(self, started_s: float) -> None:
        for event in self._events:
            await asyncio.sleep(max(0.0, started_s + event.at_s - self._simulator.clock.monotonic()))
            self._results.append(await self._happen(event))

    async def _happen(self, event: Event) -> str:
        try:
            await self._carry_out(event)
        except (RequestError, msgspec.DecodeError) as error:
            return str(error)
        return "done"

    async def _carry_out(self, event: Event) -> None:
        what = event.what
        if isinstance(what, NumberEvent):
            admin.set_number(self._simulator, what.number, what.change)
        elif isinstance(what, SwitchEvent):
            await self._post(what)
        elif isinstance(what, EndEvent):
            remove_fault(self._simulator, None)
        else:
            put_fault(self._simulator, what)

    async def _post(self, switch: SwitchEvent) -> None:
        path, body = f"/_admin/{switch.path}", msgspec.json.encode(switch.body)
        status, answer = await admin.serve(self._simulator, "POST", path, {}, body)
        if status != 200:  # noqa: PLR2004 - an HTTP status
            raise RequestError(msgspec.json.decode(answer)["error"])


def _told(event: Event) -> str:
    what = event.what
    if isinstance(what, Fault):
        return f"fault {what.kind}"
    if isinstance(what, NumberEvent):
        return f"number {what.number}"
    return f"switch {what.path}" if isinstance(what, SwitchEvent) else "end of faults"
