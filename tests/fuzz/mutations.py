"""Damage to webhook bodies, drawn by chance.

Each mutation plants marks: words that are in the body and must be in what comes out of the ingress, wherever they were.
"""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

Chance = random.Random
Path = tuple[str | int, ...]

# JSON values that nobody expects. The last are not JSON at all, yet leave brackets and quotes in pairs.
ODD = [
    "null", "true", "false", "0", "-1", "1.5", "1e400", "-0", "9" * 30, "9" * 5000, '""', '"x"', "[]", "{}", "[[]]",
    '[{"id":"x"}]', '{"id":null}', '"\\ud83d"', '"\\ude00\\ud83d"', '"\\u0000"', '"\\/"', '"' + "x" * 3000 + '"',
    "[" * 400 + "]" * 400, "[" * 3000 + "]" * 3000, '{"a":' * 1500 + "1" + "}" * 1500,
    "01", "tru", "NaN", "-Infinity", "+1", "'x'", "\x00", "1 2", '"\\x"', '"\x80"', "// no",
]  # fmt: skip
NAMES = ["id", "type", "messages", "statuses", "contacts", "errors", "value", "field", "from", "standby", "metadata",
         "text", "image", "interactive", "timestamp", "calls", "message_echoes", "", "\u00e4", "__proto__"]  # fmt: skip
PLACE = "~place~"


class Mutant(NamedTuple):
    """One damaged body.

    Attributes:
        body: The bytes.
        marks: Words that must come out.
        untouched: Ids of items that were not touched, nor what stands around them: they have to come out typed.
    """

    body: bytes
    marks: list[str]
    untouched: list[str]


def mutate(notification: dict[str, Any], chance: Chance) -> Mutant:
    """Damage one item, anything, or the bytes."""
    drawn = chance.random()
    if drawn < 0.4:
        return _one_item(notification, chance)
    return _anything(notification, chance) if drawn < 0.8 else _bytes(notification, chance)


def _one_item(notification: dict[str, Any], chance: Chance) -> Mutant:
    """Whatever is done to one item, its siblings flow."""
    tree = copy.deepcopy(notification)
    places = list(items(tree))
    if not places:
        return _anything(notification, chance)
    target = chance.choice(places)
    untouched = [get(tree, place)["id"] for place in places if place != target]
    damage = _Damage(tree, chance, target)
    damage.some()
    return Mutant(damage.text(), damage.marks, untouched)


def _anything(notification: dict[str, Any], chance: Chance) -> Mutant:
    """Nothing is lost, whatever is touched."""
    damage = _Damage(copy.deepcopy(notification), chance, ())
    damage.some()
    return Mutant(damage.text(), damage.marks, [])


def _bytes(notification: dict[str, Any], chance: Chance) -> Mutant:
    """Text that may be no JSON any more; what of the marks is left in it must come out."""
    damage = _Damage(copy.deepcopy(notification), chance, ())
    damage.plant()
    body = bytearray(damage.text())
    for _ in range(chance.choice([1, 1, 2, 5])):
        at = chance.randrange(len(body) + 1)
        drawn = chance.random()
        if drawn < 0.3 and body:
            body[min(at, len(body) - 1)] = chance.randrange(256)
        elif drawn < 0.5:
            del body[at : at + chance.choice([1, 2, 10, 200])]
        elif drawn < 0.8:
            body[at:at] = bytes(chance.choices(b'{}[]",:\\ \xff\xed\xa0\x80u0', k=chance.choice([1, 2, 8])))
        elif drawn < 0.9:
            del body[at:]
        else:
            body[0:0] = chance.choice([b"\xef\xbb\xbf", b" \n\t", b"[", b"\x00"])
    marks = [] if _names_twice(bytes(body)) else [mark for mark in damage.marks if mark.encode() in body]
    return Mutant(bytes(body), marks, [])


def _names_twice(body: bytes) -> bool:
    """Whether an object has a member twice: in JSON its last value counts, and the others are gone for every reader."""
    twice = False

    def note(members: list[tuple[str, Any]]) -> None:
        nonlocal twice
        twice = twice or len({name for name, _ in members}) < len(members)

    try:
        json.loads(body.decode(errors="replace"), object_pairs_hook=note, parse_int=str, strict=False)
    except (ValueError, RecursionError):
        return False
    return twice


class _Damage:
    """Mutations of one tree, confined to what lies below a place."""

    def __init__(self, tree: Any, chance: Chance, below: Path) -> None:
        self._tree = tree
        self._chance = chance
        self._below = below
        self._raw: dict[str, str] = {}
        self.marks: list[str] = []

    def some(self) -> None:
        """A few of any kind."""
        for _ in range(self._chance.choice([1, 1, 2, 4])):
            self._chance.choice([self._replace, self._remove, self._rename, self._add, self._wrap, self.plant])()

    def text(self) -> bytes:
        """The body, with what is no JSON in its places."""
        separators = self._chance.choice([(",", ":"), (", ", ": ")])
        text = json.dumps(self._tree, ensure_ascii=self._chance.random() < 0.7, separators=separators)
        for name, raw in self._raw.items():
            text = text.replace(f'"{name}"', raw)
        return text.encode("utf-8", "surrogatepass").replace(b"\xc2\x80", b"\x80")

    def plant(self) -> None:
        """A mark, as a member that nobody knows or in place of a value."""
        mark = f"mark{self._chance.getrandbits(64):016x}"
        place = self._choose()
        value = get(self._tree, place)
        if isinstance(value, dict) and self._chance.random() < 0.8:
            value[self._chance.choice(["new", "other"])] = self._chance.choice([mark, [mark], {"a": mark}])
        elif place and not isinstance(value, dict | list):
            put(self._tree, place, mark)
        else:
            return
        # What is written over a mark later takes it away.
        self.marks = [found for found in (*self.marks, mark) if found in json.dumps(self._tree)]

    def _replace(self) -> None:
        place = self._choose()
        if not place:
            return
        name = f"{PLACE}{len(self._raw)}"
        self._raw[name] = self._chance.choice(ODD)
        put(self._tree, place, name)
        self._check()

    def _remove(self) -> None:
        place = self._choose()
        if len(place) > len(self._below):
            del get(self._tree, place[:-1])[place[-1]]
            self._check()

    def _rename(self) -> None:
        place = self._choose()
        holder = get(self._tree, place[:-1]) if len(place) > len(self._below) else None
        if isinstance(holder, dict):
            holder[self._chance.choice(NAMES)] = holder.pop(place[-1])
            self._check()

    def _add(self) -> None:
        value = get(self._tree, self._choose())
        other = copy.deepcopy(get(self._tree, self._choose()))
        if isinstance(value, dict):
            value[self._chance.choice(NAMES)] = other
        elif isinstance(value, list):
            value.insert(self._chance.randrange(len(value) + 1), other)
        self._check()

    def _wrap(self) -> None:
        place = self._choose()
        if place:
            value = get(self._tree, place)
            put(self._tree, place, self._chance.choice([[value], {"a": value}, str(value)[:50]]))
            self._check()

    def _check(self) -> None:
        text = json.dumps(self._tree)
        self.marks = [mark for mark in self.marks if mark in text]

    def _choose(self) -> Path:
        places = [place for place in walk(self._tree) if place[: len(self._below)] == self._below]
        return self._chance.choice(places or [self._below])


def walk(value: Any, place: Path = ()) -> Iterator[Path]:
    """Every place of a tree, the root first."""
    yield place
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from walk(member, (*place, name))


def items(tree: Any) -> Iterator[Path]:
    """Places of the elements of arrays that have an id like a message's."""
    for place in walk(tree):
        value = get(tree, place)
        if (
            place
            and isinstance(place[-1], int)
            and isinstance(value, dict)
            and str(value.get("id")).startswith("wamid.")
        ):
            yield place


def get(tree: Any, place: Path) -> Any:
    """What is at a place."""
    for name in place:
        tree = tree[name]
    return tree


def put(tree: Any, place: Path, value: Any) -> None:
    """Replace what is at a place."""
    get(tree, place[:-1])[place[-1]] = value
