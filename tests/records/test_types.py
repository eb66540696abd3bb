"""The TypedDicts and the schemas say the same, field by field."""

import json
from types import NoneType
from typing import Any, Literal, NotRequired, get_args, get_origin, get_type_hints

import pytest

from connector.records import schemas, types

PYTHON = {"string": str, "int": int, "long": int, "double": float, "boolean": bool}


def nested_types(node: Any) -> list[dict[str, Any]]:
    """Every record and enum in a schema."""
    if isinstance(node, list):
        return [found for item in node for found in nested_types(item)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") in ("record", "enum") else []
    return own + [found for value in node.values() for found in nested_types(value)]


def expected_type(schema: Any) -> Any:
    """The Python type of an Avro one."""
    if isinstance(schema, str):
        return PYTHON.get(schema) or getattr(types, schema)
    if isinstance(schema, list):
        return expected_type(schema[1]) | None
    if schema["type"] in ("record", "enum"):
        return getattr(types, schema["name"])
    if schema["type"] == "array":
        return list[expected_type(schema["items"])]  # type: ignore[misc]  # made at run time
    return PYTHON[schema["type"]]


DEFINITIONS = {
    nested["name"]: nested for name in schemas.names() for nested in nested_types(json.loads(schemas.schema_text(name)))
}
RECORDS = [name for name, schema in DEFINITIONS.items() if schema["type"] == "record"]
ENUMS = [name for name, schema in DEFINITIONS.items() if schema["type"] == "enum"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_the_fields_of_its_schema_in_their_order(name: str) -> None:
    """Names, types and order agree; a field with a default may be left out, another may not."""
    found = get_type_hints(getattr(types, name), include_extras=True)
    fields = DEFINITIONS[name]["fields"]
    assert list(found) == [field["name"] for field in fields]
    for field in fields:
        plain = expected_type(field["type"])
        wanted = NotRequired[plain] if "default" in field else plain
        assert found[field["name"]] == wanted, field["name"]


@pytest.mark.parametrize("name", ENUMS)
def test_an_enum_has_the_symbols_of_its_schema(name: str) -> None:
    """A Literal holds the very symbols."""
    literal = getattr(types, name)
    assert get_origin(literal) is Literal
    assert list(get_args(literal)) == DEFINITIONS[name]["symbols"]


def test_nothing_is_exported_that_no_schema_knows() -> None:
    """The module has exactly the types of the schemas."""
    assert set(types.__all__) == set(DEFINITIONS)


def test_times_are_integers_and_optional_values_none() -> None:
    """A decoded time is a number of milliseconds, never a datetime."""
    hints = get_type_hints(types.OutboundCommand)
    assert set(get_args(hints["expires_at"])) == {int, NoneType}
