"""Questions to the observer that look at many requests at once: pairs, seconds, the ledger of acceptances."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from connector.simulator.observer import Observed, Observer


def ledger(observer: Observer) -> bytes:
    """All remembered acceptances in order, one JSON object a line."""
    return msgspec.json.Encoder().encode_lines([observer.told(seen) for seen in observer.acceptances()])


def pairs(observer: Observer, *, number: str | None, recipient: str | None, start: int, limit: int) -> dict[str, Any]:
    """Each pair's acceptances in order, and its requests for which the strict pair rule had no room.

    Args:
        observer: asked.
        number: only this one's.
        recipient: only those to this one.
        start: pairs to skip.
        limit: pairs to return.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for seen in _of(observer.acceptances(), number, recipient):
        _pair(found, seen)["acceptances"].append(_moment(observer, seen))
    for seen in _of(observer.over_limits(), number, recipient):
        if seen.over_pair_limit:
            _pair(found, seen)["violations"].append(_moment(observer, seen))
    chosen = list(found.values())[start : start + limit]
    return {"pairs": chosen, "of": len(found), "next_start": start + len(chosen)}


def _of(many: Iterable[Observed], number: str | None, recipient: str | None) -> Iterable[Observed]:
    return (
        seen
        for seen in many
        if (number is None or seen.number == number) and (recipient is None or seen.recipient == recipient)
    )


def _pair(found: dict[tuple[str, str], dict[str, Any]], seen: Observed) -> dict[str, Any]:
    key = (seen.number, seen.recipient)
    if key not in found:
        found[key] = {"number": seen.number, "recipient": seen.recipient, "acceptances": [], "violations": []}
    return found[key]


def _moment(observer: Observer, seen: Observed) -> dict[str, Any]:
    return {
        "at_s": seen.at_s,
        "wall_ms": seen.wall_ms,
        "command": observer.command_of(seen),
        "message_id": seen.message_id,
        "accepted": seen.is_acceptance,
    }


def seconds(observer: Observer, limits: Mapping[str, int], *, moments_max: int) -> dict[str, Any]:
    """Each number's fullest sliding seconds, and the moments at which it went over its limit.

    Args:
        observer: asked.
        limits: messages a second, by number, as they are now.
        moments_max: moments listed for each number, the first ones; the count goes on.
    """
    moments: dict[str, list[dict[str, Any]]] = {}
    for seen in observer.over_limits():
        listed = moments.setdefault(seen.number, [])
        if seen.over_number_limit and len(listed) < moments_max:
            listed.append(_moment(observer, seen))
    return {
        number: {
            "limit_now": limits.get(number),
            "requests_max_1s": tally["requests_max_1s"],
            "accepted_max_1s": tally["accepted_max_1s"],
            "accepted_and_inbound_max_1s": tally["accepted_and_inbound_max_1s"],
            "exceeded": tally["number_limit_violations"],
            "moments": moments.get(number, []),
        }
        for number, tally in observer.summary()["numbers"].items()
    }
