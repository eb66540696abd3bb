"""Schedules with little mercy: workers killed every few seconds, before the last takeover is over. PURE: seeded.

They ask one question, whether anything is lost or sent twice, of a system that never comes to rest.
"""

from collections.abc import Iterator
from itertools import cycle
from random import Random
from typing import Final

from tests.chaos.plan import FIRST_AT_S, WORKERS, Action, ApiFault, Fault, Kind, Plan

KILL_EVERY_S: Final = 6.0
PAUSE_EVERY_S: Final = 20.0
LAST_BEFORE_S: Final = 4.0
INGRESS_EVERY_S: Final = 25.0
RESETS: Final = 0.01
STORM_S: Final = 60.0
STORM_SHARE: Final = 0.5

WITHOUT_MERCY: Final = ("kills", "resets", "throttles", "pauses")
"""What there is: kills alone; with answers that are reset after acceptance, and an ingress that is killed as well; with
half of all requests throttled for a minute; and workers that stand still for longer than their session instead."""


def make_kill_plan(seed: int, seconds: float, which: str, *, session_s: float) -> Plan:
    """The plan of one seed; ``which`` is one of :data:`WITHOUT_MERCY`."""
    random = Random(seed)  # noqa: S311 - a schedule, nothing secret
    actions = [Action(FIRST_AT_S - 2.0, Kind.SCALE_UP, WORKERS[1:], 0.0, 0.0)]
    actions += _pauses(random, seconds, session_s) if which == "pauses" else _kills(random, seconds)
    if which == "resets":
        actions += _ingress_kills(seconds)
    actions.sort(key=lambda action: action.at_s)
    return Plan(seed, seconds, tuple(actions), tuple(_faults(which, seconds)), ())


def _kills(random: Random, seconds: float) -> Iterator[Action]:
    """Each fourth victim stays away until the next kill, as if its host were gone."""
    at_s, away = FIRST_AT_S + 6.0, ""
    for kind in cycle((Kind.KILL, Kind.KILL, Kind.KILL, Kind.KILL_FOR_GOOD)):
        if at_s > seconds - LAST_BEFORE_S:
            return
        victim = random.choice([name for name in WORKERS if name != away])
        if away:
            yield Action(at_s, Kind.SCALE_UP, (away,), 0.0, 0.0)
        away = victim if kind is Kind.KILL_FOR_GOOD else ""
        yield Action(round(at_s + 0.1, 2), kind, (victim,), 0.0, KILL_EVERY_S)
        at_s = round(at_s + KILL_EVERY_S * random.uniform(0.7, 1.3), 2)


def _pauses(random: Random, seconds: float, session_s: float) -> Iterator[Action]:
    at_s, lasts_s = FIRST_AT_S + 6.0, session_s + 4.0
    while at_s + lasts_s < seconds - LAST_BEFORE_S:
        yield Action(at_s, Kind.PAUSE, (random.choice(WORKERS),), lasts_s, PAUSE_EVERY_S)
        at_s += PAUSE_EVERY_S


def _ingress_kills(seconds: float) -> Iterator[Action]:
    at_s, replicas = INGRESS_EVERY_S, cycle(("i1", "i2"))
    while at_s < seconds - LAST_BEFORE_S:
        yield Action(at_s, Kind.INGRESS_KILL, (next(replicas),), 0.0, 0.0)
        at_s += INGRESS_EVERY_S


def _faults(which: str, seconds: float) -> Iterator[ApiFault]:
    if which == "resets":
        yield ApiFault(0.0, Fault.RESET_AFTER, None, RESETS, seconds)
    if which == "throttles":
        yield ApiFault(10.0, Fault.THROTTLE, None, STORM_SHARE, min(STORM_S, seconds - 10.0))
