"""Avro bodies written by functions that are made once for a schema. PURE.

For our schemas, whose only union is ``["null", T]``: fastavro validates a value against each branch of a union before
it writes it, which takes three times as long as this. Whatever it takes is written to the same bytes.
"""

import functools
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

Encode = Callable[[Mapping[str, Any]], list[bytes]]
Append = Callable[[bytes], object]
Write = Callable[[Append, Any], None]

_NULL: Final = b"\x00"
_SECOND_BRANCH: Final = b"\x02"
_DOUBLE: Final = struct.Struct("<d").pack
_ENDS: Final = {"int": 31, "long": 63}
_LONG_END: Final = 1 << _ENDS["long"]
# Lengths of nearly all texts; longer ones are worked out.
_SHORT: Final = 2048


def encoder(schema: Any) -> Encode:
    """A function that writes records of a parsed schema, as parts to be joined.

    The function raises ``KeyError`` for a field that is missing and has no default, ``UnicodeEncodeError`` for half a
    surrogate pair, and ``TypeError``, ``AttributeError``, ``ValueError``, ``OverflowError`` or ``struct.error``
    for a value of another type or beyond its type's range.
    """
    write = _writer(schema, {})

    def encode(record: Mapping[str, Any]) -> list[bytes]:
        parts: list[bytes] = []
        write(parts.append, record)
        return parts

    return encode


def _writer(schema: Any, named: dict[str, Write]) -> Write:
    if isinstance(schema, list):
        return _nullable(schema, named)
    if isinstance(schema, str):
        return named[schema] if schema in named else _PRIMITIVES[schema]
    kind = schema["type"]
    if kind == "record":
        return _record(schema, named)
    if kind == "enum":
        named[schema["name"]] = found = _enum(schema["symbols"])
        return found
    return _array(_writer(schema["items"], named)) if kind == "array" else _writer(kind, named)


def _record(schema: Any, named: dict[str, Write]) -> Write:
    """A function with one statement after another for its fields.

    It is made from text, as those of ``dataclasses`` are: a loop over the fields takes 1.7 times as long, for the
    interpreter cannot settle on what stands in a loop. Names come from our own schemas.
    """
    names: dict[str, Any] = {"null": _NULL, "second_branch": _SECOND_BRANCH, "short": _SHORT, "number": _number}
    names |= {"length": _LENGTHS, "present_length": _PRESENT_LENGTHS, "Mapping": Mapping}
    lines = ["def write_record(append, record):"]
    # Much else can be asked for a field too.
    lines += ["    if type(record) is not dict and not isinstance(record, Mapping): raise TypeError"]
    lines += ["    get = record.get"]
    for place, field in enumerate(schema["fields"]):
        nullable = isinstance(field["type"], list)
        kind = _branch(field["type"]) if nullable else field["type"]
        names[f"write_{place}"] = _writer(kind, named)
        names[f"default_{place}"] = field.get("default")
        value = f"get({field['name']!r}, default_{place})" if "default" in field else f"record[{field['name']!r}]"
        lines += [f"    {line}" for line in (f"value = {value}", *_statements(place, kind, nullable=nullable))]
    exec("\n".join(lines), names)  # noqa: S102 - the text is ours, see above
    write: Write = names["write_record"]
    named[schema["name"]] = write
    return write


def _statements(place: int, kind: Any, *, nullable: bool) -> list[str]:
    """What writes ``value``. Texts and whole numbers are written here: a call for each is a third of a record."""
    write = f"write_{place}(append, value)"
    branch = ["append(second_branch)"] if nullable else []
    lines = [*branch, write]
    if kind == "string":
        length = "present_length[size]" if nullable else "length[size]"
        lines = ["data = value.encode()", "size = len(data)", f"if size < short: append({length}); append(data)"]
        lines += ["else:", *(f"    {line}" for line in (*branch, write))]
    elif kind == "long":
        lines = [*branch, f"if type(value) is int and {-_LONG_END} <= value < {_LONG_END}: append(number(value))"]
        lines += [f"else: {write}"]
    return ["if value is None: append(null)", "else:", *(f"    {line}" for line in lines)] if nullable else lines


def _nullable(branches: list[Any], named: dict[str, Write]) -> Write:
    write_second = _writer(_branch(branches), named)

    def write(append: Append, value: Any) -> None:
        if value is None:
            append(_NULL)
        else:
            append(_SECOND_BRANCH)
            write_second(append, value)

    return write


def _branch(branches: list[Any]) -> Any:
    """The branch beside null."""
    if len(branches) != 2 or branches[0] != "null":  # noqa: PLR2004 - null and one other
        message = "the only union our schemas have is [null, T]"
        raise ValueError(message)
    return branches[1]


def _enum(symbols: list[str]) -> Write:
    places = {symbol: _number(place) for place, symbol in enumerate(symbols)}

    def write(append: Append, value: Any) -> None:
        append(places[value])

    return write


def _array(write_item: Write) -> Write:
    def write(append: Append, value: Any) -> None:
        if isinstance(value, str | bytes | Mapping):
            raise TypeError
        if value:
            append(_number(len(value)))
            for item in value:
                write_item(append, item)
        append(_NULL)

    return write


def _string(append: Append, value: Any) -> None:
    data = value.encode()
    append(_LENGTHS[len(data)] if len(data) < _SHORT else _number(len(data)))
    append(data)


def _boolean(append: Append, value: Any) -> None:
    if value is True:
        append(b"\x01")
    elif value is False:
        append(b"\x00")
    else:
        raise TypeError


def _double(append: Append, value: Any) -> None:
    append(_DOUBLE(value))


def _whole(kind: str) -> Write:
    end = 1 << _ENDS[kind]

    def write(append: Append, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError
        if not -end <= value < end:
            raise OverflowError
        append(_number(value))

    return write


# Most numbers are times, and those of one second or one batch are the same.
@functools.lru_cache(maxsize=4096)
def _number(value: int) -> bytes:
    """A whole number in Avro's zigzag coding."""
    rest = value << 1 if value >= 0 else (-value << 1) - 1
    coded = bytearray()
    while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte
        coded.append(rest & 0x7F | 0x80)
        rest >>= 7
    coded.append(rest)
    return bytes(coded)


_LENGTHS: Final = tuple(_number(length) for length in range(_SHORT))
_PRESENT_LENGTHS: Final = tuple(_SECOND_BRANCH + length for length in _LENGTHS)
_PRIMITIVES: Final[Mapping[str, Write]] = {
    "string": _string,
    "boolean": _boolean,
    "double": _double,
    "int": _whole("int"),
    "long": _whole("long"),
}
