"""Strict reading of JSON that somebody else wrote: what is read can be written again as it was."""

import json
import math
import re
from typing import Any

from connector.records.codec import Undecodable

# Meta's deepest bodies (carousel templates) nest about 12; Python's own limit depends on who calls.
DEPTH_MAX = 64
# Only an escape can bring half a surrogate pair into text that is valid UTF-8.
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def value_of(value: bytes | str) -> Any:
    """The JSON value in a text.

    Raises:
        Undecodable: No UTF-8, no JSON, a member twice in one object, nested deeper than 64, half a surrogate pair, or a
            number that is none or beyond the range of double precision.
    """
    try:
        text = value.decode("utf-8") if isinstance(value, bytes) else value
        found = _DECODER.decode(text)
    except Undecodable:
        raise
    except json.JSONDecodeError as error:
        message = f"no JSON: {error.msg} at character {error.pos}"
        raise Undecodable(message) from None
    except (ValueError, RecursionError) as error:
        message = f"no JSON: {type(error).__name__}"
        raise Undecodable(message) from None
    if text.count("{") + text.count("[") > DEPTH_MAX and _depth(found) > DEPTH_MAX:
        message = f"nested deeper than {DEPTH_MAX}"
        raise Undecodable(message)
    if _SURROGATE_ESCAPE.search(text):
        _check_unicode(found)
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "a member stands twice in one object"
        raise Undecodable(message)
    return members


def _constant(name: str) -> Any:
    message = f"{name} is no JSON number"
    raise Undecodable(message)


def _float(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        message = "a number is too large"
        raise Undecodable(message)
    return number


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [inner for outer in level for inner in _children(outer)]
    return deepest


def _children(value: Any) -> list[Any]:
    found = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in found if isinstance(item, dict | list)]


def _check_unicode(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        message = "half a surrogate pair"
        raise Undecodable(message) from None


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant, parse_float=_float)
