"""Avro bodies written by our own functions are those that fastavro writes."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from connector.records import schemas
from connector.records.encoder import encoder
from connector.records.writer_schemas import parse
from tests.records.generated import records

PARSED = {name: parse(schemas.schema_text(name)) for name in schemas.names()}
ENCODERS = {name: encoder(schema) for name, schema in PARSED.items()}


def reference(name: str, record: Mapping[str, Any]) -> bytes:
    """What fastavro writes."""
    out = BytesIO()
    schemaless_writer(out, PARSED[name], record)
    return out.getvalue()


@pytest.mark.parametrize("name", schemas.names())
@given(data=st.data())
def test_every_record_is_written_to_the_bytes_of_fastavro(name: str, data: st.DataObject) -> None:
    """Whatever a schema allows, fields left to their defaults included."""
    record = data.draw(records(name))
    with_default = [field["name"] for field in PARSED[name]["fields"] if "default" in field]
    for field in data.draw(st.sets(st.sampled_from(with_default)) if with_default else st.just(set())):
        del record[field]
    assert b"".join(ENCODERS[name](record)) == reference(name, record)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 2047, 2048, 8191, 8192, 300_000])
def test_texts_of_any_length(length: int) -> None:
    """Lengths are written by their own number of bytes, from a table or worked out."""
    signal = {"kind": "RECEIPT", "replica": "r" * length, "at": 1, "message_id": "ä" * length}
    assert b"".join(ENCODERS["NumberSignal"](signal)) == reference("NumberSignal", signal)


@pytest.mark.parametrize(
    "odd",
    [
        {"replica": 5},
        {"replica": None},
        {"at": "noon"},
        {"at": True},
        {"at": 2**63},
        {"attempt": 2**31},
        {"kind": "NOBODY"},
        {"kind": []},
        {"message_id": b"bytes"},
        {"status": ["sent"]},
    ],
)
def test_a_value_of_another_type_is_refused(odd: dict[str, Any]) -> None:
    """Nothing is written that a reader would take for something else."""
    signal = {"kind": "RECEIPT", "replica": "r", "at": 1, **odd}
    with pytest.raises((TypeError, AttributeError, ValueError, OverflowError, KeyError)):
        ENCODERS["NumberSignal"](signal)


@pytest.mark.parametrize("value", ["text", {"a": 1}, 5, b"ab"])
def test_an_array_is_no_text_and_no_map(value: Any) -> None:
    """Both can be walked through, and are no arrays."""
    state = {"number": {"pairs_on_hold": value}}
    with pytest.raises(TypeError):
        ENCODERS["DeliveryState"](state)


@pytest.mark.parametrize("value", [[], "", "text", b"", 5, {"recipients"}, [("number", "1")]])
def test_a_record_is_a_map(value: Any) -> None:
    """Texts and lists can be asked for a field too, and all of a record's fields may have defaults."""
    with pytest.raises(TypeError):
        ENCODERS["DeliveryState"]({"number": value})
    with pytest.raises(TypeError):
        ENCODERS["DeliveryState"](value)


def test_a_missing_field_without_a_default_is_named() -> None:
    """A record that is not whole is not written."""
    with pytest.raises(KeyError, match="replica"):
        ENCODERS["NumberSignal"]({"kind": "RECEIPT", "at": 1})


@pytest.mark.parametrize("union", [["string", "null"], ["null", "string", "int"], ["null"]])
def test_other_unions_are_refused(union: list[str]) -> None:
    """A schema that needs more than [null, T] is found when it is added, not when it is used."""
    with pytest.raises(ValueError, match="union"):
        encoder({"type": "record", "name": "R", "fields": [{"name": "a", "type": union}]})
