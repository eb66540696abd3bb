"""What delivery is told about numbers. PURE.

A signal about one number goes to the slot that owns it; one about an account, or about this replica, to every slot.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, cast

from connector.ingress.events import Arrival, Event
from connector.ingress.fields import int_64
from connector.records.envelope import Envelope
from connector.records.keys import slot_of
from connector.records.types import MessageStatus, NumberSignal
from connector.whatsapp.facts import AccountFact, Source, an_object, objects, text

# Only these two say whether the request reached Meta; the later ones add nothing to that.
_RECEIPTS = frozenset({"sent", "failed"})
_LEVEL_FIELD = "phone_number_quality_update"
# Each goes to every slot. An account has a handful of kinds of restrictions; the record itself has them all.
_FINDINGS_MAX: Final = 8
_ACCOUNT_FIELDS = frozenset({"account_update", "account_review_update", "account_alerts"})


def receipt(status: MessageStatus, envelope: Envelope, source: Source, arrival: Arrival) -> tuple[Event, ...]:
    """RECEIPT: a status proves that a command of ours reached Meta."""
    if status["status"] not in _RECEIPTS:
        return ()
    codes = [error["code"] for error in status["errors"]]
    return _placed(
        {
            "kind": "RECEIPT",
            "phone_number_id": source.phone_number_id,
            "waba_id": source.waba_id,
            "replica": arrival.replica,
            "at": arrival.received_at,
            "command_id": envelope.command_id,
            "attempt": envelope.attempt,
            "message_id": status["message_id"],
            "status": status["status"],
            "error_code": next(filter(None, codes), None),
        },
        f"{status['event_id']}-receipt",
        arrival.slots,
        envelope.traceparent,
    )


def of_account(fact: AccountFact, source: Source, event_id: str, arrival: Arrival) -> tuple[Event, ...]:
    """LEVEL or ACCOUNT: a number's throughput or quality changed, or an account is restricted, alerted or in error.

    Args:
        fact: What Meta told.
        source: Account and number; the number may be known from elsewhere.
        event_id: Of the fact.
        arrival: Of the webhook.
    """
    events: tuple[Event, ...] = ()
    for number, found in enumerate(islice(_findings(fact), _FINDINGS_MAX)):
        signal: NumberSignal = cast(
            "NumberSignal",
            {
                "phone_number_id": source.phone_number_id,
                "waba_id": source.waba_id,
                "replica": arrival.replica,
                "at": arrival.received_at,
                **found,
            },
        )
        events += _placed(signal, f"{event_id}-signal-{number}", arrival.slots)
    return events


def heartbeat(replica: str, slots: int, at: int) -> list[Event]:
    """HEARTBEAT: this replica takes webhooks, and its records reach Kafka."""
    return list(_placed({"kind": "HEARTBEAT", "replica": replica, "at": at}, f"{replica}-heartbeat-{at}", slots))


def gap(replica: str, slots: int, at: int, interval: tuple[int, int]) -> list[Event]:
    """GAP: this replica refused webhooks, so that silence in the interval proves nothing."""
    begin, end = interval
    signal: NumberSignal = {"kind": "GAP", "replica": replica, "at": at, "from": begin, "to": end}
    return list(_placed(signal, f"{replica}-gap-{begin}-{end}", slots))


def inbound_load(
    replica: str, slots: int, phone_number_id: str, *, waba_id: str, count: int, interval: tuple[int, int]
) -> list[Event]:
    """INBOUND_LOAD: inbound messages of a number; they count against its throughput (Meta, throughput, 2026-09-11)."""
    begin, end = interval
    signal: NumberSignal = {
        "kind": "INBOUND_LOAD",
        "phone_number_id": phone_number_id,
        "waba_id": waba_id,
        "replica": replica,
        "at": end,
        "count": count,
        "from": begin,
        "to": end,
    }
    return list(_placed(signal, f"{replica}-load-{phone_number_id}-{end}", slots))


def _findings(fact: AccountFact) -> Iterator[Mapping[str, Any]]:
    value = an_object(fact.value)
    if fact.field == _LEVEL_FIELD:
        yield {"kind": "LEVEL", "level": text(value.get("event"))}
    elif fact.field in _ACCOUNT_FIELDS:
        for word in _account_words(value):
            yield {"kind": "ACCOUNT", "status": word}
    # Beside messages, errors are about those messages.
    elif fact.field == "messages" and not fact.beside_items:
        for error in objects(value.get("errors")):
            yield {"kind": "ACCOUNT", "error_code": int_64(error.get("code"))}


def _account_words(value: Mapping[str, Any]) -> list[str | None]:
    """What happened to the account: its restrictions, the state of its ban, or the event, as Meta names them."""
    restrictions = [text(found.get("restriction_type")) for found in objects(value.get("restriction_info"))]
    if restrictions:
        return list(restrictions)
    ban = an_object(value.get("ban_info"))
    alert = an_object(value.get("alert_info"))
    words = (ban.get("waba_ban_state"), value.get("event"), value.get("decision"), alert.get("alert_type"))
    return [next(filter(None, map(text, (*words, value.get("alert_type")))), None)]


def _placed(signal: NumberSignal, event_id: str, slots: int, traceparent: str | None = None) -> tuple[Event, ...]:
    number = signal.get("phone_number_id")
    return tuple(
        Event(
            topic="number_signals",
            schema="NumberSignal",
            record=signal,
            event_id=event_id,
            source=f"/connector/ingress/{signal['replica']}",
            key=number,
            partition=partition,
            traceparent=traceparent,
        )
        for partition in (range(slots) if number is None else (slot_of(number, slots),))
    )
