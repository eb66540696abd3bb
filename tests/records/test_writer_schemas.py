"""Schemas of other writers: read with only when reading has a bound."""

import json
from typing import Any

import pytest

from connector.records import schemas
from connector.records.writer_schemas import UnsafeSchemaError, fingerprint, parse


def record(name: str, *types: Any) -> dict[str, Any]:
    """A record with fields of these types."""
    return {"type": "record", "name": name, "fields": [{"name": f"f{i}", "type": t} for i, t in enumerate(types)]}


def doubling(times: int) -> dict[str, Any]:
    """A record that holds two of the one before, and so on: 2^times types in a few lines."""
    inner = record("R0", "int")
    for level in range(1, times + 1):
        inner = record(f"R{level}", inner, f"R{level - 1}")
    return inner


def chain(length: int) -> list[Any]:
    """Records that each hold the one before, side by side in the text and deep when unfolded."""
    return [record("R0", "int"), *(record(f"R{level}", f"R{level - 1}") for level in range(1, length))]


@pytest.mark.parametrize("name", schemas.names())
def test_every_schema_of_ours_is_safe(name: str) -> None:
    """The rules for others hold for ourselves."""
    parse(schemas.schema_text(name))


@pytest.mark.parametrize(
    "schema",
    [
        record("R", ["null", "R"]),
        record("R", {"type": "array", "items": "R"}),
        record("R", {"type": "map", "values": record("Inner", ["null", "R"])}),
    ],
    ids=["through a union", "through an array", "through another record"],
)
def test_a_recursive_schema_is_refused(schema: Any) -> None:
    """Bytes would decide how deep compiled code calls itself."""
    with pytest.raises(UnsafeSchemaError, match="contains itself"):
        parse(json.dumps(schema))


@pytest.mark.parametrize(
    "items",
    ["null", record("Empty"), record("OnlyNull", "null"), {"type": "fixed", "name": "Zero", "size": 0}],
    ids=["null", "empty record", "record of nulls", "fixed of no bytes"],
)
def test_an_array_of_nothing_is_refused(items: Any) -> None:
    """Its count is one number, and the work is that number."""
    with pytest.raises(UnsafeSchemaError, match="no bytes"):
        parse(json.dumps(record("R", {"type": "array", "items": items})))


@pytest.mark.parametrize("schema", [doubling(20), chain(100)], ids=["a million types", "a hundred levels"])
def test_a_schema_that_unfolds_without_measure_is_refused(schema: Any) -> None:
    """Names make much of little text."""
    with pytest.raises(UnsafeSchemaError, match="nested too deeply, or too large"):
        parse(json.dumps(schema))


def test_deep_text_is_refused_before_it_is_walked() -> None:
    """Neither JSON nor Avro is read recursively beyond a bound."""
    for text in ("[" * 100_000, "[" * 70 + '"int"' + "]" * 70, " " * (1 << 20) + '"int"'):
        with pytest.raises(UnsafeSchemaError):
            parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "{", "1", "null", "{}", "[1]", '"nonsense"', '{"type": "record"}', '{"type": "array"}'],
)
def test_what_is_no_schema_is_refused(text: str) -> None:
    """One kind of error for every text."""
    with pytest.raises(UnsafeSchemaError):
        parse(text)


def test_ordinary_schemas_of_others_are_taken() -> None:
    """Maps, fixed, bytes, unions, arrays and types used twice are fine."""
    fixed = {"type": "fixed", "name": "Hash", "size": 16}
    types = [fixed, "Hash", "bytes", ["null", "string", "Hash"], {"type": "map", "values": "null"}, "double"]
    parse(json.dumps(record("R", *types, {"type": "array", "items": ["null", "int"]})))


def test_logical_types_are_left_out() -> None:
    """Times stay integers."""
    parsed = parse(json.dumps(record("R", {"type": "long", "logicalType": "timestamp-millis"})))
    assert parsed["fields"][0]["type"] == "long" or parsed["fields"][0]["type"] == {"type": "long"}


def test_docs_defaults_and_order_of_members_do_not_change_the_fingerprint() -> None:
    """The canonical form has what is on the wire, and nothing else."""
    plain = {"type": "record", "name": "R", "namespace": "n", "fields": [{"name": "a", "type": "int"}]}
    dressed = {
        "doc": "x",
        "name": "n.R",
        "fields": [{"type": {"type": "int"}, "default": 1, "doc": "y", "name": "a"}],
        "type": "record",
    }
    assert fingerprint(json.dumps(plain)) == fingerprint(json.dumps(dressed))
