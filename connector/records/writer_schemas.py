"""Schemas of writers, made safe to read with.

A schema from a registry was written by somebody else, and decides what reading costs. Refused are those that let a few
bytes stand for any amount of work: recursive types (compiled code has no recursion limit), arrays whose items may take
no bytes (a count of 2^62 of them is one short number), and types that unfold into very many.
"""

import json
from typing import Any, NamedTuple

from fastavro import parse_schema
from fastavro.schema import SchemaParseException, UnknownType, to_parsing_canonical_form
from fastavro.schema import fingerprint as _fingerprint

_PRIMITIVES = frozenset({"boolean", "int", "long", "float", "double", "bytes", "string"})
_TEXT_MAX = 1 << 20
_DEPTH_MAX = 64
# Our widest record unfolds into about 200 types.
_UNFOLDED_MAX = 10_000


class UnsafeSchemaError(ValueError):
    """Not a schema, or not one to read with."""


def fingerprint(text: str) -> bytes:
    """CRC-64-AVRO of the Parsing Canonical Form, 8 bytes as single-object encoding has them (little-endian)."""
    return bytes.fromhex(_fingerprint(to_parsing_canonical_form(json.loads(text)), "CRC-64-AVRO"))


def parse(text: str) -> Any:
    """A schema parsed for fastavro, without logical types: times stay the integers they are on the wire.

    Raises:
        UnsafeSchemaError: The text is no schema, or reading with it has no bound.
    """
    if len(text) > _TEXT_MAX:
        message = f"longer than {_TEXT_MAX} characters"
        raise UnsafeSchemaError(message)
    try:
        plain = _without_logical_types(json.loads(text), _DEPTH_MAX)
        parsed = parse_schema(plain)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        SchemaParseException,
        UnknownType,
    ) as error:
        message = f"no Avro schema: {type(error).__name__}"
        raise UnsafeSchemaError(message) from error
    _Shapes().of(parsed)
    return parsed


class _Shape(NamedTuple):
    """What reading one value of a type takes at least and at most."""

    may_be_empty: bool  # zero bytes can stand for a value
    depth: int  # calls within calls
    unfolded: int  # types visited, named ones each time they are used


_LEAF = _Shape(may_be_empty=False, depth=1, unfolded=1)


class _Shapes:
    """Shapes of the types of one parsed schema, in which a name is defined before it is used."""

    def __init__(self) -> None:
        self._named: dict[str, _Shape] = {"null": _Shape(may_be_empty=True, depth=1, unfolded=1)}

    def of(self, node: Any) -> _Shape:
        shape = self._of(node)
        if shape.depth > _DEPTH_MAX or shape.unfolded > _UNFOLDED_MAX:
            message = "nested too deeply, or too large"
            raise UnsafeSchemaError(message)
        return shape

    def _of(self, node: Any) -> _Shape:
        if isinstance(node, str):
            return self._of_name(node)
        if isinstance(node, list):
            return _around([self.of(branch) for branch in node])
        match node["type"]:
            case "record" | "error":
                shape = self._of_record(node)
            case "array":
                shape = self._of_array(node)
            case "map":
                shape = _around([self.of(node["values"])])
            case "enum":
                shape = _LEAF
            case "fixed":
                shape = _LEAF._replace(may_be_empty=not node["size"])
            case other:
                shape = self.of(other)
        if "name" in node:
            self._named[node["name"]] = shape
        return shape

    def _of_name(self, name: str) -> _Shape:
        if name in self._named:
            return self._named[name]
        if name in _PRIMITIVES:
            return _LEAF
        message = f"{name} contains itself"
        raise UnsafeSchemaError(message)

    def _of_record(self, node: Any) -> _Shape:
        fields = [self.of(field["type"]) for field in node["fields"]]
        return _around(fields)._replace(may_be_empty=all(field.may_be_empty for field in fields))

    def _of_array(self, node: Any) -> _Shape:
        items = self.of(node["items"])
        if items.may_be_empty:
            message = "an array of items that may take no bytes"
            raise UnsafeSchemaError(message)
        return _around([items])


def _around(parts: list[_Shape]) -> _Shape:
    return _Shape(
        may_be_empty=False,
        depth=1 + max((part.depth for part in parts), default=0),
        unfolded=1 + sum(part.unfolded for part in parts),
    )


def _without_logical_types(node: Any, depth: int) -> Any:
    if not depth:
        message = f"nested deeper than {_DEPTH_MAX}"
        raise UnsafeSchemaError(message)
    if isinstance(node, dict):
        return {k: _without_logical_types(v, depth - 1) for k, v in node.items() if k != "logicalType"}
    if isinstance(node, list):
        return [_without_logical_types(item, depth - 1) for item in node]
    return node
