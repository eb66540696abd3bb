"""Inbound messages of every kind."""

import json
from random import Random
from typing import get_args

import pytest

from connector.simulator import inbound
from connector.simulator.numbers import Number
from connector.simulator.settings import InboundKind, NumberSettings
from connector.simulator.webhooks import encode, envelope

NUMBER = Number(NumberSettings(id="1", waba_id="w", display_phone_number="15550783881"))


@pytest.mark.parametrize("kind", get_args(InboundKind))
def test_every_kind_is_a_message_with_a_member_of_its_name(kind: InboundKind) -> None:
    """The type names the member that holds the content; a list reply is an interactive message."""
    message = inbound.message(Random(7), NUMBER, kind)  # noqa: S311 - repeatable on purpose
    assert message["type"] == ("interactive" if kind == "list_reply" else kind)
    assert message["type"] in message


def test_replies_name_the_message_they_answer() -> None:
    """A tap on a button carries the business's message in context."""
    message = inbound.message(Random(7), NUMBER, "button")  # noqa: S311 - repeatable on purpose
    assert message["context"]["from"] == "15550783881"
    assert message["context"]["id"].startswith("wamid.")


def test_an_update_adds_who_and_when() -> None:
    """Sender by phone and by id, the time as a string of seconds, the profile in contacts."""
    user = inbound.user(0)
    content = {"type": "text", "text": {"body": "hi"}}
    update = inbound.update(NUMBER, user, content, message_id="wamid.x", now_s=5.0, wall_ms=1_700_000_000_999)
    contact = update.contact or {}
    assert update.item == {
        "from": user.wa_id,
        "from_user_id": contact["user_id"],
        "id": "wamid.x",
        "timestamp": "1700000000",
        **content,
    }
    assert contact["profile"]["name"]
    assert contact["wa_id"] == user.wa_id


def test_a_message_given_whole_keeps_its_own_members() -> None:
    """An id sent again is how the same message comes twice."""
    content = {"type": "text", "text": {"body": "hi"}, "id": "wamid.again", "timestamp": "1"}
    update = inbound.update(NUMBER, inbound.user(0), content, message_id="wamid.x", now_s=0.0, wall_ms=0)
    assert (update.item["id"], update.item["timestamp"]) == ("wamid.again", "1")


def test_the_population_writes_in_many_scripts() -> None:
    """Names go beyond ASCII, so that whoever re-encodes before checking a signature is found out."""
    names = [inbound.user(index).name for index in range(20)]
    assert any(not name.isascii() for name in names)
    update = inbound.update(NUMBER, inbound.user(3), {"type": "text"}, message_id="w", now_s=0.0, wall_ms=0)
    body = encode(envelope([update]))
    assert body.isascii()
    assert json.loads(body)["entry"][0]["changes"][0]["value"]["contacts"][0]["profile"]["name"] == names[3]
