"""One ingress as a process on a real broker, a client that redelivers, and what is done to both meanwhile."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from connector.clock import SystemClock
from connector.records.codec import Codec
from tests.chaos.processes import Node
from tests.fixtures.broker import Broker
from tests.fixtures.topics import everything_on
from tests.ingress.chaos.bodies import BodyLoad
from tests.ingress.chaos.client import RedeliveringClient
from tests.ingress.chaos.ledgers import Run, Signal
from tests.integration.system import APP_SECRET, System

READY_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.05
READ_WITHIN_S: Final = 60.0

_CLOCK: Final = SystemClock()
_CODEC: Final = Codec()


class Step(NamedTuple):
    """One thing that is done: to ``broker`` or ``ingress``.

    Attributes:
        at_s: seconds from the begin of the load; a step waits for the one before it.
        what: ``kill``, or ``pause`` for the broker.
        whom: ``broker`` or ``ingress``.
        for_s: seconds until it is started, or continued.
    """

    at_s: float
    what: str
    whom: str
    for_s: float = 0.0


class Stage:
    """One run.

    Args:
        folder: for configuration and logs.
        broker: a broker that may be killed.
        prefix: of the topics.
        say: prints a line of progress.
    """

    def __init__(self, folder: Path, broker: Broker, prefix: str, say: Callable[[str], None]) -> None:
        self._broker = broker
        self._say = say
        self._system = System(folder, broker.bootstrap, prefix)
        config = folder / "ingress.yaml"
        admin = {**self._system.values["admin"], "port": self._system.admin_ports["ingress"]}
        config.write_text(json.dumps({**self._system.values, "admin": admin}))
        command = [sys.executable, "-m", "connector", "ingress", "--config", str(config)]
        url = f"http://127.0.0.1:{admin['port']}"
        self._ingress = Node("ingress", "ingress", command, folder / "ingress.log", url)
        self._client = RedeliveringClient(self._system.ingress_port, APP_SECRET.encode())
        self._disturbances: list[tuple[str, float]] = []

    async def run(self, seed: int, *, rate: float, seconds: float, steps: Sequence[Step]) -> Run:
        """Load for some seconds, the steps meanwhile, and then until everything has been answered 200."""
        await asyncio.to_thread(self._system.create_topics)
        self._ingress.start()
        try:
            await self._ready()
            load = BodyLoad(seed)
            bodies = [load.following() for _ in range(round(rate * seconds))]
            self._say(f"{len(bodies)} bodies in {seconds:g} s, {len(steps)} disturbances")
            async with asyncio.TaskGroup() as group:
                group.create_task(self._client.run(bodies, rate))
                group.create_task(self._disturb(steps))
            await self._told()
            await asyncio.to_thread(self._ingress.end, READY_WITHIN_S)
        finally:
            self._ingress.kill()
        return await asyncio.to_thread(self._read)

    async def _ready(self) -> None:
        deadline = _CLOCK.monotonic() + READY_WITHIN_S
        while not await asyncio.to_thread(lambda: self._ingress.ready):
            if _CLOCK.monotonic() > deadline:
                message = f"the ingress is not ready: {self._ingress.log_end()}"
                raise RuntimeError(message)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _disturb(self, steps: Sequence[Step]) -> None:
        begun = _CLOCK.monotonic()
        for step in steps:
            await asyncio.sleep(max(0.0, begun + step.at_s - _CLOCK.monotonic()))
            self._say(f"{step.at_s:g} s into the load: {step.what} the {step.whom} for {step.for_s:g} s")
            await self._do(step)
            back_ms = _CLOCK.wall_ms()
            self._disturbances.append((f"{step.what} {step.whom}", await self._recovered(back_ms)))

    async def _do(self, step: Step) -> None:
        if step.whom == "ingress":
            self._ingress.kill()
            await asyncio.sleep(step.for_s)
            self._ingress.start()
            return
        stop, start = (
            (self._broker.pause, self._broker.resume)
            if step.what == "pause"
            else (self._broker.kill, self._broker.start)
        )
        await asyncio.to_thread(stop)
        await asyncio.sleep(step.for_s)
        await asyncio.to_thread(start)

    async def _recovered(self, back_ms: int) -> float:
        """Seconds until a body that came later was answered 200."""
        await self._client.taken_since(back_ms)
        return (_CLOCK.wall_ms() - back_ms) / 1000

    async def _told(self) -> None:
        """Until a sign of life from after the load is on Kafka, behind every gap."""
        now = _CLOCK.wall_ms()
        deadline = _CLOCK.monotonic() + READ_WITHIN_S
        while _CLOCK.monotonic() < deadline:
            signals = await asyncio.to_thread(self._signals)
            if signals and all(any(found.end_ms > now for found in partition) for partition in signals.values()):
                return
        message = "no sign of life after the load"
        raise RuntimeError(message)

    def _signals(self) -> dict[int, tuple[Signal, ...]]:
        found: dict[int, list[Signal]] = {}
        for message in everything_on(self._broker.bootstrap, self._system.settings.topic_names.number_signals):
            record = _CODEC.decode("NumberSignal", message.value() or b"")
            signals = found.setdefault(message.partition() or 0, [])
            if record["kind"] == "HEARTBEAT":
                signals.append(Signal("HEARTBEAT", record["replica"], record["at"], record["at"]))
            elif record["kind"] == "GAP":
                signals.append(Signal("GAP", record["replica"], record["from"], record["to"]))
        return {partition: tuple(signals) for partition, signals in found.items()}

    def _read(self) -> Run:
        names = self._system.settings.topic_names
        return Run(
            posted=self._client.posted,
            messages=self._ids(names.inbound_messages, "InboundMessage"),
            statuses=self._ids(names.message_statuses, "MessageStatus"),
            receipts=self._ids(names.number_signals, "NumberSignal"),
            signals=self._signals(),
            disturbances=tuple(self._disturbances),
        )

    def _ids(self, topic: str, schema: str) -> frozenset[str]:
        records = (
            _CODEC.decode(schema, message.value() or b"") for message in everything_on(self._broker.bootstrap, topic)
        )
        return frozenset(record["message_id"] for record in records if record["message_id"])
