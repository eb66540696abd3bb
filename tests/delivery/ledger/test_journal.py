"""The beginning of an attempt is on Kafka when its write returns, or the write says that it may not be."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.delivery.command import Output
from connector.delivery.ledger import journal as journal_module
from connector.delivery.ledger.journal import AttemptJournal, JournalError
from connector.kafka.producer import RecordProducer
from tests.kafka.test_producer import LATE_S, NOWHERE, SOON_S, read

CLOCK = SystemClock()
TOPIC = "attempts"


@contextlib.asynccontextmanager
async def journal(
    bootstrap: str, on_fatal: Callable[[str], None] = lambda _: None, config: Mapping[str, Any] | None = None
) -> AsyncIterator[AttemptJournal]:
    """A running journal."""
    made = AttemptJournal({"bootstrap.servers": bootstrap, "log_level": 0, **(config or {})}, on_fatal=on_fatal)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


def begun(slot: int, value: bytes = b"STARTED") -> Output:
    """The beginning of an attempt, as far as the journal looks at it."""
    return Output(TOPIC, slot, b"key", value, ())


async def test_kafka_has_the_record_when_the_write_returns(mock_cluster: str) -> None:
    """In the partition of its slot, as it was given: closing at once, which waits for nothing, loses none of it."""
    async with journal(mock_cluster) as made:
        await made.write(begun(2, b"first"))
        await made.write(begun(2, b"second"))
    first, second = await read(mock_cluster, TOPIC, 2)
    assert [(each.partition(), each.key(), each.value()) for each in (first, second)] == [
        (2, b"key", b"first"),
        (2, b"key", b"second"),
    ]


async def test_a_write_is_never_held_back_for_others(mock_cluster: str) -> None:
    """Each request waits for it: a configured linger does not count here."""
    async with journal(mock_cluster, config={"linger.ms": 4000}) as made:
        await made.write(begun(0))  # connections are made
        before = CLOCK.monotonic()
        await made.write(begun(0))
        assert CLOCK.monotonic() - before < 2.0


async def test_the_next_offset_of_a_slot_is_beyond_its_newest_acknowledged_record(mock_cluster: str) -> None:
    """Each slot has its own; None as long as there is none."""
    async with journal(mock_cluster) as made:
        assert made.next_offset(1) is None
        await asyncio.gather(*(made.write(begun(1)) for _ in range(5)), made.write(begun(3)))
        assert [made.next_offset(slot) for slot in range(4)] == [None, 5, None, 1]


async def test_what_kafka_does_not_acknowledge_is_told_and_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes must not send: after the time for a write nobody knows where the record is."""
    monkeypatch.setattr(journal_module, "WRITE_S", SOON_S)
    async with journal(NOWHERE) as made:
        with pytest.raises(JournalError):
            await asyncio.wait_for(made.write(begun(1)), LATE_S)
        assert made.next_offset(1) is None


async def test_a_journal_that_can_never_write_again_says_so_once(
    mock_cluster: str, plant_fatal_error: Callable[[RecordProducer], None]
) -> None:
    """Its worker has to end, and until then every write fails."""
    told: asyncio.Queue[str] = asyncio.Queue()
    async with journal(mock_cluster, told.put_nowait) as made:
        await made.write(begun(1))
        plant_fatal_error(made._producer)
        assert "planted" in await asyncio.wait_for(told.get(), LATE_S)
        for _ in range(2):
            with pytest.raises(JournalError):
                await asyncio.wait_for(made.write(begun(1)), LATE_S)
        assert made.next_offset(1) == 1
    assert told.empty()
