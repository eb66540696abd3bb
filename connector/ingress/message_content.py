"""The typed content of an inbound message, by its kind. PURE.

Kinds and members: Meta, ``messages`` webhook reference by type, 2026-09-11. A kind that is not listed here has no typed
content and flows as ``type`` and ``raw``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connector.ingress.fields import Place, exact, flag, int_64, millis, real, string
from connector.records.types import (
    ContactAddress,
    ContactCard,
    ContactEmail,
    ContactName,
    ContactOrganization,
    ContactPhone,
    ContactUrl,
    InboundButton,
    InboundLocation,
    InboundMedia,
    InboundOrder,
    InboundReaction,
    InboundText,
    InteractiveReply,
    MessageContext,
    MessageEdit,
    MessageRevocation,
    MetaError,
    OrderItem,
    Referral,
    ReferredProduct,
    SystemNotice,
)
from connector.whatsapp.facts import an_object, objects

_MEDIA = frozenset({"image", "video", "audio", "voice", "document", "sticker"})
# Kinds that say all there is to say by their name, or in members that any kind may have, such as the referral of an ad
# (Meta, history, 2026-09-11; older bodies).
_BARE = frozenset({"media_placeholder", "request_welcome", "ad"})
# Content that this API does not pass on; "ephemeral" is what older bodies say of disappearing messages.
_WITHHELD = frozenset({"unsupported", "unknown", "ephemeral"})


def content(kind: str, message: Mapping[str, Any], raw: str, place: Place = ()) -> tuple[dict[str, Any], str | None]:
    """The one field of a record that belongs to the message's kind, and why there is none where one could be expected.

    Args:
        kind: ``message.type``.
        message: The parsed message.
        raw: A text that holds it.
        place: Where it stands there.
    """
    field, found = _content(kind, message, raw, place)
    if field is None:
        return {}, None if kind in _BARE else "message_kind"
    return ({}, "message_content") if found is None else ({field: found}, None)


def _content(kind: str, message: Mapping[str, Any], raw: str, place: Place) -> tuple[str | None, object]:
    if kind in _READERS:
        field, read = _READERS[kind]
        return field, read(message.get(kind))
    if kind in _MEDIA:
        # Voice notes are called "voice" or "audio", and so is the member that holds them.
        return "media", media(message.get(kind) or message.get("audio") or message.get("voice"))
    if kind in _EXACT_READERS:
        field, read_exact = _EXACT_READERS[kind]
        return field, read_exact(message.get(kind), raw, (*place, kind))
    if kind == "system":
        return kind, _system(message)
    if kind in _WITHHELD:
        # Older bodies have the errors alone.
        return "unsupported", {"type": string(an_object(message.get("unsupported")).get("type"))}
    return None, None


def context(value: Any) -> MessageContext | None:
    """What the message refers to."""
    found = an_object(value)
    if not found:
        return None
    return {
        "from": string(found.get("from")),
        "id": string(found.get("id")),
        "forwarded": flag(found.get("forwarded")) or False,
        "frequently_forwarded": flag(found.get("frequently_forwarded")) or False,
        "referred_product": _referred_product(found.get("referred_product")),
    }


def referral(value: Any) -> Referral | None:
    """The ad or post that led here."""
    found = an_object(value)
    if not found:
        return None
    return {
        "source_url": string(found.get("source_url")),
        "source_id": string(found.get("source_id")),
        "source_type": string(found.get("source_type")),
        "headline": string(found.get("headline")),
        "body": string(found.get("body")),
        "media_type": string(found.get("media_type")),
        "image_url": string(found.get("image_url")),
        "video_url": string(found.get("video_url")),
        "thumbnail_url": string(found.get("thumbnail_url")),
        "ctwa_clid": string(found.get("ctwa_clid")),
        "welcome_message": string(an_object(found.get("welcome_message")).get("text")),
        "ref": string(found.get("ref")),
    }


def contacts_origin(message: Mapping[str, Any]) -> str | None:
    """How contacts were shared: said beside them, or in each of them (business-scoped user ids, 2026-02)."""
    cards = objects(message.get("contacts"))
    return string(message.get("origin")) or next(filter(None, (string(card.get("origin")) for card in cards)), None)


def errors(value: Any) -> list[MetaError]:
    """Errors as Meta reports them; ``error_data`` is an object or, in older bodies, the details themselves."""
    return [
        {
            "code": int_64(error.get("code")),
            "title": string(error.get("title")),
            "message": string(error.get("message")),
            "details": string(an_object(error.get("error_data")).get("details")) or string(error.get("error_data")),
            "href": string(error.get("href")),
        }
        for error in objects(value)
    ]


def _text(value: Any) -> InboundText | None:
    return {"body": string(value.get("body"))} if isinstance(value, dict) else None


def media(value: Any) -> InboundMedia | None:
    """An image, video, audio, document or sticker."""
    if not isinstance(value, dict):
        return None
    return {
        "id": string(value.get("id")),
        "mime_type": string(value.get("mime_type")),
        "sha256": string(value.get("sha256")),
        "url": string(value.get("url")),
        "caption": string(value.get("caption")),
        "filename": string(value.get("filename")),
        "animated": flag(value.get("animated")),
        "voice": flag(value.get("voice")),
    }


def _location(value: Any) -> InboundLocation | None:
    if not isinstance(value, dict):
        return None
    return {
        "latitude": real(value.get("latitude")),
        "longitude": real(value.get("longitude")),
        "name": string(value.get("name")),
        "address": string(value.get("address")),
        "url": string(value.get("url")),
    }


def _contacts(value: Any) -> list[ContactCard] | None:
    return [_card(card) for card in objects(value)] if isinstance(value, list) else None


def _card(card: Mapping[str, Any]) -> ContactCard:
    return {
        "name": _name(card.get("name")),
        "birthday": string(card.get("birthday")),
        "phones": [_phone(phone) for phone in objects(card.get("phones"))],
        "emails": [_email(email) for email in objects(card.get("emails"))],
        "addresses": [_address(address) for address in objects(card.get("addresses"))],
        "urls": [_url(url) for url in objects(card.get("urls"))],
        "org": _organization(card.get("org")),
        "vcard": string(card.get("vcard")),
    }


def _name(value: Any) -> ContactName | None:
    if not isinstance(value, dict):
        return None
    return {
        "formatted_name": string(value.get("formatted_name")),
        "first_name": string(value.get("first_name")),
        "last_name": string(value.get("last_name")),
        "middle_name": string(value.get("middle_name")),
        "suffix": string(value.get("suffix")),
        "prefix": string(value.get("prefix")),
    }


def _phone(phone: Mapping[str, Any]) -> ContactPhone:
    return {
        "phone": string(phone.get("phone")),
        "wa_id": string(phone.get("wa_id")),
        "user_id": string(phone.get("user_id")),
        "type": string(phone.get("type")),
    }


def _email(email: Mapping[str, Any]) -> ContactEmail:
    return {"email": string(email.get("email")), "type": string(email.get("type"))}


def _address(address: Mapping[str, Any]) -> ContactAddress:
    return {
        "street": string(address.get("street")),
        "city": string(address.get("city")),
        "state": string(address.get("state")),
        "zip": string(address.get("zip")),
        "country": string(address.get("country")),
        "country_code": string(address.get("country_code")),
        "type": string(address.get("type")),
    }


def _url(url: Mapping[str, Any]) -> ContactUrl:
    return {"url": string(url.get("url")), "type": string(url.get("type"))}


def _organization(value: Any) -> ContactOrganization | None:
    if not isinstance(value, dict):
        return None
    return {
        "company": string(value.get("company")),
        "department": string(value.get("department")),
        "title": string(value.get("title")),
    }


def _reaction(value: Any) -> InboundReaction | None:
    if not isinstance(value, dict):
        return None
    # A reaction is taken back by an empty emoji or by none.
    return {"message_id": string(value.get("message_id")), "emoji": string(value.get("emoji")) or None}


def _button(value: Any) -> InboundButton | None:
    if not isinstance(value, dict):
        return None
    return {"payload": string(value.get("payload")), "text": string(value.get("text"))}


def _interactive(value: Any, raw: str, place: Place) -> InteractiveReply | None:
    members = an_object(value)
    # A reply that does not say what it is, is what its only member says.
    kind = string(members.get("type")) or (next(iter(members)) if len(members) == 1 else None)
    if kind is None:
        return None
    reply = an_object(members.get(kind))
    return {
        "type": kind,
        "id": string(reply.get("id")),
        "title": string(reply.get("title")),
        "description": string(reply.get("description")),
        "name": string(reply.get("name")),
        "body": string(reply.get("body")),
        "response_json": _json_text(reply.get("response_json"), raw, (*place, kind, "response_json")),
        "response": string(reply.get("response")),
        "response_source": string(reply.get("response_source")),
        "is_permanent": flag(reply.get("is_permanent")),
        "expires_at": millis(reply.get("expiration_timestamp")),
    }


def _json_text(value: Any, raw: str, place: Place) -> str | None:
    """JSON inside a string, as Meta documents it; what intermediaries have opened is taken as they sent it."""
    return exact(raw, place) if isinstance(value, dict | list) else string(value)


def _order(value: Any) -> InboundOrder | None:
    if not isinstance(value, dict):
        return None
    return {
        "catalog_id": string(value.get("catalog_id")),
        "text": string(value.get("text")),
        "product_items": [_order_item(item) for item in objects(value.get("product_items"))],
    }


def _order_item(item: Mapping[str, Any]) -> OrderItem:
    return {
        "product_retailer_id": string(item.get("product_retailer_id")),
        "quantity": int_64(item.get("quantity")),
        "item_price": real(item.get("item_price")),
        "currency": string(item.get("currency")),
    }


def _system(message: Mapping[str, Any]) -> SystemNotice | None:
    value = message.get("system")
    if not isinstance(value, dict):
        return None
    # The hash stands beside the notice or, in older bodies, in it.
    identity = string(an_object(message.get("identity")).get("hash")) or string(value.get("identity"))
    return {
        "type": string(value.get("type")),
        "body": string(value.get("body")),
        "wa_id": string(value.get("wa_id")) or string(value.get("new_wa_id")),
        "user_id": string(value.get("user_id")),
        "parent_user_id": string(value.get("parent_user_id")),
        "customer": string(value.get("customer")),
        "identity": identity,
    }


def _edit(value: Any, raw: str, place: Place) -> MessageEdit | None:
    if not isinstance(value, dict):
        return None
    message = an_object(value.get("message"))
    kind = string(message.get("type"))
    return {
        "original_message_id": string(value.get("original_message_id")),
        "type": kind,
        "text": _text(message.get("text")),
        "media": media(message.get(kind)) if kind in _MEDIA else None,
        "message_json": exact(raw, (*place, "message")),
    }


def _revoke(value: Any) -> MessageRevocation | None:
    return {"original_message_id": string(value.get("original_message_id"))} if isinstance(value, dict) else None


def _referred_product(value: Any) -> ReferredProduct | None:
    if not isinstance(value, dict):
        return None
    return {
        "catalog_id": string(value.get("catalog_id")),
        "product_retailer_id": string(value.get("product_retailer_id")),
    }


_READERS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "text": ("text", _text),
    "location": ("location", _location),
    "contacts": ("contacts", _contacts),
    "reaction": ("reaction", _reaction),
    "button": ("button", _button),
    "order": ("order", _order),
    "revoke": ("revoke", _revoke),
}
# Of what these hold, something is kept as it was sent: they are told the text and their place in it.
_EXACT_READERS: dict[str, tuple[str, Callable[[Any, str, Place], object]]] = {
    "edit": ("edit", _edit),
    "interactive": ("interactive_reply", _interactive),
}
