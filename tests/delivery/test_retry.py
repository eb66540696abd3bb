"""Whether a command is tried again, and when: a table of outcomes and histories."""

from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.command import DeadLetterClass, Effect, QueuedCommand, RetryAt, Settle, TopicPolicy, Verdict
from connector.delivery.retry import (
    BACKOFF_FIRST_S,
    BACKOFF_MAX_S,
    SLOW_BACKOFF_S,
    RetryPolicy,
    costs_attempt,
    decide,
)
from connector.whatsapp.error_table import Treatment
from connector.whatsapp.response import AttemptOutcome, Kind, maybe_sent, not_sent
from tests.delivery.making import ACCEPTED, CRM, MARKETING, queued, result_of, seeded

NOW: Final = 5000.0
POLICY: Final = RetryPolicy(attempts_max=5, age_max_s=3600.0)

THROTTLED: Final = (131056, 130429, 131057, 4, 80007, 190, 131031)
"""A code for each way to be held up: pair, number, maintenance, app, account, token, lock."""


def failed(times: int, *, first: float = NOW, policy: TopicPolicy = CRM, **fields: Any) -> QueuedCommand:
    """A command of which so many attempts have failed, the last one just now."""
    command = queued(policy=policy, **fields)
    command.failures, command.first_failure = times, first if times else None
    return command


def decided(
    command: QueuedCommand, result: AttemptOutcome, *, now: float = NOW, policy: RetryPolicy = POLICY, seed: int = 1
) -> Effect:
    """What follows from a result."""
    return decide(command, result, policy, now, seeded(seed))


@pytest.mark.parametrize("failures", [0, 1, 4])
def test_an_accepted_message_settles(failures: int) -> None:
    """Whatever went before."""
    assert decided(failed(failures), ACCEPTED) == Settle(Verdict.ACCEPTED, "accepted", result=ACCEPTED)


@pytest.mark.parametrize("code", THROTTLED)
def test_throttling_costs_no_attempt(code: int) -> None:
    """A command whose budget is used up but for one failure is throttled as often as it takes."""
    result = result_of(code)
    assert not costs_attempt(result)
    assert decided(failed(4, first=NOW - 3590.0), result) == RetryAt(NOW, str(code))


@pytest.mark.parametrize(
    ("result", "costs"),
    [
        (ACCEPTED, False),
        (result_of(131000), True),
        (result_of(131026), True),
        (not_sent("ConnectError"), True),
        (maybe_sent("ReadTimeout"), True),
    ],
    ids=lambda value: value.reason if isinstance(value, AttemptOutcome) else None,
)
def test_real_failures_use_up_the_budget(result: AttemptOutcome, costs: bool) -> None:  # noqa: FBT001 - a table
    """Refused, unreachable, unanswered: each is a failure; an acceptance has no need of the budget."""
    assert costs_attempt(result) is costs


@pytest.mark.parametrize(
    ("code", "class_"),
    [(100, DeadLetterClass.REFUSED), (132001, DeadLetterClass.REFUSED), (131026, DeadLetterClass.UNDELIVERABLE)],
)
def test_a_final_refusal_settles_at_once(code: int, class_: DeadLetterClass) -> None:
    """The first failure is the last; the class tells whether it was for the message or for the recipient."""
    result = result_of(code)
    assert decided(failed(1), result) == Settle(Verdict.DEAD_LETTERED, str(code), class_, result)


@pytest.mark.parametrize("failures", range(1, 5))
def test_a_passing_failure_is_tried_again_later_each_time(failures: int) -> None:
    """After 1, 2, 4, 8 s, of which chance takes up to a half."""
    effect = decided(failed(failures), result_of(131000))
    assert isinstance(effect, RetryAt)
    full = BACKOFF_FIRST_S * 2 ** (failures - 1)
    assert NOW + full / 2 <= effect.at <= NOW + full


@given(failures=st.integers(1, 99), random=st.randoms(use_true_random=False))
def test_the_wait_is_bounded(failures: int, random: Random) -> None:
    """A minute at most, half a second at least, however often it failed."""
    effect = decide(failed(failures), result_of(131000), RetryPolicy(100, 1e9), NOW, random)
    assert isinstance(effect, RetryAt)
    assert NOW + BACKOFF_FIRST_S / 2 <= effect.at <= NOW + BACKOFF_MAX_S


def test_waits_are_spread() -> None:
    """Commands that failed together do not come back together."""
    effects = [decided(failed(3), result_of(131000), seed=seed) for seed in range(20)]
    assert len({effect.at for effect in effects if isinstance(effect, RetryAt)}) == 20


def test_the_budget_of_attempts_ends() -> None:
    """The fifth failure is a dead letter."""
    result = not_sent("ConnectError")
    assert isinstance(decided(failed(4), result), RetryAt)
    assert decided(failed(5), result) == Settle(
        Verdict.DEAD_LETTERED, "ConnectError", DeadLetterClass.ATTEMPTS_EXHAUSTED, result
    )


def test_one_attempt_may_be_all() -> None:
    """A budget of one is not exceeded by a retry."""
    effect = decided(failed(1), result_of(131000), policy=RetryPolicy(attempts_max=1))
    assert isinstance(effect, Settle)
    assert effect.dead_letter_class is DeadLetterClass.ATTEMPTS_EXHAUSTED


def test_the_age_of_a_failure_is_bounded() -> None:
    """When the next attempt would come more than an hour after the first failure, there is none."""
    result = result_of(131000)
    assert isinstance(decided(failed(2, first=NOW - 3597.0), result), RetryAt)
    effect = decided(failed(2, first=NOW - 3600.0), result)
    assert isinstance(effect, Settle)
    assert effect.dead_letter_class is DeadLetterClass.ATTEMPTS_EXHAUSTED


@pytest.mark.parametrize("code", [131014, 131053])
def test_some_refusals_get_one_more_try(code: int) -> None:
    """A media link fails for a moment; the second time it is final."""
    assert isinstance(decided(failed(1), result_of(code)), RetryAt)
    effect = decided(failed(2), result_of(code))
    assert isinstance(effect, Settle)
    assert effect.dead_letter_class is DeadLetterClass.REFUSED


@pytest.mark.parametrize("code", [134101, 132069])
def test_what_takes_minutes_is_waited_for(code: int) -> None:
    """A template that is being synchronised needs ten minutes, at the first failure as at the fourth."""
    for failures in (1, 4):
        assert decided(failed(failures), result_of(code)) == RetryAt(NOW + SLOW_BACKOFF_S, str(code))


def test_what_meta_asks_for_is_waited_for() -> None:
    """``Retry-After`` lengthens the wait, and does not shorten it."""
    result = AttemptOutcome(Kind.TRANSIENT, "http_404", Treatment.RETRY, retry_after_s=33.0)
    assert decided(failed(1), result) == RetryAt(NOW + 33.0, "http_404")
    hasty = AttemptOutcome(Kind.TRANSIENT, "http_404", Treatment.RETRY, retry_after_s=0.0)
    effect = decided(failed(4), hasty)
    assert isinstance(effect, RetryAt)
    assert effect.at >= NOW + 4.0


AMBIGUITY = maybe_sent("ReadTimeout")


@pytest.mark.parametrize(
    ("policy", "asked", "again"),
    [
        (CRM, "DEFAULT", True),
        (MARKETING, "DEFAULT", False),
        (CRM, "DEAD_LETTER", False),
        (MARKETING, "RESEND", True),
        (CRM, "RESEND", True),
        (MARKETING, "DEAD_LETTER", False),
    ],
)
def test_who_is_sent_again_when_nobody_can_know(policy: TopicPolicy, asked: str, again: bool) -> None:  # noqa: FBT001 - a table
    """The command's own word decides, else its topic's."""
    effect = decided(failed(1, policy=policy, on_ambiguous=asked), AMBIGUITY)
    if again:
        assert isinstance(effect, RetryAt)
    else:
        assert effect == Settle(Verdict.DEAD_LETTERED, "ReadTimeout", DeadLetterClass.AMBIGUOUS, AMBIGUITY)


def test_the_last_failure_names_the_class() -> None:
    """A budget that ends with an ambiguous attempt is a dead letter that says so: somebody may have got the message."""
    effect = decided(failed(5), AMBIGUITY)
    assert isinstance(effect, Settle)
    assert effect.dead_letter_class is DeadLetterClass.AMBIGUOUS
