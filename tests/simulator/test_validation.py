"""Which bodies are taken, and with which of Meta's codes the others are refused."""

import json
from typing import Any

import pytest

from connector.simulator.errors import Refusal
from connector.simulator.validation import Message, ReadReceipt, Recipient, read_request

TO = {"messaging_product": "whatsapp", "to": "+16505551234"}


def read(body: Any, *, marketing: bool = False) -> Message | ReadReceipt | Refusal:
    """Check a body given as Python values."""
    return read_request(json.dumps(body).encode(), marketing=marketing)


def of_type(kind: str, content: Any, **also: Any) -> dict[str, Any]:
    """A message of ``kind`` to one phone."""
    return {**TO, "type": kind, kind: content, **also}


def interactive(kind: str, action: Any, **also: Any) -> dict[str, Any]:
    """An interactive message of ``kind``."""
    return of_type("interactive", {"type": kind, "body": {"text": "b"}, "action": action, **also})


def button(index: int, title: str = "") -> dict[str, Any]:
    """One reply button."""
    return {"type": "reply", "reply": {"id": f"b{index}", "title": title or f"Button {index}"}}


def row(index: int, **also: Any) -> dict[str, Any]:
    """One row of a list."""
    return {"id": f"r{index}", "title": f"Row {index}", **also}


def rows(*indexes: int) -> list[dict[str, Any]]:
    """Several rows of a list."""
    return [row(index) for index in indexes]


def card(index: int) -> dict[str, Any]:
    """One card of a carousel."""
    return {"card_index": index, "type": "cta_url", "body": {"text": "c"}, "action": {"name": "cta_url"}}


def carousel(cards: int, **also: Any) -> dict[str, Any]:
    """An interactive carousel."""
    return interactive("carousel", {"cards": [card(index) for index in range(cards)]}, **also)


def products(*counts: int) -> list[dict[str, Any]]:
    """Sections with so many products each."""
    return [{"title": "s", "product_items": [{"product_retailer_id": "sku"}] * count} for count in counts]


TAKEN = {
    "text": of_type("text", {"body": "hello", "preview_url": True}),
    "longest text": of_type("text", {"body": "x" * 4096}),
    "text without a type": {**TO, "text": {"body": "hello"}},
    "image by id": of_type("image", {"id": "1", "caption": "c" * 1024}),
    "image by link": of_type("image", {"link": "https://example.com/a.jpg"}),
    "voice note": of_type("audio", {"id": "1", "voice": True}),
    "video": of_type("video", {"id": "1"}),
    "document": of_type("document", {"id": "1", "filename": "a.pdf", "caption": ""}),
    "sticker": of_type("sticker", {"id": "1"}),
    "location in numbers": of_type("location", {"latitude": 37.4, "longitude": -122.1}),
    "location in strings": of_type("location", {"latitude": "37.4", "longitude": "-122.1", "name": "n"}),
    "contact": of_type("contacts", [{"name": {"formatted_name": "John"}, "birthday": "2012-08-18"}]),
    "reaction": of_type("reaction", {"message_id": "wamid.x", "emoji": "\U0001f600"}),
    "reaction taken back": of_type("reaction", {"message_id": "wamid.x", "emoji": ""}),
    "template": of_type("template", {"name": "hello_world", "language": {"code": "en_US"}}),
    "template with parameters": of_type(
        "template",
        {
            "name": "n",
            "language": {"code": "en"},
            "components": [{"type": "BODY", "parameters": [{"type": "text", "text": "x", "parameter_name": "p"}]}],
        },
    ),
    "three buttons": interactive("button", {"buttons": [button(1), button(2), button(3)]}, footer={"text": "f" * 60}),
    "image header": interactive("button", {"buttons": [button(1)]}, header={"type": "image", "image": {"id": "1"}}),
    "list of ten rows": interactive(
        "list", {"button": "Choose", "sections": [{"title": "s", "rows": rows(*range(10))}]}
    ),
    "list body of 4096": interactive(
        "list", {"button": "b", "sections": [{"rows": rows(1)}]}, body={"text": "b" * 4096}
    ),
    "link button": interactive(
        "cta_url", {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://example.com"}}
    ),
    "flow": interactive(
        "flow",
        {"name": "flow", "parameters": {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Book"}},
    ),
    "product without a body": of_type(
        "interactive", {"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "2"}}
    ),
    "product list": interactive(
        "product_list", {"catalog_id": "1", "sections": products(15, 15)}, header={"type": "text", "text": "h"}
    ),
    "catalog": interactive("catalog_message", {"name": "catalog_message"}),
    "location request": interactive("location_request_message", {"name": "send_location"}),
    "address": interactive("address_message", {"name": "address_message", "parameters": {"country": "IN"}}),
    "carousel": carousel(2),
    "order": interactive("order_details", {"name": "review_and_pay", "parameters": {}}),
    "reply": of_type("text", {"body": "x"}, context={"message_id": "wamid.x"}),
    "callback data of 512": of_type("text", {"body": "x"}, biz_opaque_callback_data="d" * 512),
    "members Meta may add": of_type("text", {"body": "x", "new": 1}, newer={"a": 1}),
    "group": {**of_type("text", {"body": "x"}), "to": "Y2FwaV9ncm91cDox", "recipient_type": "group"},
    "pin in a group": {**of_type("pin", {"type": "pin"}), "to": "Y2FwaV9ncm91cDox", "recipient_type": "group"},
}

MISSING, INVALID, GENERAL, UNSUPPORTED = 131008, 131009, 100, 131051
REFUSED: dict[str, tuple[Any, int, str]] = {
    "not an object": ([], GENERAL, "The request must be a JSON object."),
    "no product": ({"to": "+16505551234"}, GENERAL, "The parameter messaging_product is required."),
    "other product": ({**TO, "messaging_product": "x"}, GENERAL, "Param messaging_product must be whatsapp."),
    "no recipient": (
        {"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}},
        GENERAL,
        "The parameter to is required.",
    ),
    "number in place of text": ({**of_type("text", {"body": "x"}), "to": 16505551234}, GENERAL, "must be a string"),
    "leading zeros": ({**of_type("text", {"body": "x"}), "to": "0016505551234"}, GENERAL, "must not start with 00"),
    "letters": ({**of_type("text", {"body": "x"}), "to": "+1650ABC1234"}, INVALID, "is malformed"),
    "too many digits": ({**of_type("text", {"body": "x"}), "to": "+1234567890123456"}, INVALID, "is malformed"),
    "bad user id": ({"messaging_product": "whatsapp", "recipient": "16505551234"}, GENERAL, "business-scoped user id"),
    "recipient type": ({**of_type("text", {"body": "x"}), "recipient_type": "x"}, GENERAL, "recipient_type"),
    "unknown type": ({**TO, "type": "poll", "poll": {}}, UNSUPPORTED, "Param type must be one of"),
    "type that is no string": ({**TO, "type": []}, UNSUPPORTED, "Param type"),
    "no content": ({**TO, "type": "text"}, MISSING, "text is required"),
    "content of another type": ({**TO, "type": "image", "text": {"body": "x"}}, MISSING, "image is required"),
    "content that is no object": (of_type("text", "hello"), GENERAL, "Param text must be a JSON object."),
    "no text body": (of_type("text", {}), MISSING, "The parameter text['body'] is required."),
    "empty text": (of_type("text", {"body": ""}), GENERAL, "Param text['body'] must be at least 1 characters long."),
    "text too long": (
        of_type("text", {"body": "x" * 4097}),
        GENERAL,
        "Param text['body'] must be at most 4096 characters long.",
    ),
    "preview that is no boolean": (of_type("text", {"body": "x", "preview_url": 1}), GENERAL, "must be a boolean"),
    "caption too long": (of_type("image", {"id": "1", "caption": "c" * 1025}), GENERAL, "at most 1024"),
    "no media": (of_type("video", {"caption": "c"}), MISSING, "exactly one of id, link"),
    "two media": (of_type("video", {"id": "1", "link": "https://example.com"}), INVALID, "exactly one of id, link"),
    "latitude": (of_type("location", {"latitude": 91, "longitude": 0}), INVALID, "between -90 and 90"),
    "latitude no number": (of_type("location", {"latitude": "x", "longitude": 0}), INVALID, "between -90 and 90"),
    "latitude a boolean": (of_type("location", {"latitude": True, "longitude": 0}), INVALID, "between -90 and 90"),
    "no contacts": (of_type("contacts", []), INVALID, "has 0 items. Min: 1"),
    "contact without a name": (of_type("contacts", [{}]), MISSING, "contacts[0]['name'] is required"),
    "contacts that are no list": (of_type("contacts", {}), GENERAL, "must be an array"),
    "reaction to nothing": (of_type("reaction", {"emoji": "x"}), MISSING, "message_id"),
    "reaction as a reply": (
        of_type("reaction", {"message_id": "w", "emoji": "x"}, context={"message_id": "w"}),
        INVALID,
        "not allowed with a reaction",
    ),
    "reply to nothing": (of_type("text", {"body": "x"}, context={}), MISSING, "context['message_id']"),
    "callback data of 513": (
        of_type("text", {"body": "x"}, biz_opaque_callback_data="d" * 513),
        GENERAL,
        "Param biz_opaque_callback_data must be at most 512 characters long.",
    ),
    "template without a name": (of_type("template", {"language": {"code": "en"}}), MISSING, "template['name']"),
    "template without a language": (of_type("template", {"name": "n"}), MISSING, "template['language']"),
    "template parameter without a type": (
        of_type(
            "template", {"name": "n", "language": {"code": "en"}, "components": [{"type": "b", "parameters": [{}]}]}
        ),
        MISSING,
        "template['components'][0]['parameters'][0]['type']",
    ),
    "no buttons": (interactive("button", {"buttons": []}), INVALID, "has 0 items. Min: 1, Max: 3"),
    "four buttons": (
        interactive("button", {"buttons": [button(index) for index in range(4)]}),
        INVALID,
        "Param interactive['action']['buttons'] has 4 items. Min: 1, Max: 3.",
    ),
    "button title too long": (
        interactive("button", {"buttons": [button(1, "t" * 21)]}),
        INVALID,
        "Param interactive['action']['buttons'][0]['reply']['title'] must be at most 20 characters long.",
    ),
    "equal button titles": (
        interactive("button", {"buttons": [button(1, "same"), button(2, "same")]}),
        INVALID,
        "button titles that are not unique",
    ),
    "equal button ids": (
        interactive("button", {"buttons": [button(1, "one"), button(1, "two")]}),
        INVALID,
        "button ids that are not unique",
    ),
    "eleven rows": (
        interactive(
            "list",
            {
                "button": "b",
                "sections": [{"title": "s", "rows": rows(*range(6))}, {"title": "t", "rows": rows(*range(6, 11))}],
            },
        ),
        INVALID,
        "has 11 rows over all sections",
    ),
    "equal row ids": (
        interactive("list", {"button": "b", "sections": [{"rows": rows(1, 1)}]}),
        INVALID,
        "row ids that are not unique",
    ),
    "row description": (
        interactive("list", {"button": "b", "sections": [{"rows": [row(1, description="d" * 73)]}]}),
        INVALID,
        "at most 72",
    ),
    "two sections without titles": (
        interactive("list", {"button": "b", "sections": [{"rows": rows(1)}, {"rows": rows(2)}]}),
        INVALID,
        "needs a title in each",
    ),
    "image header on a list": (
        interactive(
            "list",
            {"button": "b", "sections": [{"rows": rows(1)}]},
            header={"type": "image", "image": {"id": "1"}},
        ),
        INVALID,
        "interactive['header']['type']",
    ),
    "interactive body too long": (
        interactive("button", {"buttons": [button(1)]}, body={"text": "b" * 1025}),
        INVALID,
        "at most 1024",
    ),
    "footer too long": (
        interactive("button", {"buttons": [button(1)]}, footer={"text": "f" * 61}),
        INVALID,
        "at most 60",
    ),
    "unknown interactive": (interactive("poll", {}), INVALID, "Param interactive['type'] must be one of"),
    "interactive without a type": (of_type("interactive", {}), MISSING, "interactive['type']"),
    "link button without a link": (
        interactive("cta_url", {"name": "cta_url", "parameters": {"display_text": "Open"}}),
        MISSING,
        "url",
    ),
    "flow without a flow": (
        interactive("flow", {"name": "flow", "parameters": {"flow_message_version": "3", "flow_cta": "Book"}}),
        INVALID,
        "needs flow_id or flow_name",
    ),
    "product with a header": (
        interactive("product", {"catalog_id": "1", "product_retailer_id": "2"}, header={"type": "text", "text": "h"}),
        INVALID,
        "not allowed here",
    ),
    "product list without a header": (
        interactive("product_list", {"catalog_id": "1", "sections": products(1)}),
        MISSING,
        "interactive['header']",
    ),
    "31 products": (
        interactive(
            "product_list", {"catalog_id": "1", "sections": products(16, 15)}, header={"type": "text", "text": "h"}
        ),
        INVALID,
        "has 31 products",
    ),
    "address without a country": (
        interactive("address_message", {"name": "address_message", "parameters": {}}),
        MISSING,
        "country",
    ),
    "one card": (carousel(1), INVALID, "has 1 items. Min: 2, Max: 10"),
    "carousel with a footer": (carousel(2, footer={"text": "f"}), INVALID, "not allowed here"),
    "interactive in a group": (
        {**interactive("button", {"buttons": [button(1)]}), "recipient_type": "group"},
        UNSUPPORTED,
        "cannot be sent to a group",
    ),
    "pin outside a group": (of_type("pin", {}), UNSUPPORTED, "for groups only"),
    "read receipt without an id": ({"messaging_product": "whatsapp", "status": "read"}, MISSING, "message_id"),
    "other status": (
        {"messaging_product": "whatsapp", "status": "delivered", "message_id": "w"},
        INVALID,
        "Param status must be one of {read}.",
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_documented_bodies_are_taken(name: str) -> None:
    """Every form that Meta documents is a message."""
    assert isinstance(read(TAKEN[name]), Message)


@pytest.mark.parametrize("name", REFUSED)
def test_other_bodies_are_refused_with_metas_code_and_the_place(name: str) -> None:
    """A refusal carries the code that fits and says which member is wrong."""
    body, code, words = REFUSED[name]
    refusal = read(body)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert words in refusal.details


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b'{"a":' * 5000])
def test_what_is_no_json_is_an_invalid_parameter(payload: bytes) -> None:
    """Broken, foreign or absurdly deep bodies are refused, not crashed on."""
    refusal = read_request(payload)
    assert isinstance(refusal, Refusal)
    assert refusal.code == GENERAL


@pytest.mark.parametrize(
    ("given", "digits"),
    [("+16505551234", "16505551234"), ("16505551234", "16505551234"), ("+1 (650) 555-1234", "16505551234")],
)
def test_phone_numbers_may_be_written_for_people(given: str, digits: str) -> None:
    """Plus, spaces, hyphens and brackets are taken off; the answer repeats what was given."""
    message = read({**of_type("text", {"body": "x"}), "to": given})
    assert isinstance(message, Message)
    assert message.recipient == Recipient("phone", given, digits)


@pytest.mark.parametrize("user_id", ["US.13491208655302741918", "US.ENT.506847293015824"])
def test_business_scoped_ids_go_into_recipient(user_id: str) -> None:
    """A user can be written to without a number."""
    message = read({"messaging_product": "whatsapp", "recipient": user_id, "type": "text", "text": {"body": "x"}})
    assert isinstance(message, Message)
    assert message.recipient == Recipient("user", user_id, user_id)


def test_to_wins_over_recipient() -> None:
    """With both, the phone number is used."""
    message = read(of_type("text", {"body": "x"}, recipient="US.1"))
    assert isinstance(message, Message)
    assert message.recipient.kind == "phone"


def test_read_receipts_and_typing() -> None:
    """A read receipt needs no recipient and may show that an answer is being typed."""
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}
    assert read(receipt) == ReadReceipt("wamid.x", typing=False)
    assert read({**receipt, "typing_indicator": {"type": "text"}}) == ReadReceipt("wamid.x", typing=True)


def test_the_marketing_endpoint_takes_templates_to_persons_only() -> None:
    """Anything but a template is code 131055 there, and its own members are checked."""
    template = of_type("template", {"name": "n", "language": {"code": "en"}}, product_policy="STRICT")
    assert isinstance(read(template, marketing=True), Message)
    text = read(of_type("text", {"body": "x"}), marketing=True)
    assert isinstance(text, Refusal)
    assert text.code == 131055
    other = read({**template, "product_policy": "x"}, marketing=True)
    assert isinstance(other, Refusal)
    assert other.code == GENERAL
