"""Everything around the workers, in virtual time: the group, Meta, the ingress, and whatever strikes them.

Times are a tenth of the real ones where the connector waits for minutes, so that a run is short; see :func:`hurried`.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import pytest

from connector.delivery import consumer, receipts
from connector.delivery.command import Output
from connector.delivery.ledger.states import SlotStates
from connector.records.keys import slot_of
from connector.whatsapp.response import AttemptOutcome, maybe_sent
from tests.delivery.fake_kafka import CODEC, NUMBERS, SLOTS
from tests.delivery.making import ACCEPTED, json_command, result_of, seeded
from tests.delivery.virtual_loop import VirtualLoop, in_virtual_time
from tests.delivery.world import Violation
from tests.simulation.broker import Broker, decoded
from tests.simulation.checkers import ALL, Checker, Sent
from tests.simulation.process import Process

SESSION_S: Final = 6.0
HTTP_TIMEOUT_S: Final = 1.0
CHAOS_S: Final = 25.0
END_S: Final = 500.0
WORKERS: Final = 3
COMMANDS: Final = 16
BEAT_S: Final = 1.0

DEATHS: Final = {
    "between two turns": 0.004,
    "before STARTED": 0.03,
    "while the journal is away": 0.02,
    "after STARTED": 0.05,
    "while it connects": 0.03,
    "after the write": 0.1,
    "after the answer": 0.06,
    "inside a transaction": 0.02,
    "before the end of a transaction": 0.06,
    "after a transaction": 0.02,
}
"""How often a process dies at each step of the protocol."""


def hurried(patch: pytest.MonkeyPatch) -> None:
    """Minutes become seconds."""
    for name, value in {"LOOK_UP_MS": 6000, "UNPROVEN_MS": 60_000, "READ_MS": 3000, "BEAT_MAX_MS": 3000}.items():
        patch.setattr(receipts, name, value)
    patch.setattr(receipts, "REPLICA_KEPT_MS", 12_000)
    patch.setattr(consumer, "POINT_EVERY_S", 3.0)


class World:
    """One run."""

    unproven_s = 60.0
    clocks_s = 6.0

    def __init__(self, loop: VirtualLoop, seed: int, checkers: Iterable[type[Checker]]) -> None:
        self.loop = loop
        self.random = seeded(seed)
        self._markers = seeded(seed + 1)
        self.receipts_alive = seed % 4 != 0
        self.broker = Broker(self.wall_ms)
        self.signals: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        self.owners: dict[int, str] = {}
        self.produced: set[str] = set()
        self._given: dict[int, float] = {}
        self.taken: set[str] = set()
        self.died: Counter[str] = Counter()
        self._processes: dict[str, Process] = {}
        self._names = 0
        self._trouble: list[Violation] = []
        self._checkers = [checker(self) for checker in checkers]
        self._chaos_ends = loop.time() + CHAOS_S

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return self.loop.time()

    def monotonic(self) -> float:
        """The same, for those who ask a clock."""
        return self.loop.time()

    def wall_ms(self) -> int:
        """Unix milliseconds that go with it."""
        return self.loop.wall_ms()

    def slot_of(self, number: str) -> int:
        """The home slot of a number."""
        return slot_of(number, SLOTS)

    def settled(self) -> set[str]:
        """Commands with a committed outcome."""
        return {each["command_id"] for each in decoded(self.broker.read("outcomes"), CODEC, "DeliveryOutcome")}

    def owner_on_record(self, slot: int) -> str | None:
        """Who has said last, for good, that the slot is his and not released."""
        states = SlotStates()
        for message in self.broker.read("state"):
            if message.partition() == slot:
                states.read(message.key(), message.value(), CODEC)
        return states.slot["transactional_id"] if states.slot is not None and not states.slot["released"] else None

    async def run(self) -> None:
        """Chaos, then peace until everything is settled."""
        for _ in range(WORKERS):
            self._start()
        background = [
            asyncio.create_task(each) for each in (self._produce(), self._beat(), self._strike(), self._group())
        ]
        while self.now < self._chaos_ends or (self.produced - self.settled() and self.now < self._chaos_ends + END_S):
            await asyncio.sleep(1.0)
            self._tell(lambda checker: checker.watched())
            self._object()
        for task in background:
            task.cancel()
        await asyncio.sleep(HTTP_TIMEOUT_S)
        for checker in self._checkers:
            checker.ended()
        self._object()

    # What strikes

    @property
    def _is_chaos(self) -> bool:
        return self.now < self._chaos_ends

    def dies(self, place: str) -> bool:
        """Whether a process dies there."""
        strikes = self._is_chaos and self.random.random() < DEATHS[place]
        self.died[place] += strikes
        return strikes

    def hiccups(self, *, again: bool = False) -> bool:
        """Whether the brokers fail a call; ``again``: they are in trouble."""
        return self._is_chaos and self.random.random() < (0.6 if again else 0.05)

    def loses_markers(self) -> bool:
        """Whether the brokers forget to make visible what they have committed."""
        return self._is_chaos and self._markers.random() < 0.2

    async def _strike(self) -> None:
        """Stop a process for some time, or move a slot from one to another."""
        while self._is_chaos:
            await asyncio.sleep(self.random.expovariate(0.8))
            alive = [each for each in self._processes.values() if not each.is_dead and not each.stands_still]
            if not alive:
                continue
            victim = self.random.choice(alive)
            if self.random.random() < 0.3:
                victim.stand_still()
                self._later(self.random.choice((1.0, SESSION_S, 2 * SESSION_S, 4 * SESSION_S)), victim.go_on)
                self._later(SESSION_S, partial(self._expire, victim))
            else:
                await self._move(victim, self.random.choice(alive))

    # The group

    def has_died(self, process: Process) -> None:
        """Its session expires later; another process is started."""
        self._later(SESSION_S, lambda: self._remove(process))
        self._later(self.random.uniform(0.1, 10.0), self._start)

    def _start(self) -> None:
        self._names += 1
        name = f"worker {self._names}"
        process = self._processes[name] = Process(self, name)
        self._admit(process)

    def _admit(self, process: Process) -> None:
        process.member.generation += 1
        self.broker.members[process.name] = process.member.generation

    def _expire(self, process: Process) -> None:
        """It stood still for a whole session; when it goes on it reads once before it hears of that."""
        stood_s = self.now - process.stood_since if process.stands_still else 0.0
        if stood_s > SESSION_S - BEAT_S and not process.is_dead:  # not for an earlier stop, which is over
            self._remove(process)
            process.member.events.extend((lambda: None, lambda: None, process.member.lose_all))
            process.member.events.append(lambda: self._admit(process))

    def _remove(self, process: Process) -> None:
        self.broker.members.pop(process.name, None)
        self.owners = {slot: name for slot, name in self.owners.items() if name != process.name}

    async def _group(self) -> None:
        """Slots without an owner go to whoever is a member and runs."""
        while True:
            await asyncio.sleep(0.2)
            ready = [p for p in self._processes.values() if p.name in self.broker.members and not p.is_dead]
            for slot in sorted(set(range(SLOTS)) - set(self.owners)):
                if ready:
                    self._give(slot, self.random.choice(ready))

    def running_s(self, name: str, slot: int) -> float:
        """For how long a process has owned a slot and run."""
        process = self._processes[name]
        return 0.0 if process.is_dead else self.now - max(self._given.get(slot, self.now), process.runs_since)

    def _give(self, slot: int, process: Process) -> None:
        self.owners[slot] = process.name
        self._given[slot] = self.now
        process.member.events.append(lambda: process.member.assign(slot))

    async def _move(self, process: Process, to: Process) -> None:
        """A slot is drained, committed and released; then it is the other's."""
        slots = [slot for slot in self.owners if self.owners[slot] == process.name]
        if not slots or process.member.events or process is to:
            return
        slot = self.random.choice(slots)
        process.is_held = True
        await process.worker.drain(frozenset({slot}), self.random.choice((0.05, 2.0)))
        process.is_held = False
        if process.is_dead or process.stands_still or process.member.events:
            return

        def revoke() -> None:
            process.member.revoke(slot)
            self.owners.pop(slot, None)
            if not to.is_dead and to.name in self.broker.members:
                self._give(slot, to)

        process.member.events.append(revoke)

    # Producers, Meta and the ingress

    async def _produce(self) -> None:
        for each in range(COMMANDS):
            number = self.random.choice(NUMBERS[self.random.randrange(SLOTS)][:2])
            topic = self.random.choice(("crm", "crm", "marketing"))
            value = json_command(number, command_id=f"c{each}", to=f"user {each % 11}")
            self._append(topic, slot_of(number, SLOTS), number, value)
            self.produced.add(f"c{each}")
            await asyncio.sleep(self.random.expovariate(1.0))

    def _append(self, topic: str, slot: int, number: str, value: bytes) -> None:
        self.broker.append(Output(topic, slot, number.encode(), value, ()))

    def takes(self, sent: Sent, number: str) -> tuple[AttemptOutcome, float]:
        """What becomes of a request that was written, and after how many seconds its sender knows."""
        self._tell(lambda checker: checker.written(sent))
        way_s = self.random.uniform(0.01, 0.4)
        fate = self.random.random()
        if fate < 0.12 and self._is_chaos:
            return maybe_sent("TimeoutError"), HTTP_TIMEOUT_S
        if fate < 0.24:
            codes = (131000, 130429, 131056, 131026, 131026) if self._is_chaos else (131026,)
            return result_of(self.random.choice(codes)), way_s
        self._later(way_s, lambda: self._accept(sent, number))
        if fate < 0.36 and self._is_chaos:
            return maybe_sent("ServerDisconnectedError"), 2 * way_s
        return ACCEPTED, 2 * way_s

    def _accept(self, sent: Sent, number: str) -> None:
        self.taken.add(sent.command_id)
        self._tell(lambda checker: checker.accepted(sent))
        receipt = {
            "kind": "RECEIPT", "phone_number_id": number, "command_id": sent.command_id, "attempt": sent.attempt,
            "message_id": f"wamid.{sent.command_id}",
        }  # fmt: skip
        if self.receipts_alive or self.random.random() < 0.5:
            self._later(self.random.uniform(0.1, 2.0), lambda: self._signal(sent.slot, receipt))
        else:
            at = self.wall_ms()
            gap = {"kind": "GAP", "replica": "r1", "from": at - 1000, "to": at + 1000, "at": at}
            self._signal(sent.slot, gap)

    def _signal(self, slot: int, signal: dict[str, Any]) -> None:
        self.signals[slot].append((self.wall_ms(), signal))

    async def _beat(self) -> None:
        while True:
            for slot in range(SLOTS):
                for replica in ("r1", "r2"):
                    self._signal(slot, {"kind": "HEARTBEAT", "replica": replica, "at": self.wall_ms()})
            await asyncio.sleep(BEAT_S)

    # Those who watch

    def attempted(self, *_: Any) -> None:
        """An attempt has its result."""

    def resolved(self, *_: Any) -> None:
        """An ambiguous command is known, or decided on."""

    def late_receipt(self, *_: Any) -> None:
        """One came after the decision."""

    def transaction(self, **_: Any) -> None:
        """One has ended."""

    def _tell(self, step: Callable[[Checker], None]) -> None:
        for checker in self._checkers:
            try:
                step(checker)
            except Violation as violation:  # it would end an attempt, not the run
                self._trouble.append(violation)

    def _object(self) -> None:
        if self._trouble:
            raise self._trouble[0]

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self.loop.call_later(seconds, call)


def simulate(seed: int, checkers: Iterable[type[Checker]] = ALL) -> World:
    """One run; the world as it is then."""

    async def main(loop: VirtualLoop) -> World:
        world = World(loop, seed, checkers)
        await world.run()
        return world

    return in_virtual_time(main)
