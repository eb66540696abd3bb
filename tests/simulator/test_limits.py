"""Both send limits, against naive models that look at the whole history each time."""

from hypothesis import given
from hypothesis import strategies as st

from connector.simulator.limits import PAIR_BURST, PairRule, SlidingSecond

# Multiples of 1/8 s are exact in binary, so that the edges of the windows are hit, not nearly hit.
GAPS = st.lists(st.integers(0, 12).map(lambda eighths: eighths / 8), max_size=200)
PAIR_GAPS = st.lists(
    st.integers(0, 30).map(lambda eighths: eighths / 8) | st.sampled_from([6.0, 12.0, 270.0]), max_size=150
)


def times(gaps: list[float]) -> list[float]:
    """Points in time with the given gaps between them."""
    now, found = 100.0, []
    for gap in gaps:
        now += gap
        found.append(now)
    return found


def naive_number_limit(accepted: list[float], now: float, limit: int) -> bool:
    """Whether one more message keeps every window ``(t - 1, t]`` within ``limit``."""
    return sum(now - 1 < time <= now for time in accepted) < limit


def naive_pair_limit(accepted: list[float], now: float) -> bool:
    """Whether one more message to one recipient is allowed, told from all that went before."""
    left = list(accepted)
    while left:
        start = left[0]
        burst = [time for time in left if time < start + 6]
        left = left[len(burst) :]
        if not left:
            return (now < start + 6 and len(burst) < 45) or now >= start + 6 * len(burst)
    return True


@given(gaps=GAPS, limit=st.integers(1, 9))
def test_number_limit_agrees_with_the_naive_model(gaps: list[float], limit: int) -> None:
    """A message is let through exactly when no sliding second would hold more than the limit."""
    window, accepted = SlidingSecond(limit), list[float]()
    for now in times(gaps):
        allowed = window.has_room(now)
        assert allowed == naive_number_limit(accepted, now, limit)
        if allowed:
            window.count(now)
            accepted.append(now)


@given(gaps=GAPS, limit=st.integers(1, 9), inbound=st.sets(st.integers(0, 199)))
def test_inbound_messages_use_the_same_second(gaps: list[float], limit: int, inbound: set[int]) -> None:
    """Inbound messages cannot be refused; they take room from the outbound ones."""
    window, counted = SlidingSecond(limit), list[float]()
    for index, now in enumerate(times(gaps)):
        allowed = window.has_room(now)
        assert allowed == naive_number_limit(counted, now, limit)
        if allowed or index in inbound:
            window.count(now)
            counted.append(now)


def test_a_message_leaves_the_window_after_exactly_one_second() -> None:
    """The window is half-open: a message one second old makes room."""
    window = SlidingSecond(1)
    window.count(10.0)
    assert not window.has_room(10.875)
    assert window.has_room(11.0)


def test_a_raised_limit_holds_at_once() -> None:
    """A number moved from 2 to 3 messages a second has room for one more in the running second."""
    window = SlidingSecond(2)
    window.count(10.0)
    window.count(10.0)
    assert not window.has_room(10.5)
    window.limit = 3
    assert window.has_room(10.5)


@given(gaps=PAIR_GAPS)
def test_pair_limit_agrees_with_the_naive_model(gaps: list[float]) -> None:
    """A message to one recipient is let through exactly when the strict reading of Meta's text allows it."""
    rule, accepted = PairRule(), list[float]()
    for now in times(gaps):
        allowed = rule.free_at("a", now) <= now
        assert allowed == naive_pair_limit(accepted, now)
        if allowed:
            rule.count("a", now)
            accepted.append(now)


@given(gaps=PAIR_GAPS)
def test_the_time_given_is_the_first_that_is_free(gaps: list[float]) -> None:
    """``free_at`` is neither too early nor too late."""
    rule, accepted = PairRule(), list[float]()
    for now in times(gaps):
        free_at = rule.free_at("a", now)
        assert naive_pair_limit(accepted, free_at)
        if free_at > now:
            assert not naive_pair_limit(accepted, free_at - 1 / 8)
        else:
            rule.count("a", now)
            accepted.append(now)


def test_a_burst_of_45_is_paid_back_in_270_seconds() -> None:
    """45 messages at once; the 46th only at start + 6 x 45 s."""
    rule = PairRule()
    for _ in range(PAIR_BURST):
        assert rule.free_at("a", 0.0) == 0.0
        rule.count("a", 0.0)
    assert rule.free_at("a", 0.0) == 270.0
    assert rule.free_at("a", 269.0) == 270.0
    assert rule.free_at("a", 270.0) == 270.0


def test_the_plain_pace_goes_on_for_ever() -> None:
    """One message every 6 s is never refused."""
    rule = PairRule()
    for step in range(500):
        now = step * 6.0
        assert rule.free_at("a", now) == now
        rule.count("a", now)


def test_recipients_do_not_share_a_limit() -> None:
    """A burst to one recipient leaves the others free."""
    rule = PairRule()
    for _ in range(PAIR_BURST):
        rule.count("a", 0.0)
    assert rule.free_at("b", 0.0) == 0.0


def test_paid_back_recipients_are_forgotten() -> None:
    """A campaign to ever new recipients keeps only the last seconds in memory."""
    rule = PairRule()
    for index in range(10_000):
        rule.count(f"user {index}", index / 100)
    assert len(rule) <= 602


def test_one_long_debt_does_not_keep_the_rest_in_memory_for_ever() -> None:
    """Once the debt of a burst is over, the recipients that queued behind it go as well."""
    rule = PairRule()
    for _ in range(PAIR_BURST):
        rule.count("burst", 0.0)
    for index in range(60_000):
        rule.count(f"user {index}", index / 100)
    assert len(rule) <= 1_000
