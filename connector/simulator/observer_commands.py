"""Which command a request belongs to, and how often each command was sent. PURE.

A *command* is whatever the sender calls one order to send one message; it tells by ``biz_opaque_callback_data``.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

WHOLE = "whole"
ENVELOPE = "wkc1"
_HEAD = re.compile(r"wkc1:(0|[1-9]\d{0,8}),([1-9]\d{0,8}),\d{1,9},(0|[1-9]\d{0,8}),(-|0|[1-9]\d{0,8}):", re.ASCII)

Identify = Callable[[str | None], str | None]


class PatternError(ValueError):
    """A setting that is no way to tell a command."""


class Sends(NamedTuple):
    """What became of one command.

    Attributes:
        requests: that carried it.
        accepted: of them.
        last_code: of the latest request; 0 accepted, -1 answered without a code or not at all.
    """

    requests: int
    accepted: int
    last_code: int


def identifier(command_id: str) -> Identify:
    """How a command is told from ``biz_opaque_callback_data``.

    Args:
        command_id: ``whole``: all of it; ``wkc1``: the command id in the connector's envelope, all of what is no such
            envelope; anything else: a regular expression, searched for, of which the first group (or the whole match)
            is the command. What it does not match belongs to no command.

    Raises:
        PatternError: the expression is none.
    """
    if command_id == WHOLE:
        return lambda data: data
    if command_id == ENVELOPE:
        return _in_envelope
    try:
        pattern = re.compile(command_id)
    except re.error as error:
        message = f"{command_id!r} is neither {WHOLE}, {ENVELOPE} nor a regular expression: {error}"
        raise PatternError(message) from None
    group = 1 if pattern.groups else 0

    def search(data: str | None) -> str | None:
        found = None if data is None else pattern.search(data)
        return None if found is None else found[group]

    return search


def _in_envelope(data: str | None) -> str | None:
    """Lengths in characters of installation and command, number of the attempt, lengths of trace and data; then these.

    The number of the attempt stands among the lengths and has no part of its own; ``-`` means no data.
    """
    head = None if data is None else _HEAD.match(data)
    if data is None or head is None:
        return data
    installation, command, trace, rest = head.groups()
    start = head.end() + int(installation)
    end = start + int(command)
    if end + int(trace) + (0 if rest == "-" else int(rest)) != len(data):
        return data
    return data[start:end]


class Commands:
    """The sends of each command, and sums that stay exact when commands have to be forgotten.

    Args:
        told_apart_max: commands kept one by one; the oldest are forgotten first.
    """

    def __init__(self, told_apart_max: int) -> None:
        self._max = told_apart_max
        self._sends: dict[str, Sends] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._sends.clear()
        self.seen = self.accepted = self.sent_twice = self.surplus = self.forgotten = self.requests_of_none = 0

    def add(self, command: str | None, code: int) -> None:
        """Count one request; one that belongs to no command is counted as such."""
        if command is None:
            self.requests_of_none += 1
            return
        before = self._sends.get(command)
        if before is None:
            self._begin()
            before = Sends(0, 0, code)
        accepted = code == 0
        self.accepted += accepted and before.accepted == 0
        self.sent_twice += accepted and before.accepted == 1
        self.surplus += accepted and before.accepted > 0
        self._sends[command] = Sends(before.requests + 1, before.accepted + accepted, code)

    def _begin(self) -> None:
        self.seen += 1
        if len(self._sends) >= self._max:
            del self._sends[next(iter(self._sends))]
            self.forgotten += 1

    def of(self, command: str) -> Sends | None:
        """What became of ``command``; None when it was never requested, or is forgotten."""
        return self._sends.get(command)

    def summary(self) -> dict[str, int]:
        """The sums; when commands are forgotten, a command that comes again later counts as a new one."""
        return {
            "seen": self.seen,
            "accepted": self.accepted,
            "accepted_more_than_once": self.sent_twice,
            "surplus_acceptances": self.surplus,
            "forgotten": self.forgotten,
            "requests_of_no_command": self.requests_of_none,
        }

    def listing(
        self, *, start: int, limit: int, accepted_min: int = 0, accepted_max: int | None = None
    ) -> list[dict[str, Any]]:
        """Commands in order of their first request, with their sends; filtered by number of acceptances."""
        return [
            {"command": command, **sends._asdict()}
            for command, sends in islice(self._filtered(accepted_min, accepted_max), start, start + limit)
        ]

    def _filtered(self, accepted_min: int, accepted_max: int | None) -> Iterator[tuple[str, Sends]]:
        for command, sends in self._sends.items():
            if sends.accepted >= accepted_min and (accepted_max is None or sends.accepted <= accepted_max):
                yield command, sends
