"""The dispatcher in virtual time, under all checkers at once; and bugs planted on purpose, to check the checkers."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import pytest

from connector.delivery.command import QueuedCommand, Settle, Verdict
from connector.delivery.dispatcher import Dispatcher, Due
from connector.delivery.number import Lane, Number
from connector.delivery.pair_limit import PairLimit
from connector.delivery.throughput_limit import NEVER, ThroughputLimit
from tests.delivery.checkers import (
    KeepsNumberLimit,
    KeepsOrder,
    KeepsPairLimit,
    NeverSpins,
    NothingEarly,
    NothingLate,
    OneInFlight,
    SettlesOnce,
    StartsNothingInDrain,
    ThrottlingIsFree,
)
from tests.delivery.simulation import objections_by_seed, simulate
from tests.delivery.world import Checker, Violation

BLOCKS: Final = 4
SEEDS_PER_BLOCK: Final = 25
"""Of each test here; thousands by ``make simulate``."""


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_promise_holds_while_meta_answers_by_chance(block: int) -> None:
    """Limits, order, one settlement each, nothing late, nothing early, no spinning and no oversleeping."""
    seeds = range(block * SEEDS_PER_BLOCK, (block + 1) * SEEDS_PER_BLOCK)
    assert objections_by_seed(seeds, rebalances=0) == {}


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_promise_holds_across_slots_that_come_and_go(block: int) -> None:
    """The same, while slots are drained, dropped and read again in between."""
    seeds = range(block * SEEDS_PER_BLOCK, (block + 1) * SEEDS_PER_BLOCK)
    assert objections_by_seed(seeds, rebalances=3) == {}


Plant = Callable[[pytest.MonkeyPatch], None]


def expires_in_flight(patch: pytest.MonkeyPatch) -> None:
    """A command that is under way expires like one that waits."""
    expired = Number.expired

    def plant(self: Number, now: float) -> Iterator[QueuedCommand]:
        under_way = [entry[2] for entry in self._expiring if entry[2].in_flight]
        for command in under_way:
            command.in_flight = False
        yield from expired(self, now)
        for command in under_way:
            command.in_flight = not command.settled

    patch.setattr(Number, "expired", plant)


def forgets_a_result(patch: pytest.MonkeyPatch) -> None:
    """A command that is dead-lettered is settled for the engine, and nobody is told."""
    on_result = Dispatcher.on_result

    def plant(self: Dispatcher, *args: Any) -> Any:
        effect = on_result(self, *args)
        return None if isinstance(effect, Settle) and effect.verdict is Verdict.DEAD_LETTERED else effect

    patch.setattr(Dispatcher, "on_result", plant)


def takes_late_results(patch: pytest.MonkeyPatch) -> None:
    """Slots that have gone are not forgotten."""

    def plant(self: Dispatcher, slots: list[int]) -> None:
        self._draining.difference_update(slots)

    patch.setattr(Dispatcher, "drop", plant)


def last_comes_first(patch: pytest.MonkeyPatch) -> None:
    """A lane is a stack."""
    patch.setattr(Lane, "head", lambda self: self.commands[-1] if self.commands else None)


def forgets_who_is_in_flight(patch: pytest.MonkeyPatch) -> None:
    """A pair is free as soon as its message was let go."""
    spend = Number._spend

    def plant(self: Number, lane: Lane, command: QueuedCommand, now: float) -> None:
        spend(self, lane, command, now)
        lane.pair.in_flight = False
        self._list(lane, now)

    patch.setattr(Number, "_spend", plant)
    patch.setattr(PairLimit, "ready_at", lambda _self, now, **_: now)


def ignores_the_number_limit(patch: pytest.MonkeyPatch) -> None:
    """A number is always ready."""
    patch.setattr(ThroughputLimit, "ready_at", lambda _self, now: now)


def ignores_what_is_not_written(patch: pytest.MonkeyPatch) -> None:
    """What was let go counts from when it is written, and not at all before."""
    spend = ThroughputLimit.spend

    def plant(self: ThroughputLimit, now: float) -> Any:
        spent = spend(self, now)
        self._let_go = 0
        self._even_at = 0.0
        return spent

    patch.setattr(ThroughputLimit, "spend", plant)


def ignores_the_pair_limit(patch: pytest.MonkeyPatch) -> None:
    """A pair is always ready."""
    patch.setattr(PairLimit, "ready_at", lambda _self, now, **_: now)


def lets_everybody_burst(patch: pytest.MonkeyPatch) -> None:
    """A burst has no end of 6 s."""
    ready_at = PairLimit.ready_at

    def plant(self: PairLimit, now: float, *, burst: bool) -> float:
        return now if burst and self._sent < 45 else ready_at(self, now, burst=burst)

    patch.setattr(PairLimit, "ready_at", plant)


def never_expires(patch: pytest.MonkeyPatch) -> None:
    """Nobody notes when a command's time is over."""
    accept = Number.accept

    def plant(self: Number, *args: Any) -> None:
        accept(self, *args)
        self._expiring.clear()

    patch.setattr(Number, "accept", plant)


def retries_at_once(patch: pytest.MonkeyPatch) -> None:
    """The time of a retry is lost."""
    on_result = Dispatcher.on_result

    def plant(self: Dispatcher, command: QueuedCommand, *args: Any) -> Any:
        effect = on_result(self, command, *args)
        command.retry_at = 0.0
        number = self._numbers.get((command.slot, command.command.phone_number_id))
        if number is not None and not isinstance(effect, Settle):
            number._list(number._pairs[command.recipient].lanes[command.policy.topic], args[-1])
            self._schedule(number, args[-1])
        return effect

    patch.setattr(Dispatcher, "on_result", plant)


def counts_throttling(patch: pytest.MonkeyPatch) -> None:
    """Whatever is not accepted is a failure."""
    patch.setattr("connector.delivery.dispatcher.costs_attempt", lambda result: result.kind != "accepted")


def goes_on_while_draining(patch: pytest.MonkeyPatch) -> None:
    """A slot that is given up goes on."""
    patch.setattr(Dispatcher, "drain", lambda _self, _slots: None)


def is_always_due(patch: pytest.MonkeyPatch) -> None:
    """A timer that has fired is armed for the same time again."""
    due, next_wakeup, last = Dispatcher.due, Dispatcher.next_wakeup, list[float]()

    def plant(self: Dispatcher, now: float) -> Due:
        last.append(now)
        return due(self, now)

    patch.setattr(Dispatcher, "due", plant)
    patch.setattr(Dispatcher, "next_wakeup", lambda self: last[-1] if next_wakeup(self) < NEVER else NEVER)


def oversleeps(patch: pytest.MonkeyPatch) -> None:
    """A second is added to each wait."""
    next_wakeup = Number.next_wakeup
    patch.setattr(Number, "next_wakeup", lambda self, now: next_wakeup(self, now) + 1.0)


def loses_waiting_lanes(patch: pytest.MonkeyPatch) -> None:
    """A lane that waits for a time is never listed again."""

    def plant(self: Number, now: float) -> None:
        self._waiting = [entry for entry in self._waiting if entry[0] > now]
        heapq.heapify(self._waiting)

    patch.setattr(Number, "_wake_lanes", plant)


def hands_out_twice(patch: pytest.MonkeyPatch) -> None:
    """What was due is handed out once more."""
    due = Dispatcher.due

    def plant(self: Dispatcher, now: float) -> Due:
        found = due(self, now)
        return Due(found.attempts * 2, found.expired)

    patch.setattr(Dispatcher, "due", plant)


def tells_expiry_twice(patch: pytest.MonkeyPatch) -> None:
    """What has expired is handed out once more."""
    due = Dispatcher.due

    def plant(self: Dispatcher, now: float) -> Due:
        found = due(self, now)
        return Due(found.attempts, found.expired * 2)

    patch.setattr(Dispatcher, "due", plant)


@pytest.mark.parametrize(
    ("plant", "checker"),
    [
        (tells_expiry_twice, SettlesOnce),
        (expires_in_flight, NothingLate),
        (forgets_a_result, SettlesOnce),
        (takes_late_results, SettlesOnce),
        (loses_waiting_lanes, SettlesOnce),
        (last_comes_first, KeepsOrder),
        (forgets_who_is_in_flight, OneInFlight),
        (hands_out_twice, OneInFlight),
        (ignores_the_number_limit, KeepsNumberLimit),
        (ignores_what_is_not_written, KeepsNumberLimit),
        (ignores_the_pair_limit, KeepsPairLimit),
        (lets_everybody_burst, KeepsPairLimit),
        (never_expires, NothingLate),
        (retries_at_once, NothingEarly),
        (counts_throttling, ThrottlingIsFree),
        (goes_on_while_draining, StartsNothingInDrain),
        (is_always_due, NeverSpins),
    ],
    ids=lambda value: value.__name__,
)
def test_a_planted_bug_is_found(plant: Plant, checker: type[Checker], monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker that is there for it objects, on its own and within a few worlds."""
    plant(monkeypatch)
    assert checker.__name__ in objections([checker])


def test_a_dispatcher_that_oversleeps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world itself looks ahead: is there work before the timer that is armed?"""
    oversleeps(monkeypatch)
    assert "Sleeps" in objections([])


def objections(checkers: Iterable[type[Checker]]) -> set[str]:
    """Who objects in some worlds, some of them with slots that come and go."""
    found = set()
    for seed in range(12):
        try:
            simulate(seed, rebalances=seed % 2 * 2, checkers=checkers)
        except Violation as violation:
            found.add(str(violation).partition(":")[0])
    return found
