"""Judges a sender by what the observer saw: each check has a name, a result and examples. PURE.

What a sender was meant to do comes from outside: a list of commands in the order given to it, or a sequence number that
stands in each command's id. Without either, order and completeness are not checked.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

EXAMPLES_MAX = 20
Result = Literal["ok", "violated", "unknown", "not checked"]


class ExpectationError(ValueError):
    """A line of the expectation, or a pattern, that makes no sense."""


class Ordered(NamedTuple):
    """A command as it was given to the sender.

    Attributes:
        number: the ``phone_number_id`` to send by.
        recipient: digits of the phone, user id or group id.
        command: its id.
        lane: order holds among the commands of one pair and lane.
    """

    number: str
    recipient: str
    command: str
    lane: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the observer tells.

    Attributes:
        summary: of ``/_observer/summary``.
        acceptances: of ``/_observer/acceptances``, in order.
        accepted_twice: the first of ``/_observer/commands?accepted_min=2``.
        never_accepted: all of ``/_observer/commands?accepted_max=0``.
        over_number_limit: the first requests for which the number's limit had no room.
        over_pair_limit: the first requests for which the pair limit had no room.
    """

    summary: Mapping[str, Any]
    acceptances: Sequence[Mapping[str, Any]]
    accepted_twice: Sequence[Mapping[str, Any]]
    never_accepted: Sequence[Mapping[str, Any]]
    over_number_limit: Sequence[Mapping[str, Any]]
    over_pair_limit: Sequence[Mapping[str, Any]]


class Check(NamedTuple):
    """One verdict.

    Attributes:
        name: of what must hold.
        result: ``unknown`` when the observer has forgotten what it would take to say.
        violations: how many.
        examples: the first of them.
    """

    name: str
    result: Result
    violations: int
    examples: list[str]


def read_expectation(lines: Iterable[str]) -> list[Ordered]:
    """Commands from NDJSON: ``number``, ``recipient``, ``command``, maybe ``lane``; other members are passed over.

    Raises:
        ExpectationError: names the line.
    """
    found = []
    for at, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            ordered = Ordered(values["number"], values["recipient"], values["command"], values.get("lane", ""))
        except (ValueError, TypeError, KeyError, AttributeError):
            ordered = None
        if ordered is None or not all(isinstance(part, str) for part in ordered):
            message = f"line {at}: an object with number, recipient and command, all text, is expected"
            raise ExpectationError(message)
        found.append(ordered._replace(recipient=_digits(ordered.recipient)))
    return found


def _digits(recipient: str) -> str:
    """A phone number as the observer has it: ``+1 650`` is ``1650``; user and group ids stay."""
    return "".join(filter(str.isdigit, recipient)) if recipient.startswith("+") else recipient


def sequence_pattern(text: str) -> re.Pattern[str]:
    """The expression that finds the sequence number in a command id: its first group, or the whole match.

    Raises:
        ExpectationError: it is none.
    """
    try:
        return re.compile(text)
    except re.error as error:
        message = f"{text!r} is no regular expression: {error}"
        raise ExpectationError(message) from None


def checks(
    evidence: Evidence,
    *,
    expected: Sequence[Ordered] | None = None,
    sequence: re.Pattern[str] | None = None,
    refused_ok: Collection[int] = (),
) -> list[Check]:
    """Every verdict.

    Args:
        evidence: what was seen.
        expected: every command there was, in the order given to the sender.
        sequence: finds the sequence number in a command id; used for the order when nothing is expected.
        refused_ok: a command that was last refused with one of these need not be accepted.
    """
    return [
        _sent_twice(evidence),
        _over_limit("number_limit", evidence, evidence.over_number_limit, "number_limit_violations"),
        _over_limit("pair_limit", evidence, evidence.over_pair_limit, "pair_violations"),
        _order(evidence, expected, sequence),
        _never_sent(evidence, expected, refused_ok),
        _unexpected(evidence, expected),
    ]


def _check(name: str, found: Iterable[str], *, count: int | None = None, known: bool = True) -> Check:
    examples = list(found)
    total = len(examples) if count is None else count
    result: Result = "violated" if total else ("ok" if known else "unknown")
    return Check(name, result, total, examples[:EXAMPLES_MAX])


def _sent_twice(evidence: Evidence) -> Check:
    sums = evidence.summary["commands"]
    found = (f"{sends['command']} accepted {sends['accepted']} times" for sends in evidence.accepted_twice)
    return _check("sent_twice", found, count=sums["accepted_more_than_once"], known=not sums["forgotten"])


def _over_limit(name: str, evidence: Evidence, requests: Iterable[Mapping[str, Any]], member: str) -> Check:
    """A request counts, accepted or not: it should not have been made."""
    count = sum(tally[member] for tally in evidence.summary["numbers"].values())
    return _check(name, (_moment(seen) for seen in requests), count=count)


def _moment(seen: Mapping[str, Any]) -> str:
    return f"{seen['command']} by {seen['number']} to {seen['recipient']} at {seen['at_s']:.3f} s"


def _knows_acceptances(evidence: Evidence) -> bool:
    return not evidence.summary["acceptances_forgotten"]


def _first_acceptances(evidence: Evidence) -> Iterator[Mapping[str, Any]]:
    seen: set[str] = set()
    for accepted in evidence.acceptances:
        command = accepted["command"]
        if command is not None and command not in seen:
            seen.add(command)
            yield accepted


def _order(evidence: Evidence, expected: Sequence[Ordered] | None, sequence: re.Pattern[str] | None) -> Check:
    """A command must not be accepted after a later one of its pair and lane; each counts by its first acceptance."""
    if expected is None and sequence is None:
        return Check("order", "not checked", 0, [])
    if expected is not None:
        places = {ordered.command: (at, ordered.lane) for at, ordered in enumerate(expected)}
    else:
        places = {seen["command"]: (at, "") for seen in evidence.acceptances if (at := _number_in(seen, sequence)) >= 0}
    latest: dict[tuple[str, str, str], tuple[int, str]] = {}
    found = []
    for seen in _first_acceptances(evidence):
        if seen["command"] not in places:
            continue
        at, lane = places[seen["command"]]
        key = (seen["number"], seen["recipient"], lane)
        before = latest.get(key, (-1, ""))
        if at < before[0]:
            found.append(f"{seen['command']} after {before[1]}, by {seen['number']} to {seen['recipient']}")
        latest[key] = max(before, (at, seen["command"]))
    return _check("order", found, known=_knows_acceptances(evidence))


def _number_in(seen: Mapping[str, Any], sequence: re.Pattern[str] | None) -> int:
    """The sequence number in a command's id, -1 when there is none."""
    found = sequence.search(seen["command"]) if sequence is not None and seen["command"] is not None else None
    text = found[1 if found.re.groups else 0] if found is not None else None
    return int(text) if text is not None and text.isascii() and text.isdigit() else -1


def _never_sent(evidence: Evidence, expected: Sequence[Ordered] | None, refused_ok: Collection[int]) -> Check:
    if expected is None:
        return Check("never_sent", "not checked", 0, [])
    accepted = {seen["command"] for seen in evidence.acceptances}
    last_codes = {sends["command"]: sends["last_code"] for sends in evidence.never_accepted}
    missing = (ordered.command for ordered in expected if ordered.command not in accepted)
    found = [_fate(command, last_codes) for command in missing if last_codes.get(command) not in refused_ok]
    known = _knows_acceptances(evidence)
    if found and not known:
        return Check("never_sent", "unknown", 0, [])
    return _check("never_sent", found, known=known)


def _fate(command: str, last_codes: Mapping[str, int]) -> str:
    code = last_codes.get(command)
    if code is None:
        return f"{command}: no request"
    return f"{command}: last refused with {code}" if code > 0 else f"{command}: last request had no effect"


def _unexpected(evidence: Evidence, expected: Sequence[Ordered] | None) -> Check:
    """Accepted without being asked for, or for another pair than asked for."""
    if expected is None:
        return Check("unexpected", "not checked", 0, [])
    asked = {ordered.command: (ordered.number, ordered.recipient) for ordered in expected}
    found = []
    for seen in _first_acceptances(evidence):
        pair = asked.get(seen["command"])
        if pair is None:
            found.append(f"{_moment(seen)}: nobody asked for it")
        elif pair != (seen["number"], seen["recipient"]):
            found.append(f"{_moment(seen)}: asked for by {pair[0]} to {pair[1]}")
    of_none = sum(seen["command"] is None for seen in evidence.acceptances)
    if of_none:
        found.append(f"{of_none} acceptances that belong to no command")
    return _check("unexpected", found, known=_knows_acceptances(evidence))
