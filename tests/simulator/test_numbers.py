"""Business phone numbers: what is told about them and which exist."""

import pytest

from connector.simulator.errors import Refusal
from connector.simulator.numbers import Number, Numbers, level_of
from connector.simulator.settings import Level, NumberSettings


@pytest.mark.parametrize(("level", "mps"), [("STANDARD", 80), ("HIGH", 1000), ("NOT_APPLICABLE", 20)])
def test_a_level_means_a_limit(level: Level, mps: int) -> None:
    """Meta's figures per level."""
    assert Number(NumberSettings(id="1", level=level)).window.limit == mps


@pytest.mark.parametrize(
    ("mps", "level"),
    [(1, "NOT_APPLICABLE"), (20, "NOT_APPLICABLE"), (79, "NOT_APPLICABLE"), (80, "STANDARD"), (1000, "HIGH")],
)
def test_a_limit_of_ones_own_reports_a_level_that_promises_no_more(mps: int, level: Level) -> None:
    """Whoever goes by the level alone is not refused (but for limits under 20)."""
    assert level_of(mps) == level
    assert Number(NumberSettings(id="1", mps=mps)).level == level


def test_level_and_limit_may_disagree_on_purpose() -> None:
    """A test may let the API promise more than it keeps."""
    number = Number(NumberSettings(id="1", level="HIGH", mps=7))
    assert (number.level, number.window.limit) == ("HIGH", 7)


def test_only_the_fields_asked_for_are_told_and_the_id() -> None:
    """Graph adds the id and nothing else."""
    number = Number(NumberSettings(id="106540352242922"))
    assert number.read(["throughput"]) == {"throughput": {"level": "STANDARD"}, "id": "106540352242922"}


def test_an_unknown_field_is_an_invalid_parameter() -> None:
    """The answer names the field."""
    refusal = Number(NumberSettings(id="1")).read(["throughput", "nonsense"])
    assert isinstance(refusal, Refusal)
    assert (refusal.code, "(nonsense)" in (refusal.message or "")) == (100, True)


def test_unknown_numbers_exist_only_when_they_may_be_created() -> None:
    """A list of numbers is closed unless said otherwise."""
    assert Numbers([], create=False).find("1") is None
    created = Numbers([], create=True).find("1")
    assert created is not None
    assert created.id == "1"


@pytest.mark.parametrize("number_id", ["", "abc", "1" * 33, "\u0661", "-1"])
def test_only_plausible_ids_are_created(number_id: str) -> None:
    """Digits, and not too many of them."""
    assert Numbers([], create=True).find(number_id) is None
