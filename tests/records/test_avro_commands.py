"""Commands as Avro: the sub-records become Meta's body."""

import json
from typing import Any

import pytest
from hypothesis import given

from connector.records.codec import Codec, Undecodable
from connector.records.commands import Command, InvalidCommand, canonical_body, parse_command, payload_digest
from tests.records.generated import records

CODEC = Codec()
ADDRESS = {"phone_number_id": "106540352242922", "to": "+16505551234"}


def parsed(**fields: Any) -> Command:
    """A command from a record with these fields."""
    return parse_command(CODEC.encode("OutboundCommand", {**ADDRESS, **fields}), CODEC)


def body(**fields: Any) -> dict[str, Any]:
    """Its body without what every body has."""
    return {k: v for k, v in parsed(**fields).body.items() if k not in ("messaging_product", "to", "type")}


def test_an_avro_command_is_the_json_command() -> None:
    """Both forms of one command are equal, digest included."""
    document = {
        **ADDRESS,
        "command_id": "order-4711",
        "recipient_type": "individual",
        "type": "text",
        "text": {"body": "On its way", "preview_url": True},
        "context": {"message_id": "wamid.A"},
        "on_ambiguous": "RESEND",
        "source": "crm",
    }
    times = {"not_before": 1_795_300_000_000, "expires_at": 1_795_348_800_000, "created_at": 1_795_200_000_000}
    as_json = {**document, **times, "biz_opaque_callback_data": "campaign 7"}
    as_avro = parsed(**document, **times, opaque_data="campaign 7")
    assert as_avro == parse_command(json.dumps(as_json).encode(), CODEC)
    assert payload_digest(as_avro) == payload_digest(parse_command(json.dumps(as_json).encode(), CODEC))


@pytest.mark.parametrize("kind", ["image", "audio", "video", "document", "sticker"])
def test_media_of_every_kind_have_one_shape(kind: str) -> None:
    """By id or by link; what is not given is not sent."""
    assert body(type=kind, **{kind: {"id": "1"}}) == {kind: {"id": "1"}}
    assert body(type=kind, **{kind: {"link": "https://x", "caption": ""}}) == {
        kind: {"link": "https://x", "caption": ""}
    }


def test_a_location_has_numbers() -> None:
    """Degrees, and optional names."""
    place = {"latitude": 37.5, "longitude": -122.0}
    assert body(type="location", location=place) == {"location": place}
    assert body(type="location", location={**place, "name": "HQ"}) == {"location": {**place, "name": "HQ"}}


def test_a_card_has_only_the_parts_it_has() -> None:
    """Empty lists and nulls of a card are not sent."""
    card = {"name": {"formatted_name": "Ada L."}, "phones": [{"phone": "+1", "type": "WORK"}]}
    assert body(type="contacts", contacts=[card]) == {"contacts": [card]}


def test_a_reaction_may_have_no_emoji() -> None:
    """The empty emoji removes a reaction, so it is sent."""
    reaction = {"message_id": "wamid.A", "emoji": ""}
    assert body(type="reaction", reaction=reaction) == {"reaction": reaction}


def test_a_template_has_its_language_and_components() -> None:
    """Shallow fields and a JSON text become Meta's shape."""
    components = [{"type": "body", "parameters": [{"type": "text", "text": "Ada", "amount_1000": 25000, "f": 1.0}]}]
    record = {"name": "hello", "language_code": "en_US", "components_json": json.dumps(components)}
    assert body(type="template", template=record) == {
        "template": {"name": "hello", "language": {"code": "en_US"}, "components": components}
    }
    bare = {"name": "hello", "language_code": "en_US", "language_policy": "deterministic"}
    assert body(type="template", template=bare) == {
        "template": {"name": "hello", "language": {"code": "en_US", "policy": "deterministic"}}
    }


def test_an_interactive_message_has_its_parts() -> None:
    """Texts are wrapped, header and action are JSON."""
    action = {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Yes"}}]}
    record = {
        "type": "button",
        "header_json": '{"type": "text", "text": "H"}',
        "body_text": "B",
        "footer_text": "F",
        "action_json": json.dumps(action),
    }
    assert body(type="interactive", interactive=record) == {
        "interactive": {
            "type": "button",
            "header": {"type": "text", "text": "H"},
            "body": {"text": "B"},
            "footer": {"text": "F"},
            "action": action,
        }
    }
    assert body(type="interactive", interactive={"type": "list"}) == {"interactive": {"type": "list"}}


def test_message_json_wins() -> None:
    """The whole body for kinds newer than the schema; what it lacks comes from the record."""
    command = parsed(
        type="text", text={"body": "ignored"}, message_json='{"type": "hologram", "hologram": {"id": 1}, "to": "+2"}'
    )
    assert (command.type, command.to) == ("hologram", "+2")
    assert command.body["hologram"] == {"id": 1}
    assert parsed(type="hologram", message_json='{"hologram": {"id": 1}}').to == ADDRESS["to"]


def test_message_json_does_not_touch_the_envelope() -> None:
    """A body copied from elsewhere changes neither sender nor identity; its callback data are the caller's."""
    copied = {"command_id": "x", "phone_number_id": "999", "on_ambiguous": "RESEND", "source": "x", "expires_at": "x"}
    command = parsed(
        type="text", message_json=json.dumps({**copied, "text": {"body": "b"}, "biz_opaque_callback_data": "theirs"})
    )
    assert (command.command_id, command.phone_number_id, command.source) == (None, "106540352242922", None)
    assert (command.on_ambiguous, command.expires_at_ms, command.opaque_data) == ("DEFAULT", None, "theirs")
    assert not copied.keys() & command.body.keys()
    assert (
        parsed(type="text", message_json='{"text": {}, "biz_opaque_callback_data": "a"}', opaque_data="b").opaque_data
        == "b"
    )


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"type": "text"}, "text"),
        ({"type": "text", "text": {"body": "x"}, "to": None}, "to"),
        ({"type": "text", "text": {"body": "x"}, "opaque_data": "o" * 301}, "biz_opaque_callback_data"),
        ({"type": "text", "text": {"body": "x"}, "expires_at": 1_795_348_800}, "expires_at"),
        ({"type": "text", "text": {"body": "x"}, "phone_number_id": ""}, "phone_number_id"),
        ({"type": "text", "text": {"body": "x"}, "on_ambiguous": "DEFAULT", "command_id": ""}, "command_id"),
        ({"type": "location", "location": {"latitude": float("nan"), "longitude": 1.0}}, "location"),
        ({"type": "location", "location": {"latitude": 1.0, "longitude": float("inf")}}, "location"),
        ({"type": "template", "template": {"components_json": "{}"}}, "template.components_json"),
        ({"type": "template", "template": {"components_json": "["}}, "template.components_json"),
        ({"type": "interactive", "interactive": {"action_json": "[]"}}, "interactive.action_json"),
        ({"type": "interactive", "interactive": {"header_json": '{"a": NaN}'}}, "interactive.header_json"),
        ({"type": "x", "message_json": "[]"}, "message_json"),
        ({"type": "x", "message_json": '{"x": {}, "x": {}}'}, "message_json"),
    ],
)
def test_an_invalid_avro_command_is_refused_by_name(fields: dict[str, Any], path: str) -> None:
    """The record was read; what it says cannot be sent."""
    with pytest.raises(InvalidCommand) as caught:
        parsed(**fields)
    assert caught.value.path == path


def test_another_record_is_undecodable() -> None:
    """Only an OutboundCommand is a command."""
    other = CODEC.encode("DeliveryControl", {"scope": "s", "actor": "a", "action": "HOLD", "at": 1})
    with pytest.raises(Undecodable):
        parse_command(other, CODEC)


@given(records("OutboundCommand"))
def test_any_record_is_a_command_or_refused(record: dict[str, Any]) -> None:
    """Whatever the schema allows; a body that comes out can be sent."""
    try:
        command = parse_command(CODEC.encode("OutboundCommand", record), CODEC)
    except InvalidCommand:
        return
    assert json.loads(canonical_body(command.body)) == command.body
