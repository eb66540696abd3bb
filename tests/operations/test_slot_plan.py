"""Which numbers share a slot, and how many slots are enough."""

import pytest

from connector.operations.slot_plan import plan_slots
from connector.records.keys import slot_of

NUMBERS = [str(106540352242900 + index) for index in range(100)]
TOGETHER = [number for number in NUMBERS if slot_of(number, 24) == slot_of(NUMBERS[0], 24)]


def test_the_fullest_slot_comes_first_with_all_that_lives_in_it() -> None:
    """Numbers that share a slot share a worker."""
    plan = plan_slots({TOGETHER[0]: 1000, TOGETHER[1]: 80, "1": 20}, 24, 1000)
    first, second = plan.loads
    assert (first.slot, first.mps, set(first.numbers)) == (slot_of(TOGETHER[0], 24), 1080, set(TOGETHER[:2]))
    assert (second.mps, plan.shared) == (20, 1)


def test_a_few_quiet_numbers_want_the_smallest_choice() -> None:
    """24 slots."""
    plan = plan_slots(dict.fromkeys(TOGETHER[:2], 80), 24, 1000)
    assert (plan.recommended, plan.workers) == (24, 1)


def test_two_busy_numbers_of_one_slot_want_more_slots() -> None:
    """The smallest number of slots that takes them apart."""
    plan = plan_slots(dict.fromkeys(TOGETHER[:2], 1000), 24, 1000)
    assert plan.recommended > 24
    assert slot_of(TOGETHER[0], plan.recommended) != slot_of(TOGETHER[1], plan.recommended)
    assert plan.reason == "no slot has more than 1000 messages a second"


def test_many_workers_want_three_slots_each() -> None:
    """Or one worker more would change little."""
    plan = plan_slots({str(number): 80 for number in range(500)}, 24, 1000)
    assert (plan.workers, plan.recommended >= 120) == (40, True)


def test_there_is_an_end_to_one_installation() -> None:
    """Told, not hidden."""
    plan = plan_slots({str(number): 1000 for number in range(300)}, 24, 1000)
    assert (plan.recommended, plan.reason.endswith("make two")) == (768, True)


def test_numbers_that_no_choice_takes_apart_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their ids fall so."""
    monkeypatch.setattr("connector.operations.slot_plan.CANDIDATES", (24,))
    plan = plan_slots(dict.fromkeys(TOGETHER[:2], 1000), 24, 1000)
    assert (plan.recommended, "share a slot" in plan.reason) == (24, True)
