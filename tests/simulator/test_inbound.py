"""Inbound messages of every kind, and who writes them."""

import json
from random import Random
from typing import Any, get_args

import pytest

from connector.simulator import inbound
from connector.simulator.inbound_kinds import Scene, User
from connector.simulator.numbers import Number
from connector.simulator.settings import InboundKind, NumberSettings
from connector.simulator.webhooks import Change, Update, encode, envelope

NUMBER = Number(NumberSettings(id="1", waba_id="7", display_phone_number="15550783881"))
NOW_S = 1_700_000_000
# Kinds that are a form of another type of message; all others are called like their type.
TYPES = {
    "voice": "audio",
    "reaction_removed": "reaction",
    "referral": "text",
    "product_inquiry": "text",
    "forwarded": "text",
    "frequently_forwarded": "text",
    "group_text": "text",
    "number_changed": "system",
    "user_id_changed": "system",
    "identity_changed": "system",
    "oversized": "unsupported",
    "ghost": "unsupported",
    **dict.fromkeys(
        ("button_reply", "list_reply", "flow_reply", "address_reply", "call_permission_reply"), "interactive"
    ),
}
WITHOUT_MEMBER = ("unsupported", "oversized", "ghost", "request_welcome")
KINDS = [kind for kind in get_args(InboundKind) if kind != "errors"]


def scene(sender: User | None = None) -> Scene:
    """Someone writes to the number; media come with an id that tells their type."""
    random = Random(7)  # noqa: S311 - repeatable on purpose
    return Scene(
        random, NUMBER, sender or inbound.user(0), lambda mime: {"mime_type": mime, "id": f"id of {mime}"}, NOW_S
    )


def updates(kind: InboundKind, sender: User | None = None) -> list[Any]:
    """What is posted about a message of ``kind``."""
    return list(inbound.updates(scene(sender), kind, None, message_id="wamid.x", due_s=5.0, ghost_s=2.0))


def message(kind: InboundKind) -> dict[str, Any]:
    """The message in the first update."""
    (first, *_) = updates(kind)
    assert isinstance(first, Update)
    return first.item


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_message_with_a_member_of_its_types_name(kind: InboundKind) -> None:
    """The type names the member that holds the content, where there is content."""
    item = message(kind)
    assert item["type"] == TYPES.get(kind, kind)
    assert kind in WITHOUT_MEMBER or item["type"] in item


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_written_as_json(kind: InboundKind) -> None:
    """And read back."""
    packed = envelope(updates(kind))
    assert json.loads(encode(packed)) == packed


@pytest.mark.parametrize("kind", ["button", "button_reply", "list_reply", "flow_reply", "product_inquiry"])
def test_replies_name_the_message_they_answer(kind: InboundKind) -> None:
    """A tap carries the business's message in context."""
    context = message(kind)["context"]
    assert context["from"] == "15550783881"
    assert context["id"].startswith("wamid.")


def test_a_voice_message_is_audio_that_says_so() -> None:
    """Meta tells them apart by ``voice``."""
    assert message("voice")["audio"] == {
        "mime_type": "audio/ogg; codecs=opus",
        "id": "id of audio/ogg",
        "voice": True,
    }
    assert message("audio")["audio"]["voice"] is False


def test_a_removed_reaction_has_no_emoji() -> None:
    """The member is absent, not empty."""
    assert set(message("reaction_removed")["reaction"]) == {"message_id"}


def test_a_flow_reply_holds_json_as_a_string() -> None:
    """The answers to the form are one more level of JSON."""
    reply = message("flow_reply")["interactive"]["nfm_reply"]
    assert reply["name"] == "flow"
    assert json.loads(reply["response_json"])["flow_token"]


@pytest.mark.parametrize(("kind", "code"), [("unsupported", 131051), ("oversized", 131052), ("ghost", 131060)])
def test_messages_without_content_say_why(kind: InboundKind, code: int) -> None:
    """The code is in errors."""
    assert [error["code"] for error in message(kind)["errors"]] == [code]


def test_a_ghost_is_followed_by_its_content_under_the_same_id() -> None:
    """First unsupported with 131060, later the text itself."""
    ghost, real = updates("ghost")
    assert (ghost.due_s, real.due_s) == (5.0, 7.0)
    assert ghost.item["id"] == real.item["id"]
    assert (ghost.item["type"], real.item["type"]) == ("unsupported", "text")


@pytest.mark.parametrize("kind", ["number_changed", "user_id_changed"])
def test_system_messages_come_without_contacts(kind: InboundKind) -> None:
    """Nobody wrote them."""
    (update,) = updates(kind)
    assert update.contact is None


def test_errors_come_without_any_message() -> None:
    """The value itself holds them."""
    (change,) = updates("errors")
    assert isinstance(change, Change)
    assert change.field == "messages"
    assert set(change.value) == {"messaging_product", "metadata", "errors"}


def test_an_update_adds_who_and_when() -> None:
    """Sender by phone and by id, the time as a string of seconds, the profile in contacts."""
    user = inbound.user(0)
    content = {"type": "text", "text": {"body": "hi"}}
    update = inbound.update(scene(), content, message_id="wamid.x", due_s=5.0)
    assert update.item == {
        "from": user.wa_id,
        "from_user_id": user.user_id,
        "id": "wamid.x",
        "timestamp": "1700000000",
        **content,
    }
    assert update.contact == {"profile": {"name": user.name}, "wa_id": user.wa_id, "user_id": user.user_id}


@pytest.mark.parametrize("sender", [inbound.user(1, hidden=True), inbound.known_as("US.13491208655302741918")])
def test_whoever_hides_the_phone_is_known_by_id_and_user_name(sender: User) -> None:
    """The members of the phone are absent, not empty."""
    (update,) = updates("text", sender)
    assert "from" not in update.item
    assert update.item["from_user_id"] == sender.user_id
    assert "wa_id" not in update.contact
    assert update.contact["profile"]["username"].startswith("@")


def test_a_user_is_the_same_by_phone_and_from_the_population() -> None:
    """The id follows from the phone."""
    user = inbound.user(3)
    assert user.wa_id is not None
    assert inbound.known_as(user.wa_id).user_id == user.user_id == inbound.user(3, hidden=True).user_id


def test_a_message_given_whole_keeps_its_own_members() -> None:
    """An id sent again is how the same message comes twice."""
    content = {"type": "text", "text": {"body": "hi"}, "id": "wamid.again", "timestamp": "1"}
    (update,) = inbound.updates(scene(), "text", content, message_id="wamid.x", due_s=0.0, ghost_s=0.0)
    assert isinstance(update, Update)
    assert (update.item["id"], update.item["timestamp"]) == ("wamid.again", "1")


def test_the_population_writes_in_many_scripts() -> None:
    """Names go beyond ASCII, so that whoever re-encodes before checking a signature is found out."""
    names = [inbound.user(index).name for index in range(20)]
    assert any(not name.isascii() for name in names)
    body = encode(envelope(updates("text", inbound.user(3))))
    assert body.isascii()
    assert json.loads(body)["entry"][0]["changes"][0]["value"]["contacts"][0]["profile"]["name"] == names[3]
