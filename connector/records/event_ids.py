"""Deterministic event ids: the same fact redelivered has the same id."""

import hashlib
import json
from typing import Any

# 128 bits: among 10^12 facts the odds of one clash are 10^-15.
_HEX_DIGITS = 32

_CLASSES = {"unsupported": "unsupported", "unknown": "unsupported", "edit": "edit", "revoke": "revoke"}


def message_event_id(phone_number_id: str, message_id: str, type_: str, *, standby: bool = False) -> str:
    """Id of an inbound message.

    One message id can stand for two facts: an ``unsupported`` one (131060), and the content that comes later under the
    same id. So the id covers whether the message is content, unsupported, an edit or a revocation. The copy that a
    responder on standby gets is another fact than the message that is to be answered.

    Args:
        phone_number_id: The business number.
        message_id: Meta's message id (wamid).
        type_: Type of the message, as Meta names it.
        standby: Whether it is such a copy.
    """
    return _digest("message", phone_number_id, message_id, _CLASSES.get(type_, "content"), *_standby(standby))


def status_event_id(
    phone_number_id: str,
    message_id: str,
    status: str,
    recipient: str | None,
    occurred_at: int,
    *,
    standby: bool = False,
) -> str:
    """Id of a message status.

    Args:
        phone_number_id: The business number.
        message_id: Meta's message id (wamid).
        status: Status, as Meta names it.
        recipient: Whom it is about: in a group the participant, else the recipient, by whichever id Meta gives.
        occurred_at: Meta's timestamp, in the unit the caller always uses.
        standby: Whether it is the copy that a responder on standby gets.
    """
    return _digest("status", phone_number_id, message_id, status, recipient or "", str(occurred_at), *_standby(standby))


def account_event_id(waba_id: str, field: str, change: Any, entry_time: int | None = None) -> str:
    """Id of an account event.

    Args:
        waba_id: ``entry.id``.
        field: Webhook field.
        change: The parsed value of the change, or of an event in an array the number it is about and the event alone;
            the order of members does not matter.
        entry_time: ``entry.time``, when there is one: some changes recur word for word, such as a PIN changed twice.
    """
    canonical = json.dumps(change, sort_keys=True, separators=(",", ":"))
    return _digest("account", waba_id, field, canonical, "" if entry_time is None else str(entry_time))


def outcome_event_id(topic: str, partition: int, offset: int) -> str:
    """Id of a delivery outcome: the origin of its command, of which there is one outcome.

    Args:
        topic: Topic of the origin.
        partition: Partition of the origin.
        offset: Offset of the origin.
    """
    return f"outcome-{topic}/{partition}/{offset}"


def attempt_event_id(topic: str, partition: int, offset: int, attempt: int, phase: str) -> str:
    """Id of what the journal says of an attempt; the same when it is written again.

    Args:
        topic: Topic of the command's origin.
        partition: Partition of the origin.
        offset: Offset of the origin.
        attempt: Number of the attempt, from 1.
        phase: STARTED or ENDED.
    """
    return f"attempt-{topic}/{partition}/{offset}-{attempt}-{phase.lower()}"


def _standby(standby: bool) -> tuple[str, ...]:  # noqa: FBT001 - the word its callers pass on
    return ("standby",) if standby else ()


def _digest(kind: str, *parts: str) -> str:
    # Lengths keep ("a", "bc") and ("ab", "c") apart.
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return f"{kind}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:_HEX_DIGITS]}"
