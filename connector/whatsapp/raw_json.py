"""JSON taken apart without being rewritten: every part keeps the exact text it was sent as.

The fast road is msgspec, which checks the whole text and hands back slices. It refuses a body for one lone surrogate
(an emoji cut in half, which Meta does pass on) or for one item nested a thousand deep, and then all other items would
be lost with it. So what it refuses is split by brackets and commas alone, without recursion, and each part is judged by
itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NoReturn

import msgspec

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_VALUE = msgspec.json.Decoder()
REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec's decoders raise for a text that is not theirs, wrong types included."""

NOTHING = frozenset({b"null", b"[]", b"{}"})
"""Values that say nothing: to have one is as good as to have none."""

_WHITESPACE = b" \t\r\n"
# The lone quote comes last: it is a string that never ends. Found here, it ends the search; otherwise each quote after
# it would be tried as a start, in time quadratic to the length.
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
_NAME = re.compile(rb'("(?:[^"\\]++|\\.)*+")[ \t\r\n]*+:', re.DOTALL)
_PARTNER = {b"{": b"}", b"[": b"]"}
_CLOSING = frozenset(_PARTNER.values())
_NOT_OBJECT, _NOT_ARRAY, _NOT_JSON = "not an object", "not an array", "not JSON"
_NOT_UTF8, _TOO_DEEP = "not UTF-8", "nested too deeply"

# Each escape is consumed whole, so that a backslash that is itself escaped starts nothing.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
# Python refuses to make an int of more than 4,300 digits. A float of that size is infinite; no typed field takes it.
_INT_DIGITS_MAX = 400


class UnreadableError(ValueError):
    """This text is not the JSON it should be; the message says why and quotes nothing of it."""


def members(text: bytes) -> dict[str, bytes]:
    """Split an object into its members, each value as its exact text.

    A name that comes twice counts with its last value, as in most readers of JSON; in a text that is not quite JSON,
    where it tells of damage, the text is refused.

    Raises:
        UnreadableError: This is not an object.
    """
    try:
        return {name: bytes(value) for name, value in _MEMBERS.decode(text).items()}
    except REFUSED:
        parts = _parts(text, b"{", _NOT_OBJECT)
        found = dict(map(_member, parts))
        if len(found) < len(parts):
            raise UnreadableError(_NOT_JSON) from None
        return found


def items(text: bytes) -> list[bytes]:
    """Split an array into its items, each as its exact text.

    Raises:
        UnreadableError: This is not an array.
    """
    try:
        return [bytes(item) for item in _ITEMS.decode(text)]
    except REFUSED:
        return _parts(text, b"[", _NOT_ARRAY)


def value(text: bytes) -> Any:
    """Read one value whole: for typed fields, where a lone surrogate is U+FFFD and a number may be infinite.

    Raises:
        UnreadableError: The text is not JSON, not UTF-8, or nested deeper than the interpreter follows.
    """
    try:
        return _VALUE.decode(text)
    except REFUSED:
        return _tolerant_value(text)


def joined(parts: Mapping[str, bytes]) -> bytes:
    """Put members together to an object, each value as its exact text."""
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + content for name, content in parts.items()) + b"}"


def _tolerant_value(text: bytes) -> Any:
    mended = _ESCAPE.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], text)
    try:
        return json.loads(mended.decode(), parse_int=_int, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise UnreadableError(_NOT_UTF8) from error
    except RecursionError as error:
        raise UnreadableError(_TOO_DEEP) from error
    except ValueError as error:
        raise UnreadableError(_NOT_JSON) from error


def _int(digits: str) -> int | float:
    return int(digits) if len(digits) <= _INT_DIGITS_MAX else float(digits)


def _refuse(constant: str) -> NoReturn:
    # json.loads takes NaN and Infinity, which are not JSON.
    raise ValueError(constant)


def _member(part: bytes) -> tuple[str, bytes]:
    found = _NAME.match(part)
    content = part[found.end() :].lstrip(_WHITESPACE) if found else b""
    if not found or not content:
        raise UnreadableError(_NOT_JSON)
    return value(found[1]), content


def _parts(text: bytes, opening: bytes, otherwise: str) -> list[bytes]:
    """What stands between the commas of the outermost container."""
    text = text.strip(_WHITESPACE)
    if not text.startswith(opening):
        raise UnreadableError(otherwise)
    parts = [text[start + 1 : end].strip(_WHITESPACE) for start, end in pairwise([0, *_cuts(text)])]
    if parts == [b""]:
        return []
    if b"" in parts:
        raise UnreadableError(_NOT_JSON)
    return parts


def _cuts(text: bytes) -> Iterator[int]:
    """Where the outermost container has its commas, and its end.

    Raises:
        UnreadableError: Brackets do not pair up, a string does not end, or something follows the end.
    """
    awaited = bytearray()  # the closing brackets, innermost last
    end = 0
    for found in _STRUCTURE.finditer(text):
        token, end = found[0], found.end()
        if token in _PARTNER:
            awaited += _PARTNER[token]
        elif token == b",":
            if len(awaited) == 1:
                yield found.start()
        elif token in _CLOSING and awaited.endswith(token):
            awaited.pop()
            if not awaited:
                yield found.start()
                break
        elif len(token) == 1:
            raise UnreadableError(_NOT_JSON)
    if awaited or end != len(text):
        raise UnreadableError(_NOT_JSON)
