"""What inbound messages of each kind hold. PURE; randomness and media come from outside.

Source of the shapes: Meta, message webhook references, 2026-03 and 2026-09-11, and the samples of Meta's OpenAPI
description v23.0.
"""

import json
from collections.abc import Callable
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from connector.simulator import errors, ids
from connector.simulator.numbers import Number
from connector.simulator.settings_webhooks import InboundKind

_TEXTS = (
    "Does it come in another color?",
    "Grüße aus Köln: 50 % Rabatt?",
    "¿Dónde está mi pedido? 📦",
    "いつ届きますか",
    "see https://example.com/a?b=1&c=<2>",
    "ok",
)


class User(NamedTuple):
    """Somebody who writes to the business.

    Attributes:
        wa_id: digits of the phone; None when it is not shown.
        user_id: business-scoped.
        username: of those who have one.
    """

    wa_id: str | None
    name: str
    user_id: str
    username: str | None = None

    @property
    def contact(self) -> dict[str, Any]:
        """What ``contacts`` says about this user."""
        profile = {"name": self.name} if self.username is None else {"name": self.name, "username": self.username}
        contact: dict[str, Any] = {"profile": profile}
        if self.wa_id is not None:
            contact["wa_id"] = self.wa_id
        return {**contact, "user_id": self.user_id}


class Scene(NamedTuple):
    """Where and when a message comes in.

    Attributes:
        media: makes a media object of a type out of nothing, and keeps it for download.
        now_s: seconds since the Unix epoch.
    """

    random: Random
    number: Number
    sender: User
    media: Callable[[str], dict[str, Any]]
    now_s: int


def _typed(kind: str, content: Any, **also: Any) -> dict[str, Any]:
    return {**also, "type": kind, kind: content}


def _text(scene: Scene) -> dict[str, Any]:
    return _typed("text", {"body": scene.random.choice(_TEXTS)})


def _media(kind: str, sample: str, **also: Any) -> Callable[[Scene], dict[str, Any]]:
    def built(scene: Scene) -> dict[str, Any]:
        return _typed(kind, {**scene.media(sample), **also})

    return built


def _location(_scene: Scene) -> dict[str, Any]:
    place = {"latitude": 37.44221496582, "longitude": -122.16165924072, "name": "Café", "address": "101 Forest Ave"}
    return _typed("location", place)


def _contacts(_scene: Scene) -> dict[str, Any]:
    name = {"first_name": "Lucía", "last_name": "Gómez", "formatted_name": "Lucía Gómez"}
    phone = {"phone": "+1 (983) 555-2319", "wa_id": "19835552319", "type": "MOBILE"}
    return _typed("contacts", [{"name": name, "phones": [phone]}])


def _earlier(scene: Scene) -> str:
    """The id of a message that the business is said to have sent."""
    return ids.outbound_message_id(scene.random, scene.number.display_phone_number)


def _own(scene: Scene) -> str:
    """The id of a message that the user is said to have sent."""
    return ids.inbound_message_id(scene.random, scene.sender.wa_id or scene.sender.user_id)


def _context(scene: Scene, **also: Any) -> dict[str, Any]:
    return {"context": {"from": scene.number.display_phone_number, "id": _earlier(scene), **also}}


def _reaction(scene: Scene) -> dict[str, Any]:
    return _typed("reaction", {"message_id": _earlier(scene), "emoji": "👍"})


def _reaction_removed(scene: Scene) -> dict[str, Any]:
    return _typed("reaction", {"message_id": _earlier(scene)})


def _button(scene: Scene) -> dict[str, Any]:
    return _typed("button", {"payload": "Unsubscribe", "text": "Unsubscribe"}, **_context(scene))


def _reply(kind: str, **reply: Any) -> Callable[[Scene], dict[str, Any]]:
    def built(scene: Scene) -> dict[str, Any]:
        return _typed("interactive", {"type": kind, kind: reply}, **_context(scene))

    return built


def _call_permission(scene: Scene) -> dict[str, Any]:
    reply = {"response": "accept", "expiration_timestamp": scene.now_s + 604_800, "response_source": "user_action"}
    return _reply("call_permission_reply", **reply)(scene)


def _order(scene: Scene) -> dict[str, Any]:
    quantity = scene.random.randint(1, 9)
    item = {"product_retailer_id": "di9ozbzfi4", "quantity": quantity, "item_price": 30, "currency": "USD"}
    return _typed("order", {"catalog_id": "194836987003835", "text": "", "product_items": [item]})


def _referral(scene: Scene) -> dict[str, Any]:
    referral = {
        "source_url": "https://fb.me/3cr4Wqqkv",
        "source_id": "120226305854810726",
        "source_type": "ad",
        "headline": "Chat with us",
        "body": "Summer succulents are here!",
        "media_type": "image",
        "image_url": "https://scontent.xx.fbcdn.net/v/t45.1600-4/image.jpg",
        "ctwa_clid": f"Aff-{scene.random.getrandbits(96):024x}",
        "welcome_message": {"text": "Hi there! Let us know how we can help!"},
    }
    return {"referral": referral, **_text(scene)}


def _product_inquiry(scene: Scene) -> dict[str, Any]:
    product = {"catalog_id": "194836987003835", "product_retailer_id": "di9ozbzfi4"}
    return {**_context(scene, referred_product=product), **_text(scene)}


def _forwarded(scene: Scene) -> dict[str, Any]:
    return {"context": {"forwarded": True}, **_text(scene)}


def _frequently_forwarded(scene: Scene) -> dict[str, Any]:
    return {"context": {"frequently_forwarded": True}, **_text(scene)}


def _group_text(scene: Scene) -> dict[str, Any]:
    return {"group_id": "Y2FwaV9ncm91cDoxODA1NTU1MDE3MjoxMjAzNjMyMjI3NzE5NjMwNjcZD", **_text(scene)}


def _number_changed(scene: Scene) -> dict[str, Any]:
    new = f"1219{scene.random.randrange(10**7):07d}"
    body = f"User {scene.sender.name} changed from {scene.sender.wa_id or scene.sender.user_id} to {new}"
    system = {"body": body, "wa_id": new, "user_id": ids.user_id(new), "type": "user_changed_number"}
    return _typed("system", system)


def _user_id_changed(scene: Scene) -> dict[str, Any]:
    new = f"US.{scene.random.randrange(10**17):017d}"
    body = f"User {scene.sender.name} changed from {scene.sender.user_id} to {new}"
    return _typed("system", {"body": body, "user_id": new, "type": "user_changed_user_id"})


def _identity_changed(scene: Scene) -> dict[str, Any]:
    identity = {
        "acknowledged": False,
        "created_timestamp": str(scene.now_s),
        "hash": f"{scene.random.getrandbits(64):016x}",
    }
    system = {"body": "User identity changed", "type": "customer_identity_changed"}
    return _typed("system", system, identity=identity)


def _edit(scene: Scene) -> dict[str, Any]:
    return _typed("edit", {"original_message_id": _own(scene), "message": _text(scene)})


def _revoke(scene: Scene) -> dict[str, Any]:
    return _typed("revoke", {"original_message_id": _own(scene)})


def _unsupported(code: int, details: str, **also: Any) -> Callable[[Scene], dict[str, Any]]:
    def built(_scene: Scene) -> dict[str, Any]:
        return {"errors": [errors.in_webhook(code, details)], "type": "unsupported", **also}

    return built


def _request_welcome(_scene: Scene) -> dict[str, Any]:
    return {"type": "request_welcome"}


_ADDRESS = {"name": "Lucía", "in_pin_code": "400063", "building_name": "Café", "address": "Road 5", "city": "Mumbai"}
CONTENTS: MappingProxyType[InboundKind, Callable[[Scene], dict[str, Any]]] = MappingProxyType(
    {
        "text": _text,
        "image": _media("image", "image/jpeg", caption="Taj Mahal, früh am Morgen"),
        "video": _media("video", "video/mp4", caption="50 % off"),
        "audio": _media("audio", "audio/aac", voice=False),
        "voice": _media("audio", "audio/ogg", mime_type="audio/ogg; codecs=opus", voice=True),
        "document": _media("document", "application/pdf", filename="Rechnung März.pdf"),
        "sticker": _media("sticker", "image/webp", animated=False),
        "location": _location,
        "contacts": _contacts,
        "reaction": _reaction,
        "reaction_removed": _reaction_removed,
        "button": _button,
        "button_reply": _reply("button_reply", id="cancel-button", title="Cancel"),
        "list_reply": _reply(
            "list_reply", id="priority_express", title="Priority Mail Express", description="Next Day to 2 Days"
        ),
        "flow_reply": _reply(
            "nfm_reply", name="flow", body="Sent", response_json=json.dumps({"flow_token": "t1", "rating": "5"})
        ),
        "address_reply": _reply(
            "nfm_reply",
            name="address_message",
            body="Lucía\nRoad 5, Mumbai",
            response_json=json.dumps({"saved_address_id": "address1", "values": _ADDRESS}, ensure_ascii=False),
        ),
        "call_permission_reply": _call_permission,
        "order": _order,
        "referral": _referral,
        "product_inquiry": _product_inquiry,
        "forwarded": _forwarded,
        "frequently_forwarded": _frequently_forwarded,
        "group_text": _group_text,
        "number_changed": _number_changed,
        "user_id_changed": _user_id_changed,
        "identity_changed": _identity_changed,
        "edit": _edit,
        "revoke": _revoke,
        "unsupported": _unsupported(131051, "Message type is currently not supported.", unsupported={"type": "poll"}),
        "oversized": _unsupported(131052, "Media file size too big. Max file size we currently support: 100MB."),
        "ghost": _unsupported(131060, "This message is currently unavailable."),
        "request_welcome": _request_welcome,
    }
)
# Meta, system message webhook reference: these come without ``contacts``.
WITHOUT_CONTACT: tuple[InboundKind, ...] = ("number_changed", "user_id_changed")
# What no user wrote: it neither opens a window nor counts against a limit.
NOT_WRITTEN: tuple[InboundKind, ...] = (*WITHOUT_CONTACT, "identity_changed", "errors")
