"""Typed fields read from parsed JSON of any shape. PURE.

A value of a type that nobody expects is no value: the field is null and the record's ``raw`` keeps what was sent.
Values are held within what their Avro type can carry, so that a record can always be encoded.
"""

import math
from collections.abc import Sequence
from typing import Any

from connector.whatsapp import raw_json
from connector.whatsapp.facts import seconds
from connector.whatsapp.raw_json import UnreadableError

Place = Sequence[str | int]
"""Where something stands in a JSON text: members by name, items by number."""

_INT_MAX = 2**31 - 1
_LONG_MAX = 2**63 - 1


def string(value: Any) -> str | None:
    """A string, or the digits of an integer in its place."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def flag(value: Any) -> bool | None:
    """A boolean."""
    return value if isinstance(value, bool) else None


def real(value: Any) -> float | None:
    """A finite number, or one written as a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def int_32(value: Any) -> int | None:
    """An integer of Avro's ``int``, or one written as a string of digits."""
    return _whole(value, _INT_MAX)


def int_64(value: Any) -> int | None:
    """An integer of Avro's ``long``, or one written as a string of digits."""
    return _whole(value, _LONG_MAX)


def millis(value: Any) -> int | None:
    """Unix seconds, as a string or an integer, to milliseconds."""
    found = seconds(value)
    return None if found is None else found * 1000


def digits(displayed: str) -> str:
    """The digits of a number, however it is written: ``+1 555-078-3881`` and ``15550783881`` are one."""
    return displayed if displayed.isdecimal() else "".join(filter(str.isdecimal, displayed))


def exact(raw: str, place: Place) -> str | None:
    """What stands at a place of a JSON text, as it was sent; None when nothing does."""
    text = raw.encode()
    try:
        for step in place:
            text = raw_json.members(text)[step] if isinstance(step, str) else raw_json.items(text)[step]
    except (UnreadableError, LookupError):
        return None
    return text.decode()


def _whole(value: Any, limit: int) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(limit)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and -limit <= value <= limit else None
