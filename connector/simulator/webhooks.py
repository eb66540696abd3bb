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


def envelope(updates: Iterable[Update]) -> dict[str, Any]:
    """One notification: an entry for each account, in it a change for each number and kind of update."""
    entries: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for update in updates:
        changes = entries.setdefault(update.waba_id, {})
        value = changes.get((update.phone_number_id, update.member))
        if value is None:
            value = changes[update.phone_number_id, update.member] = {
                "messaging_product": "whatsapp",
                "metadata": {
                    "display_phone_number": update.display_phone_number,
                    "phone_number_id": update.phone_number_id,
                },
            }
        if update.contact is not None and update.contact not in value.setdefault("contacts", []):
            value["contacts"].append(update.contact)
        value.setdefault(update.member, []).append(update.item)
    return {
        "object": OBJECT,
        "entry": [
            {"id": waba_id, "changes": [{"value": value, "field": "messages"} for value in changes.values()]}
            for waba_id, changes in entries.items()
        ],
    }


def encode(notification: dict[str, Any]) -> bytes:
    r"""The bytes as Meta writes them: non-ASCII and ``/ < % @`` escaped (``\u00e4``, ``\/``).

    The four ASCII characters occur inside strings only, so escaping them in the finished text is safe.
    """
    return json.dumps(notification, ensure_ascii=True, separators=(",", ":")).translate(_ESCAPES).encode("ascii")


def signature(secret: str, body: bytes) -> str:
    """The value of ``X-Hub-Signature-256``: over the very bytes that travel."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
