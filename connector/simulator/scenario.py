"""Scenarios: what happens when, as a YAML file or in the settings has it. PURE.

A list of events. Each has ``at`` and says by one more key what it is::

    - at: 10s
      fault: throttle        # with the members of that fault; for and from in place of for_s and from_s
      code: 130429
      share: 0.5
      for: 60s
    - at: 30s
      number: "106540352242922"
      level: HIGH
    - at: 45s
      switch: inbound        # any POST /_admin/...
      body: {count: 100}
    - at: 2m
      end: faults
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from connector.simulator.admin import NumberChange
from connector.simulator.fault_kinds import AnyFault
from connector.simulator.settings import SettingsError

EVENTS_MAX = 10_000
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h)")
_KEY_IN_MESSAGE = re.compile(r"\$\.(\w+)|unknown field `(\w+)`")
_NUMBER_ID = re.compile(r"[0-9]{1,32}")
_SWITCH = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]+)*")


class NumberEvent(NamedTuple):
    """A number is given another level or limit."""

    number: str
    change: NumberChange


class SwitchEvent(NamedTuple):
    """``POST /_admin/{path}`` with this body."""

    path: str
    body: Any


class EndEvent(NamedTuple):
    """All faults are taken back."""


class Event(NamedTuple):
    """Something that happens.

    Attributes:
        at_s: seconds after the simulator began to serve.
        what: happens.
        place: of the event in its file or settings.
    """

    at_s: float
    what: AnyFault | NumberEvent | SwitchEvent | EndEvent
    place: str


class _WrongKeyError(ValueError):
    """A key of an event that does not fit."""

    def __init__(self, *, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key


# The place of the n-th event, or of one of its keys.
Places = Callable[[int, str | None], str]


def from_file(path: Path) -> tuple[Event, ...]:
    """The events in a file.

    Raises:
        SettingsError: it is no YAML or no scenario; the message names file, line and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        events = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"{path}: {error}"
        raise SettingsError(message) from None
    lines = _lines(node, path)

    def place(index: int, key: str | None) -> str:
        of_event = lines[index]
        return f"{path}, line {of_event.get(key, of_event[None])}"

    if events is not None and not isinstance(events, list):
        message = f"{path}: a list of events is expected"
        raise SettingsError(message)
    return _events(events or [], place)


def _lines(node: yaml.Node | None, path: Path) -> list[dict[str | None, int]]:
    """The line of each event (under None) and of each of its keys.

    Raises:
        SettingsError: a key stands twice in one event.
    """
    found: list[dict[str | None, int]] = []
    for event in node.value if isinstance(node, yaml.SequenceNode) else ():
        lines: dict[str | None, int] = {None: event.start_mark.line + 1}
        for key, _ in event.value if isinstance(event, yaml.MappingNode) else ():
            if key.value in lines:
                message = f"{path}, line {key.start_mark.line + 1}: {key.value}: stands twice"
                raise SettingsError(message)
            lines[str(key.value)] = key.start_mark.line + 1
        found.append(lines)
    return found


def from_settings(events: Sequence[Any]) -> tuple[Event, ...]:
    """The events in ``scenario`` of the settings.

    Raises:
        SettingsError: one does not fit; the message names its place.
    """
    return _events(events, lambda index, _: f"$.scenario[{index}]")


def _events(events: Iterable[Any], place: Places) -> tuple[Event, ...]:
    found = []
    for index, given in enumerate(events):
        if index >= EVENTS_MAX:
            message = f"{place(index, None)}: more than {EVENTS_MAX} events"
            raise SettingsError(message)
        try:
            found.append(_event(given, place(index, None)))
        except _WrongKeyError as error:
            message = f"{place(index, error.key)}: {error}"
            raise SettingsError(message) from None
        except ValueError as error:
            message = f"{place(index, None)}: {error}"
            raise SettingsError(message) from None
    return tuple(sorted(found, key=lambda event: event.at_s))


def _event(given: Any, place: str) -> Event:
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        message = "an event is a mapping"
        raise ValueError(message)
    rest = dict(given)
    if "at" not in rest:
        message = "at: is missing"
        raise ValueError(message)
    at_s = _seconds("at", rest.pop("at"))
    kinds = [kind for kind in _READERS if kind in rest]
    if len(kinds) != 1:
        message = f"exactly one of {', '.join(_READERS)} is expected"
        raise ValueError(message)
    return Event(at_s, _READERS[kinds[0]](rest.pop(kinds[0]), rest), place)


def _seconds(key: str, given: Any) -> float:
    """A duration: a figure in seconds, or with a unit."""
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given <= _DURATION_MAX_S:
        return float(given)
    found = _DURATION.fullmatch(given) if isinstance(given, str) else None
    if found is None or float(found[1]) * _UNITS[found[2]] > _DURATION_MAX_S:
        reason = f"a duration such as 10s, 500ms or 1.5m is expected, not {given!r}"
        raise _WrongKeyError(key=key, reason=reason)
    return float(found[1]) * _UNITS[found[2]]


_DURATION_MAX_S = 31_536_000


def _fault(kind: Any, rest: dict[str, Any]) -> AnyFault:
    for name in ("for", "from"):
        if f"{name}_s" in rest:
            raise _WrongKeyError(key=f"{name}_s", reason=f"is called {name} here")
        if name in rest:
            rest[f"{name}_s"] = _seconds(name, rest.pop(name))
    for name in ("numbers", "recipients"):
        if isinstance(rest.get(name), list):
            # YAML takes digits for a figure.
            rest[name] = [str(item) if type(item) is int else item for item in rest[name]]
    names = {"kind": "fault", "for_s": "for", "from_s": "from"}
    fault: AnyFault = _converted({"kind": kind, **rest}, AnyFault, names)
    return fault


def _number(number: Any, rest: dict[str, Any]) -> NumberEvent:
    if not _NUMBER_ID.fullmatch(str(number)):
        raise _WrongKeyError(key="number", reason="is no phone number id")
    return NumberEvent(str(number), _converted(rest, NumberChange, {}))


def _switch(path: Any, rest: dict[str, Any]) -> SwitchEvent:
    if not isinstance(path, str) or not _SWITCH.fullmatch(path):
        raise _WrongKeyError(key="switch", reason="a path below /_admin/ is expected")
    body = rest.pop("body", {})
    _nothing_more(rest)
    return SwitchEvent(path, body)


def _end(what: Any, rest: dict[str, Any]) -> EndEvent:
    if what != "faults":
        raise _WrongKeyError(key="end", reason="only faults can be ended")
    _nothing_more(rest)
    return EndEvent()


def _nothing_more(rest: Mapping[str, Any]) -> None:
    for key in rest:
        raise _WrongKeyError(key=key, reason="is not known here")


def _converted(values: Any, into: Any, names: Mapping[str, str]) -> Any:
    """Read one struct; a fault of it is said of the key as the file has it."""
    try:
        return msgspec.convert(values, into)
    except msgspec.ValidationError as error:
        found = _KEY_IN_MESSAGE.search(str(error))
        if found is None:
            raise ValueError(str(error)) from None
        key = found[1] or found[2]
        raise _WrongKeyError(key=names.get(key, key), reason=str(error)) from None


_READERS: Mapping[str, Callable[[Any, dict[str, Any]], Any]] = {
    "fault": _fault,
    "number": _number,
    "switch": _switch,
    "end": _end,
}
