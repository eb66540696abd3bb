"""Account facts to records. PURE.

An ``AccountEvent`` has one sub-record for each field that Meta documents; what the field is, and what stands in it,
is in :mod:`connector.ingress.account_content` and :mod:`connector.ingress.conversation_content`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from connector.ingress import account_content as account
from connector.ingress import conversation_content as conversation
from connector.ingress import message_content, number_signals
from connector.ingress.events import Arrival, Event
from connector.ingress.fields import digits, millis
from connector.records.event_ids import account_event_id
from connector.records.types import AccountEvent, MetaError
from connector.whatsapp.facts import AccountFact, Source, an_object, text

Read = Callable[[AccountFact], Mapping[str, Any]]

# Sub-records by field, and by array where a field has several (Meta, webhooks: reference by field, 2026-09-11).
_READERS: Final[Mapping[str, Read]] = {
    "account_update": account.account,
    "account_review_update": account.nothing_more,
    "account_alerts": account.alert,
    "business_capability_update": account.capability,
    "business_status_update": account.nothing_more,
    "phone_number_quality_update": account.number,
    "phone_number_name_update": account.number,
    "security": account.number,
    "account_settings_update": account.number,
    "business_username_update": account.number,
    "business_username_updates": account.number,
    "message_template_status_update": account.template,
    "message_template_quality_update": account.template,
    "message_template_components_update": account.template,
    "template_category_update": account.template,
    "template_correct_category_detection": account.template,
    "flows": account.flow,
    "partner_solutions": account.partner_solution,
    "payment_configuration_update": account.payment_configuration,
    "automatic_events": account.automatic_event,
    "user_preferences": conversation.preference,
    "user_id_update": conversation.user_id_change,
    "smb_app_state_sync": conversation.contact_sync,
    "messaging_handovers": conversation.handover,
    "calls": conversation.call,
    "history": conversation.message,
    "smb_message_echoes": conversation.message,
    "message_echoes": conversation.message,
    "standby": conversation.message,
    "group_lifecycle_update": conversation.group,
    "group_participants_update": conversation.group,
    "group_participant_update": conversation.group,
    "group_settings_update": conversation.group,
    "group_status_update": conversation.group,
    "messages": conversation.beside_messages,
}


def event(fact: AccountFact, arrival: Arrival) -> Event:
    """The record of one account fact."""
    source = known_number(fact.source, arrival)
    value, waba_id = an_object(fact.value), source.waba_id or ""
    own_time = millis(fact.item.get("timestamp")) or millis(an_object(fact.item.get("metadata")).get("timestamp"))
    event_id = account_event_id(
        waba_id,
        fact.field,
        # As sent, without what was learned of the number: that may differ between two deliveries too.
        {"number": _named_number(fact.source), fact.array: fact.item} if fact.array else fact.value,
        # A time of its own tells an event from the next like it; the entry's may differ between two deliveries of it.
        None if own_time is not None else source.time_s,
    )
    read = _READERS.get(fact.field)
    content = read(fact) if read else {}
    # The errors of a Flow are statistics, and have their own place.
    reported = [] if fact.field == "flows" else _errors(fact, value)
    record: AccountEvent = {
        "event_id": event_id,
        "received_at": arrival.received_at,
        "waba_id": waba_id,
        "phone_number_id": source.phone_number_id,
        "display_phone_number": source.display_phone_number,
        "field": fact.field,
        "event": _event_name(fact, value),
        "occurred_at": own_time or millis(value.get("timestamp")) or millis(source.time_s),
        "standby": fact.field == "standby",
        "user": conversation.user(fact),
        "errors": reported,
        "raw": fact.raw,
    }
    return Event(
        topic="account_events",
        schema="AccountEvent",
        record={**record, **content},
        event_id=event_id,
        source=f"/whatsapp/{waba_id}",
        path=fact.path,
        key=waba_id or None,
        beside=fact.beside,
        untyped=_untyped(read, content, reported),
        signals=number_signals.of_account(fact, source, event_id, arrival),
    )


def known_number(source: Source, arrival: Arrival) -> Source:
    """The source with the id of its number, when Meta only displays it and somebody has told the id before."""
    if source.phone_number_id is not None or source.display_phone_number is None:
        return source
    number = arrival.numbers.get(digits(source.display_phone_number))
    return Source(source.waba_id, number, source.display_phone_number, source.time_s)


def _named_number(source: Source) -> str | None:
    return source.phone_number_id or source.display_phone_number


def _errors(fact: AccountFact, value: Mapping[str, Any]) -> list[MetaError]:
    return [
        error for place in (value, fact.item, *fact.within) for error in message_content.errors(place.get("errors"))
    ]


def _untyped(read: Read | None, content: Mapping[str, Any], reported: list[MetaError]) -> str | None:
    if read is None:
        return "account_field"
    return None if content or reported or read is account.nothing_more else "account_content"


def _event_name(fact: AccountFact, value: Mapping[str, Any]) -> str | None:
    """What happened, by the word Meta has for it: in one of several places."""
    item = fact.item or value
    places = (
        item.get("event"),
        item.get("decision"),
        an_object(item.get("alert_info")).get("alert_type"),
        item.get("alert_type"),
        item.get("event_name"),
        item.get("action_type"),
        item.get("action"),
        *((item.get("type"),) if fact.array in {"", "groups"} else ()),
        *((item.get("value"),) if fact.array == "user_preferences" else ()),
        *((item.get("status"),) if fact.array in {"", "statuses"} else ()),
    )
    return next((found for place in places if (found := text(place)) is not None), None)
