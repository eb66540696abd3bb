"""The throughput limit, against a naive sliding second that looks at the whole history each time."""

import heapq
from collections.abc import Callable
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.throughput_limit import (
    BACKOFF_MAX_S,
    BURST_S,
    GUARD_KEPT_S,
    GUARD_MAX_S,
    GUARD_S,
    GUARD_STEP_S,
    NEVER,
    WINDOW_S,
    Spend,
    ThroughputLimit,
)
from tests.delivery.making import seeded

START: Final = 100.0
SETTLED_S: Final = 3.0
"""After so long the cautious first second, and what it does to the one behind it, are over."""

GAPS = st.floats(0.0, 0.6)
COUNTS = st.integers(1, 12)
STEPS = st.one_of(
    st.tuples(st.just("wait"), GAPS),
    st.tuples(st.just("send"), COUNTS),
    st.tuples(st.just("write"), st.integers(0, 50)),
    st.tuples(st.just("rate"), st.sampled_from([1, 2, 3, 5, 8, 13])),
    st.tuples(st.just("refused"), st.just(0)),
    st.tuples(st.just("accepted"), st.just(0)),
)


def in_the_second_before(now: float, times: list[float]) -> int:
    """Messages in the window ``(now - 1, now]``."""
    return sum(now - WINDOW_S < time <= now for time in times)


@given(steps=st.lists(STEPS, max_size=120))
def test_a_message_leaves_only_where_one_second_has_room_for_it(steps: list[tuple[str, float]]) -> None:
    """Whatever comes when, also across changes of the rate, and however late the bytes of other messages go out.

    Those let go and not written yet count too, for they may all be written in one instant.
    """
    limit, now, written, let_go = ThroughputLimit(5, START), START, list[float](), list[Spend]()
    for step, value in steps:
        if step == "wait":
            now += value
        elif step == "rate":
            limit.set_rate(int(value), now)
        elif step == "refused":
            limit.refused(now)
        elif step == "accepted":
            limit.accepted(now)
        elif step == "write" and let_go:
            limit.written(let_go.pop(int(value) % len(let_go)), now)
            written.append(now)
        elif step == "send":
            for _ in range(int(value)):
                if limit.ready_at(now) > now:
                    break
                assert in_the_second_before(now, written) + len(let_go) < limit.rate
                let_go.append(limit.spend(now))


@given(
    rate=st.integers(1, 9),
    waits=st.lists(st.tuples(st.floats(0.0, 0.4), st.floats(0.0, 3.0)), max_size=80),
    jitter=st.randoms(use_true_random=False),
)
def test_no_sliding_second_at_the_receiver_holds_more_than_the_limit(
    rate: int, waits: list[tuple[float, float]], jitter: Random
) -> None:
    """Connections take up to seconds, requests are up to the guard on their way: Meta counts no more than the rate."""
    limit, now, arrived = ThroughputLimit(rate, START), START, list[float]()
    open_: list[tuple[float, int, Spend]] = []

    def write(until: float) -> None:
        while open_ and open_[0][0] <= until:
            at, _, spend = heapq.heappop(open_)
            limit.written(spend, at)
            arrived.append(at + jitter.uniform(0.0, GUARD_S * 0.999))

    for number, (wait_s, connecting_s) in enumerate(waits):
        now += wait_s
        write(now)
        if limit.ready_at(now) <= now:
            heapq.heappush(open_, (now + connecting_s, number, limit.spend(now)))
    write(now + 10)
    assert max((in_the_second_before(time, arrived) for time in arrived), default=0) <= rate


@given(steps=st.lists(STEPS, max_size=60), extra_s=st.floats(0.0, 3.0))
def test_the_time_given_holds_when_it_comes(steps: list[tuple[str, float]], extra_s: float) -> None:
    """Asked again at the time that it gave, the limit says *now*: a timer armed for it never fires in vain."""
    limit, now, let_go = ThroughputLimit(5, START), START, list[Spend]()
    for step, value in steps:
        if step == "wait":
            now += value
        elif step == "refused":
            limit.refused(now)
        elif step == "write" and let_go:
            limit.written(let_go.pop(), now)
        elif step == "send" and limit.ready_at(now) <= now:
            let_go.append(limit.spend(now))
    ready_at = limit.ready_at(now)
    assert ready_at >= now
    if ready_at != NEVER:
        assert limit.ready_at(ready_at) == ready_at
        assert limit.ready_at(ready_at + extra_s) == ready_at + extra_s


def achieved(rate: int, pause_s: Callable[[], float], random: Random, seconds: float = 15.0) -> float:
    """Messages written per second and rate, by a loop that pauses in each of its turns."""
    limit, now, written, open_ = ThroughputLimit(rate, START), START, 0, list[tuple[float, int, Spend]]()
    while now < START + seconds:
        while open_ and open_[0][0] <= now:
            at, _, spend = heapq.heappop(open_)
            limit.written(spend, at)
            written += at >= START + SETTLED_S
        while limit.ready_at(now) <= now:
            spend = limit.spend(now)
            heapq.heappush(open_, (now + random.uniform(0.0, 0.003), id(spend), spend))
        now = max(now, min(limit.ready_at(now), open_[0][0] if open_ else NEVER)) + pause_s()
    return written / (seconds - SETTLED_S) / rate


@pytest.mark.parametrize("rate", [1, 3, 20, 80, 1000])
def test_the_rate_is_reached(rate: int) -> None:
    """A number with enough to do sends at 95 % of its rate at least."""
    assert achieved(rate, lambda: 0.0, seeded(1)) >= 0.95


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate", [80, 250, 1000])
def test_the_rate_is_reached_by_a_busy_loop(rate: int, seed: int) -> None:
    """With pauses of 4 ms on average in each turn of the loop it is still 95 %."""
    random = seeded(seed)
    assert achieved(rate, lambda: random.expovariate(1 / 0.004), random) >= 0.95


def sends_at_once(limit: ThroughputLimit, now: float) -> int:
    """How many messages leave in this instant; they are written in it."""
    count = 0
    while limit.ready_at(now) <= now:
        limit.written(limit.spend(now), now)
        count += 1
    return count


@pytest.mark.parametrize("rate", [1, 2, 20, 80, 1000])
def test_a_new_number_takes_its_last_second_for_spent(rate: int) -> None:
    """The first message leaves at once; in its first second a number sends about half of its rate."""
    limit = ThroughputLimit(rate, START)
    first = sends_at_once(limit, START)
    assert 1 <= first <= 1 + rate * BURST_S
    count = first + sum(sends_at_once(limit, START + ms / 1000) for ms in range(1, 1000))
    assert count <= rate // 2 + 1


def test_messages_are_spread_over_the_second() -> None:
    """No more than a twentieth of a second's messages leaves in one instant, also after a rest."""
    limit = ThroughputLimit(1000, START)
    for tick in range(5000):
        assert sends_at_once(limit, START + tick / 1000) <= 1 + 1000 * BURST_S
    assert sends_at_once(limit, START + 60.0) <= 1 + 1000 * BURST_S


def test_what_is_let_go_and_not_written_fills_the_second() -> None:
    """While the network stalls no more than one second's messages pile up; they leave together, the next one waits."""
    limit, let_go, now = ThroughputLimit(5, START), list[Spend](), START
    while limit.ready_at(now) != NEVER:
        now = limit.ready_at(now)
        let_go.append(limit.spend(now))
    assert len(let_go) == 5
    assert limit.ready_at(now + 3600.0) == NEVER
    back = now + 30.0
    for spend in let_go:
        limit.written(spend, back)
    assert limit.ready_at(back) == pytest.approx(back + WINDOW_S + GUARD_S)


def test_a_message_counts_once() -> None:
    """Told again, at the end of its attempt, that it is written, the limit counts from the first time."""
    limit = ThroughputLimit(1, START)
    now = limit.ready_at(START)
    spend = limit.spend(now)
    limit.written(spend, now)
    limit.written(spend, now + 0.5)
    assert limit.ready_at(now) == pytest.approx(now + WINDOW_S + GUARD_S)


def test_a_rate_lowered_and_raised_within_a_second_forgets_nothing() -> None:
    """What was sent at the high rate still counts when it comes back."""
    limit, now = ThroughputLimit(20, START), START + 10.0
    sent = 0
    while limit.ready_at(now) < START + 10.9:
        now = limit.ready_at(now)
        limit.written(limit.spend(now), now)
        sent += 1
    limit.set_rate(2, now)
    limit.set_rate(20, now)
    while limit.ready_at(now) < START + 10.99:
        now = limit.ready_at(now)
        limit.written(limit.spend(now), now)
        sent += 1
    assert sent <= 20


def test_a_raised_rate_holds_at_once() -> None:
    """A number moved from 20 to 80 has room for more in the running second."""
    limit, now = ThroughputLimit(20, START), START + 10.0
    while (now := limit.ready_at(now)) < START + 12.0:
        limit.written(limit.spend(now), now)
    limit.set_rate(80, now)
    assert sends_at_once(limit, now + 0.1) > 1


def test_the_same_rate_again_changes_nothing() -> None:
    """The level is read every ten minutes; a number that has not sent yet is not made to wait once more by it."""
    limit = ThroughputLimit(5, START)
    limit.set_rate(5, START + 10.0)
    assert limit.ready_at(START + 10.0) == START + 10.0


def test_a_refused_number_rests_longer_each_time() -> None:
    """After 130429 the rest is 1 s, then 2, 4, up to 32; an acceptance afterwards makes the next one short again."""
    limit, now, rests = ThroughputLimit(80, START), START + 10.0, list[float]()
    for _ in range(7):
        limit.refused(now)
        rests.append(limit.ready_at(now) - now)
        now = limit.ready_at(now) + 0.25
    assert rests == [1, 2, 4, 8, 16, 32, BACKOFF_MAX_S]
    limit.accepted(now)
    limit.refused(now)
    assert limit.ready_at(now) == now + 1


def test_answers_under_way_when_a_rest_begins_do_not_lengthen_it() -> None:
    """Twenty requests that were under way with the first refused one are refused too: that is one refusal."""
    limit, now = ThroughputLimit(80, START), START + 10.0
    for number in range(20):
        limit.refused(now + number / 100)
    assert limit.ready_at(now) == now + 1


def test_an_acceptance_during_a_rest_does_not_shorten_the_next_one() -> None:
    """It answers a request from before."""
    limit, now = ThroughputLimit(80, START), START + 10.0
    limit.refused(now)
    limit.accepted(now + 0.5)
    limit.refused(now + 1.5)
    assert limit.ready_at(now + 1.5) == now + 3.5


def guard_of(limit: ThroughputLimit, now: float) -> float:
    """How much more than a second lies between a message and the one that is a rate behind it; for a rate of 1."""
    now = limit.ready_at(now)
    limit.written(limit.spend(now), now)
    return limit.ready_at(now) - now - WINDOW_S


def test_each_refusal_widens_the_guard_up_to_a_bound() -> None:
    """The jitter on the way is larger than was thought: the window grows by 10 ms, up to 100 ms in all."""
    limit, now = ThroughputLimit(1, START), START + 10.0
    for refusals in range(1, 12):
        limit.refused(now)
        assert guard_of(limit, now) == pytest.approx(min(GUARD_MAX_S, GUARD_S + refusals * GUARD_STEP_S))
        now += 100.0


def test_the_guard_is_narrowed_again() -> None:
    """After five minutes without a refusal, one step, and so on, down to where it began: the rate grows back."""
    limit, now = ThroughputLimit(1, START), START + 10.0
    for _ in range(3):
        limit.refused(now)
        now = limit.ready_at(now)
    seen = [guard_of(limit, now)]
    for _ in range(5):
        limit.accepted(now + GUARD_KEPT_S / 2)
        assert guard_of(limit, now + GUARD_KEPT_S / 2) == pytest.approx(seen[-1])
        now += GUARD_KEPT_S + 1.0
        limit.accepted(now)
        seen.append(guard_of(limit, now))
    assert seen == pytest.approx([GUARD_S + steps * GUARD_STEP_S for steps in (3, 2, 1, 0, 0, 0)])


def test_the_log_holds_no_more_than_the_last_second() -> None:
    """A number that has sent for an hour keeps what counts."""
    limit, now = ThroughputLimit(20, START), START
    while (now := limit.ready_at(now)) < START + 3600.0:
        limit.written(limit.spend(now), now)
    assert len(limit._written) <= 20 * (WINDOW_S + GUARD_MAX_S) + 1
