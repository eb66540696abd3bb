"""What facts are read with."""

from typing import Any

import pytest

from connector.whatsapp import facts


@pytest.mark.parametrize("odd", [None, 1, "x", [{}]])
def test_what_is_no_object_has_no_members(odd: Any) -> None:
    """Readers of nested members need no check of their own."""
    assert facts.an_object(odd) == {}
    assert facts.an_object({"a": 1}) == {"a": 1}


def test_objects_skip_everything_else() -> None:
    """One odd element of an array costs no other."""
    assert facts.objects([{"a": 1}, None, "x", [], {"b": 2}]) == [{"a": 1}, {"b": 2}]
    assert facts.objects({"a": 1}) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1749416383", 1749416383), (1749416383, 1749416383), ("0", 0), (253402300799, 253402300799)],
)
def test_times_come_as_strings_or_integers(value: Any, expected: int) -> None:
    """Meta writes seconds both ways."""
    assert facts.seconds(value) == expected


@pytest.mark.parametrize(
    "odd", ["", "soon", "-1", "1.5", "\u0661", "9" * 13, -1, 1.5, 253402300800, True, None, [], {}]
)
def test_what_cannot_be_a_time_is_none(odd: Any) -> None:
    """Anything else is no time, and costs nothing but itself."""
    assert facts.seconds(odd) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [("x", "x"), (42, "42"), ("", None), (True, None), (1.5, None), (None, None), ([], None)],
)
def test_text(value: Any, expected: str | None) -> None:
    """Ids come as strings or integers; whatever cannot be an id is none."""
    assert facts.text(value) == expected
