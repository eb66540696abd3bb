"""Which contact of a change belongs to which item: neither their order nor their number is that of the items."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from connector.whatsapp import raw_json
from connector.whatsapp.facts import ID_CHARACTERS_MAX, Contact, an_object, short_text, text
from connector.whatsapp.raw_json import UnreadableError

# Where an item names the user it is about. Business-scoped ids come first: since April 2026 they are always there, and
# a phone number may be hidden or written in two ways (Meta, business-scoped user ids, 2026-02).
_USER_IDS = ("from_user_id", "recipient_user_id", "recipient_participant_user_id", "user_id", "to_user_id")
_PHONES = ("from", "recipient_id", "recipient_participant_id", "participant_recipient_id", "wa_id", "to")

# The text of a contact with more than the known fields goes with each of its messages: a longer one is set aside once.
_CONTACT_BYTES_MAX: Final = 8 * 1024
ShortText = Annotated[str, Meta(max_length=ID_CHARACTERS_MAX)]


class SentContact(Struct, forbid_unknown_fields=True):
    """A contact as Meta sends it, with nothing this version does not know."""

    wa_id: ShortText | None = None
    user_id: ShortText | None = None
    parent_user_id: ShortText | None = None
    identity_key_hash: ShortText | None = None
    profile: "SentProfile | None" = None

    def contact(self) -> Contact:
        """The same, flat."""
        profile = self.profile
        return Contact(
            self.wa_id or None,
            self.user_id or None,
            self.parent_user_id or None,
            profile.username if profile else None,
            profile.name if profile else None,
            self.identity_key_hash,
        )


class SentProfile(Struct, forbid_unknown_fields=True):
    """The profile of a contact."""

    name: ShortText | None = None
    username: ShortText | None = None


_SENT = msgspec.json.Decoder(SentContact)


class Contacts:
    """The contacts of one change.

    Args:
        contacts: In any order.
        items: How many items there are to share them.
    """

    def __init__(self, contacts: Sequence[Contact], items: int) -> None:
        self._contacts = contacts
        self._only = contacts[0] if len(contacts) == 1 and items == 1 else None
        self._by_id = {key: contact for contact in contacts for key in _ids(contact)}
        self._taken: set[int] = set()

    def of(self, item: Mapping[str, Any]) -> Contact | None:
        """The contact of an item: the one with an id that the item names.

        A single contact beside a single item is the item's also when the two name the user in different ways.
        """
        names = list(_names(item))
        for key in names:
            if (found := self._by_id.get(key)) is not None:
                self._taken.add(id(found))
                return found
        if self._only is None or {kind for kind, _ in names} & {kind for kind, _ in _ids(self._only)}:
            return None
        self._taken.add(id(self._only))
        return self._only

    @property
    def all_taken(self) -> bool:
        """Whether each contact was asked for by some item."""
        return len(self._taken) == len(self._contacts)

    def taken(self, contact: Contact) -> bool:
        """Whether an item has asked for this one."""
        return id(contact) in self._taken


def read_contact(raw: bytes) -> Contact | None:
    """One contact of any shape, read as far as it can be; None when it is none, or far too large for one."""
    try:
        return _SENT.decode(raw).contact()  # bounded by its fields, and nothing of it goes with the messages but these
    except raw_json.REFUSED:
        pass
    if len(raw) > _CONTACT_BYTES_MAX:
        return None
    try:
        found = raw_json.value(raw)
        return contact(found, raw.decode()) if isinstance(found, dict) else None
    except UnreadableError:
        return None


def contact(found: Mapping[str, Any], raw: str | None = None) -> Contact:
    """The contact in a parsed object; ``raw`` is its text, when something of it has no field."""
    profile = an_object(found.get("profile"))
    return Contact(
        wa_id=short_text(found.get("wa_id")),
        user_id=short_text(found.get("user_id")),
        parent_user_id=short_text(found.get("parent_user_id")),
        username=_string(profile.get("username")),
        profile_name=_string(profile.get("name")),
        identity_key_hash=_string(found.get("identity_key_hash")),
        raw=raw,
    )


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= ID_CHARACTERS_MAX else None


def _names(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The ids an item names its user by."""
    for member in _USER_IDS:
        if (name := text(item.get(member))) is not None:
            yield "user_id", name
    for member in _PHONES:
        if (name := text(item.get(member))) is not None:
            yield "wa_id", name.lstrip("+")


def _ids(contact: Contact) -> Iterator[tuple[str, str]]:
    if contact.user_id is not None:
        yield "user_id", contact.user_id
    if contact.wa_id is not None:
        yield "wa_id", contact.wa_id.lstrip("+")
