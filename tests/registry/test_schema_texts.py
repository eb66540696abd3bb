"""Schemas by id for a thread that must not be held up."""

from collections.abc import Callable
from threading import Event

import pytest

from connector.kafka.registry import (
    ASK_AGAIN_S,
    REMEMBERED_MAX,
    UNKNOWN_S,
    WAIT_S,
    RegistryUnavailableError,
    SchemaTexts,
)


class ManualClock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now_s

    def wall_ms(self) -> int:
        """Milliseconds."""
        return int(self.now_s * 1000)


class Asked:
    """A registry that counts questions and answers each with ``answer``."""

    def __init__(self, answer: Callable[[int], str]) -> None:
        self.answer = answer
        self.ids: list[int] = []

    def __call__(self, schema_id: int) -> str:
        """Its answer, or what it raises."""
        self.ids.append(schema_id)
        return self.answer(schema_id)


def unknown(schema_id: int) -> str:
    """No such id."""
    message = f"schema id {schema_id} is unknown"
    raise LookupError(message)


def away(_id: int) -> str:
    """No answer."""
    message = "connection refused"
    raise RegistryUnavailableError(message)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test moves."""
    return ManualClock()


def test_an_answer_is_given_in_the_same_call(clock: ManualClock) -> None:
    """A registry that answers is asked once, and nothing is to be tried again."""
    asked = Asked(lambda schema_id: f"schema {schema_id}")
    assert SchemaTexts(asked, clock).of(7) == "schema 7"
    assert asked.ids == [7]


def test_a_registry_that_hangs_is_waited_for_once(clock: ManualClock) -> None:
    """The first call waits half a second, later ones not at all; the answer is given when it has come."""
    let_go = Event()
    asked = Asked(lambda _id: "late" if let_go.wait(30) else "")
    texts = SchemaTexts(asked, clock)
    for _ in range(1 + int(30 / WAIT_S)):  # if each waited, the schema would be there before the end
        with pytest.raises(RegistryUnavailableError, match="no answer yet for schema id 7"):
            texts.of(7)
    assert asked.ids == [7]
    question = texts._questions[7]
    let_go.set()
    question.result(30)
    assert texts.of(7) == "late"
    assert asked.ids == [7]


def test_an_unknown_id_is_asked_for_once_a_minute(clock: ManualClock) -> None:
    """Records without end that carry it cost one question; afterwards the id may have become known."""
    asked = Asked(unknown)
    texts = SchemaTexts(asked, clock)
    for _ in range(1000):
        with pytest.raises(LookupError, match="schema id 7 is unknown"):
            texts.of(7)
    assert asked.ids == [7]
    clock.now_s += UNKNOWN_S
    asked.answer = lambda _id: "registered since"
    assert texts.of(7) == "registered since"


def test_a_registry_out_of_reach_is_asked_again_after_a_pause(clock: ManualClock) -> None:
    """In between the reason is told at once."""
    asked = Asked(away)
    texts = SchemaTexts(asked, clock)
    for _ in range(100):
        with pytest.raises(RegistryUnavailableError, match="connection refused"):
            texts.of(7)
    assert asked.ids == [7]
    clock.now_s += ASK_AGAIN_S
    asked.answer = lambda _id: "back"
    assert texts.of(7) == "back"


def test_what_is_remembered_is_bounded(clock: ManualClock) -> None:
    """Unknown ids without end do not fill the memory; the oldest is forgotten first."""
    asked = Asked(unknown)
    texts = SchemaTexts(asked, clock)
    for schema_id in [*range(REMEMBERED_MAX + 1), REMEMBERED_MAX, 0]:
        with pytest.raises(LookupError):
            texts.of(schema_id)
    assert asked.ids == [*range(REMEMBERED_MAX + 1), 0]
    assert len(texts._questions) == REMEMBERED_MAX
