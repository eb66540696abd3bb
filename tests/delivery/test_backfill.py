"""The reader of what was left in the log takes small steps while it takes, and large ones while it passes over."""

from typing import Any

from connector.delivery.backfill import CHUNK, STEP, Backfill
from connector.delivery.backlog import Backlog, Partition

PLACE = Partition("crm", 0)
LIVE = 100_000


class Log:
    """A reader's view of a long partition; ``gives`` is how many records the next chunk has at most."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.gives = CHUNK
        self._position: int | None = None

    def go(self, _: str, __: int, offset: int) -> None:
        """From there on."""
        self._position = offset

    def leave(self, _: str, __: int) -> None:
        """No more."""
        self._position = None

    def position(self, _: str, __: int) -> int | None:
        """Where it goes on."""
        return self._position

    def read(self, count_max: int, timeout_s: float) -> list[int]:
        """Offsets stand for records."""
        assert timeout_s == 0.0
        assert self._position is not None
        self.asked.append(count_max)
        count = min(count_max, self.gives)
        first, self._position = self._position, self._position + count
        return list(range(first, first + count))


def turn(backfill: Backfill, take: int) -> bool:
    """One chunk, of which so many are taken; whether it was a step."""
    records = list(backfill.records())
    return backfill.taken(min(take, len(records)))


def test_steps_are_small_while_records_are_taken() -> None:
    """And large while others are passed over; a turn without records says nothing of the next one."""
    backlog = Backlog(window=1)
    for offset in range(2):
        backlog.offer(PLACE, b"number", offset)
    backlog.settle(PLACE, b"number", 0)
    log = Log()
    reader: Any = log
    backfill = Backfill(reader, backlog, lambda _: LIVE)
    assert turn(backfill, STEP)
    assert not turn(backfill, 0)
    assert not turn(backfill, 3)
    log.gives = 0
    assert not turn(backfill, 0)
    log.gives = CHUNK
    assert turn(backfill, CHUNK)
    log.gives = 0
    assert not turn(backfill, 0)
    log.gives = CHUNK
    assert turn(backfill, STEP)
    assert log.asked == [STEP, STEP, CHUNK, CHUNK, CHUNK, STEP, STEP]


def test_what_nobody_waits_for_is_no_step() -> None:
    """Nothing is asked for."""
    log = Log()
    reader: Any = log
    assert not turn(Backfill(reader, Backlog(window=1), lambda _: LIVE), 0)
    assert log.asked == []
