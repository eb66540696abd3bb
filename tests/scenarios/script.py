"""A scenario as it is written down: what is fed, what Meta does, and what must be seen.

All times are virtual seconds from the start. What is left out means: from the start, to the end, whoever it may be.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import yaml

FOLDER: Final = Path(__file__).parent

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Number = Literal["100", "101", "102"]
"""100 and 101 share slot 0, 102 lives in slot 1."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One mapping of the file."""


class Feed(_Part, frozen=True, kw_only=True):
    """Commands of one group.

    Attributes:
        group: its name, for the other parts.
        at: when the first is fed.
        over: the others follow evenly within so many seconds.
        to: one recipient for all; by default each has another one.
        expires_after: seconds from being fed.
    """

    group: str
    number: Number
    count: Count
    topic: Literal["crm", "marketing"] = "crm"
    at: Seconds = 0.0
    over: Seconds = 0.0
    to: str | None = None
    expires_after: Seconds | None = None


class Answer(_Part, frozen=True, kw_only=True):
    """What Meta does other than accept; the first one that fits holds.

    Attributes:
        code: of an error; ``silence``: the request arrives and is never answered; ``unreachable``: no connection.
        share: of the requests that it happens to.
    """

    code: int | Literal["silence", "unreachable"]
    start: Seconds = msgspec.field(name="from", default=0.0)
    until: Seconds = float("inf")
    number: Number | None = None
    group: str | None = None
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class Event(_Part, frozen=True, kw_only=True):
    """Something that happens once: a slot goes and comes back, or the level of a number is read again.

    Attributes:
        hand_over: a slot whose requests under way are waited for ``drain`` seconds.
        level: messages a second that Meta lets ``number`` send from now on.
    """

    at: Seconds
    hand_over: int | None = None
    drain: Seconds = 3.0
    number: Number | None = None
    level: Count | None = None


class Sent(_Part, frozen=True, kw_only=True):
    """How many requests of a group are made in a time."""

    start: Seconds = msgspec.field(name="from", default=0.0)
    until: Seconds = float("inf")
    at_least: Count = 0
    at_most: Count | None = None


class Wait(_Part, frozen=True, kw_only=True):
    """How long all but a share of a group wait for their first request."""

    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    at_most: Seconds


class Seen(_Part, frozen=True, kw_only=True):
    """What must be seen of a group.

    Attributes:
        outcomes: how many end how, or between which figures; all that were fed have ended, and in no other way.
        settled_by: when the last one has its outcome.
        failures_at_most: attempts of one command that count against its budget.
        accepted_once: Meta has accepted none of them twice.
    """

    of: str
    outcomes: dict[Literal["ACCEPTED", "DEAD_LETTERED", "EXPIRED"], Count | list[Count]]
    sent: tuple[Sent, ...] = ()
    wait: tuple[Wait, ...] = ()
    settled_by: Seconds | None = None
    failures_at_most: Count | None = None
    accepted_once: bool = True


class Script(_Part, frozen=True, kw_only=True):
    """A whole scenario.

    Attributes:
        title: of the story.
        story: what happens, for readers.
        limits: messages a second of each number.
    """

    title: str
    story: str
    limits: dict[Number, Count]
    fed: tuple[Feed, ...]
    seen: tuple[Seen, ...]
    meta: tuple[Answer, ...] = ()
    events: tuple[Event, ...] = ()


def scripts() -> list[Path]:
    """All scenarios."""
    return sorted(FOLDER.glob("*.yaml"))


def script(path: Path) -> Script:
    """One of them.

    Raises:
        msgspec.ValidationError: a key that does not exist, or a value that does not fit.
    """
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Script)
