"""Whether schemas keep the rules: FULL_TRANSITIVE compatibility with all released versions, and our own shape rules.

FULL_TRANSITIVE: whoever has the current schema reads what any released version wrote, and the other way round. So
consumers and producers are upgraded in any order, and old records stay readable.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.errors import AvroException
from avro.schema import ArraySchema, Field, RecordSchema, Schema, UnionSchema
from avro.schema import parse as parse_avro

from connector.records.schemas import NAMESPACE
from connector.records.writer_schemas import UnsafeSchemaError, parse

_PRIMITIVES = frozenset({"string", "int", "long", "double", "boolean"})
_TIME = {"type": "long", "logicalType": "timestamp-millis"}


class Finding(NamedTuple):
    """Something a schema must not have.

    Attributes:
        record: Name of the record.
        where: Field, dotted.
        what: What is wrong, for people.
    """

    record: str
    where: str
    what: str


def check(current: Mapping[str, str], released: Mapping[str, Mapping[int, str]]) -> list[Finding]:
    """Everything wrong with the current schemas.

    Args:
        current: Text of the current schema by name.
        released: Texts of the released schemas by name and version.
    """
    findings = [finding for name, text in current.items() for finding in shape_faults(name, text)]
    if not findings:
        findings += differing_twins(current)
    for name, text in current.items():
        findings += incompatibilities(name, text, released.get(name, {}))
    return findings


def incompatibilities(name: str, current: str, released: Mapping[int, str]) -> list[Finding]:
    """What keeps the current schema from reading a released version, or that version from reading the current one."""
    try:
        parse(current)
        new = parse_avro(current)
    except (UnsafeSchemaError, AvroException, ValueError) as error:
        return [Finding(name, "", f"cannot be used: {error}")]
    return [finding for version, text in released.items() for finding in _between(name, new, version, parse_avro(text))]


def shape_faults(name: str, text: str) -> list[Finding]:
    """What breaks our shape rules, which keep records simple to load into warehouses.

    The only union is ``[null, T]`` with default null; every record, field and enum has a doc; every enum has a default
    symbol; there are no maps, bytes, fixed or single floats, and the only logical type is ``timestamp-millis``.
    """
    try:
        schema = json.loads(text)
    except ValueError as error:
        return [Finding(name, "", f"is no JSON: {error}")]
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return [Finding(name, "", "is no record")]
    faults = [] if schema.get("name") == name else [("", "has another name than its file")]
    if schema.get("namespace") != NAMESPACE:
        faults.append(("", f"is not in the namespace {NAMESPACE}"))
    return [Finding(name, where, what) for where, what in itertools.chain(faults, _type_faults(schema, ""))]


def differing_twins(current: Mapping[str, str]) -> list[Finding]:
    """Nested types of one name that differ between records: code generators write one class for both."""
    first: dict[str, tuple[str, Any]] = {}
    findings = []
    for name, text in current.items():
        for nested in _named_types(json.loads(text)):
            where, twin = first.setdefault(nested["name"], (name, nested))
            if twin != nested:
                findings.append(Finding(name, nested["name"], f"is defined otherwise in {where}"))
    return findings


def _between(name: str, new: Schema, version: int, old: Schema) -> Iterator[Finding]:
    for where, what in _Comparison().breaks(new, old, ""):
        yield Finding(name, where, f"the current schema cannot read v{version}: {what}")
    for where, what in _Comparison().breaks(old, new, ""):
        yield Finding(name, where, f"v{version} cannot read the current schema: {what}")


class _Comparison:
    """One reader against one writer; says where, which the checker forgets inside unions."""

    def __init__(self) -> None:
        self._checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # avro does not type it

    def breaks(self, reader: Schema, writer: Schema, path: str) -> list[tuple[str, str]]:
        result = self._checker.get_compatibility(reader, writer)
        if result.compatibility is SchemaCompatibilityType.compatible:
            return []
        inner = [found for parts in _parts(reader, writer, path) for found in self.breaks(*parts)]
        missing = [(f"{path}{field.name}", "the field has no default") for field in _needed(reader, writer)]
        return inner + missing or [(path.rstrip("."), "; ".join(sorted(result.messages)))]


def _parts(reader: Schema, writer: Schema, path: str) -> Iterator[tuple[Schema, Schema, str]]:
    """The pairs inside a pair of types."""
    if isinstance(reader, RecordSchema) and isinstance(writer, RecordSchema):
        for field in reader.fields:
            twin = writer.fields_dict.get(field.name)
            if twin is not None:
                yield field.type, twin.type, f"{path}{field.name}."
    elif isinstance(reader, ArraySchema) and isinstance(writer, ArraySchema):
        yield reader.items, writer.items, path
    elif isinstance(reader, UnionSchema) and isinstance(writer, UnionSchema):
        yield reader.schemas[-1], writer.schemas[-1], path


def _needed(reader: Schema, writer: Schema) -> Iterator[Field]:
    """Fields the reader cannot do without and the writer does not have."""
    if isinstance(reader, RecordSchema) and isinstance(writer, RecordSchema):
        yield from (f for f in reader.fields if f.name not in writer.fields_dict and not f.has_default)


def _type_faults(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Faults of a type that is not a union."""
    if isinstance(node, str):
        if node not in _PRIMITIVES and not node[:1].isupper():
            yield path, f"has the type {node}"
    elif not isinstance(node, dict):
        yield path, "has a union inside a type"
    elif node.get("type") == "record":
        yield from _record_faults(node, path)
    elif node.get("type") == "enum":
        yield from _enum_faults(node, path)
    elif node.get("type") == "array":
        yield from _type_faults(node.get("items"), path)
    elif node != _TIME:
        yield path, "has a type that is not used here"


def _record_faults(node: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if not node.get("doc"):
        yield path, "the record has no doc"
    for field in node.get("fields", ()):
        where = f"{path}.{field['name']}" if path else field["name"]
        if not field.get("doc"):
            yield where, "the field has no doc"
        yield from _field_faults(field, where)


def _field_faults(field: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    kind = field["type"]
    if not isinstance(kind, list):
        yield from _type_faults(kind, where)
        return
    if len(kind) != 2 or kind[0] != "null":  # noqa: PLR2004 - null and one type
        yield where, "has a union other than [null, T]"
    elif field.get("default", "") is not None:
        yield where, "is nullable without the default null"
    else:
        yield from _type_faults(kind[1], where)


def _enum_faults(node: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if not node.get("doc"):
        yield path, "the enum has no doc"
    if node.get("default") not in node.get("symbols", ()):
        yield path, "the enum has no default symbol"


def _named_types(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") in ("record", "enum"):
            yield node
        for value in node.values():
            yield from _named_types(value)
    elif isinstance(node, list):
        for item in node:
            yield from _named_types(item)
