"""Whether a command is tried again after an attempt, and when: one pure decision over outcome and history."""

from dataclasses import dataclass
from random import Random
from typing import Final

from connector.delivery.command import DeadLetterClass, Effect, QueuedCommand, RetryAt, Settle, Verdict
from connector.whatsapp.error_table import Treatment
from connector.whatsapp.response import AttemptOutcome, Kind

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 60.0
SLOW_BACKOFF_S: Final = 600.0
"""A template that is new or was idle needs about 10 minutes to synchronise (Meta, marketing messages, 2026-03-10)."""

RETRY_ONCE_FAILURES: Final = 2


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of one command's retries: ``attempts_max`` failed tries, ``age_max_s`` seconds since the first of them."""

    attempts_max: int = 5
    age_max_s: float = 3600.0


def decide(queued: QueuedCommand, result: AttemptOutcome, policy: RetryPolicy, now: float, random: Random) -> Effect:
    """What follows from ``result``; ``queued.failures`` already counts it when it costs an attempt."""
    match result.kind:
        case Kind.ACCEPTED:
            return Settle(Verdict.ACCEPTED, result.reason, result=result)
        case Kind.THROTTLED:  # the number and the pair know until when; the command itself waits for nothing more
            return RetryAt(now, result.reason)
        case Kind.PERMANENT:
            return _dead_letter(_final_class(result), result)
        case Kind.AMBIGUOUS if not queued.resend_ambiguous:
            return _dead_letter(DeadLetterClass.AMBIGUOUS, result)
        case Kind.AMBIGUOUS | Kind.TRANSIENT:
            return _again(queued, result, policy, now, random)


def costs_attempt(result: AttemptOutcome) -> bool:
    """Whether an outcome uses up the attempt budget: throttling does not, and success has no need of it."""
    return result.kind in {Kind.TRANSIENT, Kind.AMBIGUOUS, Kind.PERMANENT}


def _again(queued: QueuedCommand, result: AttemptOutcome, policy: RetryPolicy, now: float, random: Random) -> Effect:
    if result.treatment is Treatment.RETRY_ONCE and queued.failures >= RETRY_ONCE_FAILURES:
        return _dead_letter(DeadLetterClass.REFUSED, result)
    at = now + _backoff_s(queued.failures, result, random)
    too_old = queued.first_failure is not None and at > queued.first_failure + policy.age_max_s
    if queued.failures >= policy.attempts_max or too_old:
        ambiguous = result.kind is Kind.AMBIGUOUS
        return _dead_letter(DeadLetterClass.AMBIGUOUS if ambiguous else DeadLetterClass.ATTEMPTS_EXHAUSTED, result)
    return RetryAt(at, result.reason)


def _backoff_s(failures: int, result: AttemptOutcome, random: Random) -> float:
    """Exponential with jitter between half and full, never less than Meta asked for."""
    slow = result.treatment is Treatment.RETRY_SLOWLY
    full = SLOW_BACKOFF_S if slow else min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** (failures - 1))
    return max(result.retry_after_s or 0.0, full if slow else full * (0.5 + 0.5 * random.random()))


def _final_class(result: AttemptOutcome) -> DeadLetterClass:
    undeliverable = result.treatment is Treatment.UNDELIVERABLE
    return DeadLetterClass.UNDELIVERABLE if undeliverable else DeadLetterClass.REFUSED


def _dead_letter(class_: DeadLetterClass, result: AttemptOutcome) -> Settle:
    return Settle(Verdict.DEAD_LETTERED, result.reason, class_, result)
