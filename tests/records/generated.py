"""Hypothesis strategies for the records, made from their schemas: whatever a schema allows can be drawn."""

import json
from typing import Any

from hypothesis import strategies as st

from connector.records import schemas

_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=12),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "null": st.none(),
}


def records(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Records of one name, with every field."""
    return _values(json.loads(schemas.schema_text(name)), {})


def _values(schema: Any, named: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    if isinstance(schema, str):
        return _PRIMITIVES[schema] if schema in _PRIMITIVES else named[schema]
    if isinstance(schema, list):
        return st.one_of([_values(branch, named) for branch in schema])
    if schema["type"] == "record":
        fields = {field["name"]: _values(field["type"], named) for field in schema["fields"]}
        return named.setdefault(schema["name"], st.fixed_dictionaries(fields))
    if schema["type"] == "enum":
        return named.setdefault(schema["name"], st.sampled_from(schema["symbols"]))
    if schema["type"] == "array":
        return st.lists(_values(schema["items"], named), max_size=2)
    return _values(schema["type"], named)
