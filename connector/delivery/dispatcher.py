"""The state machine of delivery: commands in, attempts out, results in, effects out. Time comes in as an argument.

The shell keeps one law: feed, drain :meth:`Dispatcher.due` fully, arm one timer for :meth:`Dispatcher.next_wakeup`.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from connector.delivery.command import DeadLetterClass, Effect, LookUp, QueuedCommand, RetryAt, Settle, Verdict
from connector.delivery.number import Number
from connector.delivery.retry import RetryPolicy, costs_attempt, decide
from connector.delivery.throughput_limit import NEVER
from connector.whatsapp.error_table import Treatment
from connector.whatsapp.limits import MAINTENANCE_S
from connector.whatsapp.response import AttemptOutcome, Kind, received

LEVEL_WAIT_S: Final = 3.0
"""A new number waits so long for its level; then it starts at the rate of the lowest automatic one."""

STOPPED_RETRY_S: Final = 30.0
"""A stopped number tries one message again after so long, so that it resumes by itself once somebody has mended it."""

APP_HOLD_S: Final = 60.0
"""App and account quotas are counted over an hour and say in minutes when access comes back (Meta, Graph rate limits,
2026-09-11); each call meanwhile lengthens the block."""

SPENT_S: Final = 1.5
"""A new owner begins with a spent second, and half a one for what its predecessor let go and had not written yet."""

HOLDING: Final = frozenset({Treatment.NUMBER_REST, Treatment.STOPPED, Treatment.APP_LIMIT})
"""What holds a whole number; after each of these one message at a time tells whether it is over."""

VOID_WAKEUPS_SPARED: Final = 64
"""Wakeups that were overtaken by earlier ones and are not worth a clean-up, beside one for each number."""


@dataclass(frozen=True, slots=True)
class Due:
    """What :meth:`Dispatcher.due` hands out: attempts to start now, and commands whose time has passed."""

    attempts: list[QueuedCommand]
    expired: list[QueuedCommand]


class NumberState(NamedTuple):
    """A number as operators see it.

    ``rate`` in messages per second, ``queued`` by priority and with what is in flight, ``ready`` how many recipients
    have a command that waits for the rate alone, ``oldest_ms`` by topic the record time of the oldest unsettled one in
    Unix milliseconds, ``held_s`` what is left of its hold in seconds.
    """

    phone_number_id: str
    slot: int
    rate: int
    queued: dict[int, int]
    ready: int
    oldest_ms: dict[str, int]
    in_flight: int
    held_s: float
    held_reason: str | None


class NumberPast(NamedTuple):
    """What earlier owners have sent for a number: when last, and of each pair until when it owes, and its exponent."""

    last_sent: float
    debts: dict[str, tuple[float, int]]


class Dispatcher:
    """Joins the limits, holds and retries of all numbers of a worker; all times are monotonic seconds."""

    def __init__(self, policy: RetryPolicy, random: Random, *, default_rate: int, in_flight_per_number: int) -> None:
        self._policy = policy
        self._random = random
        self._default_rate = default_rate
        self._in_flight_per_number = in_flight_per_number
        self._numbers: dict[tuple[int, str], Number] = {}
        self._slots: dict[str, set[int]] = {}
        """In which slots something is kept of each number: one, but for records that were produced elsewhere."""
        self._rates: dict[str, int] = {}
        self._wakeups: list[tuple[float, int, Number]] = []
        self._sequence = itertools.count()
        self._draining: set[int] = set()
        self._may_start: Callable[[float], bool] = lambda _: True
        self._pause_of: Callable[[str], tuple[float, str | None]] = lambda _: (0.0, None)

    def rest_unless(self, may_start: Callable[[float], bool]) -> None:
        """Start nothing while ``may_start`` says no; :meth:`resume` when it says yes again."""
        self._may_start = may_start

    def resume(self, now: float) -> None:
        """What had to rest may be due."""
        for number in self._numbers.values():
            self._schedule(number, now)

    def heed(self, pause_of: Callable[[str], tuple[float, str | None]]) -> None:
        """Ask ``pause_of`` until when, and why, a number that is new here is paused."""
        self._pause_of = pause_of

    def accept(self, queued: QueuedCommand, now: float) -> bool:
        """Take a command in; True while the rate of its number is not known and has to be read from the API."""
        phone_number_id = queued.command.phone_number_id
        number = self._number(queued.slot, phone_number_id, now)
        number.accept(queued, now)
        self._schedule(number, now)
        return phone_number_id not in self._rates

    def due(self, now: float) -> Due:
        """Everything that is to start or has expired by ``now``; the limits are spent when it returns."""
        due = Due([], [])
        while self._wakeups and self._wakeups[0][0] <= now:
            at, _, number = heapq.heappop(self._wakeups)
            if at != number.scheduled_at:  # a newer entry stands in its place
                continue
            number.scheduled_at = NEVER
            due.expired.extend(number.expired(now))
            if number.slot not in self._draining and self._may_start(now):
                due.attempts.extend(number.due(now))
            self._schedule(number, now)
        for queued in due.attempts:
            queued.attempts += 1
        return due

    def is_under_way(self, queued: QueuedCommand) -> bool:
        """Whether the attempt still belongs to a slot of ours."""
        return self._number_of(queued) is not None

    def on_written(self, queued: QueuedCommand, now: float) -> None:
        """The bytes of an attempt go out now: that, not the moment it was let go, is what Meta's second counts from."""
        number = self._number_of(queued)
        if number is not None:
            number.written(queued, now)
            self._schedule(number, now)

    def on_result(self, queued: QueuedCommand, result: AttemptOutcome, now: float) -> Effect | None:
        """What follows from an attempt; None when the slot was given up meanwhile, so that the result is void."""
        number = self._number_of(queued)
        if number is None:
            return None
        self._count(queued, result, now)
        self._apply_limits(number, queued, result, now)
        effect = self._effect(queued, result, now)
        self._apply(number, queued, effect)
        number.released(queued, now, by_meta=result.from_meta)
        self._schedule(number, now)
        return effect

    def tried(self, slots: Iterable[int]) -> list[QueuedCommand]:
        """The unsettled commands of these slots of which an attempt has begun."""
        wanted = set(slots)
        return [queued for number in self._numbers.values() if number.slot in wanted for queued in number.tried()]

    def find(self, slot: int, phone_number_id: str, command_id: str) -> QueuedCommand | None:
        """The unsettled command of that id, when an attempt of it has begun."""
        number = self._numbers.get((slot, phone_number_id))
        return number.find(command_id) if number is not None else None

    def debt(self, queued: QueuedCommand) -> tuple[float, int]:
        """When the command's pair owes nothing any more, and the exponent of its next refusal."""
        number = self._numbers.get((queued.slot, queued.command.phone_number_id))
        return number.pair_limit(queued).debt() if number is not None else (0.0, 0)

    def on_receipt(self, queued: QueuedCommand, message_id: str | None, now: float) -> Effect | None:
        """A receipt says that the command arrived; None while its answer is still waited for, which says more."""
        number = self._number_with(queued)
        if number is None:
            return None
        if queued.in_flight:
            queued.receipt = message_id or ""
            return None
        return self._resolve(number, queued, _recovered(message_id), now)

    def on_silence(self, queued: QueuedCommand, now: float, *, proven: bool) -> Effect | None:
        """No receipt of the last attempt came. ``proven``: it did not arrive; else nobody can know."""
        number = self._number_with(queued)
        if number is None or queued.unresolved is None:
            return None
        return self._resolve(number, queued, self._after_silence(queued, queued.unresolved, now, proven=proven), now)

    def set_rate(self, phone_number_id: str, rate: int, now: float) -> None:
        """The API, or the configuration, has told a number's messages per second."""
        self._rates[phone_number_id] = rate
        for number in self._of(phone_number_id):
            number.limit.set_rate(rate, now)
            number.level_until = min(number.level_until, now)
            self._schedule(number, now)

    def remember(self, slot: int, phone_number_id: str, past: NumberPast, now: float) -> None:
        """What an earlier owner has sent counts against the limits as if we had."""
        number = self._number(slot, phone_number_id, now)
        number.hold(past.last_sent + SPENT_S, "takeover")
        for digest, (free_at, exponent) in past.debts.items():
            number.remember(digest, free_at, exponent)
        self._schedule(number, now)

    def known(self) -> set[str]:
        """Ids of all numbers of which anything is kept."""
        return set(self._slots)

    def pause(self, phone_number_id: str, until: float, reason: str | None, now: float) -> None:
        """Start nothing for the number before ``until`` (NEVER: not until this is called again)."""
        for number in self._of(phone_number_id):
            number.pause(until, reason)
            self._schedule(number, now)

    def mended(self, phone_number_id: str, now: float) -> None:
        """What had stopped the number is over: its hold ends, and one message tells whether that is so."""
        for number in self._of(phone_number_id):
            number.held_until, number.held_reason = min(number.held_until, now), None
            self._schedule(number, now)

    def hold(self, phone_number_id: str, until: float, reason: str, now: float) -> None:
        """Start nothing for the number before ``until``; afterwards one message at a time tells how it is."""
        for number in self._of(phone_number_id):
            number.hold(until, reason, probe=True)
            self._schedule(number, now)

    def reserve(self, phone_number_id: str, rate: float, now: float) -> None:
        """Leave ``rate`` messages per second of the number's limit to what comes in, for the next seconds."""
        for number in self._of(phone_number_id):
            number.limit.reserve(rate, now)
            self._schedule(number, now)

    def knows(self, phone_number_id: str) -> bool:
        """Whether anything of the number is kept."""
        return phone_number_id in self._slots

    def forget_rate(self, phone_number_id: str) -> None:
        """The number is asked for again when it comes back."""
        self._rates.pop(phone_number_id, None)

    def next_wakeup(self) -> float:
        """When :meth:`due` is to be called next; NEVER when only new input can change something."""
        while self._wakeups and self._wakeups[0][0] != self._wakeups[0][2].scheduled_at:
            heapq.heappop(self._wakeups)
        return self._wakeups[0][0] if self._wakeups else NEVER

    def drain(self, slots: Iterable[int]) -> None:
        """Start nothing more for these slots; results of what is in flight are still taken."""
        self._draining.update(slots)

    def in_flight(self, slots: Iterable[int] | None = None) -> int:
        """Attempts under way, of these slots or of all."""
        wanted = None if slots is None else set(slots)
        return sum(n.in_flight for n in self._numbers.values() if wanted is None or n.slot in wanted)

    def drop(self, slots: Iterable[int]) -> None:
        """Forget everything of these slots: they belong to somebody else, or will be read again from the start."""
        gone = set(slots)
        self._draining -= gone
        for number in [number for number in self._numbers.values() if number.slot in gone]:
            self._forget(number)

    def forget_idle(self, now: float) -> None:
        """Drop numbers that have nothing queued and owe nothing, so that memory follows the work."""
        for number in list(self._numbers.values()):
            if number.idle(now):
                self._forget(number)

    def numbers(self, now: float) -> Iterator[NumberState]:
        """The state of each number, for operators."""
        for number in list(self._numbers.values()):
            held_s = max(0.0, number.free_at() - now)
            yield NumberState(
                phone_number_id=number.phone_number_id,
                slot=number.slot,
                rate=number.limit.rate,
                queued=dict(number.queued),
                ready=number.ready,
                oldest_ms=dict(number.oldest.since_ms),
                in_flight=number.in_flight,
                held_s=held_s,
                held_reason=number.reason() if held_s else None,
            )

    def _of(self, phone_number_id: str) -> list[Number]:
        return [self._numbers[slot, phone_number_id] for slot in self._slots.get(phone_number_id, ())]

    def _number(self, slot: int, phone_number_id: str, now: float) -> Number:
        """As it is, or as a new one begins."""
        number = self._numbers.get((slot, phone_number_id))
        if number is None:
            number = self._numbers[slot, phone_number_id] = self._new_number(slot, phone_number_id, now)
            self._slots.setdefault(phone_number_id, set()).add(slot)
        return number

    def _forget(self, number: Number) -> None:
        del self._numbers[number.slot, number.phone_number_id]
        number.scheduled_at = NEVER
        slots = self._slots[number.phone_number_id]
        slots.discard(number.slot)
        if not slots:
            del self._slots[number.phone_number_id]

    def _number_with(self, queued: QueuedCommand) -> Number | None:
        """The number that has tried this very command and not settled it."""
        number = self._numbers.get((queued.slot, queued.command.phone_number_id))
        return number if number is not None and number.find(queued.command_id) is queued else None

    def _number_of(self, queued: QueuedCommand) -> Number | None:
        """The number that has this very command in flight; None when its slot was given up."""
        number = self._numbers.get((queued.slot, queued.command.phone_number_id))
        return number if number is not None and number.sent(queued) else None

    def _new_number(self, slot: int, phone_number_id: str, now: float) -> Number:
        rate = self._rates.get(phone_number_id)
        number = Number(phone_number_id, slot, rate or self._default_rate, self._in_flight_per_number, now)
        if rate is None:
            number.level_until = now + LEVEL_WAIT_S
        number.pause(*self._pause_of(phone_number_id))
        return number

    def _schedule(self, number: Number, now: float) -> None:
        at = number.next_wakeup(now) if self._may_start(now) else number.next_expiry()
        if number.slot in self._draining or at == number.scheduled_at:
            return
        number.scheduled_at = at
        if at == NEVER:
            return
        heapq.heappush(self._wakeups, (at, next(self._sequence), number))
        if len(self._wakeups) > 2 * len(self._numbers) + VOID_WAKEUPS_SPARED:
            alive = (known for known in self._numbers.values() if known.scheduled_at != NEVER)
            self._wakeups = [(known.scheduled_at, next(self._sequence), known) for known in alive]
            heapq.heapify(self._wakeups)

    def _count(self, queued: QueuedCommand, result: AttemptOutcome, now: float) -> None:
        if costs_attempt(result):
            queued.failures += 1
            queued.first_failure = now if queued.first_failure is None else queued.first_failure

    def _apply_limits(self, number: Number, queued: QueuedCommand, result: AttemptOutcome, now: float) -> None:
        if result.kind is Kind.ACCEPTED:
            number.limit.accepted(now)
            number.pair_limit(queued).accepted()
        match result.treatment:
            case Treatment.PAIR_LIMIT:
                number.pair_limit(queued).refused(now)
            case Treatment.NUMBER_LIMIT:
                number.limit.refused(now)
            case Treatment.NUMBER_REST:
                number.hold(now + MAINTENANCE_S, result.reason, probe=True)
            case Treatment.STOPPED:
                number.hold(now + STOPPED_RETRY_S, result.reason, probe=True)
            case Treatment.APP_LIMIT:  # the others of its scope are held by whoever knows their accounts
                asked_s = max(result.retry_after_s or 0.0, result.regain_access_s or 0.0)
                number.hold(now + max(APP_HOLD_S, asked_s), "app_limit", probe=True)
        if result.from_meta and result.treatment not in HOLDING:
            number.mended(now)

    def _apply(self, number: Number, queued: QueuedCommand, effect: Effect) -> None:
        match effect:
            case RetryAt(at=at):
                queued.retry_at = at
            case Settle():
                number.finish(queued)

    def _resolve(self, number: Number, queued: QueuedCommand, effect: Effect, now: float) -> Effect:
        queued.unresolved = None
        self._apply(number, queued, effect)
        number.go_on(queued, now)
        self._schedule(number, now)
        return effect

    def _after_silence(self, queued: QueuedCommand, result: AttemptOutcome, now: float, *, proven: bool) -> Effect:
        """What did not arrive may go again, as its policy says; what may have arrived is never called expired."""
        effect = decide(queued, result, self._policy, now, self._random)
        expired = queued.expires_at is not None and queued.expires_at <= now
        if not isinstance(effect, RetryAt) or not expired:
            return effect
        if proven:
            return Settle(Verdict.EXPIRED, "expired", result=result)
        return Settle(Verdict.DEAD_LETTERED, result.reason, DeadLetterClass.AMBIGUOUS, result)

    def _effect(self, queued: QueuedCommand, result: AttemptOutcome, now: float) -> Effect:
        if queued.receipt is not None and result.kind is not Kind.ACCEPTED:  # it may be of an earlier attempt
            return _recovered(queued.receipt)
        if result.kind is Kind.AMBIGUOUS:
            queued.unresolved = result
            return LookUp(result.reason)
        effect = decide(queued, result, self._policy, now, self._random)
        expired = queued.expires_at is not None and queued.expires_at <= now
        if isinstance(effect, RetryAt) and expired:
            return Settle(Verdict.EXPIRED, "expired", result=result)
        return effect


def _recovered(message_id: str | None) -> Settle:
    return Settle(Verdict.ACCEPTED, "receipt", result=received(message_id), recovered=True)
