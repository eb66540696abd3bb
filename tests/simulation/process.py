"""One delivery worker, made of the connector's own classes, on a broker in memory and in virtual time.

It can die at each step, stand still, and be shut out; what it has sent by then arrives all the same.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from connector.delivery.admission import Admission
from connector.delivery.ambiguity import Ambiguity
from connector.delivery.backfill import Backfill
from connector.delivery.backlog import Partition
from connector.delivery.command import Output, QueuedCommand, Settlement, Tried
from connector.delivery.consumer import SlotConsumer
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.intake import Intake, Placement
from connector.delivery.lease import Lease
from connector.delivery.ledger.attempts import AttemptWriter, SlotAttempts
from connector.delivery.ledger.journal import JournalError
from connector.delivery.ledger.settlements import Ledger
from connector.delivery.ledger.states import StateWriter
from connector.delivery.ledger.takeover import Takeover, Topics
from connector.delivery.outcomes import Destinations, OutcomeWriter
from connector.delivery.reception import Reception
from connector.delivery.retry import RetryPolicy
from connector.delivery.slots import SlotStarter
from connector.delivery.worker import Worker
from connector.kafka.group import FatalConsumerError
from connector.kafka.transaction import FatalProducerError
from connector.records.envelope import unseal
from connector.whatsapp.response import AttemptOutcome, withheld
from tests.delivery.fake_kafka import CODEC, SLOTS, TOPICS
from tests.delivery.making import CRM, MARKETING, seeded
from tests.simulation.broker import Reader, State
from tests.simulation.checkers import LEASE_S, Sent

if TYPE_CHECKING:
    from tests.simulation.world import World

LATENCY_S: Final = 0.02
PLACEMENT: Final = Placement(SLOTS, "rerouted", frozenset(TOPICS), {"crm": CRM, "marketing": MARKETING}, CRM)
OUTCOMES: Final = OutcomeWriter(Destinations("outcomes", {}, "dlq", "shop"), CODEC)


class Crashed(BaseException):
    """The process is dead from here on."""


class TryLater(BaseException):
    """What is read of the past cannot be read to its end now."""


class Member:
    """The process as a member of the group; what the coordinator has to say comes in the middle of a turn."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self.events: deque[Callable[[], None]] = deque()
        self.generation = 0
        self._owned: set[Partition] = set()
        self._paused: set[Partition] = set()
        self._reader = Reader(process.world.broker, committed=True)

    def join(self, _: Sequence[str], on_assigned: Any, on_revoked: Any, on_lost: Any) -> None:
        """Remember whom to tell."""
        self._on_assigned, self.on_revoked, self._on_lost = on_assigned, on_revoked, on_lost

    def assign(self, slot: int) -> None:
        """The slot is ours."""
        partitions = whole(slot)
        self._owned |= partitions
        self._on_assigned(frozenset(map(tuple, partitions)))

    def revoke(self, slot: int) -> None:
        """The slot is about to go, then gone."""
        self.on_revoked(frozenset(map(tuple, whole(slot))))
        self._gone(whole(slot))

    def lose_all(self) -> None:
        """Somebody else has everything."""
        lost = frozenset(self._owned)
        self._on_lost(frozenset(map(tuple, lost)))
        self._gone(lost)

    def read(self, count_max: int, _: float) -> list[Any]:
        """Committed records of what does not rest."""
        if self.events:
            self.events.popleft()()
        for partition in sorted(self._owned - self._paused):  # a seed is one run, whatever the hashes are
            if self._reader.position(*partition) is None:  # positions are asked for once they are stable
                self._reader.go(
                    *partition, self._process.world.broker.stored.get((partition.topic, partition.partition), 0)
                )
        return self._reader.read(count_max, 0.0)

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Exactly these rest."""
        self._paused = set(partitions) & self._owned

    def membership(self) -> object:
        """As far as the process knows."""
        return self._process.name, self.generation

    def close(self) -> None:
        """Never called here: processes die."""

    def _gone(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self._owned.discard(partition)
            self._paused.discard(partition)
            self._reader.leave(*partition)


class Process:
    """The parts of a worker, and everything around them that may fail."""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        self.is_dead = self.is_held = False
        self._runs = asyncio.Event()
        self._runs.set()
        self.runs_since = self.stood_since = world.now
        self._jobs: list[tuple[Future[Any], Callable[..., Any], Any]] = []
        self._acknowledged: dict[int, int] = {}
        self._since_ms: dict[int, int] = {}
        self._heard: dict[int, int] = {}
        self._epoch = world.broker.register(name)
        self.member = Member(self)
        self.lease = Lease(LEASE_S)
        self.dispatcher = Dispatcher(RetryPolicy(5, 3600.0), seeded(1), default_rate=80, in_flight_per_number=20)
        self.ambiguity = Ambiguity(self.dispatcher, world)
        self.consumer = self._consumer()
        self.member.join(TOPICS, self.consumer._on_assigned, self.consumer._on_revoked, self.consumer._on_lost)
        self.worker = Worker(
            self.dispatcher,
            self,
            OUTCOMES,
            world,
            installation="shop",
            access_token=lambda _: "token",
            configured_rate=lambda _: 80,
            settle=self.consumer.settle,
            note=self.consumer.note,
            journal=self,
            attempts=AttemptWriter("attempts", name, CODEC),
            ambiguity=self.ambiguity,
            observer=world,
            may_start=self.lease.holds,
        )
        self._tasks = [asyncio.create_task(self._turns()), asyncio.create_task(self.worker.run())]

    def _consumer(self) -> SlotConsumer:
        broker: Any = self.world.broker
        ledger = Ledger(Producer(self, self._epoch), self.world, self.world)
        reception = Reception(
            Intake(PLACEMENT, OUTCOMES, CODEC), Admission(OUTCOMES), OUTCOMES, ledger.let_go, ledger.live_position,
            slotted=PLACEMENT.slotted, window=100,
        )  # fmt: skip
        takeover = Takeover(
            lambda: broker, "group",
            lambda committed: Reader(broker, committed, _try_later),  # type: ignore[arg-type,return-value]
            CODEC, self.world, topics=Topics("state", "outcomes", "attempts"),
            fence=broker.fence, self_id=self.name, on_missing="stop",
        )  # fmt: skip
        takeover._closed = Impatient()  # type: ignore[assignment]
        slots = SlotStarter(PLACEMENT, takeover)
        slots._executor.shutdown()
        slots._executor = self  # type: ignore[assignment]
        member: Any = self.member
        return SlotConsumer(
            member, ledger, reception, self, self.world,
            slots=slots,
            backfill=Backfill(Reader(broker, committed=True), reception.backlog, ledger.live_position),  # type: ignore[arg-type]
            lease=self.lease,
            states=StateWriter("state", SLOTS, self.name, CODEC),
            attempts=AttemptWriter("attempts", self.name, CODEC),
            topics=list(TOPICS), rest=lambda _: None, on_slots=self._on_slots, on_read=lambda _, __: None,
        )  # fmt: skip

    def die(self) -> None:
        """As by a kill -9."""
        if not self.is_dead:
            self.is_dead = True
            for task in self._tasks:
                task.cancel()
            self.world.has_died(self)

    def stand_still(self) -> None:
        """As by a SIGSTOP."""
        self._runs.clear()
        self.runs_since, self.stood_since = float("inf"), self.world.now

    def go_on(self) -> None:
        """As by a SIGCONT."""
        self._runs.set()
        self.runs_since = self.world.now

    @property
    def stands_still(self) -> bool:
        """Whether it was stopped."""
        return not self._runs.is_set()

    async def step(self, place: str, seconds: float = LATENCY_S) -> None:
        """Some time passes; the process may die there, or have been stopped meanwhile."""
        await asyncio.sleep(seconds * self.world.random.uniform(0.1, 2.0))
        await self._runs.wait()
        if self.world.dies(place):
            self.die()
            await asyncio.Event().wait()

    async def _turns(self) -> None:
        while True:
            await self.step("between two turns", 0.1)
            if self.is_held:
                continue
            try:
                self.consumer._turn()
                self._read_the_past()
            except (Crashed, FatalProducerError, FatalConsumerError):
                self.die()
                return
            self._hear()

    # The event loop's side, as the Kafka thread sees it

    def feed(self, commands: Sequence[QueuedCommand]) -> None:
        """More work."""
        self.worker.feed(commands)

    def drain(self, slots: frozenset[int]) -> None:
        """Waited for before; see the world's move of a slot."""
        self.dispatcher.drain(slots)

    def drop(self, slots: frozenset[int]) -> None:
        """Forget them."""
        self.worker.drop(slots)

    def remember(self, slot: int, past: SlotAttempts) -> None:
        """Signals matter since the oldest open attempt."""
        self._since_ms[slot] = past.oldest_open_ms(self.world.wall_ms()) - round(self.world.clocks_s * 1000)
        self.worker.remember(slot, past)

    def tried(self, slots: frozenset[int]) -> list[tuple[QueuedCommand, Tried]]:
        """What the journal has to know."""
        return self.worker.tried(slots)

    def next_attempt(self, slot: int) -> int | None:
        """Of our own records."""
        return self._acknowledged.get(slot)

    def resume(self) -> None:
        """The lease is back."""
        self.worker.resume()

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """Nothing to be measured."""

    # The journal

    async def write(self, output: Output) -> None:
        """A plain record; the process may die before it, and after it."""
        await self.step("before STARTED")
        if self.world.hiccups():
            if self.world.random.random() < 0.5:
                self.world.broker.append(output)
            await self.step("while the journal is away", 1.0)
            message = "planted"
            raise JournalError(message)
        self._acknowledged[output.partition] = self.world.broker.append(output) + 1
        await self.step("after STARTED")

    # The Cloud API

    async def level(self, *_: Any) -> None:
        """Nobody asks: all rates are configured."""

    async def send(self, number: str, _: str, body: bytes, before_write: Callable[[], None]) -> AttemptOutcome:
        """What is written arrives or not, whatever becomes of the process."""
        await self.step("while it connects", self.world.random.choice((0.05, 0.8)))
        try:
            before_write()
        except Exception as error:  # noqa: BLE001 - whatever it is, the client holds the request back
            return withheld(type(error).__name__)
        envelope = unseal(json.loads(body)["biz_opaque_callback_data"])
        assert envelope is not None
        sent = Sent(envelope.command_id, envelope.attempt, self.world.slot_of(number), self.name, self.world.now)
        result, seconds = self.world.takes(sent, number)
        await self.step("after the write", seconds)
        await self.step("after the answer", 0.0)
        return result

    # The thread that reads the past, and the one that hears signals

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """To be read later."""
        future: Future[Any] = Future()
        self._jobs.append((future, call, arguments))
        return future

    def _read_the_past(self) -> None:
        """One thing at a time, now and then; what cannot be read to its end is begun again."""
        if not self._jobs or self.world.random.random() < 0.5:
            return
        future, call, arguments = self._jobs[0]
        try:
            future.set_result(call(*arguments))
        except TryLater:
            return
        self._jobs.pop(0)

    def _on_slots(self, started: frozenset[int]) -> None:
        self._heard = {slot: self._heard.get(slot, -1) for slot in started}

    def _hear(self) -> None:
        """Signals come late, and in the order of their slot."""
        if self.world.random.random() < 0.5:
            return
        for slot, heard in self._heard.items():
            signals = self.world.signals[slot]
            begin = heard if heard >= 0 else _first(signals, self._since_ms[slot])
            for _, signal in signals[begin:]:
                self.worker.on_signal(slot, signal)
            self._heard[slot] = len(signals)


UNMARKED_S: Final = 2.0
"""So long a commit without markers blocks who reads behind it; with real brokers until somebody sees to it."""


class Producer:
    """Transactions that may fail, or be left behind, at each step."""

    def __init__(self, process: Process, epoch: int) -> None:
        self._process, self._world, self._epoch = process, process.world, epoch

    def commit(self, records: Iterable[Output], offsets: Sequence[tuple[str, int, int]], member: object) -> None:
        """All or nothing, or nobody knows."""
        broker, world = self._world.broker, self._world
        transaction = broker.begin(self._process.name, self._epoch)
        fails = world.hiccups(again=broker.lacks_markers(self._process.name))
        for output in records:
            broker.append(output, transaction)
            if world.dies("inside a transaction"):
                raise Crashed
        if fails:
            broker.abort(transaction, "planted")
        broker.send_offsets(transaction, offsets, member)
        if world.dies("before the end of a transaction"):
            if world.random.random() < 0.7:  # the request to commit is under way
                later = world.random.uniform(0.0, 30.0)
                world.loop.call_later(later, broker.end, transaction, State.COMMITTED)
            raise Crashed
        if not broker.is_open(transaction):
            message = "shut out"
            raise FatalProducerError(message)
        if world.loses_markers():
            broker.commit_unmarked(transaction)
            world.loop.call_later(UNMARKED_S, broker.mark, self._process.name)
        else:
            broker.end(transaction, State.COMMITTED)
        if world.dies("after a transaction"):
            raise Crashed

    def close(self) -> None:
        """Nothing to let go."""


class Impatient:
    """In the place of an event that is waited for."""

    def is_set(self) -> bool:
        """Never."""
        return False

    def wait(self, _: float) -> None:
        """Time passes elsewhere."""
        raise TryLater


def whole(slot: int) -> frozenset[Partition]:
    """All partitions of a slot."""
    return frozenset(Partition(topic, slot) for topic in TOPICS)


def _try_later() -> None:
    raise TryLater


def _first(signals: list[tuple[int, Any]], since_ms: int) -> int:
    return next((index for index, (at_ms, _) in enumerate(signals) if at_ms >= since_ms), len(signals))
