"""Changes that hold an array of events, such as calls, groups, echoes or the chat history: each event by itself.

Each comes with the text of its change narrowed to it: what stands around it is kept, its neighbours are not. What
stands around and is large is kept once, with the first event, so that the whole does not grow with their number.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from connector.whatsapp import raw_json
from connector.whatsapp.raw_json import NOTHING, UnreadableError

Path = tuple[str, ...]

_GROUPS: Final = (("groups",),)
_ECHOES: Final = (("message_echoes",),)

ARRAYS: Final[Mapping[str, tuple[Path, ...]]] = {
    "messages": (("user_actions",), *_ECHOES),
    "standby": _ECHOES,
    "smb_message_echoes": _ECHOES,
    "message_echoes": _ECHOES,
    "history": (("history", "threads", "messages"), ("messages",), *_ECHOES),
    "smb_app_state_sync": (("state_sync",),),
    "calls": (("calls",), ("statuses",)),
    "user_preferences": (("user_preferences",),),
    "user_id_update": (("user_id_update",),),
    "automatic_events": (("automatic_events",),),
    "group_lifecycle_update": _GROUPS,
    "group_participants_update": _GROUPS,
    "group_participant_update": _GROUPS,
    "group_settings_update": _GROUPS,
    "group_status_update": _GROUPS,
}
"""Where the events of a field stand in ``change.value`` (Meta, webhooks: reference by field, 2026-09-11)."""

# What is repeated around each event has at most so many bytes. Meta's own is a few hundred.
_AROUND_MAX: Final = 2048


class Part(NamedTuple):
    """One event.

    Attributes:
        place: Behind ``value`` in a path, such as ``.calls[1]``.
        value: The narrowed value.
        names: The arrays it stands in, outermost first.
    """

    place: str
    value: bytes
    names: Path


class Broken(NamedTuple):
    """An array, or an element, that cannot be taken apart."""

    place: str
    reason: str
    raw: bytes


def split(value: dict[str, bytes], paths: tuple[Path, ...]) -> Iterator[Part | Broken]:
    """The events of one value, in the order of the paths."""
    arrays = {path[0] for path in paths}
    around = Around({name: content for name, content in value.items() if name not in arrays})
    for path in paths:
        if value.get(path[0], b"null") not in NOTHING:
            yield from _array("", value[path[0]], path, around)


def _array(place: str, raw: bytes, path: Path, around: "Around") -> Iterator[Part | Broken]:
    name, *deeper = path
    try:
        items = raw_json.items(raw)
    except UnreadableError as error:
        yield Broken(f"{place}.{name}", str(error), raw)
        return
    for number, item in enumerate(items):
        for part in _item(f"{place}.{name}[{number}]", item, tuple(deeper)):
            if isinstance(part, Broken):
                yield part
            else:
                yield Part(part.place, around.holding(name, b"[" + part.value + b"]"), (name, *part.names))


def _item(place: str, raw: bytes, deeper: Path) -> Iterator[Part | Broken]:
    """One element: an event, or what holds more of them."""
    try:
        members = raw_json.members(raw)
    except UnreadableError as error:
        yield Broken(place, str(error), raw)
        return
    if not deeper or members.get(deeper[0], b"null") in NOTHING:
        yield Part(place, raw, ())
        return
    around = Around({name: content for name, content in members.items() if name != deeper[0]})
    parts = list(_array(place, members[deeper[0]], deeper, around))
    # With no event to carry what stands around, it is told as one.
    yield from parts if any(isinstance(part, Part) for part in parts) else [Part(place, raw, ())]


class Around:
    """What stands around events that are told one by one: all of it with the first, what is small with each.

    Args:
        members: What it is.
        each: A member that goes with each.
    """

    def __init__(self, members: dict[str, bytes], each: str = "") -> None:
        self._members = members
        small = {name: content for name, content in members.items() if name == each or len(content) <= _AROUND_MAX}
        if sum(map(len, small.values())) > _AROUND_MAX:
            small = {each: members[each]} if each in members else {}
        self._small = small

    def holding(self, name: str, content: bytes) -> bytes:
        """An object that has this member besides."""
        members, self._members = self._members, self._small
        return raw_json.joined({**members, name: content})
