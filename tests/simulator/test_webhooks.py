"""Webhook bodies: envelope, JSON style, signature."""

import json
from typing import Any

import pytest

from connector.simulator.webhooks import Update, encode, envelope, signature


def update(
    number: str = "1", member: str = "statuses", *, waba: str = "w", contact: Any = None, item: Any = None
) -> Update:
    """One update."""
    return Update(0.0, waba, number, f"1555{number}", member, item or {"id": "wamid.x"}, contact)


def test_the_envelope_of_one_status() -> None:
    """Account, change, metadata, status: Meta's four layers."""
    assert envelope([update(item={"id": "wamid.a", "status": "sent"})]) == {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "w",
                "changes": [
                    {
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {"display_phone_number": "15551", "phone_number_id": "1"},
                            "statuses": [{"id": "wamid.a", "status": "sent"}],
                        },
                        "field": "messages",
                    }
                ],
            }
        ],
    }


def test_updates_are_grouped_by_account_number_and_kind() -> None:
    """One entry for each account, one change for each number and kind."""
    packed = envelope(
        [update(), update(), update("2"), update(member="messages"), update("3", waba="v")],
    )
    assert [entry["id"] for entry in packed["entry"]] == ["w", "v"]
    changes = packed["entry"][0]["changes"]
    assert [len(change["value"].get("statuses", [])) for change in changes] == [2, 1, 0]
    assert [len(change["value"].get("messages", [])) for change in changes] == [0, 0, 1]


def test_a_contact_is_listed_once() -> None:
    """Two messages of one user share the contact."""
    contact = {"wa_id": "1650"}
    value = envelope([update(contact=contact), update(contact=contact)])["entry"][0]["changes"][0]["value"]
    assert value["contacts"] == [contact]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\u00e4\u00f6\u00e5", rb"\u00e4\u00f6\u00e5"),
        ("a/b", rb"a\/b"),
        ("<%@", rb"\u003C\u0025\u0040"),
        ("\U0001f600", rb"\ud83d\ude00"),
        ('"\\', rb"\"\\"),
    ],
)
def test_json_is_written_as_meta_writes_it(text: str, written: bytes) -> None:
    """Non-ASCII and four ASCII characters are escaped; the value stays the same."""
    body = encode({"text": text})
    assert body == b'{"text":"' + written + b'"}'
    assert json.loads(body) == {"text": text}


def test_the_signature_is_over_the_bytes() -> None:
    """A published vector: HMAC-SHA256 of the exact body, in lower-case hex."""
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    expected = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"
    assert signature("test_app_secret", body) == expected
