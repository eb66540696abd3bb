"""Which numbers share a slot, and how many slots are enough for them. Pure.

A number lives in its home slot, and a slot in one worker: what is together in a slot can never be taken apart.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from connector.records.keys import slot_of

CANDIDATES: Final = (24, 36, 48, 72, 96, 144, 192, 288, 384, 576, 768)
SLOTS_PER_WORKER: Final = 3
"""So many slots for each worker that is wanted: with fewer, one worker more hardly changes what each of them has."""


class SlotLoad(NamedTuple):
    """What lives in one slot; ``mps`` is what its numbers may send in a second, all together."""

    slot: int
    mps: int
    numbers: Sequence[str]


class SlotPlan(NamedTuple):
    """How numbers spread over ``slots``, and over how many they would spread well.

    Attributes:
        slots: as asked about.
        loads: the slots that have numbers, the fullest first.
        shared: how many of them have several.
        workers: how many workers all numbers at full rate need.
        recommended: the number of slots that is enough.
        reason: what decided it.
    """

    slots: int
    loads: Sequence[SlotLoad]
    shared: int
    workers: int
    recommended: int
    reason: str


def plan_slots(mps: Mapping[str, int], slots: int, worker_mps: int) -> SlotPlan:
    """The plan for some numbers.

    Args:
        mps: messages a second of each number, in and out together.
        slots: how many there are, or are to be.
        worker_mps: what one worker is to carry.
    """
    workers = max(1, math.ceil(sum(mps.values()) / worker_mps))
    loads = _loads(mps, slots)
    recommended, reason = _recommended(mps, workers, worker_mps)
    return SlotPlan(slots, loads, sum(len(load.numbers) > 1 for load in loads), workers, recommended, reason)


def _loads(mps: Mapping[str, int], slots: int) -> list[SlotLoad]:
    numbers: dict[int, list[str]] = {}
    for number in sorted(mps):
        numbers.setdefault(slot_of(number, slots), []).append(number)
    loads = [SlotLoad(slot, sum(mps[number] for number in names), names) for slot, names in numbers.items()]
    return sorted(loads, key=lambda load: (-load.mps, load.slot))


def _recommended(mps: Mapping[str, int], workers: int, worker_mps: int) -> tuple[int, str]:
    """The smallest candidate with slots for the workers, none of them with more than a worker carries."""
    enough = [slots for slots in CANDIDATES if slots >= SLOTS_PER_WORKER * workers]
    if not enough:
        return CANDIDATES[-1], "the numbers want more workers than one installation has slots for; make two"
    bearable = max(worker_mps, max(mps.values(), default=0))
    for slots in enough:
        if max((load.mps for load in _loads(mps, slots)), default=0) <= bearable:
            return slots, _reason(slots, enough[0], workers, bearable)
    return enough[0], "whatever the choice, busy numbers share a slot: their ids fall so"


def _reason(slots: int, least: int, workers: int, bearable: int) -> str:
    if slots > least:
        return f"no slot has more than {bearable} messages a second"
    if slots > CANDIDATES[0]:
        return f"{SLOTS_PER_WORKER} slots for each of {workers} workers"
    return "the smallest choice is enough"
