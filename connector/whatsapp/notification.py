"""One webhook POST taken apart into facts, each by itself: one bad item never costs another.

A *fact* is an inbound message, a message status, or one change of anything else (an account fact). Each carries the
exact text Meta sent as ``raw`` (numbers keep their digits, unknown members stay) beside the parsed value for typed
fields. What cannot be read comes out as :class:`Malformed` with its place and text: everything sent is in some result.

The envelope (``object``, ``entry.id``, ``entry.time``, ``metadata``, ``contacts``) is context: it is read for the
facts, and not kept as text. Shapes: Meta, webhooks overview and ``messages`` reference, 2026-09-11.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.whatsapp import raw_json
from connector.whatsapp.raw_json import UnreadableError

_OBJECT = "whatsapp_business_account"
_MESSAGES = "messages"
_ITEM_ARRAYS = ("messages", "statuses")
_CONTEXT = frozenset({"messaging_product", "metadata", "contacts", *_ITEM_ARRAYS})
_CHANGE = frozenset({"field", "value"})
_SECONDS_MAX = 253_402_300_799  # the end of the year 9999: later ones are no dates in most languages
_NOTHING = frozenset({b"null", b"[]", b"{}"})
_NO_ID = "id: missing"
# Where a message or a status names the user it is about, in a contact's two words for the same.
_USER_MEMBERS = {
    "wa_id": ("from", "recipient_id", "recipient_participant_id"),
    "user_id": ("from_user_id", "recipient_user_id", "recipient_participant_user_id"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts come from; None is what Meta did not say.

    Attributes:
        waba_id: ``entry.id``, the WhatsApp Business Account (the portfolio for ``partner_solutions``).
        phone_number_id: Business number, resolved for each change: one POST may speak of many.
        display_phone_number: The same number as Meta displays it.
        time_s: ``entry.time``, Unix seconds.
    """

    waba_id: str | None
    phone_number_id: str | None = None
    display_phone_number: str | None = None
    time_s: int | None = None


@dataclass(frozen=True, slots=True)
class MessageFact:
    """One message from a user.

    Attributes:
        path: Place in the body, such as ``entry[0].changes[2].value.messages[1]``.
        source: Account and number.
        contact: The element of ``contacts`` with the sender's ``wa_id`` or ``user_id``.
        message_id: Meta's id (wamid).
        raw: The message's JSON text as sent.
        parsed: The message.
    """

    path: str
    source: Source
    contact: Mapping[str, Any] | None
    message_id: str
    raw: str
    parsed: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StatusFact:
    """One status of a message sent by the business.

    Attributes as in :class:`MessageFact`; the contact is the recipient.
    """

    path: str
    source: Source
    contact: Mapping[str, Any] | None
    message_id: str
    raw: str
    parsed: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AccountFact:
    """One change that is neither message nor status.

    Attributes:
        path: Place in the body, such as ``entry[0].changes[2]``.
        source: Account and, when the change says so, number.
        field: Webhook field as Meta names it; an open set.
        raw: The JSON text of the whole change, ``{"field": …, "value": …}``, as sent. Under the field ``messages`` the
            arrays ``messages`` and ``statuses`` are left out when their items are facts of their own.
        value: ``change.value``, of any type.
        beside_items: Whether messages or statuses stood in the same change.
    """

    path: str
    source: Source
    field: str
    raw: str
    value: Any
    beside_items: bool


@dataclass(frozen=True, slots=True)
class Malformed:
    """What cannot be read.

    Attributes:
        path: Place in the body; empty for the whole body.
        reason: What is wrong; quotes nothing of the body.
        raw: The bytes of the smallest part that holds the fault.
    """

    path: str
    reason: str
    raw: bytes


Fact = MessageFact | StatusFact | AccountFact | Malformed
_FACT_OF: dict[str, type[MessageFact | StatusFact]] = {"messages": MessageFact, "statuses": StatusFact}


def parse_notification(body: bytes) -> list[Fact]:
    """Take one body apart, in its own order.

    Returns:
        The facts. A body that is not a notification at all is one :class:`Malformed` with an empty path; one with no
        changes is an empty list. Never raises, whatever the bytes.
    """
    try:
        notification = raw_json.members(body)
        if _value(notification.get("object")) not in (None, _OBJECT):
            return [Malformed("", f"object: not {_OBJECT}", body)]
        entries = _array(notification, "entry")
    except UnreadableError as error:
        return [Malformed("", str(error), body)]
    return [fact for number, entry in enumerate(entries) for fact in _entry(f"entry[{number}]", entry)]


def text(value: Any) -> str | None:
    """Read an id or a word: a string, or an integer in its place (both occur); None for the rest, and for empty."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def seconds(value: Any) -> int | None:
    """Read Unix seconds up to the year 9999, sent as a string of digits or as an integer; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_SECONDS_MAX)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _SECONDS_MAX else None


def _entry(path: str, raw: bytes) -> Iterator[Fact]:
    try:
        entry = raw_json.members(raw)
        changes = _array(entry, "changes")
    except UnreadableError as error:
        yield Malformed(path, str(error), raw)
        return
    source = Source(waba_id=text(_value(entry.get("id"))), time_s=seconds(_value(entry.get("time"))))
    for number, change in enumerate(changes):
        yield from _change(f"{path}.changes[{number}]", source, change)


def _change(path: str, source: Source, raw: bytes) -> Iterator[Fact]:
    try:
        change = raw_json.members(raw)
    except UnreadableError as error:
        yield Malformed(path, str(error), raw)
        return
    field = _value(change.get("field"))
    if not isinstance(field, str):
        yield Malformed(path, "field: not a string", raw)
    elif field == _MESSAGES:
        yield from _messages_change(path, source, change, raw)
    else:
        yield _account(path, source, field, raw)


def _messages_change(path: str, source: Source, change: dict[str, bytes], raw: bytes) -> Iterator[Fact]:
    """Messages and statuses one by one; then, as one account fact, what else the change holds, such as errors."""
    try:
        value = raw_json.members(change.get("value", b""))
    except UnreadableError:
        yield _account(path, source, _MESSAGES, raw)
        return
    arrays = [name for name in _ITEM_ARRAYS if value.get(name, b"null") not in _NOTHING]
    if not arrays:
        yield _account(path, source, _MESSAGES, raw)
        return
    source = _with_number(source, _object(value.get("metadata")))
    contacts = _contacts(value.get("contacts"))
    for name in arrays:
        yield from _items(f"{path}.value.{name}", _FACT_OF[name], source, contacts, value[name])
    rest = _rest(change, value)
    if rest is not None:
        yield _account(path, source, _MESSAGES, rest, beside_items=True)


def _items(
    path: str,
    fact_type: type[MessageFact | StatusFact],
    source: Source,
    contacts: Mapping[tuple[str, str], Mapping[str, Any]],
    raw: bytes,
) -> Iterator[Fact]:
    try:
        items = raw_json.items(raw)
    except UnreadableError as error:
        yield Malformed(path, str(error), raw)
        return
    for number, item in enumerate(items):
        yield _item(f"{path}[{number}]", fact_type, source, contacts, item)


def _item(
    path: str,
    fact_type: type[MessageFact | StatusFact],
    source: Source,
    contacts: Mapping[tuple[str, str], Mapping[str, Any]],
    raw: bytes,
) -> Fact:
    try:
        parsed = raw_json.value(raw)
    except UnreadableError as error:
        return Malformed(path, str(error), raw)
    if not isinstance(parsed, dict):
        return Malformed(path, "not an object", raw)
    message_id = text(parsed.get("id"))
    if message_id is None:
        return Malformed(path, _NO_ID, raw)
    return fact_type(path, source, _contact_of(parsed, contacts), message_id, raw.decode(), parsed)


def _account(
    path: str, source: Source, field: str, raw: bytes, *, beside_items: bool = False
) -> AccountFact | Malformed:
    try:
        value = raw_json.value(raw).get("value")
    except UnreadableError as error:
        return Malformed(path, str(error), raw)
    if isinstance(value, dict):
        source = _with_number(source, value, value.get("metadata"))
    return AccountFact(path, source, field, raw.decode(), value, beside_items)


def _rest(change: dict[str, bytes], value: dict[str, bytes]) -> bytes | None:
    """The change without its items, when it holds more than items and their context; built of the texts as sent."""
    beside = [content for name, content in change.items() if name not in _CHANGE]
    inside = [content for name, content in value.items() if name not in _CONTEXT]
    if all(content in _NOTHING for content in beside + inside):
        return None
    bare = _join({name: content for name, content in value.items() if name not in _ITEM_ARRAYS})
    return _join({**change, "value": bare})


def _join(members: dict[str, bytes]) -> bytes:
    return b"{" + b",".join(raw_json.quoted(name) + b":" + content for name, content in members.items()) + b"}"


def _with_number(source: Source, *places: Any) -> Source:
    """Add the business number, from the last place that names it."""
    found = {
        name: text(place[name])
        for place in places
        if isinstance(place, dict)
        for name in ("phone_number_id", "display_phone_number")
        if name in place
    }
    return Source(source.waba_id, found.get("phone_number_id"), found.get("display_phone_number"), source.time_s)


def _contacts(raw: bytes | None) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Contacts by each of their two ids: neither the order nor the number of contacts is that of the items."""
    contacts = _value(raw)
    return {
        (name, contact_id): contact
        for contact in (contacts if isinstance(contacts, list) else ())
        if isinstance(contact, dict)
        for name in _USER_MEMBERS
        if (contact_id := text(contact.get(name))) is not None
    }


def _contact_of(
    item: Mapping[str, Any], contacts: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    for name, item_members in _USER_MEMBERS.items():
        for member in item_members:
            contact = contacts.get((name, text(item.get(member)) or ""))
            if contact is not None:
                return contact
    return None


def _array(owner: dict[str, bytes], name: str) -> list[bytes]:
    try:
        return raw_json.items(owner.get(name, b""))
    except UnreadableError as error:
        message = f"{name}: {error}"
        raise UnreadableError(message) from error


def _value(raw: bytes | None) -> Any:
    """Read a part of the envelope; what is missing or cannot be read is None."""
    try:
        return None if raw is None else raw_json.value(raw)
    except UnreadableError:
        return None


def _object(raw: bytes | None) -> Mapping[str, Any]:
    value = _value(raw)
    return value if isinstance(value, dict) else {}
