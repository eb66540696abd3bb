"""The quick road for bodies that hold messages and statuses and nothing this version does not know.

Typed decoders read each level in one pass and refuse whatever is not as documented, one member too many included; then
the other road is taken. Both give the same facts.
"""

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from connector.whatsapp.contacts import Contacts, SentContact, ShortText
from connector.whatsapp.facts import Contact, Fact, MessageFact, Source, StatusFact, seconds
from connector.whatsapp.raw_json import REFUSED


class _Metadata(Struct, forbid_unknown_fields=True):
    phone_number_id: ShortText
    display_phone_number: ShortText | None = None


class _Value(Struct, forbid_unknown_fields=True):
    metadata: _Metadata
    messaging_product: Literal["whatsapp"] = "whatsapp"
    contacts: list[SentContact] = []
    messages: list[Raw] = []
    statuses: list[Raw] = []


class _Change(Struct, forbid_unknown_fields=True):
    field: Literal["messages"]
    value: _Value


class _Entry(Struct, forbid_unknown_fields=True):
    changes: list[_Change]
    id: ShortText | None = None
    time: int | None = None


class _Notification(Struct, forbid_unknown_fields=True):
    object: Literal["whatsapp_business_account"]
    entry: list[_Entry]


_NOTIFICATION = msgspec.json.Decoder(_Notification)
_ITEM = msgspec.json.Decoder(dict[str, Any])


class _NotPlainError(Exception):
    """The other road has to be taken."""


def parse(body: bytes) -> list[Fact] | None:
    """The facts of a plain body, in its own order; None when it is not plain."""
    try:
        notification = _NOTIFICATION.decode(body)
        facts: list[Fact] = []
        for entry_number, entry in enumerate(notification.entry):
            for change_number, change in enumerate(_changes(entry)):
                facts += _change(f"entry[{entry_number}].changes[{change_number}].value", entry, change.value)
    except (*REFUSED, _NotPlainError):
        return None
    return facts


class _One:
    """The contact of the only item, as nearly all webhooks have it."""

    all_taken = True

    def __init__(self, contact: Contact) -> None:
        self._contact = contact

    def of(self, item: dict[str, Any]) -> Contact:
        """The contact."""
        user_id, wa_id = self._contact.user_id, self._contact.wa_id
        if user_id is not None and user_id in (item.get("from_user_id"), item.get("recipient_user_id")):
            return self._contact
        if wa_id is not None and wa_id in (item.get("from"), item.get("recipient_id")):
            return self._contact
        raise _NotPlainError


def _changes(entry: _Entry) -> list[_Change]:
    if not entry.changes or entry.id == "" or (entry.time is not None and seconds(entry.time) is None):
        raise _NotPlainError
    return entry.changes


def _contacts(value: _Value) -> Contacts | _One:
    items = len(value.messages) + len(value.statuses)
    contacts = [contact.contact() for contact in value.contacts]
    return _One(contacts[0]) if len(contacts) == items == 1 else Contacts(contacts, items)


def _change(path: str, entry: _Entry, value: _Value) -> list[Fact]:
    messages, statuses = value.messages, value.statuses
    if not messages and not statuses:
        raise _NotPlainError
    number = value.metadata
    if not number.phone_number_id or number.display_phone_number == "":
        raise _NotPlainError
    source = Source(entry.id, number.phone_number_id, number.display_phone_number, seconds(entry.time))
    contacts = _contacts(value)
    facts: list[Fact] = []
    for name, fact_type, items in (("messages", MessageFact, messages), ("statuses", StatusFact, statuses)):
        for place, raw in enumerate(items):
            parsed = _ITEM.decode(raw)
            item_id = parsed.get("id")
            if not isinstance(item_id, str) or not item_id:
                raise _NotPlainError
            found = fact_type(
                f"{path}.{name}[{place}]", source, contacts.of(parsed), item_id, str(raw, "utf-8"), parsed
            )
            facts.append(found)
    if not contacts.all_taken:
        raise _NotPlainError
    return facts
