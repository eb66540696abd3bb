"""Commands as JSON: the body one would POST, plus the fields of the envelope."""

import dataclasses
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.records.codec import Codec, Undecodable
from connector.records.commands import Command, InvalidCommand, canonical_body, parse_command, payload_digest

CODEC = Codec()
TEXT: dict[str, Any] = {
    "command_id": "order-4711",
    "phone_number_id": "106540352242922",
    "to": "+16505551234",
    "type": "text",
    "text": {"body": "On its way"},
}


def parsed(**members: Any) -> Command:
    """The example, with some members changed."""
    return parse_command(json.dumps({**TEXT, **members}).encode(), CODEC)


def fault(**members: Any) -> tuple[str, str]:
    """Path and reason with which the changed example is refused."""
    with pytest.raises(InvalidCommand) as caught:
        parsed(**members)
    return caught.value.path, caught.value.reason


def without(*names: str) -> bytes:
    """The example with some members left out."""
    return json.dumps({name: value for name, value in TEXT.items() if name not in names}).encode()


def test_the_envelope_is_taken_off_and_the_rest_is_metas() -> None:
    """The body is what was given, with messaging_product and without our fields."""
    command = parsed(
        expires_at="2026-11-22T12:00:00Z",
        not_before=1_795_300_000_000,
        created_at="2026-11-22T13:00:00.250+02:00",
        on_ambiguous="DEAD_LETTER",
        source="crm",
        biz_opaque_callback_data="campaign 7",
        context={"message_id": "wamid.A"},
    )
    assert command == Command(
        command_id="order-4711",
        phone_number_id="106540352242922",
        body={
            "messaging_product": "whatsapp",
            "to": "+16505551234",
            "type": "text",
            "text": {"body": "On its way"},
            "context": {"message_id": "wamid.A"},
        },
        to="+16505551234",
        recipient=None,
        type="text",
        opaque_data="campaign 7",
        not_before_ms=1_795_300_000_000,
        expires_at_ms=1_795_348_800_000,
        on_ambiguous="DEAD_LETTER",
        source="crm",
        created_at_ms=1_795_345_200_250,
    )


def test_what_is_left_out_has_a_meaning() -> None:
    """No id, no times, no policy: None and DEFAULT."""
    command = parse_command(without("command_id"), CODEC)
    assert (command.command_id, command.on_ambiguous) == (None, "DEFAULT")
    assert (command.not_before_ms, command.expires_at_ms, command.created_at_ms) == (None, None, None)
    assert (command.opaque_data, command.source, command.recipient) == (None, None, None)


def test_members_unknown_here_are_metas() -> None:
    """What Meta may add tomorrow is passed on, at every level."""
    command = parsed(
        product_policy="STRICT", message_activity_sharing=False, text={"body": "x", "new": [1, {"a": None}]}
    )
    assert command.body["product_policy"] == "STRICT"
    assert command.body["message_activity_sharing"] is False
    assert command.body["text"] == {"body": "x", "new": [1, {"a": None}]}


def test_a_null_member_of_the_command_is_one_left_out() -> None:
    """Programs that write every member of a record as JSON write nulls."""
    command = parsed(image=None, context=None, expires_at=None, on_ambiguous=None, biz_opaque_callback_data=None)
    assert command == parsed()


def test_a_new_kind_needs_no_release() -> None:
    """The type is Meta's open set; its member has the same name."""
    assert parsed(type="hologram", hologram={"id": 1}).body["hologram"] == {"id": 1}


def test_a_body_without_a_type_is_text() -> None:
    """As Meta takes it."""
    command = parse_command(without("type"), CODEC)
    assert command == parsed()


def test_recipient_may_stand_in_for_to() -> None:
    """A business-scoped user id is a whole address; with both, both are told."""
    only = parsed(to=None, recipient="US.1349")
    assert (only.to, only.recipient) == (None, "US.1349")
    assert "to" not in only.body
    both = parsed(recipient="US.1349")
    assert (both.to, both.recipient) == ("+16505551234", "US.1349")


@pytest.mark.parametrize("number", ["+16505551234", "16505551234", "+1 (650) 555-1234", "Y2FwaV9ncm91cDox"])
def test_numbers_are_left_as_given(number: str) -> None:
    """Meta takes them in many forms, and groups have ids."""
    assert parsed(to=number).body["to"] == number


@pytest.mark.parametrize(
    ("members", "path", "reason"),
    [
        ({"phone_number_id": None}, "phone_number_id", "is missing"),
        ({"phone_number_id": 106540352242922}, "phone_number_id", "must be a string"),
        ({"phone_number_id": "+1065"}, "phone_number_id", "must be digits"),
        ({"phone_number_id": "\u0661\u0662"}, "phone_number_id", "must be digits"),
        ({"phone_number_id": "1" * 33}, "phone_number_id", "must have 1 to 32 characters, has 33"),
        ({"command_id": ""}, "command_id", "must have 1 to 100 characters, has 0"),
        ({"command_id": "c" * 101}, "command_id", "must have 1 to 100 characters, has 101"),
        ({"command_id": 4711}, "command_id", "must be a string"),
        ({"to": None}, "to", "is missing, and so is recipient"),
        ({"to": 16505551234}, "to", "must be a string"),
        ({"to": ""}, "to", "must have 1 to 256 characters, has 0"),
        ({"recipient": "x" * 257}, "recipient", "must have 1 to 256 characters, has 257"),
        ({"type": 7}, "type", "must be a string"),
        ({"type": None, "text": None}, "type", "is missing"),
        ({"type": "image"}, "image", "the member named by type must be an object or an array"),
        ({"type": "to"}, "to", "the member named by type must be an object or an array"),
        ({"type": "a\nb: c"}, "type", "the member named by type must be an object or an array"),
        ({"text": "On its way"}, "text", "the member named by type must be an object or an array"),
        (
            {"biz_opaque_callback_data": "o" * 301},
            "biz_opaque_callback_data",
            "must have 0 to 300 characters, has 301",
        ),
        ({"biz_opaque_callback_data": {"a": 1}}, "biz_opaque_callback_data", "must be a string"),
        ({"on_ambiguous": "resend"}, "on_ambiguous", "must be RESEND, DEAD_LETTER or DEFAULT"),
        ({"on_ambiguous": ["RESEND"]}, "on_ambiguous", "must be RESEND, DEAD_LETTER or DEFAULT"),
        ({"source": "s" * 201}, "source", "must have 1 to 200 characters, has 201"),
        ({"expires_at": "tomorrow"}, "expires_at", "is not ISO 8601"),
        ({"expires_at": "2026-11-22T12:00:00"}, "expires_at", "has no zone"),
        ({"expires_at": "2026-11-22"}, "expires_at", "has no zone"),
        ({"not_before": 1_795_348_800}, "not_before", "is outside the years 2000 to 9999; an epoch is in milliseconds"),
        ({"not_before": 10**30}, "not_before", "is outside the years 2000 to 9999; an epoch is in milliseconds"),
        (
            {"created_at": 1_795_348_800_000.5},
            "created_at",
            "must be ISO 8601 with a zone, or whole milliseconds since the epoch",
        ),
        ({"created_at": True}, "created_at", "must be ISO 8601 with a zone, or whole milliseconds since the epoch"),
    ],
)
def test_an_invalid_command_is_refused_by_name(members: dict[str, Any], path: str, reason: str) -> None:
    """Each fault says which member, and what it must be; never what it holds."""
    assert fault(**members) == (path, reason)


def test_a_read_receipt_is_refused_and_told_why() -> None:
    """It has no recipient to pace and no outcome to wait for."""
    receipt = {
        "phone_number_id": "106",
        "status": "read",
        "message_id": "wamid.A",
        "typing_indicator": {"type": "text"},
    }
    with pytest.raises(InvalidCommand, match="read receipts and typing indicators are not messages"):
        parse_command(json.dumps(receipt).encode(), CODEC)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value"),
        (b"", "no value"),
        (b"{", "no JSON"),
        (b'{"a": 1} x', "no JSON: Extra data at character 9"),
        (b'{"a": \xff}', "no JSON: UnicodeDecodeError"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": -Infinity}', "-Infinity is no JSON number"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "no JSON: ValueError"),
        (b'{"to": "+1", "to": "+2"}', "twice"),
        (b'{"a": {"b": 1, "b": 1}}', "twice"),
        (b'{"a": "\\ud83d"}', "surrogate"),
        (b'{"\\uDE00": 1}', "surrogate"),
        (b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64"),
        (b'{"a":' + b"[" * 200_000, "no JSON"),
        (b'{"a":' * 200_000, "no JSON"),
        (b"\xef\xbb\xbf{}", "neither"),
        (b" {}", "neither"),
        (b"[]", "neither"),
    ],
)
def test_what_cannot_be_read_is_undecodable(value: bytes | None, reason: str) -> None:
    """JSON is read strictly: what is read can be written again, and says one thing only."""
    with pytest.raises(Undecodable, match=reason):
        parse_command(value, CODEC)


def test_wide_is_not_deep() -> None:
    """Hundreds of contacts are fine, and whole surrogate pairs are characters."""
    contacts = [{"name": {"formatted_name": "\U0001f600"}} for _ in range(257)]
    assert parsed(type="contacts", contacts=contacts).body["contacts"] == contacts


def test_brackets_in_text_are_not_depth() -> None:
    """A text of brackets is a text."""
    assert parsed(text={"body": "[" * 500}).body["text"]["body"] == "[" * 500


@pytest.mark.parametrize(
    "literal", ["1.0", "1", "123456789012345678901234567890", "25000", "-0.5", "37.44211676562361"]
)
def test_numbers_keep_their_value(literal: str) -> None:
    """1.0 stays 1.0, and integers beyond 64 bits stay whole."""
    value = b'{"phone_number_id": "1", "to": "2", "type": "x", "x": {"n": %s}}' % literal.encode()
    assert canonical_body(parse_command(value, CODEC).body["x"]) == b'{"n":%s}' % literal.encode()


def test_the_canonical_body_is_sorted_and_compact() -> None:
    """One text for one content, in UTF-8."""
    assert (
        canonical_body({"b": [1, {"d": "ä", "c": None}], "a": True}) == '{"a":true,"b":[1,{"c":null,"d":"ä"}]}'.encode()
    )


def test_the_digest_covers_what_the_caller_wants_sent() -> None:
    """Body and the caller's data; not id, times, policy or source, and not the order or spacing of the JSON."""
    command = parsed(biz_opaque_callback_data="x")
    whole = canonical_body({**command.body, "biz_opaque_callback_data": "x"})
    assert payload_digest(command) == hashlib.sha256(whole).hexdigest()
    same = parsed(biz_opaque_callback_data="x", command_id="other", source="s", expires_at="2026-11-22T12:00:00Z")
    assert payload_digest(same) == payload_digest(command)
    spaced = json.dumps(dict(reversed(TEXT.items())), indent=3).encode()
    assert payload_digest(parse_command(spaced, CODEC)) == payload_digest(parsed())
    assert payload_digest(parsed()) != payload_digest(command)
    assert payload_digest(parsed(to="+2")) != payload_digest(parsed())


def test_the_digest_stays_what_it_is() -> None:
    """Outcomes of older releases are compared with it."""
    body = b'{"messaging_product":"whatsapp","text":{"body":"On its way"},"to":"+16505551234","type":"text"}'
    assert payload_digest(parsed()) == hashlib.sha256(body).hexdigest()


def test_a_command_is_frozen() -> None:
    """Nobody changes a command on its way."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        parsed().to = "+2"  # type: ignore[misc]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(
    [
        *TEXT,
        "recipient",
        "status",
        "not_before",
        "expires_at",
        "on_ambiguous",
        "source",
        "biz_opaque_callback_data",
        "é",
    ]
)


@given(st.binary(max_size=80).map(b"{".__add__) | st.binary(max_size=80))
def test_any_bytes_are_a_command_or_refused(value: bytes) -> None:
    """Nothing else is ever raised."""
    check_total(value)


@given(st.dictionaries(members, json_values))
def test_any_members_are_a_command_or_refused(changes: dict[str, Any]) -> None:
    """Whatever stands where something else should."""
    check_total(json.dumps({**TEXT, **changes}).encode())


def check_total(value: bytes) -> None:
    """A command whose body can be sent, or one of the two refusals."""
    try:
        command = parse_command(value, CODEC)
    except (Undecodable, InvalidCommand):
        return
    assert json.loads(canonical_body(command.body)) == command.body
    assert len(payload_digest(command)) == 64
