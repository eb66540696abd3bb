"""One webhook POST taken apart into facts, each by itself: one bad item never costs another.

What cannot be read comes out as :class:`Malformed` with its place and text: everything sent is in some result. Members
of the envelope that this version does not know go along with the first fact they stand around.

Nearly all bodies hold nothing but messages and statuses, written as Meta documents them. They are read by typed
decoders that refuse everything else, at a third of the cost; what they refuse is taken apart step by step. Shapes:
Meta, webhooks overview and reference, 2026-09-11.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from msgspec import Struct, structs

from connector.whatsapp import account_items, plain_notification, raw_json
from connector.whatsapp.account_items import ARRAYS, Around, Broken, Part
from connector.whatsapp.contacts import Contacts, contact, read_contact
from connector.whatsapp.facts import (
    AccountFact,
    Contact,
    Fact,
    Malformed,
    MessageFact,
    Source,
    StatusFact,
    an_object,
    objects,
    seconds,
    short_text,
    text,
)
from connector.whatsapp.raw_json import NOTHING, UnreadableError, joined

OBJECT: Final = "whatsapp_business_account"
_MESSAGES = "messages"
_STANDBY = "standby"
_FACT_OF: Final[Mapping[str, type[MessageFact | StatusFact]]] = {"messages": MessageFact, "statuses": StatusFact}
_CONTEXT = frozenset({"messaging_product", "metadata", "contacts"})
_METADATA = frozenset({"phone_number_id", "display_phone_number"})
_PRODUCT = b'"whatsapp"'
ITEMS_MAX: Final = 20_000
"""Of one body; Meta promises 1,000 updates at most (Meta, webhooks overview, 2026-09-11)."""

# Envelope members go into a header of one record: readers of headers may not expect megabytes.
_BESIDE_MAX = 8 * 1024
# Characters; Meta's names have up to 40.
_FIELD_MAX = 256
_TOO_MANY: Final = "more items than Meta sends"


def parse_notification(body: bytes) -> list[Fact]:
    """Take one body apart, in its own order.

    Returns:
        The facts. A body that is not a notification at all, or has more than :data:`ITEMS_MAX` items, is one
        :class:`Malformed` with an empty path; one with no entries is an empty list. Never raises, whatever the bytes.
    """
    plain = plain_notification.parse(body)
    facts = parse_any(body) if plain is None else plain
    return facts if len(facts) <= ITEMS_MAX else [Malformed("", _TOO_MANY, body)]


def parse_any(body: bytes) -> list[Fact]:
    """The same, step by step, for bodies of any shape."""
    try:
        notification = raw_json.members(body)
        named = _value(notification.get("object"))
        if named not in (None, OBJECT):
            return [Malformed("", f"object: not {OBJECT}", body)]
        if named is not None:
            del notification["object"]
        entries = _array(notification, "entry")
    except UnreadableError as error:
        return [Malformed("", str(error), body)]
    if len(entries) > ITEMS_MAX:
        return [Malformed("", _TOO_MANY, body)]
    facts = [fact for number, entry in enumerate(entries) for fact in _entry(f"entry[{number}]", entry)]
    return _beside(facts, "", {"notification": _rest(notification)})


def _entry(path: str, raw: bytes) -> list[Fact]:
    try:
        entry = raw_json.members(raw)
        changes = _array(entry, "changes")
    except UnreadableError as error:
        return [Malformed(path, str(error), raw)]
    if not changes:
        return [Malformed(path, "changes: none", raw)]
    source = Source(short_text(_value(entry.get("id"))), time_s=seconds(_value(entry.get("time"))))
    for name, read in (("id", source.waba_id), ("time", source.time_s)):
        if read is not None:
            del entry[name]
    facts = [
        structs.replace(fact, waba_id=source.waba_id) if isinstance(fact, Malformed) else fact
        for number, change in enumerate(changes)
        for fact in _change(f"{path}.changes[{number}]", source, change)
    ]
    return _beside(facts, path, {"entry": _rest(entry)})


class _Change(Struct):
    """One change, opened.

    Attributes:
        path: Place in the body.
        source: Account, and once it is known the number.
        field: Webhook field.
        members: All but the value.
        outer: Members of the value that stand around the events' own object, for ``standby``; else empty.
        value: Members among which the events stand.
    """

    path: str
    source: Source
    field: str
    members: dict[str, bytes]
    outer: dict[str, bytes]
    value: dict[str, bytes]

    def texts(self, values: list[bytes]) -> list[bytes]:
        """The text of the change with each of these in place of its value."""
        around, outer = Around(self.members, "field"), Around(self.outer)
        nested = [outer.holding(_STANDBY, value) for value in values] if self.outer else values
        return [around.holding("value", value) for value in nested]


def _change(path: str, source: Source, raw: bytes) -> list[Fact]:
    try:
        members = raw_json.members(raw)
    except UnreadableError as error:
        return [Malformed(path, str(error), raw)]
    field = _value(members.get("field"))
    if not isinstance(field, str) or len(field) > _FIELD_MAX:
        return [Malformed(path, "field: not a name", raw)]
    try:
        value = raw_json.members(members.pop("value", b""))
    except UnreadableError:
        return [_account(path, source, field, raw)]
    outer, value = _unnested(value) if field == _STANDBY else ({}, value)
    change = _Change(path, source, field, members, outer, value)
    if field in {_MESSAGES, _STANDBY} and any(value.get(name, b"null") not in NOTHING for name in _FACT_OF):
        return _items_change(change)
    return list(_account_change(change, raw))


def _unnested(value: dict[str, bytes]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The two levels of ``standby``, whose arrays stand one deeper than elsewhere."""
    try:
        inner = raw_json.members(value.get(_STANDBY, b""))
    except UnreadableError:
        return {}, value
    outer = {name: content for name, content in value.items() if name != _STANDBY}
    return outer, inner


def _items_change(change: _Change) -> list[Fact]:
    """Messages and statuses one by one; then what else the change holds, such as echoes or errors."""
    value = {**change.outer, **change.value}
    shadowed = {name: content for name, content in change.outer.items() if content != value[name]}
    metadata = _object(value.get("metadata"))
    change.source = _with_number(change.source, metadata)
    arrays = {name: _items(change.value.pop(name)) for name in _FACT_OF if name in change.value}
    contacts = _Contacts(value.get("contacts"), sum(len(items) for _, items in arrays.values() if items is not None))
    facts: list[Fact] = []
    for name, (raw, items) in arrays.items():
        place = f"{change.path}.value.{name}"
        if items is None:
            facts += [] if raw in NOTHING else [Malformed(place, "not an array", raw)]
            continue
        facts += [_item(f"{place}[{number}]", name, change, contacts, item) for number, item in enumerate(items)]
    context = _odd_context(value, metadata)
    if "metadata" in value and all(isinstance(fact, Malformed) for fact in facts):
        context["metadata"] = value["metadata"]
    rest = [content for name, content in (change.outer | change.value).items() if name not in _CONTEXT]
    rest += [content for name, content in change.members.items() if name != "field"]
    if any(content not in NOTHING for content in rest):
        (raw,) = change.texts([joined(change.value)])
        told = list(_account_change(change, raw, beside_items=True))
    else:
        # No other fact has what both levels of a standby name, and the outer one says otherwise.
        told, context["value"] = [], _rest(shadowed)
    return _beside(facts, change.path, {**context, "contacts": contacts.left()}) + told


def _odd_context(value: dict[str, bytes], metadata: Mapping[str, Any]) -> dict[str, bytes]:
    """What of the context is not as documented, and so is in no fact."""
    odd = {}
    if "metadata" in value and not (
        metadata and _METADATA.issuperset(metadata) and all(map(short_text, metadata.values()))
    ):
        odd["metadata"] = value["metadata"]
    if value.get("messaging_product", _PRODUCT) != _PRODUCT:
        odd["messaging_product"] = value["messaging_product"]
    return odd


def _items(raw: bytes) -> tuple[bytes, list[bytes] | None]:
    try:
        return raw, raw_json.items(raw)
    except UnreadableError:
        return raw, None


def _item(path: str, name: str, change: _Change, contacts: "_Contacts", raw: bytes) -> Fact:
    try:
        parsed = raw_json.value(raw)
    except UnreadableError as error:
        return Malformed(path, str(error), raw)
    if not isinstance(parsed, dict):
        return Malformed(path, "not an object", raw)
    message_id = text(parsed.get("id"))
    if message_id is None:
        return Malformed(path, "id: missing", raw)
    return _FACT_OF[name](
        path, change.source, contacts.of(parsed), message_id, raw.decode(), parsed, change.field == _STANDBY
    )


def _account_change(change: _Change, raw: bytes, *, beside_items: bool = False) -> Iterator[Fact]:
    """The events of a change one by one, when it holds an array of them; else the change as one."""
    parts = list(islice(account_items.split(change.value, ARRAYS.get(change.field, ())), ITEMS_MAX + 1))
    whole = [part for part in parts if isinstance(part, Part)]
    if not whole or len(parts) == 1:
        # Its text is the change's own, to the byte.
        names = whole[0].names if whole else ()
        yield _account(change.path, change.source, change.field, raw, names, beside_items=beside_items)
        return
    texts = iter(change.texts([part.value for part in whole]))
    for part in parts:
        path = f"{change.path}.value{part.place}"
        if isinstance(part, Broken):
            yield Malformed(path, part.reason, part.raw)
        else:
            yield _account(path, change.source, change.field, next(texts), part.names, beside_items=beside_items)


def _account(
    path: str, source: Source, field: str, raw: bytes, names: tuple[str, ...] = (), *, beside_items: bool = False
) -> AccountFact | Malformed:
    try:
        value = raw_json.value(raw).get("value")
    except UnreadableError as error:
        return Malformed(path, str(error), raw)
    opened = value if isinstance(value, dict) else {}
    inner = an_object(opened.get(_STANDBY)) if field == _STANDBY else {}
    opened = {**opened, **inner}
    steps = [opened]
    place: tuple[str | int, ...] = ("value", _STANDBY) if names and names[0] in inner else ("value",)
    for name in names:
        steps.append(steps[-1][name][0])
        place += (name, 0)
    item = steps[-1] if names else {}
    people = [contact(found) for found in objects(opened.get("contacts"))]
    return AccountFact(
        path=path,
        source=_with_number(source, *_number_places(opened)),
        field=field,
        raw=raw.decode(),
        value=value,
        array=names[-1] if names else "",
        item=item,
        within=tuple(steps[1:-1]),
        contact=Contacts(people, 1).of(item or opened),
        place=place if names else (),
        beside_items=beside_items,
    )


def _number_places(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where a value may name the business number, the most telling place last."""
    about = value.get("entity_id") if value.get("entity_type") == "PHONE_NUMBER" else None
    return [
        {"display_phone_number": value.get("phone_number"), "phone_number_id": about},
        an_object(value.get("phone_number_settings")),
        an_object(value.get("recipient")),
        value,
        an_object(value.get("metadata")),
    ]


def _with_number(source: Source, *places: Mapping[str, Any]) -> Source:
    """Add the business number, from the last place that names it."""
    found = {
        name: named
        for place in places
        for name in ("phone_number_id", "display_phone_number")
        if (named := short_text(place.get(name))) is not None
    }
    return Source(source.waba_id, found.get("phone_number_id"), found.get("display_phone_number"), source.time_s)


class _Contacts:
    """The contacts of one change as sent."""

    def __init__(self, raw: bytes | None, items: int) -> None:
        try:
            self._raws = [] if raw is None else raw_json.items(raw)
        except UnreadableError:
            self._raws = [] if raw in NOTHING else [raw or b""]
        self._read = [read_contact(part) for part in self._raws]
        self._contacts = Contacts([found for found in self._read if found is not None], items)

    def of(self, item: Mapping[str, Any]) -> Contact | None:
        """The contact of an item."""
        return self._contacts.of(item)

    def left(self) -> bytes:
        """An array of what no item has asked for, as sent."""
        pairs = zip(self._raws, self._read, strict=True)
        return b"[" + b",".join(raw for raw, found in pairs if found is None or not self._contacts.taken(found)) + b"]"


def _beside(facts: list[Fact], path: str, around: Mapping[str, bytes]) -> list[Fact]:
    """Send members of the envelope along with the first fact."""
    around = {name: content for name, content in around.items() if content not in NOTHING}
    if not around:
        return facts
    place = next((place for place, fact in enumerate(facts) if not isinstance(fact, Malformed)), 0)
    if facts:
        fact = facts[place]
        carried = _text(joined({**around, **(raw_json.members(fact.beside.encode()) if fact.beside else {})}))
        if carried is not None:
            facts[place] = structs.replace(fact, beside=carried)
            return facts
    return [*facts, Malformed(path, "members that no fact here can carry", joined(around))]


def _text(raw: bytes) -> str | None:
    """The text of bytes that are fit for a header; None when they are none."""
    try:
        return raw.decode() if len(raw) <= _BESIDE_MAX else None
    except UnicodeDecodeError:
        return None


def _rest(members: Mapping[str, bytes]) -> bytes:
    return joined({name: content for name, content in members.items() if content not in NOTHING})


def _array(owner: dict[str, bytes], name: str) -> list[bytes]:
    try:
        return raw_json.items(owner.pop(name, b""))
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
    return an_object(_value(raw))
