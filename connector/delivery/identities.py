"""Which commands of a slot are known already: the window in which a repeat is told from a new command.

The identity of a command is its number and its command id; its digest tells what was to be sent. Both are kept as
64-bit hashes: a slot's 100,000 identities take some 30 MB, and two are taken for one with a chance of 1 in 10^9.
"""

import hashlib
from collections import deque
from enum import Enum, auto
from typing import Final, NamedTuple

from connector.delivery.command import Source

WINDOW_S: Final = 86_400.0
WINDOW_COUNT: Final = 100_000

EVERYTHING: Final = 1 << 60
"""As a bound: none. For one start of a group that has lost its offsets."""


class Known(NamedTuple):
    """What is remembered of a command. ``settled_ms`` is None while it is open; ``accepted``: Meta took it."""

    digest: int
    origin: Source
    settled_ms: int | None = None
    accepted: bool = False


class Repeat(Enum):
    """What a command is to those before it."""

    NEW = auto()
    SAME = auto()
    """The same command again, forwarded twice: it will have its outcome."""
    DUPLICATE = auto()
    """Another record of the same identity that asks for the same."""
    CONFLICT = auto()
    """Another record of the same identity that asks for something else."""


def short_hash(*parts: object) -> int:
    """64 bits of what identifies something; the parts are kept apart."""
    text = "\0".join(map(str, parts)).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


class Identities:
    """The window of one slot; times are Unix milliseconds of settling."""

    def __init__(self, count_max: int = WINDOW_COUNT, age_max_s: float = WINDOW_S) -> None:
        self._count_max = count_max
        self._age_max_ms = age_max_s * 1000
        self._known: dict[int, Known] = {}
        self._places: set[int] = set()
        self._settled: deque[tuple[int, int, int | None]] = deque()

    def __len__(self) -> int:
        return len(self._known)

    @property
    def is_boundless(self) -> bool:
        """Whether everything that was ever settled is to be known."""
        return self._count_max >= EVERYTHING

    def is_settled(self, origin: Source) -> bool:
        """Whether the record that was produced there has its outcome: it was read again after a restart."""
        return short_hash(*origin) in self._places

    def meet(self, phone_number_id: str, command_id: str, digest: str, origin: Source, *, redriven: bool) -> Repeat:
        """What this command is; a new one is remembered as open.

        One that an operator has redriven is compared only with those that are open or that Meta accepted.
        """
        key, short = short_hash(phone_number_id, command_id), _digest(digest)
        known = self._known.get(key)
        if known is not None and known.origin == origin:
            return Repeat.SAME
        if known is None or (redriven and known.settled_ms is not None and not known.accepted):
            self._known[key] = Known(short, origin)
            return Repeat.NEW
        return Repeat.DUPLICATE if known.digest == short else Repeat.CONFLICT

    def origin_of(self, phone_number_id: str, command_id: str) -> Source | None:
        """Where the command of this identity was produced."""
        known = self._known.get(short_hash(phone_number_id, command_id))
        return known.origin if known else None

    def settle(
        self, phone_number_id: str, command_id: str, digest: str, origin: Source, *, accepted: bool, at_ms: int
    ) -> None:
        """A command has its outcome, now or in what is read back."""
        key = short_hash(phone_number_id, command_id)
        self._known[key] = Known(_digest(digest), origin, at_ms, accepted)
        self._remember(at_ms, origin, key)

    def settle_place(self, origin: Source, *, at_ms: int) -> None:
        """A record has its outcome that was no new command: a duplicate, a conflict, or nothing that could be read."""
        self._remember(at_ms, origin, None)

    def release(self, phone_number_id: str, command_id: str, origin: Source) -> None:
        """An open command is left to the log again: it is not in memory any more and was not settled."""
        key = short_hash(phone_number_id, command_id)
        known = self._known.get(key)
        if known is not None and known.settled_ms is None and known.origin == origin:
            del self._known[key]

    def _remember(self, at_ms: int, origin: Source, key: int | None) -> None:
        """What is too old, or too much, goes."""
        place = short_hash(*origin)
        self._places.add(place)
        self._settled.append((at_ms, place, key))
        oldest_ms = at_ms - self._age_max_ms
        while len(self._settled) > self._count_max or self._settled[0][0] < oldest_ms:
            self._forget(*self._settled.popleft())

    def _forget(self, settled_ms: int, place: int, key: int | None) -> None:
        """Not an identity that was redriven and settled again since."""
        self._places.discard(place)
        known = self._known.get(key) if key is not None else None
        if key is not None and known is not None and known.settled_ms == settled_ms:
            del self._known[key]


def _digest(digest: str) -> int:
    return int(digest[:16], 16) if digest else 0
