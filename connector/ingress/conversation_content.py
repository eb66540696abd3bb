"""The typed content of calls, groups, echoes, the chat history and what users decide. PURE.

Members: Meta, webhooks: reference by field, calling reference, groups: webhooks, conversation routing, 2026-09-11.
"""

from collections.abc import Mapping
from typing import Any, Final

from connector.ingress import message_content
from connector.ingress.fields import int_64, millis, string
from connector.records.types import (
    CallEvent,
    ContactSync,
    ConversationContext,
    EventMessage,
    EventUser,
    GroupEvent,
    GroupParticipant,
    Handover,
    HistoryPlace,
    UserAction,
    UserIdChange,
    UserPreference,
)
from connector.whatsapp.facts import NOBODY, AccountFact, an_object, objects, text

Content = Mapping[str, Any]

_MESSAGE_ARRAYS: Final = frozenset({"messages", "message_echoes"})
_USER_INITIATED: Final = "USER_INITIATED"


def user(fact: AccountFact) -> EventUser | None:
    """The person an event is about: whom it names itself, then whom its contact names."""
    named, contact = _named_user(fact), fact.contact or NOBODY
    found: EventUser = {
        "wa_id": named.get("wa_id") or contact.wa_id,
        "user_id": named.get("user_id") or contact.user_id,
        "parent_user_id": named.get("parent_user_id") or contact.parent_user_id,
        "username": named.get("username") or contact.username,
        "profile_name": named.get("profile_name") or contact.profile_name,
    }
    return found if any(found.values()) else None


def message(fact: AccountFact) -> Content:
    """One message of ``history``, ``smb_message_echoes`` or ``standby``."""
    found: dict[str, Any] = {}
    if fact.array in _MESSAGE_ARRAYS and text(fact.item.get("id")) is not None:
        found["message"] = _message(fact)
    if fact.field == "history" and fact.item:
        found["history"] = _history(fact)
    return found


def call(fact: AccountFact) -> Content:
    """One call, or one status of a call."""
    item = fact.item
    if not item:
        return {}
    found: CallEvent = {
        "call_id": string(item.get("id")),
        "direction": string(item.get("direction")),
        "from": string(item.get("from")),
        "to": string(item.get("to")) or string(item.get("recipient_id")),
        "status": string(item.get("status")),
        "started_at": millis(item.get("start_time")),
        "ended_at": millis(item.get("end_time")),
        "duration_s": int_64(item.get("duration")),
        "sdp_type": string(an_object(item.get("session")).get("sdp_type")),
        "opaque_data": string(item.get("biz_opaque_callback_data")),
        "deeplink_payload": string(item.get("deeplink_payload")),
        "cta_payload": string(item.get("cta_payload")),
        "recording": message_content.media(an_object(item.get("call_recording")).get("audio")),
        "transcript": message_content.media(an_object(item.get("call_transcript")).get("document")),
    }
    return {"call": found}


def group(fact: AccountFact) -> Content:
    """One change of a group."""
    item = fact.item
    if not item:
        return {}
    found: GroupEvent = {
        "group_id": string(item.get("group_id")),
        "request_id": string(item.get("request_id")),
        "subject": string(item.get("subject")) or string(an_object(item.get("group_subject")).get("text")),
        "description": string(item.get("description")) or string(an_object(item.get("group_description")).get("text")),
        "invite_link": string(item.get("invite_link")),
        "join_approval_mode": string(item.get("join_approval_mode")),
        "reason": string(item.get("reason")),
        "initiated_by": string(item.get("initiated_by")),
        "join_request_id": string(item.get("join_request_id")),
        "added_participants": _participants(item.get("added_participants")),
        "removed_participants": _participants(item.get("removed_participants")),
        "failed_participants": _participants(item.get("failed_participants")),
    }
    return {"group": found}


def preference(fact: AccountFact) -> Content:
    """One of ``user_preferences``."""
    found: UserPreference = {
        "category": string(fact.item.get("category")),
        "value": string(fact.item.get("value")),
        "detail": string(fact.item.get("detail")),
        "signup_id": string(fact.item.get("signup_id")),
    }
    return {"preference": found} if fact.item else {}


def contact_sync(fact: AccountFact) -> Content:
    """One of ``state_sync``."""
    contact = an_object(fact.item.get("contact"))
    found: ContactSync = {
        "type": string(fact.item.get("type")),
        "full_name": string(contact.get("full_name")),
        "first_name": string(contact.get("first_name")),
        "phone_number": string(contact.get("phone_number")),
    }
    return {"contact_sync": found} if fact.item else {}


def user_id_change(fact: AccountFact) -> Content:
    """One of ``user_id_update``."""
    own, parent = an_object(fact.item.get("user_id")), an_object(fact.item.get("parent_user_id"))
    found: UserIdChange = {
        "previous": string(own.get("previous")),
        "current": string(own.get("current")),
        "parent_previous": string(parent.get("previous")),
        "parent_current": string(parent.get("current")),
        "detail": string(fact.item.get("detail")),
    }
    return {"user_id_change": found} if fact.item else {}


def handover(fact: AccountFact) -> Content:
    """``messaging_handovers``: the part that the type names holds who had the conversation, and who has it now."""
    value = an_object(fact.value)
    parts = (text(value.get("type")) or "", "control_passed", "control_taken")
    part = next(filter(None, (an_object(value.get(name)) for name in parts)), {})
    found: Handover = {
        "previous_owner_role": string(part.get("previous_owner_role")) or string(part.get("previous_owner_app_role")),
        "new_owner_role": string(part.get("new_owner_role")),
        "previous_owner_app_id": string(part.get("previous_owner_app_id")),
        "new_owner_app_id": string(part.get("new_owner_app_id")),
        "metadata": string(part.get("metadata")),
    }
    return {"handover": found, "conversation_context": _conversation_context(part)}


def beside_messages(fact: AccountFact) -> Content:
    """What comes under the field ``messages`` and is no message: clicks, echoes, what a new responder is told."""
    context = _conversation_context(an_object(fact.value))
    found: dict[str, Any] = {} if context is None else {"conversation_context": context}
    if fact.array == "user_actions":
        found["user_action"] = _user_action(fact.item)
    return {**found, **message(fact)}


def _named_user(fact: AccountFact) -> Mapping[str, str | None]:
    item, value = fact.item, an_object(fact.value)
    if fact.array == "state_sync":
        contact = an_object(item.get("contact"))
        return {
            **_ids(contact),
            "wa_id": text(contact.get("phone_number")),
            "profile_name": text(contact.get("full_name")),
        }
    if fact.array == "user_id_update":
        return {
            "wa_id": text(item.get("wa_id")),
            "user_id": text(an_object(item.get("user_id")).get("current")),
            "parent_user_id": text(an_object(item.get("parent_user_id")).get("current")),
        }
    if fact.field == "calls":
        return _caller(item)
    if fact.array in _MESSAGE_ARRAYS:
        return _other_side(fact)
    if fact.field == "messaging_handovers":
        sender = an_object(value.get("sender"))
        return {**_ids(sender), "wa_id": text(sender.get("phone_number"))}
    return _ids(item)


def _ids(found: Content) -> Mapping[str, str | None]:
    names = ("wa_id", "user_id", "parent_user_id", "username")
    return {name: text(found.get(name)) for name in names}


def _caller(item: Content) -> Mapping[str, str | None]:
    """The user of a call. Only the business-scoped ids tell for sure which side that is: Meta's examples disagree."""
    side = "from" if item.get("direction") == _USER_INITIATED else "to"
    return {
        "wa_id": text(item.get("recipient_id")),
        "user_id": text(item.get(f"{side}_user_id")) or text(item.get("recipient_user_id")),
        "parent_user_id": text(item.get(f"{side}_parent_user_id")) or text(item.get("recipient_parent_user_id")),
    }


def _other_side(fact: AccountFact) -> Mapping[str, str | None]:
    """The user of a message in either direction."""
    item, thread = fact.item, _thread(fact)
    sent = an_object(item.get("message"))
    if fact.array == "message_echoes":
        return {
            "wa_id": text(item.get("to")) or text(sent.get("to")),
            "user_id": text(item.get("to_user_id")) or text(sent.get("recipient")),
            "parent_user_id": text(item.get("to_parent_user_id")),
        }
    named = {name: found for name, found in _ids(an_object(thread.get("context"))).items() if found}
    return {"wa_id": text(thread.get("id")), "user_id": text(item.get("from_user_id")), **named}


def _message(fact: AccountFact) -> EventMessage:
    """An echo on standby holds the body that was sent; any other is written like an inbound message."""
    item = fact.item
    sent = an_object(item.get("message")) if "type" not in item else {}
    written = sent or item
    kind = text(written.get("type")) or "unknown"
    content, _ = message_content.content(kind, written, fact.raw, (*fact.place, "message") if sent else fact.place)
    common: EventMessage = {
        "message_id": text(item.get("id")) or "",
        "from": string(item.get("from")),
        "from_user_id": string(item.get("from_user_id")),
        "to": string(item.get("to")) or string(sent.get("to")),
        "to_user_id": string(item.get("to_user_id")) or string(sent.get("recipient")),
        "to_parent_user_id": string(item.get("to_parent_user_id")),
        "group_id": string(item.get("group_id")),
        "sent_at": millis(item.get("timestamp")),
        "type": kind,
        "template_name": string(an_object(written.get("template")).get("name")),
        "context": message_content.context(written.get("context")),
    }
    return {**common, **content}  # type: ignore[typeddict-item]  # the content's one field is among the record's


def _history(fact: AccountFact) -> HistoryPlace:
    chunk, *_ = (*fact.within, fact.item)
    place = an_object(chunk.get("metadata"))
    return {
        "phase": int_64(place.get("phase")),
        "chunk_order": int_64(place.get("chunk_order")),
        "progress": int_64(place.get("progress")),
        "thread_id": string(_thread(fact).get("id")),
        "status": string(an_object(fact.item.get("history_context")).get("status")),
    }


def _thread(fact: AccountFact) -> Content:
    if fact.array == "threads":
        return fact.item
    return fact.within[-1] if len(fact.within) > 1 else {}


def _conversation_context(found: Content) -> ConversationContext | None:
    context = an_object(found.get("conversation_context"))
    if not context:
        return None
    return {"type": string(context.get("type")), "summary": string(an_object(context.get("summary")).get("text"))}


def _user_action(item: Content) -> UserAction:
    click = an_object(item.get("marketing_messages_link_click_data"))
    return {
        "click_component": string(click.get("click_component")),
        "click_id": string(click.get("click_id")),
        "product_id": string(click.get("product_id")),
        "tracking_token": string(click.get("tracking_token")),
    }


def _participants(value: Any) -> list[GroupParticipant]:
    return [
        {
            "input": string(found.get("input")),
            "wa_id": string(found.get("wa_id")),
            "user_id": string(found.get("user_id")),
            "parent_user_id": string(found.get("parent_user_id")),
            "username": string(found.get("username")),
            "error_code": next(
                (error["code"] for error in message_content.errors(found.get("errors")) if error["code"]), None
            ),
        }
        for found in objects(value)
    ]
