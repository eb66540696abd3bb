"""Facts of one webhook to records. PURE.

What delivery has to hear of a fact hangs on its record, so that both are acknowledged before the 200.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connector.ingress import account_mapping, message_content, number_signals
from connector.ingress.contact_json import contact_json
from connector.ingress.events import Arrival, Event, Reject
from connector.ingress.fields import flag, int_64, millis, string
from connector.records.envelope import Envelope, unseal
from connector.records.event_ids import message_event_id, status_event_id
from connector.records.keys import conversation_key
from connector.records.types import (
    Conversation,
    InboundMessage,
    MessageSender,
    MessageStatus,
    Payment,
    Pricing,
    StatusRecipient,
)
from connector.whatsapp.facts import (
    NOBODY,
    AccountFact,
    Contact,
    Fact,
    Malformed,
    MessageFact,
    StatusFact,
    an_object,
    text,
)

# What a consumer keeps with one MAX. A later state of the same message has the higher rank: what was delivered did not
# fail, read implies delivered (Meta, messages/status, 2026-09-11), and what was deleted is gone. Gaps leave room.
STATUS_RANKS: Mapping[str, int] = {"sent": 10, "failed": 20, "delivered": 30, "read": 40, "played": 50, "deleted": 60}
# Statuses of payments and calls share words with those of messages ("failed"), and are about something else.
_ABOUT_MESSAGES: Final = (None, "message")
_PAYMENT: Final = "payment"
# "warning" says that something may be wrong, not where the message is.
_STATUSES: Final = frozenset({*STATUS_RANKS, "warning"})
# One thing under five names in Meta's pages and clients of them (business-scoped user ids, 2026-02 to 2026-09).
_PARENT_IDS: Final = (
    "recipient_parent_user_id",
    "parent_recipient_user_id",
    "parent_user_id",
    "recipient_participant_parent_user_id",
    "participant_parent_user_id",
)


def map_facts(facts: Sequence[Fact], arrival: Arrival) -> list[Event | Reject]:
    """Turn the facts of one body into records and rejects, in their order; never raises."""
    mapped: list[Event | Reject] = []
    for fact in facts:
        try:
            mapped.append(_map(fact, arrival))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one item, the others flow
            mapped.append(_unmapped(fact, error))
    return mapped


def _map(fact: Fact, arrival: Arrival) -> Event | Reject:
    if isinstance(fact, StatusFact):
        return _status(fact, arrival)
    if isinstance(fact, MessageFact):
        return _message(fact, arrival)
    if isinstance(fact, AccountFact):
        return account_mapping.event(fact, arrival)
    return Reject(fact.path, fact.reason, fact.raw, fact.waba_id, fact.beside)


def _unmapped(fact: Fact, error: Exception) -> Reject:
    reason = f"not mapped: {type(error).__name__}"
    if isinstance(fact, Malformed):
        return Reject(fact.path, reason, fact.raw, fact.waba_id, fact.beside)
    return Reject(fact.path, reason, fact.raw.encode(), fact.source.waba_id, fact.beside)


def _message(fact: MessageFact, arrival: Arrival) -> Event:
    message, source = fact.parsed, fact.source
    number, waba_id = source.phone_number_id or "", source.waba_id or ""
    sender = _sender(message, fact.contact or NOBODY)
    group_id = text(message.get("group_id"))
    kind = text(message.get("type")) or "unknown"
    content, untyped = message_content.content(kind, message, fact.raw)
    event_id = message_event_id(number, fact.message_id, kind, standby=fact.standby)
    record: InboundMessage = {
        "event_id": event_id,
        "received_at": arrival.received_at,
        "waba_id": waba_id,
        "phone_number_id": number,
        "display_phone_number": source.display_phone_number or "",
        "message_id": fact.message_id,
        # A time that cannot be read is replaced by the best one known; `raw` keeps what was sent.
        "sent_at": _or(millis(message.get("timestamp")), arrival.received_at),
        "sender": sender,
        "group_id": group_id,
        "type": kind,
        "standby": fact.standby,
        "context": message_content.context(message.get("context")),
        "referral": message_content.referral(message.get("referral")),
        "contacts_origin": message_content.contacts_origin(message) if kind == "contacts" else None,
        "errors": message_content.errors(message.get("errors")),
        "contact_json": contact_json(fact.contact, sender.values()) if fact.contact else None,
        "raw": fact.raw,
    }
    return Event(
        topic="inbound_messages",
        schema="InboundMessage",
        record={**record, **content},
        event_id=event_id,
        source=f"/whatsapp/{waba_id}",
        path=fact.path,
        key=conversation_key(
            number, user_id=sender["user_id"], wa_id=sender["wa_id"], group_id=group_id, secret=arrival.key_secret
        ),
        beside=fact.beside,
        untyped=untyped,
    )


def _sender(message: Mapping[str, Any], contact: Contact) -> MessageSender:
    return {
        "wa_id": text(message.get("from")) or contact.wa_id,
        "user_id": text(message.get("from_user_id")) or contact.user_id,
        "parent_user_id": text(message.get("from_parent_user_id")) or contact.parent_user_id,
        "username": contact.username,
        "profile_name": contact.profile_name,
        "identity_key_hash": contact.identity_key_hash,
    }


def _status(fact: StatusFact, arrival: Arrival) -> Event:
    status, source = fact.parsed, fact.source
    number, waba_id = source.phone_number_id or "", source.waba_id or ""
    word = text(status.get("status")) or "unknown"
    about = text(status.get("type"))
    occurred_at = millis(status.get("timestamp"))
    recipient = _recipient(status, fact.contact or NOBODY)
    opaque = string(status.get("biz_opaque_callback_data"))
    envelope = _our_envelope(opaque, arrival.installation)
    conversation = status.get("conversation")
    event_id = status_event_id(
        number, fact.message_id, word, _named_recipient(status), occurred_at or 0, standby=fact.standby
    )
    record: MessageStatus = {
        "event_id": event_id,
        "received_at": arrival.received_at,
        "waba_id": waba_id,
        "phone_number_id": number,
        "display_phone_number": source.display_phone_number or "",
        "message_id": fact.message_id,
        "status": word,
        "status_rank": STATUS_RANKS.get(word, 0) if about in _ABOUT_MESSAGES else 0,
        "standby": fact.standby,
        "occurred_at": _or(occurred_at, arrival.received_at),
        "recipient": recipient,
        "type": about,
        "template_id": text(status.get("template_id")),
        "conversation": _conversation(conversation),
        # Meta's group examples put it inside the conversation (groups, webhooks, 2026-02).
        "pricing": _pricing(status.get("pricing") or an_object(conversation).get("pricing")),
        "payment": _payment(status.get(_PAYMENT)),
        "errors": message_content.errors(status.get("errors")),
        "command_id": envelope.command_id if envelope else None,
        "opaque_data": envelope.opaque_data if envelope else opaque,
        "traceparent": envelope.traceparent if envelope else None,
        "contact_json": contact_json(fact.contact, recipient.values()) if fact.contact else None,
        "raw": fact.raw,
    }
    receipt = envelope is not None and about in _ABOUT_MESSAGES
    return Event(
        topic="message_statuses",
        schema="MessageStatus",
        record=record,
        event_id=event_id,
        source=f"/whatsapp/{waba_id}",
        path=fact.path,
        key=_status_key(number, recipient, arrival),
        traceparent=record["traceparent"],
        beside=fact.beside,
        untyped=None if word in _STATUSES or about not in _ABOUT_MESSAGES else "status",
        signals=number_signals.receipt(record, envelope, source, arrival) if receipt and envelope else (),
    )


def _status_key(number: str, recipient: StatusRecipient, arrival: Arrival) -> str:
    return conversation_key(
        number,
        user_id=recipient["participant_user_id"] or recipient["user_id"],
        wa_id=recipient["participant_wa_id"] or recipient["wa_id"],
        group_id=recipient["group_id"],
        secret=arrival.key_secret,
    )


def _recipient(status: Mapping[str, Any], contact: Contact) -> StatusRecipient:
    """Who received; in a group the contact is the participant."""
    group_id = text(status.get("group_id"))
    in_group = group_id is not None or status.get("recipient_type") == "group"
    # A status of a payment names the payer as the sender.
    recipient_id = text(status.get("recipient_id")) or text(status.get("from"))
    parent = None
    if not status.keys().isdisjoint(_PARENT_IDS):
        parent = next(filter(None, (text(status[name]) for name in _PARENT_IDS if name in status)), None)
    return {
        "wa_id": None if in_group else recipient_id or contact.wa_id,
        "user_id": None if in_group else text(status.get("recipient_user_id")) or contact.user_id,
        "parent_user_id": parent or contact.parent_user_id,
        "username": contact.username,
        "profile_name": contact.profile_name,
        "group_id": (group_id or recipient_id) if in_group else None,
        "participant_wa_id": _participant(status) or (contact.wa_id if in_group else None),
        "participant_user_id": text(status.get("recipient_participant_user_id"))
        or (contact.user_id if in_group else None),
        "identity_key_hash": string(status.get("recipient_identity_key_hash")) or contact.identity_key_hash,
    }


def _participant(status: Mapping[str, Any]) -> str | None:
    # Two names for one thing in Meta's pages (messages/status; groups, webhooks; 2026-02).
    return text(status.get("recipient_participant_id")) or text(status.get("participant_recipient_id"))


def _named_recipient(status: Mapping[str, Any]) -> str | None:
    """Whom the status itself names: contacts come with some deliveries of a fact and not with others."""
    return (
        text(status.get("recipient_participant_user_id"))
        or _participant(status)
        or text(status.get("recipient_user_id"))
        or text(status.get("recipient_id"))
    )


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


def _payment(value: Any) -> Payment | None:
    found = an_object(value)
    if not found:
        return None
    transaction = an_object(found.get("transaction"))
    amount = an_object(found.get("amount")) or an_object(transaction.get("amount"))
    return {
        "reference_id": string(found.get("reference_id")),
        "amount_value": int_64(amount.get("value")),
        "amount_offset": int_64(amount.get("offset")),
        "currency": string(found.get("currency")) or string(transaction.get("currency")),
        "transaction_id": string(transaction.get("id")),
        "transaction_type": string(transaction.get("type")),
        "transaction_status": string(transaction.get("status")),
    }


def _or(found: int | None, otherwise: int) -> int:
    return otherwise if found is None else found
