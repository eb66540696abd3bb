"""Bytes of records: two formats, told apart; anything else is undecodable."""

import json
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.records import schemas
from connector.records.codec import Codec, Undecodable, Unencodable
from connector.records.writer_schemas import fingerprint
from tests.records.generated import records

CONTROL = {"scope": "number:1", "actor": "operator", "action": "HOLD", "at": 1_795_348_800_000}
IDS = {name: id_ for id_, name in enumerate(schemas.names(), start=7)}
PLAIN = Codec()


def changed(name: str, change: Any) -> str:
    """The current schema of a record after a change."""
    schema = json.loads(schemas.schema_text(name))
    change(schema)
    return json.dumps(schema)


def refused(_id: int) -> str:
    """A registry that must not be asked."""
    pytest.fail("the registry was asked")


@pytest.mark.parametrize("name", schemas.names())
@given(data=st.data())
def test_a_record_comes_back_as_it_went(name: str, data: st.DataObject) -> None:
    """Whatever the schema allows survives the round trip."""
    record = data.draw(records(name))
    assert PLAIN.decode(name, PLAIN.encode(name, record)) == record


def test_single_object_encoding_has_the_fingerprint_of_the_schema() -> None:
    """C3 01, then CRC-64-AVRO of the canonical form, little-endian; the specification's own example value for "int"."""
    assert fingerprint('"int"') == 0x7275D51A3F395C8F.to_bytes(8, "little")
    data = PLAIN.encode("DeliveryControl", CONTROL)
    assert data[:10] == b"\xc3\x01" + fingerprint(schemas.schema_text("DeliveryControl"))


def test_the_registry_format_has_the_id_of_the_schema() -> None:
    """00, then the id in 4 bytes, big-endian; read back without asking the registry."""
    codec = Codec(IDS, refused)
    data = codec.encode("DeliveryControl", CONTROL)
    assert data[:5] == b"\x00" + IDS["DeliveryControl"].to_bytes(4, "big")
    assert codec.decode("DeliveryControl", data)["scope"] == "number:1"


def test_the_body_is_plain_avro() -> None:
    """Another Avro implementation's reading of the body, and of the time in it."""
    body = PLAIN.encode("DeliveryControl", CONTROL)[10:]
    with_logical_types = fastavro.parse_schema(json.loads(schemas.schema_text("DeliveryControl")))
    found = fastavro.schemaless_reader(BytesIO(body), with_logical_types, None)
    assert isinstance(found, dict)
    assert found["at"].isoformat() == "2026-11-22T12:00:00+00:00"


def test_fields_left_out_have_their_defaults() -> None:
    """What has a default may be left out, and comes back."""
    assert PLAIN.decode("DeliveryControl", PLAIN.encode("DeliveryControl", CONTROL)) == {
        **CONTROL,
        "reason": "",
        "until": None,
    }


@pytest.mark.parametrize(
    "record",
    [{}, {**CONTROL, "at": "noon"}, {**CONTROL, "at": 2**70}, {**CONTROL, "scope": None}, {**CONTROL, "action": "NO"}],
    ids=["empty", "text for a time", "beyond 64 bits", "null for a text", "no symbol"],
)
def test_a_record_that_does_not_fit_is_unencodable(record: dict[str, Any]) -> None:
    """One kind of error for every misfit."""
    with pytest.raises(Unencodable):
        PLAIN.encode("DeliveryControl", record)


def test_a_record_that_does_not_fit_is_unencodable_with_half_a_surrogate_pair_too() -> None:
    """It is written a second time then, and what is wrong beside it shows only now."""
    with pytest.raises(Unencodable):
        PLAIN.encode("DeliveryControl", {**CONTROL, "scope": "\ud83d", "at": "noon"})
    with pytest.raises(Unencodable):
        PLAIN.encode("DeliveryControl", {**CONTROL, "scope": "\ud83d", "actor": 5})


def test_a_record_without_an_id_is_a_key_error() -> None:
    """With ids given, a record that has none is a mistake of the composition."""
    with pytest.raises(KeyError):
        Codec({}).encode("DeliveryControl", CONTROL)


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """JSON can carry what UTF-8 cannot; a whole pair is joined, the rest of the text is kept."""
    record = {**CONTROL, "reason": "a\ud83db \ud83d\ude00"}
    assert PLAIN.decode("DeliveryControl", PLAIN.encode("DeliveryControl", record))["reason"] == "a\ufffdb \U0001f600"
    contacts = [{"name": {"formatted_name": "\ude00"}}]
    command = {"phone_number_id": "1", "type": "contacts", "contacts": contacts}
    found = PLAIN.decode("OutboundCommand", PLAIN.encode("OutboundCommand", command))
    assert found["contacts"][0]["name"]["formatted_name"] == "\ufffd"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_undecodable(data: bytes) -> None:
    """No bytes raise anything else, whatever they begin with."""
    for prefix in (b"", PLAIN.encode("OutboundCommand", {"phone_number_id": "1", "type": "x"})[:10]):
        try:
            record = PLAIN.decode("OutboundCommand", prefix + data)
        except Undecodable:
            continue
        assert record.keys() == {field["name"] for field in schemas.schema("OutboundCommand")["fields"]}


@pytest.mark.parametrize("name", schemas.names())
@given(data=st.data())
def test_every_truncation_and_every_tail_is_undecodable(name: str, data: st.DataObject) -> None:
    """A record is read to its last byte, and not one further."""
    whole = PLAIN.encode(name, data.draw(records(name)))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(Undecodable):
        PLAIN.decode(name, whole[:cut])
    with pytest.raises(Undecodable):
        PLAIN.decode(name, whole + b"\x00")


def test_another_records_bytes_are_undecodable() -> None:
    """The fingerprint of another record is not among those of this one."""
    with pytest.raises(Undecodable, match="fingerprint"):
        PLAIN.decode("NumberSignal", PLAIN.encode("DeliveryControl", CONTROL))


def test_an_id_without_a_registry_is_undecodable() -> None:
    """The wire format of a registry needs one."""
    with pytest.raises(Undecodable, match="no schema registry"):
        PLAIN.decode("DeliveryControl", Codec(IDS).encode("DeliveryControl", CONTROL))


def test_an_id_unknown_to_the_registry_is_undecodable() -> None:
    """A LookupError of the registry says that nobody can read this."""

    def fetch(id_: int) -> str:
        raise LookupError(id_)

    with pytest.raises(Undecodable, match="has no schema 9"):
        Codec(fetch=fetch).decode("DeliveryControl", b"\x00\x00\x00\x00\x09")


def test_a_registry_out_of_reach_is_no_fault_of_the_record() -> None:
    """What the registry raises besides is passed on: the record may be readable later."""

    def fetch(_id: int) -> str:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Codec(fetch=fetch).decode("DeliveryControl", b"\x00\x00\x00\x00\x09")


def test_a_fetched_schema_is_asked_for_once() -> None:
    """Each id costs one question, however many records carry it."""
    asked: list[int] = []

    def fetch(id_: int) -> str:
        asked.append(id_)
        return schemas.schema_text("DeliveryControl")

    codec = Codec(fetch=fetch)
    data = Codec(IDS).encode("DeliveryControl", CONTROL)
    assert [codec.decode("DeliveryControl", data)["actor"] for _ in range(3)] == ["operator"] * 3
    assert asked == [IDS["DeliveryControl"]]


def test_a_known_schema_is_never_asked_for() -> None:
    """Whoever writes with a schema that was known at the start is read while the registry is away, old ones too."""

    def older(schema: dict[str, Any]) -> None:
        schema["fields"] = [field for field in schema["fields"] if field["name"] != "until"]

    old = changed("DeliveryControl", older)
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(old)), CONTROL)
    known = {("DeliveryControl", 3): old, ("DeliveryControl", 4): schemas.schema_text("DeliveryControl")}
    codec = Codec({}, refused, known)
    expected = {**CONTROL, "reason": "", "until": None}
    assert codec.decode("DeliveryControl", b"\x00\x00\x00\x00\x03" + body.getvalue()) == expected
    current = PLAIN.encode("DeliveryControl", CONTROL)[10:]
    assert codec.decode("DeliveryControl", b"\x00\x00\x00\x00\x04" + current) == expected


def test_a_schema_that_is_unsafe_is_asked_for_once() -> None:
    """Each record that carries its id is undecodable, and the registry and the parser are left alone."""
    asked: list[int] = []

    def fetch(id_: int) -> str:
        asked.append(id_)
        return '{"type": "record", "name": "R", "fields": [{"name": "next", "type": ["null", "R"]}]}'

    codec = Codec(fetch=fetch)
    for _ in range(3):
        with pytest.raises(Undecodable, match=r"schema 9: .*contains itself"):
            codec.decode("DeliveryControl", b"\x00\x00\x00\x00\x09\x00")
    assert asked == [9]


def test_fetched_schemas_are_bounded() -> None:
    """Ids without end do not fill the memory, and the codec's own ids are never asked for."""
    asked: list[int] = []

    def fetch(id_: int) -> str:
        asked.append(id_)
        return schemas.schema_text("DeliveryControl")

    codec = Codec(IDS, fetch)
    body = PLAIN.encode("DeliveryControl", CONTROL)[10:]
    for id_ in range(1000, 1300):
        codec.decode("DeliveryControl", b"\x00" + id_.to_bytes(4, "big") + body)
    assert len(codec._fetched) <= 256
    codec.decode("DeliveryControl", codec.encode("DeliveryControl", CONTROL))
    assert asked == list(range(1000, 1300))


def test_a_newer_writers_field_is_skipped_and_its_symbol_becomes_the_default() -> None:
    """A record of a later version is read as far as this version understands it."""

    def later(schema: dict[str, Any]) -> None:
        schema["fields"].append({"name": "colour", "type": "string", "default": ""})
        schema["fields"][2]["type"]["symbols"].append("SLOW_DOWN")

    writer = changed("DeliveryControl", later)
    body = BytesIO()
    fastavro.schemaless_writer(
        body, fastavro.parse_schema(json.loads(writer)), {**CONTROL, "action": "SLOW_DOWN", "colour": "red"}
    )
    found = Codec(fetch=lambda _id: writer).decode("DeliveryControl", b"\x00\x00\x00\x00\x01" + body.getvalue())
    assert found == {**CONTROL, "action": "UNKNOWN", "reason": "", "until": None}


def test_records_of_every_released_version_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fingerprint of an old version finds its schema; the record has the fields of today."""

    def older(schema: dict[str, Any]) -> None:
        schema["fields"] = [field for field in schema["fields"] if field["name"] != "until"]

    old = changed("DeliveryControl", older)
    monkeypatch.setattr(schemas, "released", lambda name: {1: old} if name == "DeliveryControl" else {})
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(old)), CONTROL)
    found = Codec().decode("DeliveryControl", b"\xc3\x01" + fingerprint(old) + body.getvalue())
    assert found == {**CONTROL, "reason": "", "until": None}


@pytest.mark.parametrize(
    "writer",
    [
        '"string"',
        '{"type": "record", "name": "Other", "fields": []}',
        changed("DeliveryControl", lambda schema: schema["fields"][0].update(type="int")),
        "not JSON",
        '{"type": "nonsense"}',
    ],
    ids=["no record", "another record", "another type", "no JSON", "no schema"],
)
def test_a_writers_schema_that_does_not_fit_is_undecodable(writer: str) -> None:
    """Whatever the registry hands out, the answer is a record or Undecodable."""
    with pytest.raises(Undecodable):
        Codec(fetch=lambda _id: writer).decode("DeliveryControl", b"\x00\x00\x00\x00\x01\x02a")
