"""The plans without mercy: done to those that run, as often as they say, and over before the load is."""

from collections import Counter
from itertools import pairwise

import pytest

from tests.chaos.kill_plan import KILL_EVERY_S, LAST_BEFORE_S, WITHOUT_MERCY, make_kill_plan
from tests.chaos.plan import REPLICAS, WORKERS, Fault, Kind, Plan
from tests.chaos.test_plan import SEEDS, SESSION_S, done_to_those_that_run

SECONDS = 120.0
KILLS = {Kind.KILL, Kind.KILL_FOR_GOOD}


def plan(which: str, seed: int = 1, seconds: float = SECONDS) -> Plan:
    """A plan as ``make chaos-kills`` makes it; the seed is printed, so that a failure tells it."""
    print(f"{which}, seed {seed}")  # noqa: T201 - shown with a failure
    return make_kill_plan(seed, seconds, which, session_s=SESSION_S)


@pytest.mark.parametrize("which", WITHOUT_MERCY)
def test_actions_are_done_to_those_that_run(which: str) -> None:
    """A victim that stays away is not killed again, comes back before the next is chosen, and is never the last one."""
    for seed in SEEDS:
        done_to_those_that_run(plan(which, seed, 300.0).actions)


@pytest.mark.parametrize("which", WITHOUT_MERCY)
def test_one_seed_makes_one_plan(which: str) -> None:
    """The same seed gives the same plan, other seeds give others."""
    assert plan(which, 7) == plan(which, 7)
    assert len({plan(which, seed).actions for seed in SEEDS}) > len(SEEDS) // 2


@pytest.mark.parametrize("which", WITHOUT_MERCY)
def test_everything_happens_within_the_time(which: str) -> None:
    """In order, and the last disturbance is over some seconds before the load ends."""
    for seed in SEEDS:
        made = plan(which, seed)
        times = [action.at_s for action in made.actions]
        assert times == sorted(times)
        assert max(action.at_s + action.lasts_s for action in made.actions) <= SECONDS - LAST_BEFORE_S + 0.1
        assert all(fault.at_s + fault.lasts_s <= SECONDS for fault in made.faults)


def test_a_worker_is_killed_every_few_seconds_and_each_fourth_stays_away() -> None:
    """So a takeover is seldom over when the next one begins."""
    for seed in SEEDS:
        kills = [action for action in plan("kills", seed).actions if action.kind in KILLS]
        assert all(later.at_s - earlier.at_s <= KILL_EVERY_S * 1.3 + 0.1 for earlier, later in pairwise(kills))
        assert [action.kind for action in kills[3::4]] == [Kind.KILL_FOR_GOOD] * (len(kills) // 4)
        assert Counter(action.kind for action in kills)[Kind.KILL_FOR_GOOD] == len(kills) // 4 >= 3


def test_who_has_just_come_back_is_not_the_next_victim() -> None:
    """It would not have begun yet, and the kill would hit nobody who owns anything."""
    for seed in SEEDS:
        kills = [action for action in plan("kills", seed).actions if action.kind in KILLS]
        assert all(
            earlier.targets != later.targets for earlier, later in pairwise(kills) if earlier.kind is Kind.KILL_FOR_GOOD
        )


def test_pauses_outlast_the_session_and_kill_nobody() -> None:
    """One after the other, each long enough for somebody to take over."""
    for seed in SEEDS:
        begun, *pauses = plan("pauses", seed).actions
        assert begun.kind is Kind.SCALE_UP
        assert {action.kind for action in pauses} == {Kind.PAUSE}
        assert all(action.lasts_s > SESSION_S for action in pauses)
        assert all(later.at_s > earlier.at_s + earlier.lasts_s for earlier, later in pairwise(pauses))


def test_each_plan_has_what_it_is_named_for() -> None:
    """Resets with kills of both replicas; a minute of throttles; the others nothing but workers."""
    faults = {which: [fault.kind for fault in plan(which).faults] for which in WITHOUT_MERCY}
    assert faults == {"kills": [], "resets": [Fault.RESET_AFTER], "throttles": [Fault.THROTTLE], "pauses": []}
    for which in WITHOUT_MERCY:
        targets = {name for action in plan(which).actions for name in action.targets}
        assert targets == {*WORKERS, *(REPLICAS if which == "resets" else ())}
