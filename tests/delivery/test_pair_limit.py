"""The pair limit, against the strict reading of Meta's text: a burst is a loan, and nothing leaves before it is paid.

Up to 45 messages within 6 s of the first one; after n of them the next at the first one's time + 6 n seconds (Meta,
about the platform: throughput, 2026-09-11).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.pair_limit import EXPONENT_KEPT_S, GUARD_S, PairLimit
from tests.delivery.making import strictly_allowed

START = 1000.0


def send(limit: PairLimit, now: float) -> None:
    """A message is let go and written in the same instant."""
    limit.spend(now)
    limit.written(now)


MESSAGES = st.lists(
    st.tuples(
        st.floats(0.0, 2.0) | st.floats(0.0, 30.0) | st.sampled_from([0.0, 6.0, 270.0]),  # since the one before
        st.booleans(),  # burst
        st.floats(0.0, GUARD_S * 0.99),  # from let go to written
        st.floats(0.0, 10.0),  # the same, for the first message of a loan: a connection is made
    ),
    max_size=120,
)


@given(messages=MESSAGES)
def test_nothing_leaves_that_a_strict_meta_would_refuse(messages: list[tuple[float, bool, float, float]]) -> None:
    """Whichever messages come when, with a burst or without, and however long the first one needs to be written."""
    limit, now, sent = PairLimit(), START, list[float]()
    for wait_s, burst, delay_s, connecting_s in messages:
        now += wait_s
        if limit.ready_at(now, burst=burst) > now:
            continue
        opens_loan = limit.ready_at(now, burst=False) <= now
        limit.spend(now)
        now += connecting_s if opens_loan else delay_s
        assert strictly_allowed(sent, now)
        limit.written(now)
        sent.append(now)


@given(messages=MESSAGES, burst=st.booleans())
def test_the_time_given_holds_when_it_comes(messages: list[tuple[float, bool, float, float]], burst: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """Asked again at the time that it gave, the limit says *now*, and never a time in the past."""
    limit, now = PairLimit(), START
    for wait_s, bursting, _, _ in messages:
        now += wait_s
        if limit.ready_at(now, burst=bursting) <= now:
            send(limit, now)
    ready_at = limit.ready_at(now, burst=burst)
    assert ready_at >= now
    assert limit.ready_at(ready_at, burst=burst) == ready_at


def test_without_a_burst_one_message_leaves_every_six_seconds() -> None:
    """The plain pace, and a quarter of a second for the way to Meta."""
    limit, now = PairLimit(), START
    for _ in range(20):
        assert limit.ready_at(now, burst=False) == now
        send(limit, now)
        assert limit.ready_at(now, burst=False) == now + 6.0 + GUARD_S
        now = limit.ready_at(now, burst=False)


def test_a_burst_has_45_messages_and_is_paid_back_in_full() -> None:
    """45 at once; the next one 270 s after the first, burst or not."""
    limit = PairLimit()
    for _ in range(45):
        assert limit.ready_at(START, burst=True) == START
        send(limit, START)
    for burst in (True, False):
        assert limit.ready_at(START + 1, burst=burst) == START + 270.0 + GUARD_S


def test_a_burst_ends_six_seconds_after_its_first_message() -> None:
    """Two messages at once and one 5 s later: three are owed; after the window there is no more of the burst."""
    limit = PairLimit()
    for now in (START, START, START + 5.0):
        assert limit.ready_at(now, burst=True) == now
        send(limit, now)
    assert limit.ready_at(START + 5.9, burst=True) == START + 18.0 + GUARD_S


def test_who_may_not_burst_waits_for_the_burst_of_others_to_be_paid() -> None:
    """Four CRM messages at once delay marketing to the same user by 24 s, and CRM no more while the burst lasts."""
    limit = PairLimit()
    for _ in range(4):
        send(limit, START)
    assert limit.ready_at(START + 1, burst=False) == START + 24.0 + GUARD_S
    assert limit.ready_at(START + 1, burst=True) == START + 1


def test_a_loan_begins_when_its_first_message_is_written() -> None:
    """A connection that took 3 s does not shorten the wait for the next message."""
    limit = PairLimit()
    limit.spend(START)
    limit.written(START + 3.0)
    assert limit.ready_at(START + 4.0, burst=False) == START + 9.0 + GUARD_S


def test_later_messages_of_a_burst_do_not_move_its_begin() -> None:
    """Each message of a burst adds 6 s, counted from the first one."""
    limit = PairLimit()
    send(limit, START)
    limit.spend(START + 1.0)
    limit.written(START + 2.0)
    assert limit.ready_at(START + 3.0, burst=False) == START + 12.0 + GUARD_S


def test_a_refused_pair_waits_four_to_the_power_of_its_refusals() -> None:
    """131056: 1 s, 4 s, 16 s, up to 4^5 s; a pair that Meta takes a message of begins again with 1 s."""
    limit, waits, now = PairLimit(), list[float](), START
    for _ in range(8):
        limit.refused(now)
        waits.append(limit.ready_at(now, burst=True) - now)
        now += waits[-1]
    assert waits == [1, 4, 16, 64, 256, 1024, 1024, 1024]
    limit.accepted()
    limit.refused(now)
    assert limit.ready_at(now, burst=True) == now + 1


def test_a_refusal_does_not_shorten_what_is_owed() -> None:
    """After ten messages the pair waits its minute, whatever the refusal alone would ask for."""
    limit = PairLimit()
    for _ in range(10):
        send(limit, START)
    limit.refused(START + 5.9)
    assert limit.ready_at(START + 6.0, burst=True) == START + 60.0 + GUARD_S


def test_a_pair_that_owes_nothing_can_be_forgotten() -> None:
    """Not before its messages are paid back."""
    limit = PairLimit()
    assert limit.spent_by(START)
    send(limit, START)
    assert not limit.spent_by(START + 6.0)
    assert limit.spent_by(START + 6.0 + GUARD_S)


@pytest.mark.parametrize("refusals", [1, 3])
def test_refusals_are_remembered_for_a_while_and_not_for_ever(refusals: int) -> None:
    """A user who was refused and never written to again is forgotten 17 minutes after the wait."""
    limit = PairLimit()
    send(limit, START)
    for _ in range(refusals):
        limit.refused(START)
    over = START + 4.0 ** (refusals - 1)
    assert not limit.spent_by(over + EXPONENT_KEPT_S - 1.0)
    assert limit.spent_by(over + EXPONENT_KEPT_S)
