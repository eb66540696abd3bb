"""What one webhook says, fact by fact.

A *fact* is an inbound message, a message status, or one event of anything else (an account fact). Each carries the
exact text Meta sent as ``raw`` (numbers keep their digits, unknown members stay) beside the parsed value for typed
fields. Missing values are None.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct


class Source(Struct, frozen=True):
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


class Contact(Struct, frozen=True):
    """What a change says about one user.

    Attributes:
        wa_id: Phone number as WhatsApp id.
        user_id: Business-scoped user id.
        parent_user_id: Business-scoped user id of the parent portfolio.
        username: Username, when adopted.
        profile_name: Name the user chose.
        identity_key_hash: Hash of the user's identity key.
        raw: The contact's JSON text, when it has members that are not here.
    """

    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    username: str | None = None
    profile_name: str | None = None
    identity_key_hash: str | None = None
    raw: str | None = None


NOBODY: Final = Contact()


class MessageFact(Struct, frozen=True):
    """One message from a user.

    Attributes:
        path: Place in the body, such as ``entry[0].changes[2].value.messages[1]``.
        source: Account and number.
        contact: What the change says about the sender.
        message_id: Meta's id (wamid).
        raw: The message's JSON text as sent.
        parsed: The message.
        standby: Whether it is a copy for a responder who does not own the conversation (Meta, webhooks: standby).
        beside: JSON text of members of the envelope that nothing else carries, to go with this fact.
    """

    path: str
    source: Source
    contact: Contact | None
    message_id: str
    raw: str
    parsed: dict[str, Any]
    standby: bool = False
    beside: str | None = None


class StatusFact(Struct, frozen=True):
    """One status of a message sent by the business.

    Attributes as in :class:`MessageFact`; the contact is the recipient.
    """

    path: str
    source: Source
    contact: Contact | None
    message_id: str
    raw: str
    parsed: dict[str, Any]
    standby: bool = False
    beside: str | None = None


class AccountFact(Struct, frozen=True):
    """One event that is neither message nor status.

    Attributes:
        path: Place in the body, such as ``entry[0].changes[2]`` or ``entry[0].changes[2].value.calls[1]``.
        source: Account and, when the change says so, number.
        field: Webhook field as Meta names it; an open set.
        raw: The JSON text of the change, ``{"field": …, "value": …}``, as sent. When the value holds an array of
            events, it has this one alone; beside messages and statuses it has what is neither.
        value: ``change.value`` of ``raw``, of any type.
        array: Name of the array the event stood in; empty when the change is one event.
        item: The event in that array.
        within: What the event stood in, outermost first, for arrays in arrays: a chunk of the history, a thread.
        contact: What the change says about the user of the event.
        place: Where the event stands in ``raw``: members by name, items by number. Empty when the change is one event.
        beside_items: Whether messages or statuses stood in the same change.
        beside: As in :class:`MessageFact`.
    """

    path: str
    source: Source
    field: str
    raw: str
    value: Any
    array: str = ""
    item: Mapping[str, Any] = {}
    within: tuple[Mapping[str, Any], ...] = ()
    contact: Contact | None = None
    place: tuple[str | int, ...] = ()
    beside_items: bool = False
    beside: str | None = None


class Malformed(Struct, frozen=True):
    """What cannot be read.

    Attributes:
        path: Place in the body; empty for the whole body.
        reason: What is wrong; quotes nothing of the body.
        raw: The bytes of the smallest part that holds the fault.
        waba_id: ``entry.id``, when it lies in an entry.
        beside: As in :class:`MessageFact`.
    """

    path: str
    reason: str
    raw: bytes
    waba_id: str | None = None
    beside: str | None = None


Fact = MessageFact | StatusFact | AccountFact | Malformed

ID_CHARACTERS_MAX: Final = 1024
"""Of an id or a name that goes with each of many facts; the longest that Meta documents have about 150 characters."""

_SECONDS_MAX = 253_402_300_799  # the end of the year 9999: later ones are no dates in most languages
_SECONDS_DIGITS = len(str(_SECONDS_MAX))


def text(value: Any) -> str | None:
    """Read an id or a word: a string, or an integer in its place (both occur); None for the rest, and for empty."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def short_text(value: Any) -> str | None:
    """The same, for what is repeated with each of many facts: a longer one than Meta has is none."""
    found = text(value)
    return found if found is None or len(found) <= ID_CHARACTERS_MAX else None


def seconds(value: Any) -> int | None:
    """Read Unix seconds up to the year 9999, sent as a string of digits or as an integer; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _SECONDS_DIGITS:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _SECONDS_MAX else None


def an_object(value: Any) -> Mapping[str, Any]:
    """The value, when it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of an array; what else stands in it is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
