"""The event loop's side, in virtual time and against an API that does what it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import uvloop
from structlog.testing import capture_logs

from connector.clock import SystemClock
from connector.delivery.ambiguity import Ambiguity
from connector.delivery.command import Output, QueuedCommand, Settlement
from connector.delivery.dispatcher import LEVEL_WAIT_S, Dispatcher
from connector.delivery.ledger.attempts import AttemptWriter
from connector.delivery.ledger.journal import JournalError
from connector.delivery.levels import LEVEL_REREAD_S
from connector.delivery.outcomes import Destinations, OutcomeWriter
from connector.delivery.retry import RetryPolicy
from connector.delivery.worker import SWEEP_S, Traces, Worker
from connector.records.codec import Codec
from connector.records.envelope import Envelope, unseal
from connector.whatsapp.response import AttemptOutcome, maybe_sent, withheld
from tests.delivery.making import ACCEPTED, MARKETING, NUMBER, WALL_MS, queued, result_of, seeded
from tests.delivery.virtual_loop import START, VirtualLoop, in_virtual_time

SLOT: Final = frozenset({0})
ATTEMPTS: Final = AttemptWriter("attempts", "worker", Codec())
OUTCOMES: Final = OutcomeWriter(Destinations("outcomes", {}, "dlq", "shop"), Codec())

Send = Callable[["FakeApi", dict[str, Any]], Awaitable[AttemptOutcome]]


class FakeApi:
    """Takes everything at once, until it is told otherwise; writes down what came when."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self.asked: list[tuple[float, str]] = []
        self.levels: list[str | None] = ["STANDARD"]
        self.answer: Callable[[int], AttemptOutcome] = lambda _: ACCEPTED
        self.connecting_s = 0.0
        self.answering_s = 0.1

    async def send(
        self, phone_number_id: str, access_token: str, body: bytes, before_write: Callable[[], None]
    ) -> AttemptOutcome:
        """One message."""
        if self.connecting_s:
            await asyncio.sleep(self.connecting_s)
        try:
            before_write()
        except Exception as error:  # noqa: BLE001 - whatever it is, the client holds the request back
            return withheld(type(error).__name__)
        self.sent.append((self.now(), json.loads(body) | {"from": phone_number_id, "token": access_token}))
        count = len(self.sent)
        if self.answering_s:
            await asyncio.sleep(self.answering_s)
        return self.answer(count)

    async def level(self, phone_number_id: str, access_token: str) -> str | None:
        """The next level; the last one stays."""
        assert access_token == "token"
        self.asked.append((self.now(), phone_number_id))
        return self.levels.pop(0) if len(self.levels) > 1 else self.levels[0]


class FakeJournal:
    """Takes every record at once, until it is told otherwise."""

    def __init__(self) -> None:
        self.written: list[Output] = []
        self.fails = False
        self.waits_s = 0.0

    async def write(self, output: Output) -> None:
        """One more."""
        if self.waits_s:
            await asyncio.sleep(self.waits_s)
        if self.fails:
            message = "planted"
            raise JournalError(message)
        self.written.append(output)


class Observed:
    """Attempts, as they are reported."""

    def __init__(self) -> None:
        self.attempts: list[tuple[str, float]] = []
        self.looked_for: list[str] = []
        self.late: list[str] = []

    def attempted(self, queued: QueuedCommand, result: AttemptOutcome, seconds: float) -> None:
        """One more."""
        del queued
        self.attempts.append((result.reason, seconds))

    def resolved(self, phone_number_id: str, how: str) -> None:
        """One more."""
        del phone_number_id
        self.looked_for.append(how)

    def late_receipt(self, phone_number_id: str) -> None:
        """One more."""
        self.late.append(phone_number_id)


class Bench:
    """A worker with all that it needs, on a virtual loop."""

    def __init__(
        self, loop: VirtualLoop, *, token: Callable[[str], str] = lambda _: "token", traces: Traces | None = None
    ) -> None:
        self.loop = loop
        self.api = FakeApi(loop.monotonic)
        self.settlements: list[Settlement] = []
        self.configured: dict[str, int] = {}
        self.observed = Observed()
        self.journal = FakeJournal()
        self.notes: list[Output] = []
        self.dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=20, in_flight_per_number=99)
        self.worker = Worker(
            self.dispatcher,
            self.api,
            OUTCOMES,
            loop,
            installation="shop",
            access_token=token,
            configured_rate=self.configured.get,
            settle=self.settlements.append,
            note=self.notes.append,
            journal=self.journal,
            attempts=ATTEMPTS,
            ambiguity=Ambiguity(self.dispatcher, self.observed),
            observer=self.observed,
            traces=traces,
        )

    @property
    def outcomes(self) -> list[str]:
        """How commands settled, in order."""
        return [settlement.outcome for settlement in self.settlements]

    def timers(self) -> list[float]:
        """When the worker's timers fire."""
        handles = self.loop._scheduled  # type: ignore[attr-defined]
        return [handle.when() for handle in handles if handle._callback == self.worker._fire and not handle.cancelled()]

    def sent_at(self) -> list[float]:
        """When messages were written, in seconds from the start."""
        return [round(time - START, 3) for time, _ in self.api.sent]


def on_a_bench(script: Callable[[Bench], Awaitable[None]], **arguments: Any) -> Bench:
    """Play a script; the bench as it is then."""

    async def main(loop: VirtualLoop) -> Bench:
        bench = Bench(loop, **arguments)
        await script(bench)
        return bench

    return in_virtual_time(main)


def crowd(count: int, **fields: Any) -> Iterable[QueuedCommand]:
    """So many commands, each to somebody else."""
    return [queued(f"user {each}", **fields) for each in range(count)]


def test_a_command_is_sent_and_settled() -> None:
    """With the token of its number, the caller's body, and an envelope that brings it back."""

    async def script(bench: Bench) -> None:
        bench.worker.feed([queued(opaque_data="mine")])
        await asyncio.sleep(1.0)

    bench = on_a_bench(script)
    ((_, body),) = bench.api.sent
    assert (body["from"], body["token"], body["text"]) == (NUMBER, "token", {"body": "On its way"})
    assert unseal(body["biz_opaque_callback_data"]) == Envelope("shop", "order-4711", 1, None, "mine")
    (settlement,) = bench.settlements
    assert (settlement.outcome, settlement.attempts) == ("ACCEPTED", 1)
    ((reason, seconds),) = bench.observed.attempts
    assert (reason, round(seconds, 3)) == ("accepted", 0.1)


def test_a_failed_attempt_is_made_again_later() -> None:
    """The envelope tells which attempt it is; the caller's command does not change."""

    async def script(bench: Bench) -> None:
        bench.api.answer = lambda count: ACCEPTED if count == 3 else result_of(131000)
        bench.worker.feed([queued()])
        await asyncio.sleep(60.0)

    bench = on_a_bench(script)
    envelopes = [unseal(body["biz_opaque_callback_data"]) for _, body in bench.api.sent]
    assert [envelope.attempt for envelope in envelopes if envelope] == [1, 2, 3]
    first, second, third = bench.sent_at()
    assert first == 0.0
    assert first + 0.6 <= second <= first + 1.1
    assert second + 1.1 <= third <= second + 2.1
    (settlement,) = bench.settlements
    assert (settlement.outcome, settlement.attempts) == ("ACCEPTED", 3)


def test_one_timer_is_armed_at_most() -> None:
    """While much is fed and much comes back, and none when there is nothing to wait for."""

    async def script(bench: Bench) -> None:
        for each in range(40):
            bench.worker.feed([*crowd(2), queued("late", expires_at=bench.loop.time() + each)])
            assert len(bench.timers()) <= 1
            await asyncio.sleep(0.03)
            assert len(bench.timers()) <= 1
        await asyncio.sleep(2000.0)
        assert bench.timers() == []

    bench = on_a_bench(script)
    assert len(bench.settlements) == 120


def test_the_timer_is_armed_for_what_comes_next() -> None:
    """A command for later, then one for sooner, then one that is gone."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.worker.feed([queued("a", retry_at=START + 60.0)])
        await asyncio.sleep(0.0)
        assert bench.timers() == [START + 60.0]
        bench.worker.feed([queued("b", retry_at=START + 5.0)])
        assert bench.timers() == [START + 5.0]
        await asyncio.sleep(6.0)
        assert bench.timers() == [START + 60.0]

    assert on_a_bench(script).sent_at() == [5.0]


def test_messages_leave_at_the_rate_of_their_number() -> None:
    """A hundred messages at 20 a second, each as soon as the limit lets it."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.worker.feed(crowd(100))
        await asyncio.sleep(6.5)

    bench = on_a_bench(script)
    assert bench.outcomes == ["ACCEPTED"] * 100
    times = bench.sent_at()
    assert max(sum(time - 1.0 < other <= time for other in times) for time in times) <= 20


def test_what_leaves_late_counts_from_when_it_leaves() -> None:
    """Connections that take two seconds: what comes out of them at once is one second's worth, and the rest waits."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 5
        bench.api.connecting_s = 5.0
        bench.worker.feed(crowd(30))
        await asyncio.sleep(4.9)
        bench.api.connecting_s = 0.001
        await asyncio.sleep(20.0)

    bench = on_a_bench(script)
    times = bench.sent_at()
    assert len(times) == 30
    assert max(sum(time - 1.0 < other <= time for other in times) for time in times) <= 5


def test_a_command_expires_in_time() -> None:
    """While its number waits for a level that nobody tells: the outcome comes at its end, and nothing is sent."""

    async def script(bench: Bench) -> None:
        bench.api.levels = [None]
        bench.worker.feed([queued(expires_at=START + 2.0)])
        await asyncio.sleep(1.9)
        assert bench.outcomes == []
        await asyncio.sleep(0.2)
        assert bench.outcomes == ["EXPIRED"]
        await asyncio.sleep(10.0)

    assert on_a_bench(script).api.sent == []


def test_a_result_after_its_slot_has_gone_settles_nothing() -> None:
    """It is told in the log, without whom it was for."""

    async def script(bench: Bench) -> None:
        bench.api.answering_s = 5.0
        bench.worker.feed([queued()])
        await asyncio.sleep(1.0)
        assert not await bench.worker.drain(SLOT, 1.0)
        bench.worker.drop(SLOT)
        await asyncio.sleep(10.0)

    with capture_logs() as logs:
        bench = on_a_bench(script)
    assert (len(bench.api.sent), bench.settlements) == (1, [])
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
        "delivery.drain_incomplete",
        "delivery.late_result",
    ]
    assert "16505551234" not in str(logs)


def test_a_drain_waits_for_what_is_under_way_and_starts_nothing() -> None:
    """It ends as soon as the last answer is there, and that answer counts."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.api.answering_s = 3.0
        bench.worker.feed(crowd(50))
        await asyncio.sleep(0.2)
        under_way = bench.dispatcher.in_flight()
        before = bench.loop.time()
        assert await bench.worker.drain(SLOT, 10.0)
        assert bench.loop.time() - before <= 3.0
        assert len(bench.api.sent) == under_way == len(bench.settlements) > 0
        await asyncio.sleep(20.0)
        assert len(bench.api.sent) == under_way

    on_a_bench(script)


def test_a_drain_of_nothing_is_over_at_once() -> None:
    """Also with no time at all, and for slots that nobody has."""

    async def script(bench: Bench) -> None:
        assert await bench.worker.drain(SLOT, 0.0)
        assert await bench.worker.drain(frozenset(), 0.0)

    on_a_bench(script)


def test_other_slots_go_on_during_a_drain() -> None:
    """They are still ours."""

    async def script(bench: Bench) -> None:
        bench.configured |= {NUMBER: 20, "200": 20}
        bench.api.answering_s = 3.0
        bench.worker.feed([queued("a"), *crowd(20, number="200", slot=1)])
        await asyncio.sleep(0.1)
        assert await bench.worker.drain(SLOT, 10.0)
        await asyncio.sleep(10.0)

    bench = on_a_bench(script)
    assert [body["from"] for _, body in bench.api.sent].count("200") == 20


def test_an_api_that_raises_leaves_the_message_in_doubt() -> None:
    """Whatever it was, the request may have left: the marketing message is not sent again, and given up in the end."""

    async def script(bench: Bench) -> None:
        def fail(_: int) -> AttemptOutcome:
            message = "planted"
            raise RuntimeError(message)

        bench.api.answer = fail
        bench.worker.feed([queued(policy=MARKETING)])
        running = asyncio.create_task(bench.worker.run())
        await asyncio.sleep(700.0)
        running.cancel()

    with capture_logs():
        bench = on_a_bench(script)
    (settlement,) = bench.settlements
    assert (len(bench.api.sent), settlement.dead_letter_class) == (1, "ambiguous")


def test_a_request_that_could_not_be_made_was_not_sent() -> None:
    """No token for a while: the marketing message is tried again, and is not taken for ambiguous."""
    failing = [True]

    def token(_: str) -> str:
        if failing[0]:
            message = "planted"
            raise OSError(message)
        return "token"

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 20
        bench.worker.feed([queued(policy=MARKETING)])
        await asyncio.sleep(1.0)
        failing[0] = False
        await asyncio.sleep(60.0)

    with capture_logs():
        bench = on_a_bench(script, token=token)
    assert bench.outcomes == ["ACCEPTED"]
    assert len(bench.api.sent) == 1


def test_failures_are_dated() -> None:
    """The first and the last one, in wall time, for the dead letter."""

    async def script(bench: Bench) -> None:
        bench.api.answer = lambda count: result_of(131000 if count == 1 else 131026)
        bench.worker.feed([queued()])
        await asyncio.sleep(60.0)

    bench = on_a_bench(script)
    (settlement,) = bench.settlements
    taken = settlement.command
    assert taken is not None
    assert taken.first_attempt_at_ms == WALL_MS
    assert taken.first_failure_at_ms == WALL_MS + 100
    assert taken.last_failure_at_ms is not None
    assert taken.last_failure_at_ms >= WALL_MS + 700


def test_the_level_of_a_number_is_asked_for_once_and_again_from_time_to_time() -> None:
    """With its first command; after that every ten minutes while there is anything of it."""

    async def script(bench: Bench) -> None:
        bench.api.levels = ["STANDARD", "HIGH"]
        bench.worker.feed(crowd(3))
        bench.worker.feed([queued("later", retry_at=START + 5000.0)])
        await asyncio.sleep(1.0)
        assert [state.rate for state in bench.dispatcher.numbers(bench.loop.time())] == [80]
        await asyncio.sleep(1000.0)
        assert [state.rate for state in bench.dispatcher.numbers(bench.loop.time())] == [1000]

    bench = on_a_bench(script)
    assert bench.api.asked == [(START, NUMBER), (START + LEVEL_REREAD_S, NUMBER)]


def test_a_level_that_is_not_told_is_asked_for_again() -> None:
    """After 2.5 s, before the number starts at the default rate, then less and less often."""

    async def script(bench: Bench) -> None:
        bench.api.levels = [None, None, None, "STANDARD"]
        bench.worker.feed([queued(), queued("later", retry_at=START + 5000.0)])
        await asyncio.sleep(100.0)

    bench = on_a_bench(script)
    assert [round(time - START, 1) for time, _ in bench.api.asked] == [0.0, 2.5, 7.5, 17.5]
    assert bench.sent_at()[0] == LEVEL_WAIT_S


def test_a_number_that_comes_back_is_not_asked_for_by_two() -> None:
    """Its slot goes and comes back again and again while nobody tells its level: one asks."""

    async def script(bench: Bench) -> None:
        bench.api.levels = [None]
        for _ in range(20):
            bench.worker.feed([queued()])
            await asyncio.sleep(0.01)
            bench.worker.drop(SLOT)
        bench.worker.feed([queued(retry_at=START + 5000.0)])
        await asyncio.sleep(10.0)

    assert len(on_a_bench(script).api.asked) == 3


def test_a_number_that_has_gone_is_not_asked_for_any_more() -> None:
    """And asked for anew when it comes back."""

    async def script(bench: Bench) -> None:
        bench.worker.feed([queued()])
        await asyncio.sleep(1.0)
        bench.worker.drop(SLOT)
        await asyncio.sleep(5 * LEVEL_REREAD_S)
        assert len(bench.api.asked) == 1
        bench.worker.feed([queued()])
        await asyncio.sleep(1.0)
        assert len(bench.api.asked) == 2

    on_a_bench(script)


def test_the_configuration_knows_better_than_meta() -> None:
    """A number with a configured rate is not asked for."""

    async def script(bench: Bench) -> None:
        bench.configured[NUMBER] = 7
        bench.worker.feed([queued()])
        await asyncio.sleep(1.0)
        assert [state.rate for state in bench.dispatcher.numbers(bench.loop.time())] == [7]

    bench = on_a_bench(script)
    assert (bench.api.asked, bench.sent_at()) == ([], [0.0])


def test_numbers_without_work_are_forgotten() -> None:
    """Once a minute; while it runs, and no attempt outlives it."""

    async def script(bench: Bench) -> None:
        running = asyncio.create_task(bench.worker.run())
        bench.configured |= {NUMBER: 20, "200": 20}
        bench.worker.feed([queued()])
        await asyncio.sleep(1.5 * SWEEP_S)
        assert not bench.dispatcher.knows(NUMBER)
        bench.api.answering_s = 1000.0
        bench.worker.feed([queued(number="200")])
        await asyncio.sleep(1.0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(2000.0)
        assert bench.outcomes == ["ACCEPTED"]
        assert bench.timers() == []

    on_a_bench(script)


def test_a_thousand_messages_a_second_do_not_spin() -> None:
    """On the loop of production, whose timers count in milliseconds, a turn sends something or waits a millisecond."""
    pumps = 0

    class CountingWorker(Worker):
        def _pump(self) -> None:
            nonlocal pumps
            pumps += 1
            super()._pump()

    async def run() -> int:
        clock = SystemClock()
        api = FakeApi(clock.monotonic)
        api.answering_s = 0.0
        settled: list[Settlement] = []
        dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=1000, in_flight_per_number=1000)
        worker = CountingWorker(
            dispatcher,
            api,
            OUTCOMES,
            clock,
            installation="shop",
            access_token=lambda _: "token",
            configured_rate=lambda _: 1000,
            settle=settled.append,
            note=lambda _: None,
            journal=FakeJournal(),
            attempts=ATTEMPTS,
            ambiguity=Ambiguity(dispatcher, Observed()),
            observer=Observed(),
        )
        worker.feed(crowd(400))
        while len(settled) < 400:  # noqa: ASYNC110 - an event would have to be set by the worker's settle
            await asyncio.sleep(0.01)
        return pumps

    assert uvloop.run(run()) < 3 * 400


def test_a_late_answer_is_ambiguous_for_as_long_as_the_policy_says() -> None:
    """CRM is sent again when nobody can tell for ten minutes; the fifth attempt is its last."""

    async def script(bench: Bench) -> None:
        bench.api.answer = lambda _: maybe_sent("TimeoutError")
        bench.worker.feed([queued()])
        running = asyncio.create_task(bench.worker.run())
        await asyncio.sleep(3100.0)
        running.cancel()

    bench = on_a_bench(script)
    (settlement,) = bench.settlements
    assert (len(bench.api.sent), settlement.dead_letter_class) == (5, "ambiguous")


def test_a_command_that_expires_while_it_connects_is_not_written() -> None:
    """The last look at the clock is the one before the bytes go out: D9 counts from there."""

    async def script(bench: Bench) -> None:
        bench.api.connecting_s = 2.0
        bench.worker.feed([queued(expires_at=START + 1.0)])
        await asyncio.sleep(10.0)

    bench = on_a_bench(script)
    assert (bench.api.sent, bench.outcomes) == ([], ["EXPIRED"])
