"""Verdicts about the ingress: I1 to I6. PURE."""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from tests.chaos.ledgers import Event, Fact, FactKind, Posted, Storm
from tests.chaos.verdicts.verdict import Verdict, judged, not_measured

REFUSED: Final = 401
NO_ANSWER: Final = 0
_NONE_POSTED: Final = "no webhook was posted"


def i1(storm: Storm) -> Verdict:
    """Nothing acknowledged is lost: every fact of a body answered 200 is on Kafka.

    The simulator's bodies count by what has to be in them: a ``sent`` status for each message it accepted.
    """
    taken = [posted for posted in storm.posted if posted.signed and posted.taken]
    if not taken:
        return not_measured("I1", _NONE_POSTED)
    on_kafka = {event.fact_id for event in storm.events}
    facts = _facts(taken)
    lost = [fact_id for fact_id in facts if fact_id not in on_kafka]
    sent = {event.message_id for event in storm.events if event.status == "sent"}
    accepted = {request.message_id for request in storm.requests if request.accepted}
    updates = storm.webhooks.get("updates", {})
    undelivered = {name: updates.get(name, 0) for name in ("pending", "dropped", "given_up") if updates.get(name)}
    without = accepted - sent if not undelivered else set()
    figures = {
        "bodies answered 200": len(taken),
        "answered otherwise first": sum(posted.statuses[0] != 200 for posted in taken),
        "facts": len(facts),
        "facts lost": len(lost),
        "simulator's updates": updates.get("delivered", 0),
        "statuses lost": len(without),
    }
    faults = [
        *(f"{fact_id}: answered 200, not on Kafka" for fact_id in lost),
        *(f"{message_id}: accepted, its sent status is not on Kafka" for message_id in sorted(without)),
        *(f"the simulator's webhooks: {count} {name}" for name, count in undelivered.items()),
    ]
    return judged("I1", figures, faults)


def i2(storm: Storm) -> Verdict:
    """A stable id: a fact that was delivered again has the ``event_id`` it had, and no two facts share one."""
    by_fact: dict[str, list[str]] = defaultdict(list)
    by_event: dict[str, set[str]] = defaultdict(set)
    for event in storm.events:
        by_fact[event.fact_id].append(event.event_id)
        by_event[event.event_id].add(event.fact_id)
    repeated = {fact_id: ids for fact_id, ids in by_fact.items() if len(ids) > 1}
    if not repeated:
        return not_measured("I2", "no fact is on Kafka twice")
    changed = [fact_id for fact_id, ids in repeated.items() if len(set(ids)) > 1]
    shared = [event_id for event_id, facts in by_event.items() if len(facts) > 1]
    figures = {"facts": len(by_fact), "on Kafka again": len(repeated), "other id": len(changed), "shared": len(shared)}
    faults = [
        *(f"{fact_id}: {len(set(by_fact[fact_id]))} event ids" for fact_id in changed),
        *(f"{event_id}: of {len(by_event[event_id])} facts" for event_id in shared),
    ]
    return judged("I2", figures, faults)


def i3(storm: Storm) -> Verdict:
    """One bad item never costs another: the good ones beside it flow, and it is kept as it came."""
    mixed = [posted for posted in storm.posted if posted.taken and posted.signed and _malformed(posted)]
    if not mixed:
        return not_measured("I3", "no body had a malformed item")
    on_kafka = {event.fact_id for event in storm.events}
    rejects = set(storm.rejects)
    beside = _facts(mixed)
    bad = {fact.raw: fact for posted in mixed for fact in _malformed(posted)}
    lost = [fact_id for fact_id in beside if fact_id not in on_kafka]
    unkept = [raw for raw in bad if raw.encode() not in rejects]
    figures = {"malformed": len(bad), "not kept": len(unkept), "beside them": len(beside), "lost": len(lost)}
    faults = [
        *(f"not among the rejects: {raw[:80]}" for raw in unkept),
        *(f"{fact_id}: beside a malformed item, not on Kafka" for fact_id in lost),
    ]
    return judged("I3", figures, faults)


def i4(storm: Storm) -> Verdict:
    """Lossless: the raw text kept with each record is what was posted, down to how its numbers are written."""
    posted = {fact.id: fact for body in storm.posted if body.signed for fact in body.facts}
    compared = [(event, posted[event.fact_id]) for event in storm.events if event.fact_id in posted]
    if not compared:
        return not_measured("I4", _NONE_POSTED)
    differing = [event for event, fact in compared if _content(event.raw) != _content(fact.raw)]
    faults = [f"{event.fact_id}: kept as {event.raw[:120]}" for event in differing]
    return judged("I4", {"records": len(compared), "differing": len(differing)}, faults)


class _NumberText(str):
    """A number as it was written, which is not equal to the same text as a string."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _NumberText) and str(self) == str(other)

    __hash__ = str.__hash__


def _content(raw: str) -> Any:
    """The content of JSON, numbers as their text; a text that is no JSON stands for itself."""
    try:
        return json.loads(raw, parse_float=_NumberText, parse_int=_NumberText)
    except ValueError:
        return raw


def i5(storm: Storm) -> Verdict:
    """Order: facts of one conversation stand on one partition, first deliveries in the order they were posted in."""
    posted = {fact.id: fact for body in storm.posted if body.signed for fact in body.facts if fact.conversation}
    places: dict[tuple[str, FactKind], dict[str, Event]] = defaultdict(dict)
    for event in sorted(storm.events, key=lambda event: event.source):
        fact = posted.get(event.fact_id)
        if fact is not None:
            places[fact.conversation, fact.kind].setdefault(event.fact_id, event)
    if not any(len(found) > 1 for found in places.values()):
        return not_measured("I5", "no conversation has two facts")
    faults = [fault for (user, _), found in places.items() for fault in _disorder(user, list(found.values()), posted)]
    return judged("I5", {"conversations": len(places), "facts": sum(map(len, places.values()))}, faults)


def _disorder(user: str, events: list[Event], posted: dict[str, Fact]) -> Iterator[str]:
    partitions = {event.source.partition for event in events}
    if len(partitions) > 1:
        yield f"{user}: on partitions {sorted(partitions)}"
        return
    for earlier, later in pairwise(events):
        if posted[later.fact_id].sequence < posted[earlier.fact_id].sequence:
            yield f"{later.fact_id} stands behind {earlier.fact_id}"


def i6(storm: Storm) -> Verdict:
    """Nobody else gets in: what was not signed with the secret is refused with 401, and nothing of it is written."""
    forged = [posted for posted in storm.posted if not posted.signed]
    if not any(NO_ANSWER not in posted.statuses for posted in forged):
        return not_measured("I6", "no forged webhook was posted")
    known = {event.fact_id for event in storm.events}
    rejects = set(storm.rejects)
    let_in = [status for posted in forged for status in posted.statuses if status not in {REFUSED, NO_ANSWER}]
    written = [
        fact.id for posted in forged for fact in posted.facts if fact.id in known or fact.raw.encode() in rejects
    ]
    figures = {"forged": len(forged), "not refused": len(let_in), "facts written": len(written)}
    faults = [*(f"answered {status}" for status in let_in), *(f"{fact_id}: is on Kafka" for fact_id in written)]
    return judged("I6", figures, faults)


def _facts(posted: list[Posted]) -> list[str]:
    """Good facts, each once."""
    return list({fact.id: None for body in posted for fact in body.facts if fact.kind is not FactKind.MALFORMED})


def _malformed(posted: Posted) -> list[Fact]:
    return [fact for fact in posted.facts if fact.kind is FactKind.MALFORMED]
