"""Meta's figures, as its pages give them."""

import pytest

from connector.whatsapp import limits


@pytest.mark.parametrize(("level", "rate"), [("STANDARD", 80), ("HIGH", 1000), ("NOT_APPLICABLE", 20)])
def test_a_level_has_its_rate(level: str, rate: int) -> None:
    """Messages per second (Meta, throughput, 2026-09-11)."""
    assert limits.throughput_mps(level) == rate


@pytest.mark.parametrize("level", ["", "standard", "ULTRA", "__len__", "STANDARD "])
def test_an_unknown_level_gets_the_lowest_rate(level: str) -> None:
    """What Meta adds later is slow until we know it, and is no error."""
    assert limits.throughput_mps(level) == min(limits.THROUGHPUT_MPS.values())


def test_every_level_has_a_rate() -> None:
    """None is forgotten."""
    assert set(limits.THROUGHPUT_MPS) == set(limits.Level)


def test_the_longest_wait_outlasts_the_longest_loan() -> None:
    """The exponent of 131056 may stop where the wait is longer than a full burst takes to be paid back."""
    longest_s = limits.PAIR_BACKOFF_BASE**limits.PAIR_BACKOFF_EXPONENT_MAX
    assert longest_s > limits.PAIR_BURST * limits.PAIR_INTERVAL_S
