"""Facts of one webhook to records. PURE.

Receipts and levels for delivery travel with the records they come from, so that both are acknowledged before the 200.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from connector.ingress import message_content, number_signals
from connector.ingress.events import Arrival, Event, Reject
from connector.ingress.fields import an_object, flag, millis, string
from connector.records.envelope import Envelope, unseal
from connector.records.event_ids import account_event_id, message_event_id, status_event_id
from connector.records.keys import conversation_key
from connector.records.types import (
    AccountEvent,
    Conversation,
    InboundMessage,
    MessageSender,
    MessageStatus,
    Pricing,
    StatusRecipient,
)
from connector.whatsapp.notification import AccountFact, Fact, Malformed, MessageFact, Source, StatusFact, text

# What a consumer keeps with one MAX. A later state of the same message has the higher rank: what was delivered did not
# fail, read implies delivered (Meta, messages/status, 2026-09-11), and what was deleted is gone. Gaps leave room.
STATUS_RANKS: Mapping[str, int] = {"sent": 10, "failed": 20, "delivered": 30, "read": 40, "played": 50, "deleted": 60}
# Statuses of payments and calls share words with those of messages ("failed"), and are about something else.
_ABOUT_MESSAGES = (None, "message")


def map_facts(facts: Sequence[Fact], arrival: Arrival) -> list[Event | Reject]:
    """Turn the facts of one body into records and rejects, in their order; never raises."""
    mapped: list[Event | Reject] = []
    for fact in facts:
        try:
            mapped += list(_map(fact, arrival))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one item, the others flow
            mapped.append(Reject(fact.path, f"not mapped: {type(error).__name__}", _bytes(fact)))
    return mapped


def _map(fact: Fact, arrival: Arrival) -> Iterator[Event | Reject]:
    if isinstance(fact, MessageFact):
        yield _message(fact, arrival)
    elif isinstance(fact, StatusFact):
        yield from _status(fact, arrival)
    elif isinstance(fact, AccountFact):
        yield from _account(fact, arrival)
    else:
        yield Reject(fact.path, fact.reason, fact.raw)


def _bytes(fact: Fact) -> bytes:
    return fact.raw if isinstance(fact, Malformed) else fact.raw.encode()


def _message(fact: MessageFact, arrival: Arrival) -> Event:
    message, number = fact.parsed, fact.source.phone_number_id or ""
    sender = _sender(message, fact.contact or {})
    group_id = text(message.get("group_id"))
    kind = text(message.get("type")) or "unknown"
    event_id = message_event_id(number, fact.message_id, kind)
    record: InboundMessage = {
        "event_id": event_id,
        "received_at": arrival.received_at,
        "waba_id": fact.source.waba_id or "",
        "phone_number_id": number,
        "display_phone_number": fact.source.display_phone_number or "",
        "message_id": fact.message_id,
        # A time that cannot be read is replaced by the best one known; `raw` keeps what was sent.
        "sent_at": _or(millis(message.get("timestamp")), arrival.received_at),
        "sender": sender,
        "group_id": group_id,
        "type": kind,
        "context": message_content.context(message.get("context")),
        "referral": message_content.referral(message.get("referral")),
        "errors": message_content.errors(message.get("errors")),
        "raw": fact.raw,
    }
    return Event(
        topic="inbound_messages",
        schema="InboundMessage",
        record={**record, **message_content.content(message, fact.raw)},
        event_id=event_id,
        source=_source(fact.source),
        path=fact.path,
        key=conversation_key(
            number, user_id=sender["user_id"], wa_id=sender["wa_id"], group_id=group_id, secret=arrival.key_secret
        ),
    )


def _sender(message: Mapping[str, Any], contact: Mapping[str, Any]) -> MessageSender:
    profile = an_object(contact.get("profile"))
    return {
        "wa_id": text(message.get("from")) or text(contact.get("wa_id")),
        "user_id": text(message.get("from_user_id")) or text(contact.get("user_id")),
        "parent_user_id": text(message.get("from_parent_user_id")) or text(contact.get("parent_user_id")),
        "username": string(profile.get("username")),
        "profile_name": string(profile.get("name")),
        "identity_key_hash": string(contact.get("identity_key_hash")),
    }


def _status(fact: StatusFact, arrival: Arrival) -> Iterator[Event]:
    status, number = fact.parsed, fact.source.phone_number_id or ""
    word = text(status.get("status")) or "unknown"
    about = text(status.get("type"))
    occurred_at = millis(status.get("timestamp"))
    recipient = _recipient(status, fact.contact or {})
    opaque = string(status.get("biz_opaque_callback_data"))
    envelope = _our_envelope(opaque, arrival.installation)
    event_id = status_event_id(number, fact.message_id, word, _named_recipient(status), occurred_at or 0)
    record: MessageStatus = {
        "event_id": event_id,
        "received_at": arrival.received_at,
        "waba_id": fact.source.waba_id or "",
        "phone_number_id": number,
        "display_phone_number": fact.source.display_phone_number or "",
        "message_id": fact.message_id,
        "status": word,
        "status_rank": STATUS_RANKS.get(word, 0) if about in _ABOUT_MESSAGES else 0,
        "occurred_at": _or(occurred_at, arrival.received_at),
        "recipient": recipient,
        "type": about,
        "conversation": _conversation(status.get("conversation")),
        "pricing": _pricing(status.get("pricing")),
        "errors": message_content.errors(status.get("errors")),
        "command_id": envelope.command_id if envelope else None,
        "opaque_data": envelope.opaque_data if envelope else opaque,
        "traceparent": envelope.traceparent if envelope else None,
        "raw": fact.raw,
    }
    yield Event(
        topic="message_statuses",
        schema="MessageStatus",
        record=record,
        event_id=event_id,
        source=_source(fact.source),
        path=fact.path,
        key=_status_key(number, recipient, arrival),
        traceparent=record["traceparent"],
    )
    if envelope is not None and about in _ABOUT_MESSAGES:
        yield from number_signals.receipt(record, envelope, fact.source, arrival)


def _status_key(number: str, recipient: StatusRecipient, arrival: Arrival) -> str:
    return conversation_key(
        number,
        user_id=recipient["participant_user_id"] or recipient["user_id"],
        wa_id=recipient["participant_wa_id"] or recipient["wa_id"],
        group_id=recipient["group_id"],
        secret=arrival.key_secret,
    )


def _recipient(status: Mapping[str, Any], contact: Mapping[str, Any]) -> StatusRecipient:
    """Who received; in a group the contact is the participant."""
    profile = an_object(contact.get("profile"))
    in_group = string(status.get("recipient_type")) == "group"
    recipient_id = text(status.get("recipient_id"))
    return {
        "wa_id": None if in_group else recipient_id or text(contact.get("wa_id")),
        "user_id": None if in_group else text(status.get("recipient_user_id")) or text(contact.get("user_id")),
        "parent_user_id": _parent_user_id(status) or text(contact.get("parent_user_id")),
        "username": string(profile.get("username")),
        "profile_name": string(profile.get("name")),
        "group_id": recipient_id if in_group else None,
        "participant_wa_id": text(status.get("recipient_participant_id")),
        "participant_user_id": text(status.get("recipient_participant_user_id")),
        "identity_key_hash": string(status.get("recipient_identity_key_hash"))
        or string(contact.get("identity_key_hash")),
    }


def _parent_user_id(status: Mapping[str, Any]) -> str | None:
    # One thing under four names in Meta's pages and clients of them (business-scoped user ids, 2026-02 and 2026-09).
    names = ("recipient_parent_user_id", "parent_recipient_user_id", "parent_user_id")
    found = (text(status.get(name)) for name in (*names, "recipient_participant_parent_user_id"))
    return next(filter(None, found), None)


def _named_recipient(status: Mapping[str, Any]) -> str | None:
    """Whom the status itself names: contacts come with some deliveries of a fact and not with others."""
    names = ("recipient_participant_user_id", "recipient_participant_id", "recipient_user_id", "recipient_id")
    return next(filter(None, (text(status.get(name)) for name in names)), None)


def _our_envelope(opaque: str | None, installation: str) -> Envelope | None:
    envelope = unseal(opaque) if opaque else None
    return envelope if envelope is not None and envelope.installation == installation else None


def _conversation(value: Any) -> Conversation | None:
    found = an_object(value)
    if not found:
        return None
    return {
        "id": string(found.get("id")),
        "origin_type": string(an_object(found.get("origin")).get("type")),
        "expires_at": millis(found.get("expiration_timestamp")),
    }


def _pricing(value: Any) -> Pricing | None:
    found = an_object(value)
    if not found:
        return None
    return {
        "billable": flag(found.get("billable")),
        "pricing_model": string(found.get("pricing_model")),
        "type": string(found.get("type")),
        "category": string(found.get("category")),
    }


def _account(fact: AccountFact, arrival: Arrival) -> Iterator[Event]:
    waba_id = fact.source.waba_id or ""
    event_id = account_event_id(waba_id, fact.field, fact.value, fact.source.time_s)
    record: AccountEvent = {
        "event_id": event_id,
        "received_at": arrival.received_at,
        "waba_id": waba_id,
        "phone_number_id": fact.source.phone_number_id,
        "field": fact.field,
        "event": _event_name(an_object(fact.value)),
        "occurred_at": None if fact.source.time_s is None else fact.source.time_s * 1000,
        "raw": fact.raw,
    }
    yield Event(
        topic="account_events",
        schema="AccountEvent",
        record=cast("Mapping[str, Any]", record),
        event_id=event_id,
        source=_source(fact.source),
        path=fact.path,
        key=waba_id or None,
    )
    yield from number_signals.of_account(fact, event_id, arrival)


def _event_name(value: Mapping[str, Any]) -> str | None:
    alert = an_object(value.get("alert_info"))
    found = (text(value.get("event")), text(value.get("decision")), text(alert.get("alert_type")))
    return next(filter(None, found), None)


def _source(source: Source) -> str:
    return f"/whatsapp/{source.waba_id or ''}"


def _or(found: int | None, otherwise: int) -> int:
    return otherwise if found is None else found
