"""What the worker journals of its attempts, and what it makes of those that nobody has answered, in virtual time."""

import asyncio
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from connector.delivery.command import Output, QueuedCommand, Tried
from connector.delivery.ledger.attempts import SlotAttempts
from connector.delivery.pair_limit import PairDebt
from connector.records.codec import Codec
from connector.whatsapp.response import maybe_sent
from tests.delivery.making import ACCEPTED, NUMBER, WALL_MS, queued, result_of
from tests.delivery.test_ambiguity import receipt
from tests.delivery.test_worker import SLOT, Bench, on_a_bench
from tests.delivery.virtual_loop import START

CODEC: Final = Codec()


def read(outputs: list[Output]) -> SlotAttempts:
    """What the next owner makes of these records."""
    past = SlotAttempts()
    for output in outputs:
        past.read(output.value, CODEC)
    return past


def decoded(outputs: list[Output]) -> list[dict[str, Any]]:
    """The records themselves."""
    return [CODEC.decode("DeliveryAttempt", output.value or b"") for output in outputs]


def opened(*, started_at_ms: int = WALL_MS) -> tuple[QueuedCommand, SlotAttempts]:
    """A command that an earlier owner has begun to send, and what the journal says of it."""
    command = queued()
    tried = Tried(command.command_id, NUMBER, attempts=1, started_at_ms=started_at_ms)
    past = SlotAttempts({command.reading.origin: tried})
    command.resume(tried, START, WALL_MS)
    return command, past


def test_no_request_leaves_before_kafka_has_the_beginning_of_its_attempt() -> None:
    """However long that takes; the record names the attempt, and its time is that of the beginning."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.journal.waits_s = 2.0
        bench.worker.feed([queued()])
        await asyncio.sleep(1.9)
        assert (bench.api.sent, bench.journal.written) == ([], [])
        await asyncio.sleep(0.2)
        assert (len(bench.api.sent), len(bench.journal.written)) == (1, 1)

    bench = on_a_bench(script)
    (started,) = decoded(bench.journal.written)
    assert (started["phase"], started["attempt"], started["at"]) == ("STARTED", 1, WALL_MS)
    assert started["command_id"] == "order-4711"


def test_without_the_journal_nothing_is_sent_and_nothing_is_lost() -> None:
    """An outage of Kafka costs no attempt, however many times it was tried; afterwards the command leaves."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.journal.fails = True
        bench.journal.waits_s = 5.0
        bench.worker.feed([queued()])
        await asyncio.sleep(60.0)
        assert (bench.api.sent, bench.outcomes) == ([], [])
        bench.journal.fails = False
        await asyncio.sleep(30.0)

    with capture_logs():
        bench = on_a_bench(script)
    assert (bench.outcomes, len(bench.api.sent)) == (["ACCEPTED"], 1)
    ended = decoded(bench.notes)
    assert len(ended) > 5
    assert {(record["phase"], record["charged"], record["failures"]) for record in ended} == {("ENDED", False, 0)}


@pytest.mark.parametrize(("code", "charged"), [(131000, True), (130429, False), (131056, False)])
def test_the_journal_learns_of_each_answer_that_does_not_settle(code: int, *, charged: bool) -> None:
    """The next owner need not look for that attempt, and keeps the command's budget and its pair's exponent."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.api.answer = lambda count: result_of(code) if count == 1 else ACCEPTED
        bench.worker.feed([queued()])
        await asyncio.sleep(120.0)

    bench = on_a_bench(script)
    assert bench.outcomes == ["ACCEPTED"]
    assert [record["attempt"] for record in decoded(bench.journal.written)] == [1, 2]
    (ended,) = decoded(bench.notes)
    assert (ended["attempt"], ended["charged"], ended["failures"]) == (1, charged, int(charged))
    assert (ended["pair_exponent"] == 1) == (code == 131056)
    (tried,) = read([bench.journal.written[0], bench.notes[0]]).tried.values()
    assert not tried.is_open


def test_an_attempt_without_an_answer_stays_open_in_the_journal() -> None:
    """No ENDED is written until it is decided on."""

    async def script(bench: Bench) -> None:
        bench.api.answer = lambda _: maybe_sent("TimeoutError")
        bench.worker.feed([queued()])
        running = asyncio.create_task(bench.worker.run())
        await asyncio.sleep(590.0)
        assert (bench.notes, len(bench.api.sent)) == ([], 1)
        await asyncio.sleep(30.0)
        running.cancel()

    bench = on_a_bench(script)
    assert [record["attempt"] for record in decoded(bench.notes)] == [1]
    assert bench.observed.looked_for[:1] == ["unproven"]


def test_a_receipt_settles_what_nobody_answered() -> None:
    """Accepted, recovered, sent once."""

    async def script(bench: Bench) -> None:
        bench.api.answer = lambda _: maybe_sent("TimeoutError")
        bench.worker.feed([queued()])
        await asyncio.sleep(10.0)
        bench.worker.on_signal(0, receipt(1))
        await asyncio.sleep(1000.0)

    bench = on_a_bench(script)
    (settlement,) = bench.settlements
    outcome = CODEC.decode("DeliveryOutcome", settlement.outputs[0].value or b"")
    assert (outcome["outcome"], outcome["recovered"], outcome["message_id"]) == ("ACCEPTED", True, "wamid.9")
    assert len(bench.api.sent) == 1


def test_a_receipt_that_was_heard_before_its_command_was_read_settles_it() -> None:
    """The signals of a slot that was taken over come from another reader than its commands: either may be first."""
    command, past = opened()

    async def script(bench: Bench) -> None:
        bench.worker.remember(0, past)
        bench.worker.on_signal(0, receipt(1))
        bench.worker.feed([command])
        await asyncio.sleep(1000.0)

    bench = on_a_bench(script)
    assert (bench.outcomes, bench.api.sent) == (["ACCEPTED"], [])


def test_an_open_attempt_of_long_ago_waits_until_its_receipt_could_be_read() -> None:
    """All workers were away for an hour: the receipt is read some seconds after the command, and counts."""
    command, past = opened(started_at_ms=WALL_MS - 3_600_000)

    async def script(bench: Bench) -> None:
        running = asyncio.create_task(bench.worker.run())
        bench.worker.remember(0, past)
        bench.worker.feed([command])
        await asyncio.sleep(20.0)
        bench.worker.on_signal(0, receipt(1))
        await asyncio.sleep(1000.0)
        running.cancel()

    bench = on_a_bench(script)
    assert (bench.outcomes, bench.api.sent) == (["ACCEPTED"], [])


@pytest.mark.parametrize("waiting_for", ["the journal", "a connection"])
def test_a_request_whose_slot_has_gone_meanwhile_does_not_leave(waiting_for: str) -> None:
    """Lost slots are not drained, and the lease may still hold for others: the next owner would send it too."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.journal.waits_s = 2.0 if waiting_for == "the journal" else 0.0
        bench.api.connecting_s = 0.0 if waiting_for == "the journal" else 2.0
        bench.worker.feed([queued()])
        await asyncio.sleep(1.0)
        bench.worker.drop(SLOT)
        await asyncio.sleep(10.0)

    with capture_logs() as logs:
        bench = on_a_bench(script)
    assert (bench.api.sent, bench.outcomes) == ([], [])
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["delivery.late_result"]


def test_an_attempt_is_dated_before_anybody_can_ask_for_it() -> None:
    """The journal is written again from what is in memory: an attempt without a date would count as ages old."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.worker.feed([queued("somebody", command_id="before")])
        await asyncio.sleep(3.0)
        bench.worker.feed([queued()])
        ((_, tried),) = bench.worker.tried(SLOT)
        assert (tried.attempts, tried.is_open, tried.started_at_ms) == (1, True, WALL_MS + 3000)
        assert tried.first_attempt_at_ms == WALL_MS + 3000

    on_a_bench(script)


def test_what_is_in_memory_is_told_as_the_journal_would_tell_it() -> None:
    """One that is looked for is open, without its last failure; one that waits for its retry is not."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.api.answer = lambda count: maybe_sent("TimeoutError") if count == 1 else result_of(131000)
        bench.worker.feed([queued("a", command_id="open")])
        await asyncio.sleep(0.2)
        bench.worker.feed([queued("b", command_id="waits"), queued("c", command_id="not before", retry_at=START + 60)])
        await asyncio.sleep(0.3)
        tried = {queued.command_id: tried for queued, tried in bench.worker.tried(SLOT)}
        assert set(tried) == {"open", "waits"}
        assert (tried["open"].is_open, tried["open"].failures) == (True, 0)
        assert (tried["waits"].is_open, tried["waits"].failures) == (False, 1)
        assert tried["waits"].retry_at_ms > bench.loop.wall_ms()

    on_a_bench(script)


def test_a_new_owner_keeps_what_was_known_of_a_slot() -> None:
    """Its number rests for a spent second, also when its rate is told sooner; its pairs owe what the journal says."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        first = queued("a", command_id="first")
        started = bench.worker._attempts.started(first, PairDebt(WALL_MS + 60_000, 2))
        past = read([started])
        past.last_sent_ms[NUMBER] = WALL_MS
        bench.worker.remember(0, past)
        bench.worker.feed([queued("a", command_id="second"), queued("b", command_id="third")])
        await asyncio.sleep(90.0)

    sent_at = on_a_bench(script).sent_at()
    assert 1.5 <= sent_at[0] < 3.0
    assert 61.0 <= sent_at[1] < 63.0
