"""A run of the bench: the probes, then the storm, on one broker; then the verdicts."""

import asyncio
import dataclasses
import json
import shutil
import signal
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.chaos.backlog import backlog
from tests.chaos.calm import CalmStage
from tests.chaos.commands import NumberLoad
from tests.chaos.history import history
from tests.chaos.kill_plan import make_kill_plan
from tests.chaos.ledgers import Stop, Storm
from tests.chaos.plan import make_plan
from tests.chaos.probe_ledgers import Held, History, Priority, Run, Throttled
from tests.chaos.site import SESSION_S, Site, site
from tests.chaos.startup import startups
from tests.chaos.storm import MANY, NUMBERS, StormStage
from tests.chaos.table import Report
from tests.chaos.verdicts.every import ON_STORM, verdicts

CALM: Final = frozenset({"D6", "D7", "D8", "B1"})
STORM: Final = frozenset({*ON_STORM, "B1"})

MIXED: Final = "mixed"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a run.

    Attributes:
        seed: decides everything that is left open.
        seconds: of load in the storm.
        backlog: commands that are queued to see what they cost.
        only: guarantees that are looked at; parts of the run that serve no other are left out.
        required: guarantees that have to pass.
        drain_s: how long it is waited for the last command; what nobody knows of is decided on after ten minutes.
        plan: mixed, or one without mercy; that has ``commands`` for forty numbers.
        protocol: of the consumer group in the storm.
        keep_logs: folder that gets every process's log and the storm's ledgers.
    """

    seed: int
    seconds: float
    backlog: int
    only: frozenset[str]
    required: frozenset[str]
    keep_logs: Path | None = None
    drain_s: float = 60.0
    plan: str = MIXED
    commands: int = 20_000
    protocol: str = "classic"


def run(order: Order, say: Callable[[str], None]) -> Report:
    """Everything that the order needs.

    Raises:
        KafkaUnavailable: no broker can be had.
        BenchError: the bench could not do its work.
        CancelledError: SIGTERM.
    """
    with tempfile.TemporaryDirectory(prefix="connector-chaos-") as folder:
        try:
            with site(Path(folder), say, network=bool(order.only & STORM)) as place:
                return asyncio.run(_until_sigterm(_Bench(order, place).run()))
        finally:
            if order.keep_logs is not None:
                _keep(Path(folder), order.keep_logs)


async def _until_sigterm(work: Coroutine[Any, Any, Report]) -> Report:
    """SIGTERM cancels the work once, so that it cleans up; what ends a process group may tell each member again."""
    task = asyncio.ensure_future(work)
    told = asyncio.Event()

    def cancel() -> None:
        if not told.is_set():
            told.set()
            task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, cancel)
    return await task


@dataclass
class _Bench:
    order: Order
    place: Site
    stops: list[Stop] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    async def run(self) -> Report:
        """First the probes, all at once, for each has little to do; then the storm has the machine to itself."""
        order, place = self.order, self.place
        try:
            async with asyncio.TaskGroup() as group:
                calm = self._begin(group, CALM, self._calm)
                memory = self._begin(group, {"D12"}, lambda: backlog(place, order.backlog))
                past = self._begin(group, {"D13"}, self._history)
                started = self._begin(group, {"B3"}, lambda: startups(place.folder))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        storm = await self._storm() if order.only & STORM else None
        throttled, held, priority = calm.result() if calm is not None else (None, None, None)
        seen = Run(
            storm=storm,
            throttled=throttled,
            held=held,
            priority=priority,
            backlog=memory.result() if memory is not None else None,
            history=past.result() if past is not None else None,
            startups=started.result() if started is not None else (),
            stops=tuple(self.stops),
        )
        notes = (*place.notes, *self.notes)
        return Report(order.seed, order.seconds, verdicts(seen, order.only), self.totals, notes, order.required)

    def _begin(
        self, group: asyncio.TaskGroup, serves: set[str] | frozenset[str], part: Callable[[], Coroutine[Any, Any, T]]
    ) -> asyncio.Task[T] | None:
        return group.create_task(part()) if self.order.only & serves else None

    async def _calm(self) -> tuple[Throttled, Held, Priority]:
        stage = CalmStage(self.place)
        seen = await stage.run()
        self.stops += stage.installation.stops
        return seen

    async def _history(self) -> History:
        seen, stops = await history(self.place)
        self.stops += stops
        return seen

    async def _storm(self) -> Storm:
        order = self.order
        numbers: tuple[NumberLoad, ...] = NUMBERS
        if order.plan == MIXED:
            plan = make_plan(
                order.seed,
                order.seconds,
                session_s=SESSION_S,
                can_cut=self.place.network is not None,
                numbers=[number.id for number in NUMBERS],
            )
        else:
            plan = make_kill_plan(order.seed, order.seconds, order.plan, session_s=SESSION_S)
            each_per_s = order.commands / len(MANY) / order.seconds
            numbers = tuple(dataclasses.replace(number, asked_per_s=each_per_s) for number in MANY)
        self.notes += plan.left_out
        stage = StormStage(self.place, plan, drain_s=order.drain_s, numbers=numbers, protocol=order.protocol)
        storm = await stage.run()
        self.stops += stage.installation.stops
        self.totals |= stage.disturber.totals
        if self.order.keep_logs is not None:
            _write_ledgers(storm, self.place.folder)
        return storm


def _write_ledgers(storm: Storm, folder: Path) -> None:
    """The storm's ledgers, one line of JSON for each entry: what a counterexample is looked up in."""
    for name in ("commands", "requests", "outcomes", "dead_letters", "posted", "events", "disturbances"):
        entries = (dataclasses.asdict(entry) for entry in getattr(storm, name))
        lines = "".join(f"{json.dumps(entry, default=repr)}\n" for entry in entries)
        (folder / "storm" / f"{name}.log").write_text(lines)


def _keep(folder: Path, into: Path) -> None:
    """Every log of the run, below the name of its installation."""
    for log in (path for path in folder.glob("*/*.log*") if path.is_file()):
        target = into / log.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, target)
