"""Signals are heard from where a slot's past needs them, over interruptions and hand-overs."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from connector.delivery.news import CLOCKS_MS, News
from connector.records.codec import Codec

SLOT: Final = 3
Step = Callable[[], None]


class Signals:
    """A reader, the brokers' word on offsets (one a millisecond), and a script of what happens at each reading."""

    def __init__(self) -> None:
        self.gone_to: list[tuple[str, int]] = []
        self.steps: list[Step] = []
        self.over: Step = lambda: None

    def go(self, topic: str, partition: int, offset: int) -> None:
        """Written down."""
        if topic == "signals":
            self.gone_to.append((f"slot {partition}", offset))

    def leave(self, topic: str, partition: int) -> None:
        """Nothing to do."""

    def position(self, topic: str, partition: int) -> int:
        """Beyond everything that was written so far."""
        del topic, partition
        return 700

    def read(self, count_max: int, timeout_s: float) -> list[Any]:
        """The next step; when there is none, the end."""
        del count_max, timeout_s
        (self.steps.pop(0) if self.steps else self.over)()
        return []

    def close(self) -> None:
        """Nothing to do."""

    def extents(self, partitions: Any) -> dict[tuple[str, int], tuple[int, int]]:
        """All of it."""
        return dict.fromkeys(partitions, (0, 700))

    def offsets_at(self, partitions: Any, at_ms: int) -> dict[tuple[str, int], int]:
        """The very time."""
        return dict.fromkeys(partitions, at_ms)


async def heard(script: Callable[[News], list[Step]]) -> list[tuple[str, int]]:
    """Where reading began, each time."""
    signals: Any = Signals()
    news = News(lambda: signals, lambda: signals, Codec(), signals, signals_topic="signals", control_topic="control")
    signals.steps = script(news)
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def over() -> None:
        loop.call_soon_threadsafe(done.set)
        news._stopping.wait(0.001)

    signals.over = over
    task = asyncio.create_task(news.run())
    await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return list(signals.gone_to)


def interrupt() -> None:
    """The broker goes away."""
    raise KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))


async def test_a_slot_is_heard_since_its_past_needs_it() -> None:
    """What came while nobody owned it counts, with room for the clocks."""

    def script(news: News) -> list[Step]:
        news.hear_since(SLOT, CLOCKS_MS + 540)
        news.listen_to(frozenset({SLOT}))
        return []

    assert await heard(script) == [("slot 3", 540)]


async def test_an_interruption_costs_nothing(monkeypatch: Any) -> None:
    """Reading goes on where it was."""
    monkeypatch.setattr("connector.delivery.news.RETRY_S", 0.0)

    def script(news: News) -> list[Step]:
        news.hear_since(SLOT, CLOCKS_MS + 540)
        news.listen_to(frozenset({SLOT}))
        return [lambda: None, interrupt]

    with capture_logs():
        assert await heard(script) == [("slot 3", 540), ("slot 3", 700)]


async def test_a_slot_that_went_and_came_back_during_an_interruption_is_heard_anew(monkeypatch: Any) -> None:
    """Its receipts were dropped with it: read from where reading had been, a command was sent a second time."""
    monkeypatch.setattr("connector.delivery.news.RETRY_S", 0.0)

    def script(news: News) -> list[Step]:
        def goes_and_comes_back() -> None:
            news.listen_to(frozenset())
            news.hear_since(SLOT, CLOCKS_MS + 540)
            news.listen_to(frozenset({SLOT}))
            interrupt()

        news.hear_since(SLOT, CLOCKS_MS + 600)
        news.listen_to(frozenset({SLOT}))
        return [lambda: None, goes_and_comes_back]

    with capture_logs():
        assert await heard(script) == [("slot 3", 600), ("slot 3", 540)]
