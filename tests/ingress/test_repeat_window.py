"""Repeats are dropped only when Kafka has the first."""

import random

from connector.ingress.repeat_window import Claim, RepeatWindow


def event_id(number: int, kind: str = "message") -> str:
    """An id as records have it."""
    return f"{kind}-{number:032x}"


def publish(window: RepeatWindow, *numbers: int, acknowledged: bool = True) -> list[bool]:
    """One publication of these facts: which of them were new."""
    claim = Claim()
    new = [window.claim(event_id(number), "{}", claim) is None for number in numbers]
    window.settled(claim, acknowledged=acknowledged)
    return new


def test_what_kafka_has_is_a_repeat() -> None:
    """From the acknowledgement on."""
    window = RepeatWindow()
    assert publish(window, 1, 2) == [True, True]
    assert publish(window, 1, 2, 3) == [False, False, True]


def test_what_kafka_has_not_is_new() -> None:
    """A failure forgets, as often as it happens."""
    window = RepeatWindow()
    assert publish(window, 1, acknowledged=False) == [True]
    assert publish(window, 1, acknowledged=False) == [True]
    assert publish(window, 1) == [True]
    assert publish(window, 1) == [False]


def test_kinds_of_facts_are_kept_apart() -> None:
    """A message and a status have nothing to do with each other, whatever their digests."""
    window, claim = RepeatWindow(), Claim()
    assert window.claim(event_id(1, "message"), "{}", claim) is None
    window.settled(claim, acknowledged=True)
    assert window.claim(event_id(1, "status"), "{}", Claim()) is None


def test_another_text_under_a_known_id_is_no_repeat() -> None:
    """Whatever Meta says anew is published, also when it names it as before; readers merge."""
    window, claim = RepeatWindow(), Claim()
    assert window.claim(event_id(1), '{"a":1}', claim) is None
    assert window.claim(event_id(1), '{"a":2}', claim) is None
    window.settled(claim, acknowledged=True)
    assert window.claim(event_id(1), '{"a":3}', Claim()) is None
    assert window.claim(event_id(1), '{"a":2}', claim) is claim


def test_a_fact_twice_in_one_publication_is_one() -> None:
    """The second is told as part of the same."""
    window, claim = RepeatWindow(), Claim()
    assert window.claim(event_id(1), "{}", claim) is None
    assert window.claim(event_id(1), "{}", claim) is claim


async def test_a_repeat_hears_what_becomes_of_the_first() -> None:
    """However many wait, and also when the first has failed."""
    for acknowledged in (True, False):
        window, first = RepeatWindow(), Claim()
        window.claim(event_id(1), "{}", first)
        waiting = []
        for _ in range(3):
            owner = window.claim(event_id(1), "{}", Claim())
            assert owner is first
            waiting.append(owner.outcome())
        waiting[0].cancel()
        window.settled(first, acknowledged=acknowledged)
        assert [future.result() for future in waiting[1:]] == [acknowledged] * 2


def test_memory_is_bounded_and_the_latest_are_remembered() -> None:
    """At least half the size is always known, never more than the size."""
    window = RepeatWindow(1000)
    for number in range(10_000):
        publish(window, number)
        assert len(window._young) + len(window._old) <= 1000
    assert publish(window, *range(9_500, 10_000)) == [False] * 500
    assert publish(window, 0) == [True]


def test_without_memory_everything_is_new() -> None:
    """Only what is on its way at the same time is noticed."""
    window = RepeatWindow(0)
    assert publish(window, 1) == [True]
    assert publish(window, 1) == [True]


def test_nothing_is_ever_dropped_that_kafka_has_not() -> None:
    """Publications begin, end and fail in any order; whatever was called a repeat is acknowledged, or under way."""
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311 - a failing seed can be run again
        window = RepeatWindow(chance.choice([0, 2, 10, 1000]))
        acknowledged: set[int] = set()
        under_way: list[tuple[Claim, list[int]]] = []
        for _ in range(100):
            if under_way and chance.random() < 0.5:
                claim, numbers = under_way.pop(chance.randrange(len(under_way)))
                good = chance.random() < 0.7
                window.settled(claim, acknowledged=good)
                acknowledged.update(numbers if good else ())
                continue
            claim = Claim()
            mine = []
            for number in chance.choices(range(20), k=3):
                owner = window.claim(event_id(number), "{}", claim)
                if owner is None:
                    mine.append(number)
                elif owner is claim:
                    assert number in acknowledged or number in mine, f"seed {seed}"
                else:
                    assert any(owner is other and number in numbers for other, numbers in under_way), f"seed {seed}"
            under_way.append((claim, mine))
