"""The commands of a run: who is written to, about what, and what is wrong with some of them. PURE: seeded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from connector.records.codec import Codec
from connector.records.keys import slot_of
from tests.chaos.ledgers import CommandKind

MARKER: Final = "chaos/"
"""Goes before the driver's name of a command in the caller's own opaque data, which travels through everything."""

PRIVATE_TEXT: Final = "between-us"
"""Stands in every message text: it must be in no log."""

SHARES: Final[Mapping[CommandKind, float]] = {
    CommandKind.EXPIRED: 0.01,
    CommandKind.EXPIRING: 0.04,
    CommandKind.MISPLACED: 0.03,
    CommandKind.UNDECODABLE: 0.005,
    CommandKind.INVALID: 0.005,
    CommandKind.REFUSED: 0.005,
    CommandKind.UNDELIVERABLE: 0.005,
}
"""Of all commands; the rest is plain, but for the pairs, which have a schedule of their own."""

MARKETING_SHARE: Final = 0.3
AVRO_SHARE: Final = 0.3
TRACED_SHARE: Final = 0.2
EXPIRING_S: Final = (1.0, 15.0)

CRM_BURST: Final = 5
MARKETING_SERIES: Final = 3
PAIR_EVERY_S: Final = 12.0
"""So often another pair of a number begins its series."""
PAIR_WORK_S: Final = 6.0 * (2 * CRM_BURST + 1)
"""What the strict pair rule takes for two bursts to one person: the payback of both."""


@dataclass(frozen=True, slots=True)
class NumberLoad:
    """One business number: messages a second that Meta allows and that are asked for."""

    id: str
    level: str
    limit: int
    asked_per_s: float


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be produced at ``at_s``; ``partition`` -1: by the key."""

    at_s: float
    id: str
    kind: CommandKind
    marketing: bool
    number: str
    recipient: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    partition: int = -1
    expires_at_ms: int | None = None


class CommandLoad:
    """All commands of a run.

    Args:
        seed: decides everything that is left open.
        numbers: what is asked of which number.
        slots: partitions of the command topics.
        start_ms: Unix milliseconds of the moment that ``at_s`` counts from.
    """

    def __init__(self, seed: int, numbers: tuple[NumberLoad, ...], slots: int, start_ms: int) -> None:
        self._random = Random(seed)  # noqa: S311 - load, nothing secret
        self._numbers = numbers
        self._slots = slots
        self._start_ms = start_ms
        self._codec = Codec()
        self._count = 0

    def drafts(self, seconds: float) -> list[Draft]:
        """Everything that is to be produced within ``seconds``, in order of time."""
        found: list[Draft] = []
        for number in self._numbers:
            at_s = 0.0
            while (at_s := at_s + self._random.expovariate(number.asked_per_s)) < seconds:
                found.append(self._single(number.id, at_s))
            found += self._pairs(number.id, seconds)
        return sorted(found, key=lambda draft: draft.at_s)

    def _single(self, number: str, at_s: float) -> Draft:
        kind = self._kind()
        marketing = self._random.random() < MARKETING_SHARE
        return self._draft(kind, number, self._recipient(kind), at_s, marketing=marketing)

    def _pairs(self, number: str, seconds: float) -> list[Draft]:
        """People who get many messages: two bursts about CRM, or a series of marketing, all of it payable in time."""
        found: list[Draft] = []
        latest_s = max(0.0, seconds - PAIR_WORK_S)
        for index in range(max(1, round(seconds / PAIR_EVERY_S))):
            recipient = self._recipient(CommandKind.PAIR)
            marketing = index % 4 == 3
            first_s = self._random.uniform(0.0, latest_s)
            series = [(first_s, MARKETING_SERIES)] if marketing else [
                (first_s, CRM_BURST), (first_s + self._random.uniform(5.0, 6.0 * CRM_BURST), CRM_BURST)
            ]  # fmt: skip
            for start_s, count in series:
                found += [
                    self._draft(CommandKind.PAIR, number, recipient, start_s + position * 0.02, marketing=marketing)
                    for position in range(count)
                ]
        return found

    def _kind(self) -> CommandKind:
        drawn = self._random.random()
        for kind, share in SHARES.items():
            drawn -= share
            if drawn < 0:
                return kind
        return CommandKind.PLAIN

    def _recipient(self, kind: CommandKind) -> str:
        """The simulator provokes an error for these suffixes, see its documentation; everybody else exists once."""
        self._count += 1
        if kind is CommandKind.REFUSED:
            return f"{self._count % 99999 + 1}9990131047"
        if kind is CommandKind.UNDELIVERABLE:
            return f"{self._count % 99999 + 1}9990131026"
        return f"16505{self._count:06d}"

    def _draft(self, kind: CommandKind, number: str, recipient: str, at_s: float, *, marketing: bool) -> Draft:
        self._count += 1
        name = f"{kind.value[:2]}-{self._count}"
        expires_at_ms = self._expires_at_ms(kind, at_s)
        return Draft(
            at_s=at_s,
            id=name,
            kind=kind,
            marketing=marketing,
            number=number,
            recipient=recipient,
            value=self._value(kind, name, number, recipient, expires_at_ms),
            headers=self._headers(name),
            partition=self._elsewhere(number) if kind is CommandKind.MISPLACED else -1,
            expires_at_ms=expires_at_ms,
        )

    def _expires_at_ms(self, kind: CommandKind, at_s: float) -> int | None:
        at_ms = self._start_ms + int(at_s * 1000)
        if kind is CommandKind.EXPIRED:
            return at_ms - self._random.randrange(1, 60_000)
        if kind is CommandKind.EXPIRING:
            return at_ms + int(self._random.uniform(*EXPIRING_S) * 1000)
        return None

    def _headers(self, name: str) -> tuple[tuple[str, bytes], ...]:
        headers: list[tuple[str, bytes]] = [("x-name", name.encode()), ("x-bytes", bytes(range(8)))]
        if self._random.random() < TRACED_SHARE:
            trace = f"00-{self._random.getrandbits(128) | 1:032x}-{self._random.getrandbits(64) | 1:016x}-01"
            headers.append(("traceparent", trace.encode()))
        return tuple(headers)

    def _elsewhere(self, number: str) -> int:
        home = slot_of(number, self._slots)
        return (home + self._random.randrange(1, self._slots)) % self._slots

    def _value(self, kind: CommandKind, name: str, number: str, recipient: str, expires_at_ms: int | None) -> bytes:
        if kind is CommandKind.UNDECODABLE:
            return b"\xff\x00 neither Avro nor JSON " + name.encode()
        command: dict[str, Any] = {
            "command_id": name,
            "phone_number_id": number,
            "type": "text",
            "text": {"body": f"Message {name}, {PRIVATE_TEXT}"},
        }
        if kind is not CommandKind.INVALID:
            command["to"] = f"+{recipient}"
        opaque = f"{MARKER}{name}"
        if self._random.random() < AVRO_SHARE:
            record = {**command, "opaque_data": opaque, "expires_at": expires_at_ms}
            return self._codec.encode("OutboundCommand", record)
        command["biz_opaque_callback_data"] = opaque
        if expires_at_ms is not None:
            command["expires_at"] = expires_at_ms
        return json.dumps(command).encode()


def plain_draft(name: str, number: str, recipient: str, *, text: str = "Hello", marketing: bool = False) -> Draft:
    """A command with nothing special about it."""
    command: dict[str, Any] = {
        "command_id": name,
        "phone_number_id": number,
        "to": f"+{recipient}",
        "type": "text",
        "text": {"body": text},
        "biz_opaque_callback_data": f"{MARKER}{name}",
    }
    return Draft(0.0, name, CommandKind.PLAIN, marketing, number, recipient, json.dumps(command).encode(), ())


def numbers_of_slots(wanted: Sequence[int], slots: int, first: int = 106_540_352_243_000) -> list[str]:
    """Made-up numbers, one for each entry of ``wanted``: equal entries share a slot, different ones do not."""
    homes: dict[int, int] = {}
    found: list[str] = []
    candidate = first
    for group in wanted:
        while not _fits(slot_of(str(candidate), slots), group, homes):
            candidate += 1
        homes[group] = slot_of(str(candidate), slots)
        found.append(str(candidate))
        candidate += 1
    return found


def _fits(slot: int, group: int, homes: Mapping[int, int]) -> bool:
    return slot == homes[group] if group in homes else slot not in homes.values()


def name_in(callback_data: str | None) -> str:
    """The driver's name of the command in what came through Meta: the caller's own data stands last."""
    _, found, name = (callback_data or "").rpartition(MARKER)
    return name if found else ""
