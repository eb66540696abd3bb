"""When a slot may start: with all its partitions, and with the past that was read for this assignment."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Final

from connector.delivery.backlog import Partition
from connector.delivery.intake import Placement
from connector.delivery.ledger.takeover import History
from connector.delivery.slots import SlotStarter
from tests.delivery.making import CRM

TOPICS: Final = frozenset({"crm", "rerouted"})


class Asked:
    """Takes questions about the past; a test answers them."""

    def __init__(self) -> None:
        self.questions: list[tuple[list[int], Future[list[History]]]] = []

    def read(self, partitions: Iterable[Partition], slots: Iterable[int]) -> list[History]:
        """Only as something to be asked."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to let go."""

    def submit(self, _: Callable[..., Any], __: list[Partition], slots: list[int]) -> Future[list[History]]:
        """One more question."""
        future: Future[list[History]] = Future()
        self.questions.append((slots, future))
        return future

    def answer(self, index: int) -> dict[int, History]:
        """The past of these slots, as it was then."""
        slots, future = self.questions[index]
        histories = {slot: History(slot) for slot in slots}
        future.set_result(list(histories.values()))
        return histories


def starter() -> tuple[SlotStarter, Asked]:
    """Of two topics with four slots."""
    asked = Asked()
    slots = SlotStarter(Placement(4, "rerouted", TOPICS, {}, CRM), asked)
    slots._executor.shutdown()
    slots._executor = asked  # type: ignore[assignment]
    return slots, asked


def whole(*slots: int) -> frozenset[Partition]:
    """All partitions of these slots."""
    return frozenset(Partition(topic, slot) for topic in TOPICS for slot in slots)


def test_a_slot_starts_once_it_is_whole_and_its_past_is_read() -> None:
    """Not before; and once."""
    slots, asked = starter()
    slots.assign([Partition("crm", 0)])
    assert asked.questions == []
    slots.assign([Partition("rerouted", 0)])
    assert (slots.ready(), slots.resting()) == ([], set(whole(0)))
    histories = asked.answer(0)
    assert slots.ready() == [histories[0]]
    assert (slots.ready(), slots.resting(), slots.started) == ([], set(), frozenset({0}))


def test_a_past_that_was_read_before_the_slot_went_and_came_back_is_not_taken() -> None:
    """In between somebody else may have sent; that it was read together with another slot's does not make it newer."""
    slots, asked = starter()
    slots.assign(whole(0, 1))
    slots.forget(whole(0))
    slots.assign(whole(0))
    before, after = asked.answer(0), asked.answer(1)
    found = slots.ready()
    assert {history.slot for history in found} == {0, 1}
    assert any(history is after[0] for history in found)
    assert not any(history is before[0] for history in found)


def test_a_past_of_a_slot_that_has_gone_is_not_taken() -> None:
    """It is somebody else's."""
    slots, asked = starter()
    slots.assign(whole(0, 1))
    slots.forget(whole(0))
    asked.answer(0)
    assert [history.slot for history in slots.ready()] == [1]
    assert slots.started == frozenset({1})
