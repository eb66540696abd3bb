"""What a schema change may do, and what is found when it does more."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.records import compatibility, schemas
from connector.records.compatibility import Finding

Change = Callable[[dict[str, Any]], Any]
CURRENT = {name: schemas.schema_text(name) for name in schemas.names()}
RELEASED = {name: schemas.released(name) for name in schemas.names()}


def changed(name: str, change: Change) -> str:
    """The current schema after a change."""
    schema = json.loads(CURRENT[name])
    change(schema)
    return json.dumps(schema)


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """One field of a record; inside a nullable record as well."""
    fields = schema["fields"] if "fields" in schema else schema["type"][1]["fields"]
    found: dict[str, Any] = next(item for item in fields if item["name"] == name)
    return found


def remove(schema: dict[str, Any], name: str) -> None:
    """Takes a field away."""
    schema["fields"] = [item for item in schema["fields"] if item["name"] != name]


def add(schema: dict[str, Any], **members: Any) -> None:
    """Adds a documented field."""
    schema["fields"].append({"name": "colour", "doc": "New.", **members})


def test_the_schemas_of_this_version_keep_all_rules() -> None:
    """Nobody who has any released version is cut off."""
    assert compatibility.check(CURRENT, RELEASED) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("DeliveryControl", lambda s: add(s, type=["null", "string"], default=None)),
        ("DeliveryControl", lambda s: add(s, type="int", default=0)),
        ("DeliveryControl", lambda s: remove(s, "until")),
        ("DeliveryControl", lambda s: field(s, "action")["type"]["symbols"].append("SLOW_DOWN")),
        ("DeliveryControl", lambda s: field(s, "reason").update(doc="Otherwise.", default="none")),
        (
            "InboundMessage",
            lambda s: field(s, "text")["type"][1]["fields"].append(
                {"name": "colour", "type": ["null", "string"], "doc": "New.", "default": None}
            ),
        ),
        ("DeliveryControl", lambda s: s["fields"].reverse()),
    ],
    ids=[
        "new nullable field",
        "new field with default",
        "field with default removed",
        "new symbol",
        "other doc and default",
        "new field in a kind",
        "other order",
    ],
)
def test_changes_everybody_survives(name: str, change: Change) -> None:
    """The ways in which schemas may grow."""
    assert compatibility.check({name: changed(name, change)}, {name: RELEASED[name]}) == []


@pytest.mark.parametrize(
    ("name", "change", "where", "what"),
    [
        (
            "DeliveryControl",
            lambda s: add(s, type="string"),
            "colour",
            ["the current schema cannot read v1: the field has no default"],
        ),
        (
            "DeliveryControl",
            lambda s: remove(s, "scope"),
            "scope",
            ["v1 cannot read the current schema: the field has no default"],
        ),
        (
            "DeliveryControl",
            lambda s: field(s, "scope").update(name="target"),
            "scope",
            ["v1 cannot read the current schema: the field has no default"],
        ),
        (
            "DeliveryControl",
            lambda s: field(s, "scope").update(type="int"),
            "scope",
            [
                "the current schema cannot read v1: reader type: int not compatible with writer type: string",
                "v1 cannot read the current schema: reader type: string not compatible with writer type: int",
            ],
        ),
        (
            "DeliveryOutcome",
            lambda s: field(s, "attempts").update(type="long"),
            "attempts",
            ["v1 cannot read the current schema: reader type: int not compatible with writer type: long"],
        ),
        (
            "DeliveryControl",
            lambda s: field(s, "scope").update(type=["null", "string"], default=None),
            "scope",
            ["v1 cannot read the current schema: reader type: string not compatible with writer type: null"],
        ),
        (
            "InboundMessage",
            lambda s: field(field(s, "media"), "voice").update(type=["null", "string"]),
            "media.voice",
            [
                "the current schema cannot read v1: reader type: string not compatible with writer type: boolean",
                "v1 cannot read the current schema: reader type: boolean not compatible with writer type: string",
            ],
        ),
        (
            "MessageStatus",
            lambda s: field(field(s, "errors")["type"]["items"], "code").update(type=["null", "int"]),
            "errors.code",
            ["the current schema cannot read v1: reader type: int not compatible with writer type: long"],
        ),
        (
            "DeliveryAttempt",
            lambda s: field(s, "source")["type"].update(name="Origin"),
            "source",
            [
                "the current schema cannot read v1: expected: whatsapp.connector.v1.SourceRecord",
                "v1 cannot read the current schema: expected: whatsapp.connector.v1.Origin",
            ],
        ),
    ],
    ids=[
        "new field without default",
        "needed field removed",
        "needed field renamed",
        "other type",
        "wider number",
        "made nullable",
        "other type inside a nullable record",
        "narrower number inside an array",
        "nested record renamed",
    ],
)
def test_changes_that_cut_somebody_off_are_found(name: str, change: Change, where: str, what: list[str]) -> None:
    """Each finding says which field, and who can no longer read whom."""
    found = compatibility.incompatibilities(name, changed(name, change), RELEASED[name])
    assert Finding(name, where, what[0]) in found
    assert [finding.what for finding in found if finding.where == where] == what


def test_every_released_version_counts_not_only_the_last() -> None:
    """A field removed in v2 cannot come back with another type: v1 still has it."""
    released = {1: CURRENT["DeliveryControl"], 2: changed("DeliveryControl", lambda s: remove(s, "reason"))}
    current = changed("DeliveryControl", lambda s: field(s, "reason").update(type="int", default=0))
    found = compatibility.incompatibilities("DeliveryControl", current, released)
    assert [finding.what.split(":")[0] for finding in found] == [
        "the current schema cannot read v1",
        "v1 cannot read the current schema",
    ]


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        (lambda s: s.pop("doc"), "", "the record has no doc"),
        (lambda s: s.update(name="Other"), "", "has another name than its file"),
        (lambda s: s.update(namespace="other"), "", "is not in the namespace whatsapp.connector.v1"),
        (lambda s: field(s, "scope").pop("doc"), "scope", "the field has no doc"),
        (lambda s: field(s, "action")["type"].pop("doc"), "action", "the enum has no doc"),
        (lambda s: field(s, "action")["type"].pop("default"), "action", "the enum has no default symbol"),
        (lambda s: field(s, "action")["type"].update(default="NO"), "action", "the enum has no default symbol"),
        (lambda s: field(s, "until").update(type=["long", "null"]), "until", "has a union other than [null, T]"),
        (
            lambda s: field(s, "until").update(type=["null", "long", "string"]),
            "until",
            "has a union other than [null, T]",
        ),
        (lambda s: field(s, "until").pop("default"), "until", "is nullable without the default null"),
        (lambda s: field(s, "reason").update(type="bytes"), "reason", "has the type bytes"),
        (
            lambda s: field(s, "reason").update(type={"type": "map", "values": "int"}),
            "reason",
            "has a type that is not used here",
        ),
        (
            lambda s: field(s, "at").update(type={"type": "long", "logicalType": "timestamp-micros"}),
            "at",
            "has a type that is not used here",
        ),
        (
            lambda s: add(s, type={"type": "array", "items": ["null", "int"]}, default=[]),
            "colour",
            "has a union inside a type",
        ),
        (
            lambda s: add(s, type=["null", {"type": "record", "name": "R", "fields": []}], default=None),
            "colour",
            "the record has no doc",
        ),
    ],
)
def test_a_schema_out_of_shape_is_found(change: Change, where: str, what: str) -> None:
    """Warehouses load simple shapes; people read docs."""
    assert compatibility.shape_faults("DeliveryControl", changed("DeliveryControl", change)) == [
        Finding("DeliveryControl", where, what)
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "enum"}'])
def test_what_is_no_record_is_found_and_not_raised(text: str) -> None:
    """A broken file is a finding like others."""
    assert compatibility.shape_faults("DeliveryControl", text)
    assert compatibility.incompatibilities("DeliveryControl", text, RELEASED["DeliveryControl"])


def test_a_recursive_schema_is_found() -> None:
    """Readers of it would need no bound; the codec refuses it too."""
    text = changed("DeliveryControl", lambda s: add(s, type=["null", "DeliveryControl"], default=None))
    found = compatibility.incompatibilities("DeliveryControl", text, RELEASED["DeliveryControl"])
    assert [finding.what for finding in found] == [
        "cannot be used: whatsapp.connector.v1.DeliveryControl contains itself"
    ]


def test_nested_types_of_one_name_are_one_type() -> None:
    """Code generators write one class for both."""
    texts = {
        **CURRENT,
        "MessageStatus": changed("MessageStatus", lambda s: field(s, "errors")["type"]["items"].pop("doc")),
    }
    assert compatibility.differing_twins(texts) == [
        Finding("MessageStatus", "MetaError", "is defined otherwise in InboundMessage")
    ]
