"""The call quota and its headers, in virtual time."""

import json

import pytest

from connector.simulator.settings import UsageSettings
from connector.simulator.usage import Usage


def usage(**settings: float) -> Usage:
    """Ten calls a minute unless told otherwise."""
    return Usage(UsageSettings(**{"calls": 10, "window_s": 60, **settings}), "506", 3)  # type: ignore[arg-type]


def told(found: Usage, now_s: float) -> tuple[int, int]:
    """Percentage and minutes to wait, from the header."""
    headers = dict(found.headers(now_s))
    ((entry,),) = json.loads(headers[b"x-business-use-case-usage"]).values()
    assert json.loads(headers[b"x-app-usage"])["call_count"] == entry["call_count"]
    return entry["call_count"], entry["estimated_time_to_regain_access"]


def test_without_a_quota_nothing_is_refused() -> None:
    """The headers tell the configured figure."""
    quiet = Usage(UsageSettings(), "506", 3)
    assert {quiet.count(0.0) for _ in range(1000)} == {None}
    assert told(quiet, 0.0) == (3, 0)


def test_the_percentage_follows_the_load() -> None:
    """And falls again when calls leave the window."""
    found = usage()
    for call in range(5):
        assert found.count(float(call)) is None
    assert told(found, 5.0) == (50, 0)
    found.count(61.0)
    assert told(found, 61.0) == (40, 0)
    found.count(120.0)
    assert told(found, 120.0) == (20, 0)


def test_beyond_the_quota_everything_is_refused_for_a_while() -> None:
    """With a transient error and the minutes to wait; afterwards counting starts anew."""
    found = usage(block_s=90)
    assert {found.count(0.0) for _ in range(10)} == {None}
    refusal = found.count(0.0)
    assert refusal is not None
    assert refusal.code == 80007
    assert told(found, 0.0) == (101, 2)
    assert found.count(89.0) is refusal
    assert told(found, 89.0) == (101, 1)
    assert found.count(90.0) is None
    assert told(found, 90.0) == (10, 0)


@pytest.mark.parametrize("code", [4, 80007])
def test_the_code_is_the_apps_or_the_accounts(code: int) -> None:
    """As chosen."""
    found = usage(code=code, calls=1)
    found.count(0.0)
    refusal = found.count(0.0)
    assert refusal is not None
    assert refusal.code == code


def test_memory_does_not_follow_the_calls() -> None:
    """A fixed number of slots, however many calls."""
    found = usage(calls=1_000_000)
    for call in range(20_000):
        found.count(call / 100)
    assert len(found._slots) <= 60
