"""The event loop's side of delivery: feeds the dispatcher, makes its attempts, hands settlements to the ledger.

One law: after each input feed, drain :meth:`Dispatcher.due` fully, arm one timer.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, Protocol

import structlog

from connector.clock import Clock
from connector.delivery.ambiguity import Ambiguity, Decision
from connector.delivery.command import (
    AttemptTrace,
    CommandTrace,
    Effect,
    LookUp,
    Output,
    QueuedCommand,
    RetryAt,
    Settle,
    Settlement,
    Tried,
    Verdict,
)
from connector.delivery.dispatcher import Dispatcher, NumberPast
from connector.delivery.ledger.attempts import AttemptWriter, SlotAttempts, tried_of
from connector.delivery.ledger.journal import JournalError
from connector.delivery.levels import LevelApi, Levels
from connector.delivery.outcomes import OutcomeWriter
from connector.delivery.pair_limit import PairDebt
from connector.delivery.retry import costs_attempt
from connector.delivery.throughput_limit import NEVER
from connector.records.commands import canonical_body
from connector.records.envelope import Envelope, seal
from connector.whatsapp.response import AttemptOutcome, maybe_sent, not_sent, withheld

log = structlog.get_logger()

SWEEP_S: Final = 60.0

LOOK_S: Final = 1.0
"""How often it is asked which ambiguous commands need not wait any more; they wait for a minute at least."""

SPENT_MS: Final = 10_000
"""A number that has sent nothing for so long has spent nothing of its second, however the hosts' clocks differ."""

DEBT_MARGIN_MS: Final = 1000
"""Added to what the journal says of a pair's debt: Meta counts when a request arrives, and our hosts' clocks differ."""

TICK_S: Final = 0.001
"""The shortest wait that is armed. uvloop counts in whole milliseconds: it would fire a shorter one at once, and again
and again until its time has come (50 times for each of 1000 messages a second, measured)."""


class Journal(Protocol):
    """Where the beginning of an attempt is made durable."""

    async def write(self, output: Output) -> None:
        """Returns when Kafka has the record.

        Raises:
            JournalError: it has not, as far as anybody knows.
        """
        ...


class LeaseOverError(Exception):
    """Raised as the last act before a request would be written: it is not."""


class SlotGoneError(Exception):
    """The same, because the slot was given up since the command was let go."""


class ExpiredError(Exception):
    """The same, because the command's time has passed since it was let go."""


class Api(LevelApi, Protocol):
    """The Cloud API as the worker uses it."""

    async def send(
        self, phone_number_id: str, access_token: str, body: bytes, before_write: Callable[[], None]
    ) -> AttemptOutcome:
        """One message; never raises. ``before_write`` is called as the last act before its bytes go out."""
        ...


class Observer(Protocol):
    """What is measured of the attempts."""

    def attempted(self, queued: QueuedCommand, result: AttemptOutcome, seconds: float) -> None:
        """A request has its result."""
        ...


class Traces(Protocol):
    """Follows commands whose trace is recorded."""

    def taken(self, queued: QueuedCommand) -> CommandTrace | None:
        """A command was read; None when nobody records its trace."""
        ...


class Worker:
    """Everything here runs on one event loop; :meth:`feed`, :meth:`drain` and :meth:`drop` are called on it."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        api: Api,
        outcomes: OutcomeWriter,
        clock: Clock,
        *,
        installation: str,
        access_token: Callable[[str], str],
        configured_rate: Callable[[str], int | None],
        settle: Callable[[Settlement], None],
        note: Callable[[Output], None],
        journal: Journal,
        attempts: AttemptWriter,
        ambiguity: Ambiguity,
        observer: Observer,
        on_answer: Callable[[str, AttemptOutcome], None] = lambda _, __: None,
        may_start: Callable[[float], bool] = lambda _: True,
        traces: Traces | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._api = api
        self._outcomes = outcomes
        self._clock = clock
        self._installation = installation
        self._access_token = access_token
        self._levels = Levels(dispatcher, api, clock, access_token, configured_rate=configured_rate, pump=self._pump)
        self._settle = settle
        self._note = note
        self._journal = journal
        self._attempts = attempts
        self._ambiguity = ambiguity
        self._observer = observer
        self._on_answer = on_answer
        self._may_start = may_start
        self._traces = traces
        dispatcher.rest_unless(may_start)
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = NEVER
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet = asyncio.Event()

    @property
    def dispatcher(self) -> Dispatcher:
        """For those who show its state."""
        return self._dispatcher

    async def run(self) -> None:
        """Decide on ambiguous commands and keep the numbers' state small.

        Ends by cancellation, which also ends every attempt.
        """
        swept_at = self._clock.monotonic()
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                now = self._clock.monotonic()
                self._decided(self._ambiguity.judge(now, self._clock.wall_ms()))
                if now >= swept_at + SWEEP_S:
                    self._dispatcher.forget_idle(now)
                    swept_at = now
        finally:
            self._disarm()
            self._levels.close()
            for task in self._tasks:
                task.cancel()

    def feed(self, commands: Iterable[QueuedCommand]) -> None:
        """Commands that were read."""
        now = self._clock.monotonic()
        for queued in commands:
            if self._traces is not None:
                queued.trace = self._traces.taken(queued)
            if self._dispatcher.accept(queued, now):
                self._levels.learn(queued.command.phone_number_id)
            if (decision := self._ambiguity.taken(queued, now, self._clock.wall_ms())) is not None:
                self._decided([decision])
        self._pump()

    def reread_level(self, phone_number_id: str) -> None:
        """Meta has said that the number's level changed: ask what it is."""
        self._levels.reread(phone_number_id)

    def pump(self) -> None:
        """Something that the dispatcher knows by now may let messages go."""
        self._pump()

    def resume(self) -> None:
        """The right to start requests is back."""
        self._dispatcher.resume(self._clock.monotonic())
        self._pump()

    def remember(self, slot: int, past: SlotAttempts) -> None:
        """What earlier owners of a slot have sent: its limits are spent, its pairs owe, some of it is open."""
        now, wall_ms = self._clock.monotonic(), self._clock.wall_ms()
        self._ambiguity.expect(slot, past.tried.values())
        debts: dict[str, dict[str, tuple[float, int]]] = {}
        for pair, debt in past.debts.items():
            left_ms = debt.free_at_ms + DEBT_MARGIN_MS - wall_ms
            if left_ms > 0:
                of_number = debts.setdefault(pair.phone_number_id, {})
                of_number[pair.recipient_digest] = (now + left_ms / 1000, debt.exponent)
        for number in past.last_sent_ms.keys() | debts.keys():
            at_ms = past.last_sent_ms.get(number, 0)
            if number in debts or wall_ms - at_ms < SPENT_MS:
                last_sent = now - max(0, wall_ms - at_ms) / 1000
                self._dispatcher.remember(slot, number, NumberPast(last_sent, debts.get(number, {})), now)

    def tried(self, slots: frozenset[int]) -> list[tuple[QueuedCommand, Tried]]:
        """What the journal has to know of these slots: commands that were tried and have no outcome."""
        now, wall_ms = self._clock.monotonic(), self._clock.wall_ms()
        tried = self._dispatcher.tried(slots)
        return [(queued, tried_of(queued, self._debt(queued), now, wall_ms)) for queued in tried]

    def on_signal(self, slot: int, signal: Mapping[str, Any]) -> None:
        """What the ingress says of attempts: receipts, and whether their absence means something."""
        decision = self._ambiguity.on_signal(slot, signal, self._clock.monotonic())
        if decision is not None:
            self._decided([decision])

    async def drain(self, slots: frozenset[int], budget_s: float) -> bool:
        """Start nothing more for these slots and wait for what is in flight; False when the budget was too short."""
        self._dispatcher.drain(slots)
        deadline = self._clock.monotonic() + budget_s
        while self._dispatcher.in_flight(slots):
            self._quiet.clear()
            try:
                await asyncio.wait_for(self._quiet.wait(), deadline - self._clock.monotonic())
            except TimeoutError:
                log.warning("delivery.drain_incomplete", in_flight=self._dispatcher.in_flight(slots))
                return False
        return True

    def drop(self, slots: frozenset[int]) -> None:
        """The slots are somebody else's now."""
        if self._traces is not None:
            for queued in self._dispatcher.tried(slots):
                if queued.trace is not None:
                    queued.trace.left()
        self._dispatcher.drop(slots)
        self._ambiguity.drop(slots)

    def _pump(self) -> None:
        now = self._clock.monotonic()
        due = self._dispatcher.due(now)
        for queued in due.expired:
            self._settled(queued, Settle(Verdict.EXPIRED, "expired"))
        for queued in due.attempts:  # dated before anybody can ask :meth:`tried`
            queued.started_at_ms = self._clock.wall_ms()
            queued.first_attempt_at_ms = queued.first_attempt_at_ms or queued.started_at_ms
            self._spawn(self._attempt(queued))
        self._arm(now)

    def _arm(self, now: float) -> None:
        wakeup = self._dispatcher.next_wakeup()
        if wakeup == self._armed_for:
            return
        self._disarm()
        if wakeup != NEVER:
            self._armed_for = wakeup
            wait_s = max(TICK_S, wakeup - now) if wakeup > now else 0.0
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._fire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._armed_for = None, NEVER

    def _fire(self) -> None:
        self._timer, self._armed_for = None, NEVER
        self._pump()

    async def _attempt(self, queued: QueuedCommand) -> None:
        started = self._clock.monotonic()
        trace = queued.trace.attempt(queued) if queued.trace is not None else None
        if trace is None:
            result = await self._tried(queued, None)
        else:
            with trace:
                result = trace.result = await self._tried(queued, trace)
        now = self._clock.monotonic()
        self._observer.attempted(queued, result, now - started)
        self._on_result(queued, result, now)
        self._quiet.set()
        self._pump()

    async def _tried(self, queued: QueuedCommand, trace: AttemptTrace | None) -> AttemptOutcome:
        try:
            return await self._request(queued, trace)
        except Exception:
            log.exception("delivery.attempt_failed", phone_number_id=queued.command.phone_number_id)
            return maybe_sent("internal_error")

    async def _request(self, queued: QueuedCommand, trace: AttemptTrace | None) -> AttemptOutcome:
        number = queued.command.phone_number_id
        try:
            traceparent = queued.traceparent if trace is None else trace.traceparent
            body, token = self._body(queued, traceparent), self._access_token(number)
        except Exception:
            log.exception("delivery.request_not_made", phone_number_id=number)
            return not_sent("internal_error")
        self._ambiguity.started(queued)
        try:
            await self._journal.write(self._attempts.started(queued, self._debt(queued)))
        except JournalError as error:
            log.warning("delivery.journal_unavailable", phone_number_id=number, reason=str(error))
            return withheld("journal_unavailable")
        if trace is not None:
            trace.requested()
        return await self._api.send(number, token, body, lambda: self._on_written(queued))

    def _body(self, queued: QueuedCommand, traceparent: str | None) -> bytes:
        command = queued.command
        envelope = Envelope(self._installation, queued.command_id, queued.attempts, traceparent, command.opaque_data)
        return canonical_body({**command.body, "biz_opaque_callback_data": seal(envelope)})

    def _on_written(self, queued: QueuedCommand) -> None:
        now = self._clock.monotonic()
        if not self._may_start(now):
            message = "the lease is over"
            raise LeaseOverError(message)
        if not self._dispatcher.is_under_way(queued):
            message = "the slot is somebody else's"
            raise SlotGoneError(message)
        if queued.expires_at is not None and queued.expires_at <= now:
            message = "the command's time has passed"
            raise ExpiredError(message)
        self._dispatcher.on_written(queued, now)
        self._arm(now)

    def _on_result(self, queued: QueuedCommand, result: AttemptOutcome, now: float) -> None:
        if result.error is not None:
            at = self._clock.wall_ms()
            queued.first_failure_at_ms = queued.first_failure_at_ms or at
            queued.last_failure_at_ms = at
        self._on_answer(queued.command.phone_number_id, result)
        effect = self._dispatcher.on_result(queued, result, now)
        match effect:
            case LookUp():
                log.info("delivery.ambiguous", phone_number_id=queued.command.phone_number_id, reason=effect.reason)
                self._ambiguity.unanswered(queued, self._clock.wall_ms())
            case None:
                log.warning("delivery.late_result", phone_number_id=queued.command.phone_number_id, kind=result.kind)
            case _:
                self._apply(queued, effect, result)

    def _apply(self, queued: QueuedCommand, effect: Effect, result: AttemptOutcome | None) -> None:
        match effect:
            case Settle():
                self._settled(queued, effect)
            case RetryAt(at=at, reason=reason):
                log.debug("delivery.retry", phone_number_id=queued.command.phone_number_id, reason=reason)
                self._ended(queued, at, result)

    def _ended(self, queued: QueuedCommand, retry_at: float, result: AttemptOutcome | None) -> None:
        """The journal learns that the attempt is over: with it the next owner knows that it need not be looked for."""
        wait_s = max(0.0, retry_at - self._clock.monotonic())
        self._note(
            self._attempts.ended(
                queued,
                self._debt(queued),
                result=result.kind.value if result else "ambiguous",
                charged=result is None or costs_attempt(result),
                retry_at_ms=self._clock.wall_ms() + round(wait_s * 1000),
            )
        )

    def _decided(self, decisions: Iterable[Decision]) -> None:
        for queued, effect in decisions:
            self._apply(queued, effect, None)
        self._pump()

    def _debt(self, queued: QueuedCommand) -> PairDebt:
        now = self._clock.monotonic()
        free_at, exponent = self._dispatcher.debt(queued)
        if free_at <= now:
            return PairDebt(0, exponent)
        return PairDebt(self._clock.wall_ms() + round((free_at - now) * 1000), exponent)

    def _settled(self, queued: QueuedCommand, effect: Settle) -> None:
        if queued.trace is not None:
            queued.trace.settling(queued)
        self._settle(self._outcomes.settle(queued, effect, self._clock.wall_ms()))

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
