"""The throughput limit, against a naive sliding second that looks at the whole history each time."""

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.throughput_limit import (
    AHEAD_MAX_S,
    BACKOFF_FIRST_S,
    BACKOFF_MAX_S,
    BURST_S,
    FAILED_TIMES,
    GUARD_FIRST_S,
    GUARD_KEPT_S,
    GUARD_LEAST_S,
    GUARD_MAX_S,
    NEVER,
    WINDOW_S,
    Guard,
    Spend,
    ThroughputLimit,
    reached,
)
from tests.delivery.making import seeded

START: Final = 100.0

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

    Those let go and not written yet count too, for they may all be written in one instant. Waits that are shorter than
    any before are not looked at here: nothing is let go ahead of its time.
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
            limit._ahead.seconds = 0.0
            written.append(now)
        elif step == "send":
            for _ in range(int(value)):
                if limit.ready_at(now) > now:
                    break
                assert in_the_second_before(now, written) + len(let_go) < limit.rate
                let_go.append(limit.spend(now))


@given(
    rate=st.integers(1, 9),
    waits=st.lists(st.tuples(st.floats(0.0, 0.4), st.floats(0.0, 3.0), st.booleans()), max_size=120),
    shortest_s=st.floats(0.0, 2 * AHEAD_MAX_S),
    random=st.randoms(use_true_random=False),
)
def test_no_sliding_second_at_the_receiver_holds_more_than_the_limit(
    rate: int, waits: list[tuple[float, float, bool]], shortest_s: float, random: Random
) -> None:
    """Connections and the journal take up to seconds, requests are on their way: Meta counts no more than the rate.

    As long as the way to Meta, and how much a wait falls short of the usual shortest one, stay within the guard.
    """
    limit, now, arrived = ThroughputLimit(rate, START), START, list[float]()
    open_: list[tuple[float, int, Spend]] = []
    jitter_s = GUARD_LEAST_S * 0.499

    def write(until: float) -> None:
        while open_ and open_[0][0] <= until:
            at, _, spend = heapq.heappop(open_)
            limit.written(spend, at)
            arrived.append(at + random.uniform(0.0, jitter_s))
            limit.accepted(at)

    for number, (wait_s, connecting_s, quick) in enumerate(waits):
        ready_at = limit.ready_at(now)
        now = ready_at if quick and ready_at != NEVER else now + wait_s
        write(now)
        if limit.ready_at(now) <= now:
            takes_s = shortest_s - random.uniform(0.0, jitter_s) + (0.0 if quick else connecting_s)
            heapq.heappush(open_, (now + max(0.0, takes_s), number, limit.spend(now)))
    write(now + 10)
    assert max((in_the_second_before(time, arrived) for time in arrived), default=0) <= rate


@given(
    rate=st.sampled_from([20, 80, 200]),
    idle_s=st.floats(0.0, 400.0),
    pause_ms=st.floats(0.1, 4.0),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=20)
def test_a_burst_after_a_rest_keeps_the_limit(rate: int, idle_s: float, pause_ms: float, seed: int) -> None:
    """Full speed until the guard is narrow, a rest, full speed again: no second at the receiver is too full."""
    limit, now, arrived, random = ThroughputLimit(rate, START), START, list[float](), seeded(seed)
    for end in (START + 40.0, START + 45.0 + idle_s):
        while now < end:
            while limit.ready_at(now) <= now:
                limit.written(limit.spend(now), now)
                arrived.append(now + random.uniform(0.0, GUARD_LEAST_S * 0.999))
                limit.accepted(now)
            now = limit.ready_at(now) + random.expovariate(1000 / pause_ms)
        now = end - 5.0 + idle_s
    arrived.sort()
    assert all(later - earlier >= WINDOW_S for earlier, later in zip(arrived, arrived[rate:], strict=False))


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


def achieved(rate: int, pause_s: Callable[[], float], wait_s: Callable[[], float], seconds: float = 60.0) -> float:
    """Share of the rate that is written after the first second, by a loop that pauses in each of its turns.

    ``wait_s``: from being let go to being written. All is accepted after 200 ms.
    """
    limit, now, written, open_ = ThroughputLimit(rate, START), START, list[float](), list[tuple[float, int, Spend]]()
    told = 0
    while now < START + seconds:
        while open_ and open_[0][0] <= now:
            limit.written(heapq.heappop(open_)[2], now)
            written.append(now)
        while told < len(written) and written[told] + 0.2 <= now:
            limit.accepted(now)
            told += 1
        while limit.ready_at(now) <= now:
            spend = limit.spend(now)
            heapq.heappush(open_, (now + wait_s(), id(spend), spend))
        now = max(now, min(limit.ready_at(now), open_[0][0] if open_ else NEVER)) + pause_s()
    assert all(later - earlier >= WINDOW_S for earlier, later in zip(written, written[rate:], strict=False))
    return sum(time > START + 1.0 for time in written) / (seconds - 1.0) / rate


@pytest.mark.parametrize(("rate", "least"), [(1, 0.93), (3, 0.95), (20, 0.96), (80, 0.984), (1000, 0.985)])
def test_the_rate_is_reached(rate: int, least: float) -> None:
    """A number with enough to do sends at 98 % of its rate and more, from 80 messages a second on."""
    assert achieved(rate, lambda: 0.0, lambda: 0.0) >= least


@pytest.mark.parametrize(("rate", "share"), [(20, 0.968), (80, 0.986), (1000, 0.988)])
def test_what_a_number_comes_to_is_foretold(rate: int, share: float) -> None:
    """Guard and slack are all that an undisturbed number loses; forecasts count on it."""
    assert reached(rate) / rate == pytest.approx(share, abs=0.001)
    assert achieved(rate, lambda: 0.0, lambda: 0.0) == pytest.approx(reached(rate) / rate, abs=0.01)


@pytest.mark.parametrize(("rate", "least"), [(20, 0.955), (80, 0.98), (250, 0.98), (1000, 0.98)])
def test_the_rate_is_reached_by_a_busy_loop_behind_a_journal(rate: int, least: float) -> None:
    """With pauses of a millisecond in each turn, and 10 ms before each write, 98 % too."""
    random = seeded(rate)
    assert achieved(rate, lambda: random.expovariate(1000), lambda: 0.006 + random.expovariate(250)) >= least


@pytest.mark.parametrize("rate", [80, 1000])
def test_long_pauses_cost_little(rate: int) -> None:
    """With pauses of 4 ms on average in each turn of the loop it is still 97 %."""
    random = seeded(rate)
    assert achieved(rate, lambda: random.expovariate(250), lambda: random.uniform(0.0, 0.003)) >= 0.97


def arrivals(
    rate: int, stalls: Sequence[tuple[float, float]], latency_s: Callable[[], float], *, told: bool
) -> list[float]:
    """When the messages of 30 s at full speed arrive at a receiver that stands still between these times.

    What is written meanwhile arrives when a stall ends, and no answer leaves before. ``told``: the limit hears answers.
    """
    limit, now, came = ThroughputLimit(rate, START), START, list[float]()
    answers: list[tuple[float, int, Spend]] = []

    def after_stalls(at: float) -> float:
        return next((end for begin, end in stalls if begin <= at - START < end), at - START) + START

    while now < START + 30.0:
        while answers and answers[0][0] <= now:
            spend = heapq.heappop(answers)[2]
            if told:
                limit.answered(spend, now)
            limit.accepted(now)
        while limit.ready_at(now) <= now:
            spend = limit.spend(now)
            limit.written(spend, now)
            came.append(after_stalls(now))
            heapq.heappush(answers, (after_stalls(came[-1] + latency_s()), len(came), spend))
        now = min(limit.ready_at(now), answers[0][0] if answers else NEVER)
    return sorted(came)


@given(
    rate=st.sampled_from([20, 80, 1000]),
    gaps=st.lists(st.tuples(st.floats(2.0, 5.0), st.floats(0.2, 1.5)), min_size=1, max_size=5),
    latency_s=st.floats(0.1, 0.4),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=40)
def test_a_receiver_that_stands_still_gets_no_fuller_second(
    rate: int, gaps: list[tuple[float, float]], latency_s: float, seed: int
) -> None:
    """It takes all at once when it goes on; what it took late is dated anew as soon as it answers late."""
    times = list(itertools.accumulate(itertools.chain.from_iterable(gaps), initial=3.0))
    random = seeded(seed)
    came = arrivals(
        rate, list(zip(times[1::2], times[2::2], strict=True)), lambda: latency_s + random.uniform(0, 0.003), told=True
    )
    assert all(later - earlier >= WINDOW_S for earlier, later in zip(came, came[rate:], strict=False))


def test_a_limit_that_hears_of_no_answers_overfills_a_second_after_a_stall() -> None:
    """The test above would notice."""
    came = arrivals(80, [(5.0, 5.2)], lambda: 0.2, told=False)
    assert sum(START + 5.2 <= at < START + 6.2 for at in came) > 90


@given(
    rate=st.integers(1, 4),
    steps=st.lists(
        st.tuples(st.sampled_from(["send", "write", "answer", "give up"]), st.sampled_from([0.0, 0.3])), max_size=80
    ),
)
def test_nothing_waits_for_an_answer_when_nothing_is_under_way(rate: int, steps: list[tuple[str, float]]) -> None:
    """However attempts end, written or not, and in whatever order: the next message has its time."""
    limit, now, open_ = ThroughputLimit(rate, START), START, deque[Spend]()
    for step, wait_s in [*steps, *[("give up", 0.0)] * len(steps)]:
        now += wait_s
        if step == "send" and limit.ready_at(now) <= now:
            open_.append(limit.spend(now))
        elif step == "write" and open_:
            limit.written(open_[-1], now)
        elif step == "answer" and open_ and open_[0].written_at is not None:
            limit.answered(open_.popleft(), now)
        elif step == "give up" and open_:
            limit.written(open_[0], now)
            limit.given_up(open_.popleft())
    assert not open_
    assert limit.ready_at(now) < now + 5.0


def test_who_never_answers_gets_one_seconds_messages_and_then_one_for_each_given_up() -> None:
    """Otherwise a second of a receiver that comes back would be too full, or nothing would ever be tried again."""
    limit = ThroughputLimit(20, START)
    first = limit.spend(START)
    limit.written(first, START)
    limit.answered(first, START + 0.2)
    now, sent = START + 0.2, list[Spend]()
    while (now := limit.ready_at(now)) != NEVER:
        sent.append(limit.spend(now))
        limit.written(sent[-1], now)
    assert len(sent) == 20
    limit.given_up(sent[0])
    assert limit.ready_at(START + 30.0) == START + 30.0
    limit.written(limit.spend(START + 30.0), START + 30.0)
    assert limit.ready_at(START + 40.0) == NEVER
    limit.answered(sent[1], START + 40.0)
    assert limit.ready_at(START + 42.0) == START + 42.0


@pytest.mark.parametrize(
    ("rate", "spread", "least"), [(20, 0.3, 0.985), (20, 0.7, 0.96), (80, 0.7, 0.985), (1000, 0.7, 0.99)]
)
def test_answers_that_differ_much_cost_little(rate: int, spread: float, least: float) -> None:
    """Half of them after 0.2 s, and at the worst one in a hundred after a second: nothing has stood still."""
    random = seeded(rate)
    told = arrivals(rate, [], lambda: random.lognormvariate(-1.6, spread), told=True)
    deaf = arrivals(rate, [], lambda: 0.2, told=False)
    assert len(told) >= least * len(deaf)


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
    assert limit.ready_at(back) == pytest.approx(back + WINDOW_S + GUARD_FIRST_S)


def test_a_message_counts_once() -> None:
    """Told again, at the end of its attempt, that it is written, the limit counts from the first time."""
    limit = ThroughputLimit(1, START)
    now = limit.ready_at(START)
    spend = limit.spend(now)
    limit.written(spend, now)
    limit.written(spend, now + 0.5)
    assert limit.ready_at(now) == pytest.approx(now + WINDOW_S + GUARD_FIRST_S)


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
    """After 130429 the rest is 0.25 s, doubled up to 32; an acceptance afterwards makes the next one short again."""
    limit, now, rests = ThroughputLimit(80, START), START + 10.0, list[float]()
    for _ in range(9):
        limit.refused(now)
        rests.append(limit.ready_at(now) - now)
        now = limit.ready_at(now) + 0.25
    assert rests == [0.25, 0.5, 1, 2, 4, 8, 16, 32, BACKOFF_MAX_S]
    limit.accepted(now)
    limit.refused(now)
    assert limit.ready_at(now) == now + BACKOFF_FIRST_S


def test_answers_under_way_when_a_rest_begins_do_not_lengthen_it() -> None:
    """Twenty requests that were under way with the first refused one are refused too: that is one refusal."""
    limit, now = ThroughputLimit(80, START), START + 10.0
    for number in range(20):
        limit.refused(now + number / 100)
    assert limit.ready_at(now) == now + BACKOFF_FIRST_S


def test_an_acceptance_during_a_rest_does_not_shorten_the_next_one() -> None:
    """It answers a request from before."""
    limit, now = ThroughputLimit(80, START), START + 10.0
    limit.refused(now)
    limit.accepted(now + 0.2)
    limit.refused(now + 1.5)
    assert limit.ready_at(now + 1.5) == now + 2.0


def at_the_limit(guard: Guard, now: float, count: int) -> None:
    """So many messages at full speed, all accepted."""
    for _ in range(count):
        guard.sent(WINDOW_S + guard.seconds, now)
        guard.accepted(now)


def test_the_guard_is_narrowed_while_the_limit_is_tried_and_nothing_refused() -> None:
    """A second's messages at the limit narrow it by a quarter, down to 5 ms; after a refusal by a sixteenth."""
    guard, seen = Guard(80, START), list[float]()
    for _ in range(30):
        seen.append(guard.seconds)
        at_the_limit(guard, START, 80)
    assert seen[0] == GUARD_FIRST_S
    assert seen[1:3] == pytest.approx([GUARD_FIRST_S * 3 / 4, GUARD_FIRST_S * 9 / 16])
    assert guard.seconds == 0.5 / 80
    wide = Guard(1000, START)
    at_the_limit(wide, START, 8 * 1000)
    assert wide.seconds == GUARD_LEAST_S
    refused = Guard(80, START)
    refused.refused(START)
    at_the_limit(refused, START, 80)
    assert refused.seconds == pytest.approx(2 * GUARD_FIRST_S * 15 / 16)


def test_a_number_with_few_messages_keeps_a_wide_guard() -> None:
    """With 20 a second a single late message breaks the limit: 25 ms stay, of a second with one message 30."""
    for rate, kept in ((20, 0.025), (1, GUARD_FIRST_S)):
        guard = Guard(rate, START)
        at_the_limit(guard, START, 50 * rate)
        assert guard.seconds == kept


def test_messages_below_the_limit_prove_nothing() -> None:
    """Acceptances of what was sent slowly leave the guard as it is."""
    guard = Guard(80, START)
    for _ in range(1000):
        guard.sent(WINDOW_S + 0.1, START)
        guard.accepted(START)
    assert guard.seconds == GUARD_FIRST_S


def test_each_refusal_doubles_the_guard_up_to_a_bound() -> None:
    """A limit far below the one that was told is found in a few of them."""
    limit, now = ThroughputLimit(80, START), START + 10.0
    for refusals in range(1, 14):
        limit.refused(now)
        assert limit._guard.seconds == min(GUARD_MAX_S, GUARD_FIRST_S * 2**refusals)
        now += 100.0


def test_a_guard_that_failed_is_not_tried_again_for_five_minutes() -> None:
    """Narrowed again after a refusal, it stays a quarter above where it failed; later it may be tried once more."""
    guard = Guard(80, START)
    at_the_limit(guard, START, 5 * 80)
    failed = guard.seconds
    guard.refused(START)
    at_the_limit(guard, START + GUARD_KEPT_S / 2, 60 * 80)
    assert guard.seconds == pytest.approx(FAILED_TIMES * failed)
    at_the_limit(guard, START + GUARD_KEPT_S, 60 * 80)
    assert guard.seconds < failed


def test_a_guard_that_was_not_tried_for_five_minutes_is_wide_again() -> None:
    """What the way to Meta was like before a long rest says nothing."""
    guard = Guard(80, START)
    at_the_limit(guard, START, 60 * 80)
    assert guard.seconds < GUARD_FIRST_S
    guard.sent(WINDOW_S, START + GUARD_KEPT_S + 1.0)
    assert guard.seconds == GUARD_FIRST_S


def test_another_level_begins_with_a_wide_guard() -> None:
    """What was learned at 80 messages a second does not hold at 1000, and a cut ends when the level is told anew."""
    limit = ThroughputLimit(80, START)
    limit.refused(START)
    limit.set_rate(1000, START + 1.0)
    assert limit._guard.seconds == GUARD_FIRST_S


@pytest.mark.parametrize(("told", "true"), [(80, 20), (1000, 80)])
def test_a_limit_far_below_the_one_told_is_found(told: int, true: int) -> None:
    """A number that Meta cut without a word settles below what Meta takes, with few refusals from then on."""
    limit, now, counted, answers = ThroughputLimit(told, START), START, deque[float](), deque[tuple[float, bool]]()
    late: list[bool] = []
    while now < START + 300.0:
        while answers and answers[0][0] <= now:
            _, taken = answers.popleft()
            (limit.accepted if taken else limit.refused)(now)
            if now > START + 200.0:
                late.append(taken)
        while limit.ready_at(now) <= now:
            limit.written(limit.spend(now), now)
            while counted and counted[0] <= now - WINDOW_S:
                counted.popleft()
            answers.append((now + 0.2, len(counted) < true))
            if len(counted) < true:
                counted.append(now)
        now = min(limit.ready_at(now), answers[0][0] if answers else NEVER)
    assert sum(late) / 100.0 >= 0.5 * true
    assert late.count(False) <= 0.02 * len(late)


def test_what_waits_for_the_journal_is_let_go_earlier() -> None:
    """When every message takes 20 ms to be written, messages are written, not let go, a second and the guard apart."""
    limit, now, written = ThroughputLimit(20, START), START, deque[float]()
    for _ in range(200):
        now = limit.ready_at(now)
        spend = limit.spend(now)
        written.append(now + 0.02)
        limit.written(spend, now + 0.02)
        now += 0.02
    assert limit._ahead.seconds == pytest.approx(0.02)
    spans = [written[index + 20] - written[index] for index in range(100, 180)]
    assert min(spans) >= WINDOW_S + limit._guard.seconds - 1e-9


def test_a_shorter_wait_counts_at_once() -> None:
    """One message that was written sooner than all before: the next ones are not let go as early any more."""
    limit, now = ThroughputLimit(20, START), START
    for _ in range(60):
        now = limit.ready_at(now)
        limit.written(limit.spend(now), now := now + 0.03)
    assert limit._ahead.seconds == pytest.approx(0.03)
    now = limit.ready_at(now)
    limit.written(limit.spend(now), now + 0.001)
    assert limit._ahead.seconds == pytest.approx(0.001)


def test_the_log_holds_no_more_than_the_last_second() -> None:
    """A number that has sent for an hour keeps what counts."""
    limit, now = ThroughputLimit(20, START), START
    while (now := limit.ready_at(now)) < START + 3600.0:
        limit.written(limit.spend(now), now)
    assert len(limit._written) <= 20 * (WINDOW_S + 2 * GUARD_FIRST_S) + 1
