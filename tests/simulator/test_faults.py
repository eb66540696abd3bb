"""Which request meets which fate, in virtual time."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.simulator.fault_kinds import AnyFault, takes_effect
from connector.simulator.faults import FAULTS_MAX, Blow, Faults, FaultsFullError, Target

POST = Target("POST", "1", "16505551234")


def fault(kind: str, **members: Any) -> AnyFault:
    """A fault as JSON would make it."""
    found: AnyFault = msgspec.convert({"kind": kind, **members}, AnyFault)
    return found


def fates(faults: Faults, count: int, target: Target = POST) -> list[str | None]:
    """The kind of fault that hits each of so many requests."""
    blows = [faults.strike(target, 0.0) for _ in range(count)]
    return [None if blow is None else blow.kind for blow in blows]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"kind": "latency"}, "takes ms"),
        ({"kind": "latency", "ms": 1, "p99_ms": 2}, "takes ms"),
        ({"kind": "latency", "distribution": "lognormal", "median_ms": 5, "p99_ms": 4}, "below"),
        ({"kind": "latency", "distribution": "uniform", "min_ms": 5}, "max_ms and min_ms"),
        ({"kind": "refuse_connections", "numbers": ["1"]}, "no number"),
        ({"kind": "refuse_connections", "share": 0.5}, "neither share"),
        ({"kind": "reset_before", "read": False, "recipients": ["1"]}, "needs read"),
        ({"kind": "error", "details": "x"}, "need a code"),
        ({"kind": "error", "http_status": 200}, r"\$\.http_status"),
        ({"kind": "throttle", "code": 1}, r"\$\.code"),
        ({"kind": "throttle", "share": 1.1}, r"\$\.share"),
        ({"kind": "throttle", "shares": 1}, "shares"),
        ({"kind": "throttl"}, "throttl"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(body: dict[str, Any], reason: str) -> None:
    """The message names the member, or says which go together."""
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(body, AnyFault)


@given(seed=st.integers(0, 2**32), share=st.floats(0, 1), others=st.integers(0, 3))
def test_the_same_seed_gives_the_nth_request_the_same_fate(seed: int, share: float, others: int) -> None:
    """Whatever other faults are in force, and whatever other requests come in between."""
    alone, crowded = Faults(None), Faults(None)
    alone.add(fault("error", share=share, seed=seed, numbers=["1"]), 0.0)
    crowded.add(fault("error", share=share, seed=seed, numbers=["1"]), 0.0)
    for _ in range(others):
        crowded.add(fault("latency", ms=1, share=0.5), 0.0)
    found = []
    for _ in range(50):
        crowded.strike(Target("POST", "2"), 0.0)
        found.append(crowded.strike(POST, 0.0))
    assert [None if blow is None or blow.fault is None else "error" for blow in found] == fates(alone, 50)


def test_the_simulators_seed_makes_every_fault_repeatable() -> None:
    """Faults without a seed get theirs from it, each its own, and say which."""
    one, two = Faults(7), Faults(7)
    for faults in (one, two):
        faults.add(fault("error", share=0.5), 0.0)
        faults.add(fault("throttle", share=0.5), 0.0)
    assert fates(one, 100) == fates(two, 100)
    seeds = [listed["seed"] for listed in one.listing(0.0)]
    assert seeds == [listed["seed"] for listed in two.listing(0.0)]
    assert len(set(seeds)) == 2


def test_a_share_is_a_share() -> None:
    """A quarter of ten thousand, within four standard deviations."""
    faults = Faults(7)
    faults.add(fault("error", share=0.25), 0.0)
    assert abs(fates(faults, 10_000).count("error") - 2500) < 4 * 43.3


def test_filters() -> None:
    """By number, recipient and method; what is given must all match."""
    faults = Faults(7)
    faults.add(fault("error", numbers=["1"], recipients=["16505551234"], methods=["POST"]), 0.0)
    assert faults.strike(POST, 0.0) is not None
    for other in (POST._replace(number="2"), POST._replace(recipient="1"), POST._replace(method="GET")):
        assert faults.strike(other, 0.0) is None


def test_a_fault_lasts_from_then_to_then() -> None:
    """From two seconds after it was added, for three; the end is outside."""
    faults = Faults(7)
    faults.add(fault("error", from_s=2, for_s=3), 10.0)
    hits = [at_s for at_s in (10.0, 11.9, 12.0, 14.9, 15.0, 99.0) if faults.strike(POST, at_s) is not None]
    assert hits == [12.0, 14.9]


def test_a_fault_hits_so_many_requests() -> None:
    """Then it is over, and a simulator with no other fault is not armed any more."""
    faults = Faults(7)
    faults.add(fault("error", count=2), 0.0)
    armed = [faults.armed]
    assert fates(faults, 4) == ["error", "error", None, None]
    armed.append(faults.armed)
    assert armed == [True, False]
    assert [listed["state"] for listed in faults.listing(0.0)] == ["over"]


def test_the_first_fault_wins_and_latencies_add_up() -> None:
    """An error that is late by both latencies; the throttle that came second does nothing."""
    faults = Faults(7)
    faults.add(fault("latency", ms=100), 0.0)
    faults.add(fault("error"), 0.0)
    faults.add(fault("throttle"), 0.0)
    faults.add(fault("latency", distribution="uniform", min_ms=50, max_ms=50), 0.0)
    blow = faults.strike(POST, 0.0)
    assert blow is not None
    assert (blow.kind, blow.fault_id, round(blow.delay_s, 6)) == ("error", "fault-2", 0.15)
    assert [listed["hits"] for listed in faults.listing(0.0)] == [1, 1, 0, 1]


def test_late_and_nothing_else() -> None:
    """A latency alone leaves the answer as it is."""
    faults = Faults(7)
    faults.add(fault("latency", ms=100), 0.0)
    assert faults.strike(POST, 0.0) == Blow(None, "fault-1", "latency", 0.1)


def test_lognormal_latency_has_its_median_and_p99() -> None:
    """Half below the one, one in a hundred above the other."""
    faults = Faults(7)
    faults.add(fault("latency", distribution="lognormal", median_ms=100, p99_ms=1000), 0.0)
    blows = [faults.strike(POST, 0.0) for _ in range(10_000)]
    delays = sorted(blow.delay_s for blow in blows if blow is not None)
    assert len(delays) == 10_000
    assert 0.095 < delays[5000] < 0.105
    assert 0.85 < delays[9900] < 1.2


def test_connections_are_refused_at_the_door() -> None:
    """Closed for its time; the door knows when to look again."""
    faults = Faults(7)
    faults.add(fault("refuse_connections", from_s=5, for_s=10), 0.0)
    assert not faults.armed
    assert [faults.is_closed(at_s) for at_s in (0.0, 5.0, 14.9, 15.0)] == [False, True, True, False]
    assert [faults.next_change_s(at_s) for at_s in (0.0, 5.0, 15.0)] == [5.0, 15.0, None]
    assert not faults.resets_connection(6.0)


def test_a_share_of_connections_is_reset() -> None:
    """Mode reset counts what it did."""
    faults = Faults(7)
    faults.add(fault("refuse_connections", mode="reset", share=0.5, count=3), 0.0)
    assert not faults.is_closed(0.0)
    assert sum(faults.resets_connection(0.0) for _ in range(100)) == 3
    assert faults.listing(0.0)[0]["hits"] == 3


def test_unread_resets_are_decided_by_the_headers() -> None:
    """They wait for no body; those that read it are decided with the rest."""
    faults = Faults(7)
    faults.add(fault("reset_before", read=False), 0.0)
    faults.add(fault("reset_before"), 0.0)
    unread, read = faults.strike_unread(Target("POST", "1"), 0.0), faults.strike(POST, 0.0)
    assert unread is not None
    assert read is not None
    assert (unread.fault_id, read.fault_id) == ("fault-1", "fault-2")


def test_faults_are_taken_back() -> None:
    """One by one or all at once."""
    faults = Faults(7)
    first = faults.add(fault("error"), 0.0)
    faults.add(fault("throttle"), 0.0)
    assert faults.remove(first)
    assert not faults.remove(first)
    assert fates(faults, 1) == ["throttle"]
    assert faults.clear() == 1
    assert fates(faults, 1) == [None]


def test_there_is_a_bound_on_faults_in_force() -> None:
    """Those that are over make room."""
    faults = Faults(7)
    for _ in range(FAULTS_MAX):
        faults.add(fault("error", for_s=1), 0.0)
    with pytest.raises(FaultsFullError):
        faults.add(fault("error"), 0.5)
    assert faults.add(fault("error"), 1.0) == f"fault-{FAULTS_MAX + 1}"


@pytest.mark.parametrize(
    ("kind", "members", "effect"),
    [
        ("latency", {"ms": 1}, True),
        ("reset_after", {}, True),
        ("slow_body", {}, True),
        ("truncate", {}, True),
        ("garbage", {}, True),
        ("black_hole", {"processed": True}, True),
        ("black_hole", {}, False),
        ("reset_before", {}, False),
        ("error", {}, False),
        ("throttle", {}, False),
        ("token_expired", {}, False),
    ],
)
def test_whether_a_request_takes_effect(kind: str, members: dict[str, Any], effect: bool) -> None:  # noqa: FBT001 - a table
    """What is accepted counts, whatever the caller is told."""
    assert takes_effect(fault(kind, **members)) is effect
