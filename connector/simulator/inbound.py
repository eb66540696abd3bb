"""Inbound messages of several kinds, from a made-up population.

Source of the shapes: Meta, message webhook reference, 2026-09-11, and the samples of Meta's OpenAPI description v23.0.
"""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from connector.simulator import errors, ids
from connector.simulator.numbers import Number
from connector.simulator.settings import InboundKind
from connector.simulator.webhooks import Update

_NAMES = (
    "Sheena Nelson",
    "Zoë Müller",
    "José Ángel Ñuñez",
    "李雷",
    "Анна Петрова",
    "محمد علي",
    "Renée 🌻 O'Hara",
    "a/b <c> 100% @d",
)
_TEXTS = (
    "Does it come in another color?",
    "Grüße aus Köln: 50 % Rabatt?",
    "¿Dónde está mi pedido? 📦",
    "いつ届きますか",
    "see https://example.com/a?b=1&c=<2>",
    "ok",
)
_SHA256 = "SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI="


class User(NamedTuple):
    """Somebody who writes to the business."""

    wa_id: str
    name: str

    @property
    def contact(self) -> dict[str, Any]:
        """What ``contacts`` says about this user."""
        return {"profile": {"name": self.name}, "wa_id": self.wa_id, "user_id": ids.user_id(self.wa_id)}


def user(index: int) -> User:
    """The user number ``index`` of the population."""
    return User(f"1650{2_000_000 + index:07d}", _NAMES[index % len(_NAMES)])


def _text(random: Random, _number: Number) -> dict[str, Any]:
    return {"text": {"body": random.choice(_TEXTS)}}


def _media(random: Random, mime_type: str, **also: Any) -> dict[str, Any]:
    media_id = ids.media_id(random)
    url = f"https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid={media_id}"
    return {"mime_type": mime_type, "sha256": _SHA256, "id": media_id, "url": url, **also}


def _image(random: Random, _number: Number) -> dict[str, Any]:
    return {"image": _media(random, "image/jpeg", caption="Taj Mahal, früh am Morgen")}


def _audio(random: Random, _number: Number) -> dict[str, Any]:
    return {"audio": _media(random, "audio/ogg; codecs=opus", voice=True)}


def _location(_random: Random, _number: Number) -> dict[str, Any]:
    place = {"latitude": 37.44221496582, "longitude": -122.16165924072, "name": "Café", "address": "101 Forest Ave"}
    return {"location": place}


def _reaction(random: Random, number: Number) -> dict[str, Any]:
    message_id = ids.outbound_message_id(random, number.display_phone_number)
    return {"reaction": {"message_id": message_id, "emoji": "👍"}}


def _button(random: Random, number: Number) -> dict[str, Any]:
    return {**_context(random, number), "button": {"payload": "Unsubscribe", "text": "Unsubscribe"}}


def _list_reply(random: Random, number: Number) -> dict[str, Any]:
    row = {"id": "priority_express", "title": "Priority Mail Express", "description": "Next Day to 2 Days"}
    return {**_context(random, number), "interactive": {"type": "list_reply", "list_reply": row}}


def _contacts(_random: Random, _number: Number) -> dict[str, Any]:
    name = {"first_name": "Lucía", "last_name": "Gómez", "formatted_name": "Lucía Gómez"}
    phone = {"phone": "+1 (983) 555-2319", "wa_id": "19835552319", "type": "MOBILE"}
    return {"contacts": [{"name": name, "phones": [phone]}]}


def _order(random: Random, _number: Number) -> dict[str, Any]:
    item = {"product_retailer_id": "di9ozbzfi4", "quantity": random.randint(1, 9), "item_price": 30, "currency": "USD"}
    return {"order": {"catalog_id": "194836987003835", "text": "", "product_items": [item]}}


def _unsupported(_random: Random, _number: Number) -> dict[str, Any]:
    details = "Message type is currently not supported."
    return {"errors": [errors.in_webhook(131051, details)], "unsupported": {"type": "poll"}}


def _context(random: Random, number: Number) -> dict[str, Any]:
    message_id = ids.outbound_message_id(random, number.display_phone_number)
    return {"context": {"from": number.display_phone_number, "id": message_id}}


_KINDS: dict[InboundKind, Callable[[Random, Number], dict[str, Any]]] = {
    "text": _text,
    "image": _image,
    "audio": _audio,
    "location": _location,
    "reaction": _reaction,
    "button": _button,
    "list_reply": _list_reply,
    "contacts": _contacts,
    "order": _order,
    "unsupported": _unsupported,
}


def message(random: Random, number: Number, kind: InboundKind) -> dict[str, Any]:
    """The members of a message of ``kind`` that do not depend on who sends it when."""
    member_type = "interactive" if kind == "list_reply" else kind
    return {"type": member_type, **_KINDS[kind](random, number)}


def update(
    number: Number, sender: User, content: dict[str, Any], *, message_id: str, now_s: float, wall_ms: int
) -> Update:
    """The webhook of one message from ``sender``; sender, id and timestamp are added where ``content`` lacks them."""
    item = {
        "from": sender.wa_id,
        "from_user_id": ids.user_id(sender.wa_id),
        "id": message_id,
        "timestamp": str(wall_ms // 1000),
        **content,
    }
    return Update(
        due_s=now_s,
        waba_id=number.waba_id,
        phone_number_id=number.id,
        display_phone_number=number.display_phone_number,
        member="messages",
        item=item,
        contact=sender.contact,
    )
