"""How long answers take."""

from random import Random
from statistics import median

import pytest

from connector.simulator.latency import latency
from connector.simulator.settings import LatencySettings


def draws(settings: LatencySettings) -> list[float]:
    """Ten thousand delays in seconds, in order of length."""
    draw = latency(settings, Random(7))  # noqa: S311 - repeatable on purpose
    return sorted(draw() for _ in range(10_000))


def test_a_median_alone_is_every_answers_delay() -> None:
    """No spread unless asked for."""
    assert set(draws(LatencySettings(median_ms=200))) == {0.2}


def test_median_and_p99_are_kept() -> None:
    """Half are faster than the median, one in a hundred slower than the p99."""
    found = draws(LatencySettings(median_ms=100, p99_ms=400))
    assert median(found) == pytest.approx(0.1, rel=0.05)
    assert found[9_900] == pytest.approx(0.4, rel=0.1)


def test_no_latency_is_none() -> None:
    """Zero stays zero, whatever the p99."""
    assert set(draws(LatencySettings(median_ms=0, p99_ms=100))) == {0.0}
