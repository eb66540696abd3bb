"""Typed fields read from JSON of any shape."""

from collections.abc import Callable
from typing import Any

import pytest

from connector.ingress import fields

ODD: tuple[Any, ...] = (None, True, [], {}, "x", "", float("nan"), float("inf"))
NO_TEXT: tuple[Any, ...] = (None, True, 1.5, [], {})
NO_FLAG: tuple[Any, ...] = (None, 1, "true", [])


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (fields.string, "x", "x"),
        (fields.string, "", ""),
        (fields.string, 42, "42"),
        (fields.flag, True, True),
        (fields.flag, False, False),
        (fields.real, 1, 1.0),
        (fields.real, -1.5, -1.5),
        (fields.real, "37.44", 37.44),
        (fields.int_32, 131051, 131051),
        (fields.int_32, "131051", 131051),
        (fields.int_32, -(2**31 - 1), -(2**31 - 1)),
        (fields.int_64, 2**63 - 1, 2**63 - 1),
        (fields.millis, "1749416383", 1749416383000),
        (fields.millis, 1749416383, 1749416383000),
    ],
)
def test_values_in_either_form_are_read(read: Callable[[Any], Any], value: Any, expected: Any) -> None:
    """Meta writes numbers as strings and ids as numbers now and then; both are read."""
    found = read(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("read", "odd"),
    [
        *[(fields.string, odd) for odd in NO_TEXT],
        *[(fields.flag, odd) for odd in NO_FLAG],
        *[(fields.real, odd) for odd in (*ODD, "nan", "1e999", 10**400)],
        *[(fields.int_32, odd) for odd in (*ODD, 1.0, 2**31, "2147483648", "-1", "1" * 5000)],
        *[(fields.int_64, odd) for odd in (*ODD, 1.0, 2**63, 10**400)],
        *[(fields.millis, odd) for odd in (*ODD, 1.5, "2026-01-01")],
    ],
)
def test_what_no_field_can_carry_is_null(read: Callable[[Any], Any], odd: Any) -> None:
    """A value of another type, or out of the bounds of its Avro type, is none."""
    assert read(odd) is None
