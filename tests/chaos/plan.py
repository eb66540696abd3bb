"""The schedule of a run: what is done to whom, and when. PURE: one seed, one plan.

Disturbances follow one another with room to recover, so that whatever goes wrong can be laid at one door. Each round
has every kind once, in an order of its own: first more workers, last fewer. The Cloud API's faults lie over them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

WORKERS: Final = ("w1", "w2", "w3")
IN_NAMESPACE: Final = "w1"
"""The one worker that lives in a network namespace of its own, so that it can be cut off."""
REPLICAS: Final = ("i1", "i2")
BROKER: Final = "broker"


class Kind(StrEnum):
    """What can be done to processes and their network."""

    SCALE_UP = "scale up"
    SCALE_DOWN = "scale down"
    KILL = "kill"
    KILL_FOR_GOOD = "kill for good"
    PAUSE = "pause"
    CUT = "network cut"
    TERMINATE = "terminate"
    BROKER_KILL = "broker kill"
    INGRESS_KILL = "ingress kill"


class Fault(StrEnum):
    """What can be wrong with the Cloud API; the values are the simulator's."""

    RESET_AFTER = "reset_after"
    THROTTLE = "throttle"
    TOKEN_EXPIRED = "token_expired"


@dataclass(frozen=True, slots=True)
class Action:
    """One disturbance.

    Attributes:
        at_s: seconds from the start of the load.
        targets: processes it is done to.
        lasts_s: how long a pause or a cut lasts.
        settles_s: from its beginning until the next may begin.
    """

    at_s: float
    kind: Kind
    targets: tuple[str, ...]
    lasts_s: float
    settles_s: float


@dataclass(frozen=True, slots=True)
class ApiFault:
    """One fault of the Cloud API; ``number`` None: of all numbers."""

    at_s: float
    kind: Fault
    number: str | None
    share: float
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it in order of time; ``left_out`` says what this machine cannot do, or the time did not suffice for."""

    seed: int
    seconds: float
    actions: tuple[Action, ...]
    faults: tuple[ApiFault, ...]
    left_out: tuple[str, ...]


FIRST_AT_S: Final = 4.0
PAST_SESSION_S: Final = 4.0
"""A pause or a cut outlasts the session by so much: the slots have a new owner when the old one comes back."""

RESET_SHARE: Final = 0.01
NUMBER_FAULT_S: Final = 6.0
NUMBER_FAULTS_EVERY_S: Final = 60.0
RECOVERS_S: Final = 40.0
"""A number whose token had expired is tried again every 30 s: no such fault begins later than this before the end."""


class _Planner:
    def __init__(self, random: Random, session_s: float) -> None:
        self._random = random
        self._session_s = session_s
        self._running = [WORKERS[0]]

    def settles_s(self, kind: Kind) -> float:
        """A takeover needs the dead one's session to end, an ordinary handover a few seconds."""
        takeover_s = self._session_s + 4.0
        return {
            Kind.SCALE_UP: 8.0,
            Kind.SCALE_DOWN: 4.0,
            Kind.KILL: takeover_s,
            Kind.KILL_FOR_GOOD: takeover_s,
            Kind.PAUSE: self.lasts_s(Kind.PAUSE) + 3.0,
            Kind.CUT: self.lasts_s(Kind.CUT) + 3.0,
            Kind.TERMINATE: 5.0,
            Kind.BROKER_KILL: 12.0,
            Kind.INGRESS_KILL: 5.0,
        }[kind]

    def lasts_s(self, kind: Kind) -> float:
        """Longer than the session, so that the slots are taken over meanwhile."""
        return self._session_s + PAST_SESSION_S if kind in {Kind.PAUSE, Kind.CUT} else 0.0

    def round(self, *, can_cut: bool) -> list[Kind]:
        """Every kind once."""
        inner = [Kind.KILL, Kind.KILL_FOR_GOOD, Kind.PAUSE, Kind.TERMINATE, Kind.BROKER_KILL, Kind.INGRESS_KILL]
        if can_cut:
            inner.append(Kind.CUT)
        self._random.shuffle(inner)
        return [Kind.SCALE_UP, *inner, Kind.SCALE_DOWN]

    def action(self, kind: Kind, at_s: float) -> Action:
        """The next action, done to processes that run by then."""
        return Action(round(at_s, 2), kind, self._targets(kind), self.lasts_s(kind), self.settles_s(kind))

    def _targets(self, kind: Kind) -> tuple[str, ...]:
        fixed = {Kind.CUT: (IN_NAMESPACE,), Kind.BROKER_KILL: (BROKER,)}
        match kind:
            case Kind.SCALE_UP:
                missing = tuple(name for name in WORKERS if name not in self._running)
                self._running = list(WORKERS)
                return missing
            case Kind.SCALE_DOWN:
                kept = self._random.choice(self._running)
                gone = tuple(name for name in self._running if name != kept)
                self._running = [kept]
                return gone
            case Kind.KILL_FOR_GOOD:
                victim = self._random.choice([name for name in self._running if name != IN_NAMESPACE])
                self._running.remove(victim)
                return (victim,)
        return fixed.get(kind) or (self._random.choice(REPLICAS if kind is Kind.INGRESS_KILL else self._running),)


def make_plan(seed: int, seconds: float, *, session_s: float, can_cut: bool, numbers: Sequence[str]) -> Plan:
    """The plan of one seed: as many rounds as fit into ``seconds``, the last one cut short.

    Args:
        seed: decides everything that is left open.
        seconds: for how long there is load; every action has settled by then.
        session_s: the delivery group's session timeout.
        can_cut: whether there is a network namespace.
        numbers: business numbers that a fault may single out.
    """
    random = Random(seed)  # noqa: S311 - a schedule, nothing secret
    planner = _Planner(random, session_s)
    actions: list[Action] = []
    at_s = FIRST_AT_S
    for kind in _kinds(planner, can_cut=can_cut):
        if at_s + planner.settles_s(kind) > seconds:
            break
        actions.append(planner.action(kind, at_s))
        at_s += actions[-1].settles_s
    faults = tuple(_faults(random, seconds, numbers))
    return Plan(seed, seconds, tuple(actions), faults, tuple(_left_out(actions, can_cut=can_cut)))


def _kinds(planner: _Planner, *, can_cut: bool) -> Iterator[Kind]:
    while True:
        yield from planner.round(can_cut=can_cut)


def _faults(random: Random, seconds: float, numbers: Sequence[str]) -> Iterator[ApiFault]:
    """Resets all the time; a throttle storm and an expired token now and then, each for one number."""
    yield ApiFault(0.0, Fault.RESET_AFTER, None, RESET_SHARE, seconds)
    begin_s = 0.0
    while begin_s + NUMBER_FAULT_S + RECOVERS_S < seconds:
        latest_s = min(begin_s + NUMBER_FAULTS_EVERY_S, seconds - RECOVERS_S) - NUMBER_FAULT_S
        for kind, number in zip((Fault.THROTTLE, Fault.TOKEN_EXPIRED), random.sample(numbers, 2), strict=True):
            yield ApiFault(round(random.uniform(begin_s, latest_s), 2), kind, number, 1.0, NUMBER_FAULT_S)
        begin_s += NUMBER_FAULTS_EVERY_S


def _left_out(actions: Sequence[Action], *, can_cut: bool) -> Iterator[str]:
    done = {action.kind for action in actions}
    for kind in Kind:
        if kind is Kind.CUT and not can_cut:
            yield f"{kind}: no network namespace can be made here"
        elif kind not in done:
            yield f"{kind}: the time does not suffice"
