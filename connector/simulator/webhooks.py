"""Webhook bodies: Meta's envelope around updates, Meta's JSON style, Meta's signature.

Sources: Meta, Cloud API webhook pages, 2026-09-11; Graph webhooks guide, 2026.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

OBJECT = "whatsapp_business_account"
SIGNATURE_HEADER = "X-Hub-Signature-256"
_ESCAPES = str.maketrans({"/": "\\/", "<": "\\u003C", "%": "\\u0025", "@": "\\u0040"})


class Update(NamedTuple):
    """One status or one inbound message, ready to be sent.

    Attributes:
        due_s: monotonic seconds before which it has not happened.
        waba_id: of the number.
        phone_number_id: of the number.
        display_phone_number: of the number.
        member: ``statuses`` or ``messages``.
        item: the status or message.
        contact: what ``contacts`` says about the user, if anything.
    """

    due_s: float
    waba_id: str
    phone_number_id: str
    display_phone_number: str
    member: str
    item: dict[str, Any]
    contact: dict[str, Any] | None


class Change(NamedTuple):
    """One change of another kind, ready to be sent.

    Attributes:
        due_s: monotonic seconds before which it has not happened.
        account_id: what ``entry.id`` says.
        field: of the change.
        value: of the change.
        time_s: what ``entry.time`` says, seconds since the Unix epoch; None leaves it out.
    """

    due_s: float
    account_id: str
    field: str
    value: dict[str, Any]
    time_s: int | None = None


Notice = Update | Change


def labels(notice: Notice) -> tuple[str, ...]:
    """The kinds that a notice is of, from the field down to the status or type."""
    if isinstance(notice, Change):
        return (notice.field,)
    return (notice.member, str(notice.item.get("status" if notice.member == "statuses" else "type")))


def metadata(display_phone_number: str, phone_number_id: str) -> dict[str, Any]:
    """What values about a number begin with."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": display_phone_number, "phone_number_id": phone_number_id},
    }


def envelope(notices: Iterable[Notice]) -> dict[str, Any]:
    """One notification: an entry for each account, in it a change for each number and kind of update.

    These have entries of their own, for ``time`` speaks of the whole entry.
    """
    accounts: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    entries: list[dict[str, Any]] = []
    for notice in notices:
        if isinstance(notice, Change):
            entries.append(_change_entry(notice))
            continue
        if notice.waba_id not in accounts:
            accounts[notice.waba_id] = {}
            entries.append({"id": notice.waba_id, "changes": []})
        _add(accounts[notice.waba_id], notice)
    return {"object": OBJECT, "entry": [_with_changes(entry, accounts) for entry in entries]}


def _change_entry(change: Change) -> dict[str, Any]:
    time = {} if change.time_s is None else {"time": change.time_s}
    return {"id": change.account_id, **time, "changes": [{"value": change.value, "field": change.field}]}


def _with_changes(entry: dict[str, Any], accounts: dict[str, dict[tuple[str, str], dict[str, Any]]]) -> dict[str, Any]:
    if not entry["changes"]:
        entry["changes"] = [{"value": value, "field": "messages"} for value in accounts[entry["id"]].values()]
    return entry


def _add(changes: dict[tuple[str, str], dict[str, Any]], update: Update) -> None:
    value = changes.get((update.phone_number_id, update.member))
    if value is None:
        value = metadata(update.display_phone_number, update.phone_number_id)
        changes[update.phone_number_id, update.member] = value
    if update.contact is not None and update.contact not in value.setdefault("contacts", []):
        value["contacts"].append(update.contact)
    value.setdefault(update.member, []).append(update.item)


def encode(notification: dict[str, Any]) -> bytes:
    r"""The bytes as Meta writes them: non-ASCII and ``/ < % @`` escaped (``\u00e4``, ``\/``).

    The four ASCII characters occur inside strings only, so escaping them in the finished text is safe.
    """
    return json.dumps(notification, ensure_ascii=True, separators=(",", ":")).translate(_ESCAPES).encode("ascii")


def signature(secret: str, body: bytes) -> str:
    """The value of ``X-Hub-Signature-256``: over the very bytes that travel."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
