"""Webhook bodies of every kind that Meta documents, drawn by chance; all names and numbers are made up."""

import json
import random
from collections.abc import Callable
from typing import Any

Json = Any
Chance = random.Random

MEDIA = {
    "id": "1479537139650973",
    "mime_type": "image/jpeg",
    "sha256": "SfInY0gGKTsJ",
    "url": "https://media.example/x",
}
CARD = {
    "name": {"formatted_name": "Ana Gil", "first_name": "Ana"},
    "phones": [{"phone": "+1 650 555 1234", "wa_id": "16505551234", "type": "CELL"}],
    "emails": [{"email": "ana@example.com", "type": "HOME"}],
    "org": {"company": "Example"},
}
ERROR = {"code": 131051, "title": "t", "message": "t", "error_data": {"details": "d"}, "href": "https://docs.example"}

MESSAGES: dict[str, dict[str, Json]] = {
    "text": {"text": {"body": "Hi \N{GRINNING FACE} \u00e4\u00f6"}},
    "image": {"image": {**MEDIA, "caption": "c"}},
    "video": {"video": MEDIA},
    "audio": {"audio": {**MEDIA, "voice": True}},
    "voice": {"voice": MEDIA},
    "document": {"document": {**MEDIA, "filename": "f.pdf"}},
    "sticker": {"sticker": {**MEDIA, "animated": False}},
    "location": {"location": {"latitude": 37.5, "longitude": "-122.25", "name": "Cafe"}},
    "contacts": {"contacts": [CARD, CARD]},
    "reaction": {"reaction": {"message_id": "wamid.x", "emoji": "\N{THUMBS UP SIGN}"}},
    "button": {"button": {"payload": "p", "text": "t"}},
    "interactive": {"interactive": {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": '{"a":1}'}}},
    "order": {
        "order": {"catalog_id": "1", "product_items": [{"product_retailer_id": "p", "quantity": 2, "item_price": 7.99}]}
    },
    "system": {"system": {"type": "user_changed_number", "body": "b", "new_wa_id": "1219"}, "identity": {"hash": "h"}},
    "edit": {"edit": {"original_message_id": "wamid.x", "message": {"type": "text", "text": {"body": "b"}}}},
    "revoke": {"revoke": {"original_message_id": "wamid.x"}},
    "unsupported": {"errors": [ERROR], "unsupported": {"type": "poll"}},
    "unknown": {"errors": [ERROR]},
    "request_welcome": {},
}
STATUSES: dict[str, dict[str, Json]] = {
    "sent": {
        "biz_opaque_callback_data": "wkc1:7,8,1,0,-:defaultorder-77",
        "pricing": {"billable": True, "category": "utility"},
    },
    "delivered": {"conversation": {"id": "c", "origin": {"type": "service"}, "expiration_timestamp": "1698339900"}},
    "read": {"recipient_type": "group", "recipient_participant_id": "1650"},
    "failed": {"errors": [ERROR]},
    "played": {"recipient_parent_user_id": "US.ENT.1"},
    "deleted": {},
    "captured": {"type": "payment", "payment": {"reference_id": "r", "amount": {"value": 100, "offset": 100}}},
    "in_orbit": {},
}
EVENTS: dict[str, tuple[str, dict[str, Json]]] = {
    "calls": (
        "calls",
        {"event": "connect", "direction": "USER_INITIATED", "session": {"sdp_type": "offer", "sdp": "v=0"}},
    ),
    "smb_message_echoes": ("message_echoes", {"to": "1650", "type": "text", "text": {"body": "b"}}),
    "smb_app_state_sync": ("state_sync", {"type": "contact", "action": "add", "contact": {"full_name": "Ana"}}),
    "user_preferences": ("user_preferences", {"category": "marketing_messages", "value": "stop", "wa_id": "1650"}),
    "user_id_update": ("user_id_update", {"user_id": {"previous": "US.1", "current": "US.2"}}),
    "automatic_events": (
        "automatic_events",
        {"event_name": "Purchase", "custom_data": {"currency": "USD", "value": 2.5}},
    ),
    "group_participants_update": (
        "groups",
        {"group_id": "G", "type": "group_participants_add", "added_participants": [{"wa_id": 1650}]},
    ),
    "messages": (
        "user_actions",
        {"action_type": "marketing_messages_link_click", "marketing_messages_link_click_data": {"click_id": "c"}},
    ),
}
CHANGES: dict[str, Json] = {
    "account_update": {
        "event": "ACCOUNT_RESTRICTION",
        "restriction_info": [{"restriction_type": "A", "expiration": 1}],
    },
    "account_alerts": {"entity_type": "BUSINESS", "entity_id": 7, "alert_info": {"alert_type": "OBA_APPROVED"}},
    "account_review_update": {"decision": "APPROVED"},
    "phone_number_quality_update": {"display_phone_number": "15550783881", "event": "THROUGHPUT_UPGRADE"},
    "phone_number_name_update": {"display_phone_number": "15550783881", "decision": "REJECTED"},
    "business_capability_update": {"max_phone_numbers_per_waba": 25},
    "message_template_status_update": {"event": "PAUSED", "message_template_id": 806312974732579},
    "template_category_update": {"message_template_id": 1, "new_category": "MARKETING"},
    "flows": {"event": "ENDPOINT_LATENCY", "flow_id": "1", "threshold": 7, "errors": [{"error_type": "TIMEOUT"}]},
    "security": {"display_phone_number": "15550783881", "event": "PIN_CHANGED"},
    "messaging_handovers": {
        "type": "control_passed",
        "sender": {"phone_number": "1650"},
        "control_passed": {"metadata": "m"},
    },
    "field_of_next_year": {"a": [1, 2.0, "3"], "event": "E"},
}


def body(chance: Chance) -> dict[str, Json]:
    """One notification of a few entries and changes; each item has an id of its own, and no part of another."""
    entries = [entry(chance) for _ in range(chance.choice([1, 1, 1, 2]))]
    found: dict[str, Json] = json.loads(json.dumps({"object": "whatsapp_business_account", "entry": entries}))
    return found


def entry(chance: Chance) -> dict[str, Json]:
    """One entry."""
    found: dict[str, Json] = {
        "id": str(chance.randrange(10**15)),
        "changes": [change(chance) for _ in range(chance.choice([1, 1, 2, 3]))],
    }
    return found | ({"time": 1_750_000_000 + chance.randrange(1000)} if chance.random() < 0.3 else {})


def change(chance: Chance) -> dict[str, Json]:
    """One change of any field, messages and statuses above all."""
    draw: Callable[[Chance], dict[str, Json]] = chance.choice(
        [_messages] * 5 + [_standby, _history, _events, _events, _single]
    )
    return draw(chance)


def _messages(chance: Chance) -> dict[str, Json]:
    return {"field": "messages", "value": {**_around(), **_items(chance)}}


def _standby(chance: Chance) -> dict[str, Json]:
    echo = {"id": wamid(chance), "timestamp": "1750000000", "message": {"to": "1650", "type": "text"}}
    return {"field": "standby", "value": {**_around(), "standby": {**_items(chance), "message_echoes": [echo]}}}


def _history(chance: Chance) -> dict[str, Json]:
    threads = [
        {"id": "1650", "messages": [_message(chance) for _ in range(chance.choice([0, 1, 3]))]} for _ in range(2)
    ]
    chunk = {"metadata": {"phase": 0, "chunk_order": 1, "progress": 55}, "threads": threads}
    chunks = [chunk, {"errors": [ERROR]}] if chance.random() < 0.3 else [chunk]
    return {"field": "history", "value": {**_around(), "history": chunks}}


def _events(chance: Chance) -> dict[str, Json]:
    field = chance.choice(list(EVENTS))
    array, event = EVENTS[field]
    items = [{"id": wamid(chance), "timestamp": "1750000000", **event} for _ in range(chance.choice([1, 1, 2, 4]))]
    return {"field": field, "value": {**_around(), array: items}}


def _single(chance: Chance) -> dict[str, Json]:
    field = chance.choice(list(CHANGES))
    return {"field": field, "value": {**CHANGES[field]}}


def _around() -> dict[str, Json]:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
    }


def _items(chance: Chance) -> dict[str, Json]:
    """Messages, statuses, or both, with or without the contacts of their users."""
    messages = [_message(chance) for _ in range(chance.choice([0, 1, 1, 2, 5]))]
    statuses = [_status(chance) for _ in range(chance.choice([0, 1, 1, 3]))] or ([] if messages else [_status(chance)])
    contacts = [
        {"profile": {"name": "Ana"}, "wa_id": user, "user_id": f"US.{user}"}
        for item in (*messages, *statuses)
        if chance.random() < 0.7 and (user := item.get("from") or item.get("recipient_id"))
    ]
    found = {"contacts": contacts, "messages": messages, "statuses": statuses}
    return {name: items for name, items in found.items() if items}


def _message(chance: Chance) -> dict[str, Json]:
    kind = chance.choice(list(MESSAGES))
    user = f"1650555{chance.randrange(10_000):04}"
    common: dict[str, Json] = {"from": user, "id": wamid(chance), "timestamp": "1750000000", "type": kind}
    if chance.random() < 0.3:
        common["from_user_id"] = f"US.{user}"
    if chance.random() < 0.2:
        common["context"] = {"from": "1555", "id": "wamid.x", "forwarded": True}
    if chance.random() < 0.1:
        common["referral"] = {"source_url": "u", "source_type": "ad", "welcome_message": {"text": "Hello"}}
    return {**common, **MESSAGES[kind]}


def _status(chance: Chance) -> dict[str, Json]:
    word = chance.choice(list(STATUSES))
    user = f"1650555{chance.randrange(10_000):04}"
    return {"id": wamid(chance), "status": word, "timestamp": "1750000000", "recipient_id": user, **STATUSES[word]}


def wamid(chance: Chance) -> str:
    """An id that no other item has."""
    return f"wamid.{chance.getrandbits(96):024x}"
