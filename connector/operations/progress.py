"""How far the commands that somebody waits for have come: produced, settled, and what became of the message. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from connector.delivery.command import Source
from connector.ingress.mapping import STATUS_RANKS
from connector.operations.command_lines import CommandLine

FAILED: Final = "failed"
_SENT_BEFORE: Final = frozenset({"ACCEPTED", "DUPLICATE"})


class Until(StrEnum):
    """What is waited for."""

    OUTCOME = "outcome"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"


@dataclass(slots=True)
class Awaited:
    """One command on its way; ``status`` is the one of the highest rank that came: what was delivered did not fail."""

    line: CommandLine
    place: Source | None = None
    fault: str | None = None
    outcome: Mapping[str, Any] | None = None
    status: str | None = None
    rank: int = 0
    status_error: Mapping[str, Any] | None = None
    done: bool = False

    @property
    def identity(self) -> tuple[str, str] | None:
        """Number and command id; unknown until a command without an id has its place."""
        command_id = self.line.command_id or (self.place.command_id() if self.place else None)
        return None if command_id is None else (self.line.phone_number_id, command_id)

    @property
    def failed(self) -> bool:
        """Whether it was not written, not sent, or not delivered."""
        settled = self.outcome is not None and self.outcome["outcome"] not in _SENT_BEFORE
        return self.fault is not None or settled or self.status == FAILED


@dataclass(slots=True)
class Progress:
    """All commands of one call. Outcomes are found by the place of the record, statuses by identity.

    Every command is written, or not, before the first of them is read. A status may come before its command's outcome.
    """

    commands: Sequence[Awaited]
    until: Until = Until.OUTCOME
    open: int = 0
    _by_place: dict[Source, Awaited] = field(default_factory=dict)
    _by_identity: dict[tuple[str, str], Awaited] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open = len(self.commands)
        for awaited in self.commands:
            if awaited.identity is not None:
                self._by_identity[awaited.identity] = awaited

    def written(self, awaited: Awaited, place: Source) -> None:
        """Kafka has the command."""
        awaited.place = place
        self._by_place[place] = awaited
        if awaited.identity is not None:
            self._by_identity[awaited.identity] = awaited

    def not_written(self, awaited: Awaited, reason: str) -> None:
        """Kafka has not taken it."""
        awaited.fault = reason
        self._check(awaited)

    def outcome(self, record: Mapping[str, Any]) -> None:
        """An outcome was read; those of other commands are passed over."""
        source = record["source"]
        place = Source(source["topic"], source["partition"], source["offset"])
        awaited = self._by_place.get(place)
        if awaited is not None:
            awaited.outcome = record
            self._check(awaited)

    def status(self, record: Mapping[str, Any]) -> None:
        """A status was read; those of other commands are passed over."""
        awaited = self._by_identity.get((record["phone_number_id"], record["command_id"] or ""))
        if awaited is None or record["status_rank"] <= awaited.rank:
            return
        awaited.status, awaited.rank = record["status"], record["status_rank"]
        awaited.status_error = next(iter(record["errors"]), None) if awaited.status == FAILED else None
        self._check(awaited)

    def _check(self, awaited: Awaited) -> None:
        if awaited.done or not (awaited.failed or self._reached(awaited)):
            return
        awaited.done = True
        self.open -= 1

    def _reached(self, awaited: Awaited) -> bool:
        if self.until is Until.OUTCOME:
            return awaited.outcome is not None
        return awaited.outcome is not None and awaited.rank >= STATUS_RANKS[self.until.value]
