"""Virtual time around the dispatcher: a shell that keeps its one law, and a Meta that answers by chance.

Every step is shown to the checkers; a :class:`Violation` names the one that objects.
"""

import copy
import heapq
import itertools
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Final

from connector.delivery.command import Effect, LookUp, QueuedCommand, RetryAt, Settle, Source
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.retry import RetryPolicy
from connector.delivery.throughput_limit import NEVER
from connector.whatsapp.response import AttemptOutcome, maybe_sent, not_sent
from tests.delivery.making import ACCEPTED, CRM, MARKETING, queued, result_of, seeded

RATE: Final = 6
IN_FLIGHT_MAX: Final = 4
SLOTS: Final = (0, 1)
NUMBERS: Final = {"100": 0, "101": 0, "102": 1}
"""Numbers and their slots."""
USERS: Final = ("a", "b", "c", "d", "e")
START: Final = 10_000.0

RECEIVED_SHARE: Final = 0.5
"""Of the attempts without an answer: how many show themselves, and how many of the others are proven lost."""

LOOK_AHEAD_SHARE: Final = 0.02
"""How often a copy of the dispatcher is asked whether it sleeps past work: copies cost more than all else here."""

Answer = Callable[[QueuedCommand, Random], AttemptOutcome]


_names = itertools.count()


class Violation(AssertionError):  # noqa: N818 - what a checker finds, not a fault of the test
    """A checker objects; the message begins with its name."""


class Objector:
    """Whoever can object, in its own name."""

    def require(self, holds: bool, words: str) -> None:  # noqa: FBT001 - reads like assert
        """Object unless it holds."""
        if not holds:
            message = f"{type(self).__name__}: {words}"
            raise Violation(message)


class Checker(Objector):
    """Sees what happens at :attr:`now`, and objects."""

    now = START

    def accepted(self, command: QueuedCommand) -> None:
        """A command was taken in."""

    def let_go(self, command: QueuedCommand) -> None:
        """An attempt starts."""

    def written(self, command: QueuedCommand) -> None:
        """The bytes of an attempt go out."""

    def answered(self, command: QueuedCommand, effect: Effect | None) -> None:
        """An attempt has its result, and that its effect."""

    def counted(self, command: QueuedCommand, result: AttemptOutcome) -> None:
        """A result was not void."""

    def expired(self, command: QueuedCommand) -> None:
        """A command's time has passed while it waited."""

    def draining(self, slot: int) -> None:
        """A slot is about to be given up."""

    def dropped(self, slot: int) -> None:
        """A slot was given up."""

    def drained_due(self, wakeup: float) -> None:
        """All that was due was taken; ``wakeup`` is armed."""

    def ended(self) -> None:
        """Everything had time enough."""


def by_chance(_: QueuedCommand, random: Random) -> AttemptOutcome:
    """Mostly well; otherwise each way to fail now and then."""
    if random.random() < 0.6:
        return ACCEPTED
    codes = (131056, 130429, 131057, 190, 4, 131000, 131000, 131014, 131026, 100, 134101)
    return random.choice([*map(result_of, codes), maybe_sent("ReadTimeout"), not_sent("ConnectError")])


def always_well(_: QueuedCommand, __: Random) -> AttemptOutcome:
    """Meta takes everything."""
    return ACCEPTED


class World:
    """One worker and what is around it. ``random`` decides about everything that nobody controls."""

    def __init__(
        self,
        seed: int,
        checkers: Iterable[Checker] = (),
        answer: Answer = by_chance,
        rate: int = RATE,
        in_flight_max: int = IN_FLIGHT_MAX,
    ) -> None:
        self.random = seeded(seed)
        self.now = START
        self.dispatcher = Dispatcher(
            RetryPolicy(5, 3600.0), seeded(seed + 1), default_rate=rate, in_flight_per_number=in_flight_max
        )
        self._checkers = list(checkers)
        self.answer = answer
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = itertools.count()
        self._unsettled: dict[Source, QueuedCommand] = {}
        self._going: set[int] = set()
        self.look_ahead_share = LOOK_AHEAD_SHARE
        self.let_go: list[tuple[float, QueuedCommand]] = []

    def delays(self) -> tuple[float, float]:
        """Seconds until an attempt's bytes go out, and from then to its answer."""
        return self.random.uniform(0.0, 0.02), self.random.expovariate(2.0)

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (time, next(self._sequence), action))

    def run(self, until: float) -> None:
        """Let time pass: events and the one timer, in their order."""
        self.pump()
        while (time := min(self._events[0][0] if self._events else NEVER, self.dispatcher.next_wakeup())) <= until:
            self.now = max(self.now, time)
            if self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            self.pump()
        self.now = until

    def end(self) -> None:
        """Let everything come to its end, and ask the checkers."""
        self.run(self.now + 100_000.0)
        for checker in self._told():
            checker.ended()

    def feed(self, command: QueuedCommand) -> None:
        """A command was read; while its slot is being given up it waits for the next owner."""
        self._unsettled[command.reading.record.source] = command
        if command.slot in self._going:
            return
        for checker in self._told():
            checker.accepted(command)
        self.dispatcher.accept(command, self.now)

    def pump(self) -> None:
        """The law of the shell: drain what is due; what is armed then lies in the future."""
        due = self.dispatcher.due(self.now)
        for command in due.expired:
            self._unsettled.pop(command.reading.record.source, None)
            for checker in self._told():
                checker.expired(command)
        for command in due.attempts:
            self._start(command)
        wakeup = self.dispatcher.next_wakeup()
        for checker in self._told():
            checker.drained_due(wakeup)
        if self.random.random() < self.look_ahead_share:
            self._look_ahead(wakeup)

    def revoke(self, slot: int, drain_s: float) -> None:
        """The slot goes, and comes back: what was not settled is read again."""
        if slot in self._going:
            return
        self._going.add(slot)
        self.dispatcher.drain([slot])
        for checker in self._told():
            checker.draining(slot)
        self.at(self.now + drain_s, lambda: self._drop(slot))

    def _drop(self, slot: int) -> None:
        self._going.discard(slot)
        self.dispatcher.drop([slot])
        for checker in self._told():
            checker.dropped(slot)
        for command in [command for command in self._unsettled.values() if command.slot == slot]:
            self.feed(read_again(command))

    def _told(self) -> list[Checker]:
        for checker in self._checkers:
            checker.now = self.now
        return self._checkers

    def _look_ahead(self, wakeup: float) -> None:
        """Until the armed wakeup nothing is due: copies of the numbers, asked just before it, have nothing to give."""
        before = min(wakeup, self.now + 1000.0) - 1e-6
        if before <= self.now:
            return
        for number in copy.deepcopy(self.dispatcher._numbers).values():
            if number.slot not in self._going and [*number.expired(before), *number.due(before)]:
                message = f"Sleeps: armed for {wakeup - self.now:.3f} s, but there is work at {before - self.now:.3f} s"
                raise Violation(message)

    def _start(self, command: QueuedCommand) -> None:
        self.let_go.append((self.now, command))
        for checker in self._told():
            checker.let_go(command)
        result = self.answer(command, self.random)
        connecting_s, answering_s = self.delays()
        connected_at = self.now + connecting_s
        if result.reason != "ConnectError":
            self.at(connected_at, lambda: self._written(command))
        self.at(connected_at + answering_s, lambda: self._answered(command, result))

    def _written(self, command: QueuedCommand) -> None:
        for checker in self._told():
            checker.written(command)
        self.dispatcher.on_written(command, self.now)

    def _answered(self, command: QueuedCommand, result: AttemptOutcome) -> None:
        effect = self.dispatcher.on_result(command, result, self.now)
        self._follow(command, effect)
        if effect is not None:
            for checker in self._told():
                checker.counted(command, result)
        if isinstance(effect, LookUp):
            self.at(self.now + self.random.choice((1.0, 60.0, 600.0)), lambda: self._look(command))

    def _look(self, command: QueuedCommand) -> None:
        """A receipt came, or silence has said enough."""
        if self.random.random() < RECEIVED_SHARE:
            effect = self.dispatcher.on_receipt(command, "wamid.1", self.now)
        else:
            effect = self.dispatcher.on_silence(command, self.now, proven=self.random.random() < RECEIVED_SHARE)
        self._follow(command, effect)

    def _follow(self, command: QueuedCommand, effect: Effect | None) -> None:
        if isinstance(effect, Settle):
            self._unsettled.pop(command.reading.record.source, None)
        for checker in self._told():
            checker.answered(command, effect)
        if isinstance(effect, RetryAt) and effect.at < self.now:
            message = "Retries: into the past"
            raise Violation(message)


def read_again(command: QueuedCommand) -> QueuedCommand:
    """The same record, read by the next owner of its slot."""
    return queued(
        command.command.to,
        command.policy,
        number=command.command.phone_number_id,
        slot=command.slot,
        epoch=command.reading.epoch + 1,
        expires_at=command.expires_at,
        read=command.reading.record,
        command_id=command.command_id,
    )


def populate(world: World, commands: int, seconds: float, *, rebalances: int = 0) -> None:
    """Commands at random times, some not before or not after a time; slots that go, and come back to be read again."""
    random = world.random

    def level(number: str) -> None:
        world.dispatcher.set_rate(number, RATE, world.now)

    def feed() -> None:
        number = random.choice(tuple(NUMBERS))
        lifetime_s = random.choice((0.3, 3.0, 120.0)) * random.random()
        command = queued(
            random.choice(USERS),
            random.choice((CRM, MARKETING)),
            number=number,
            slot=NUMBERS[number],
            retry_at=world.now + random.uniform(1.0, 60.0) if random.random() < 0.1 else 0.0,
            expires_at=world.now + lifetime_s if random.random() < 0.4 else None,
            command_id=f"command {next(_names)}",
        )
        world.feed(command)

    for number in NUMBERS:
        world.at(START + random.uniform(0.0, 1.0), partial(level, number))
    for _ in range(commands):
        world.at(START + random.uniform(0.0, seconds), feed)
    for _ in range(rebalances):
        revoke = partial(world.revoke, random.choice(SLOTS), random.uniform(0.0, 3.0))
        world.at(START + random.uniform(0.0, seconds), revoke)
