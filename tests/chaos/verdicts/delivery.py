"""Verdicts about delivery under load and disturbances: D1 to D5 and D9 to D11. PURE."""

from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from tests.chaos.ledgers import (
    ASKED_OF_THE_API,
    BAD_KINDS,
    Command,
    CommandKind,
    DeadLetter,
    Disturbance,
    Outcome,
    Request,
    Source,
    Storm,
)
from tests.chaos.verdicts.verdict import Verdict, judged, not_measured

PAIR_LIMIT_CODE: Final = 131056
SECOND_S: Final = 1.0
ARRIVAL_JITTER_S: Final = 0.25
"""Requests may come so much closer together than they left: sender and simulator share a busy machine, and either may
stand still meanwhile. Seen: 130 ms."""
PUSHED_SHARE: Final = 0.01
"""Of a number's requests, so many may be beyond its limit for that reason. Seen: 0.6 %."""

EXPIRY_SLACK_MS: Final = 500
"""Between the last look at the clock before a request is written and its arrival, on a machine that has other things to
do."""

LOOKED_FOR_MS: Final = 630_000
"""An attempt without an answer is decided on after ten minutes at the latest."""

SETTLES_MS: Final = 2_000
"""From an acceptance until its outcome is committed, with room to spare: 200 ms are promised."""

ZOMBIES: Final = ("pause", "network cut")
RESET: Final = "reset_after"
AMBIGUOUS: Final = "ambiguous"


def d1(storm: Storm) -> Verdict:
    """No command is lost: each one that Kafka acknowledged has an outcome.

    One that the group's offsets have passed, and that no cursor of its number asks for, is lost. Otherwise it is
    waiting, which is in order only for a pair that the Cloud API has sent away with 131056, and behind an attempt that
    nobody knows of whether it arrived: these waits may be longer than the bench's.
    """
    if not storm.commands:
        return not_measured("D1", "no command was produced")
    settled = {outcome.source for outcome in storm.outcomes}
    missing = [command for command in storm.commands if command.source not in settled]
    lost = [command for command in missing if not _still_queued(command, storm)]
    sent_away = {(r.number, r.recipient) for r in storm.requests if r.code == PAIR_LIMIT_CODE}
    waiting = [c for c in missing if c not in lost and (c.number, c.recipient) in sent_away]
    unknown = [c for c in missing if c not in lost and c not in waiting and c.source in _not_known_yet(storm)]
    stuck = [command for command in missing if command not in {*lost, *waiting, *unknown}]
    figures = {
        "commands": len(storm.commands),
        "lost": len(lost),
        "not settled in time": len(stuck),
        "waiting for their pair": len(waiting),
        "waiting for a receipt": len(unknown),
    }
    faults = [
        *(f"{command.id} at {_at(command.source)}: lost" for command in lost),
        *(f"{command.id} at {_at(command.source)}: not settled" for command in stuck),
    ]
    return judged("D1", figures, faults)


def _not_known_yet(storm: Storm) -> frozenset[Source]:
    """Commands with an open attempt that is still looked for, and those behind them in their lanes."""
    looked_for = {
        source for source, began_ms in storm.open_attempts.items() if storm.ended_ms - began_ms < LOOKED_FOR_MS
    }
    lanes = {(c.number, c.recipient, c.source.topic) for c in storm.commands if c.source in looked_for}
    return frozenset(c.source for c in storm.commands if (c.number, c.recipient, c.source.topic) in lanes)


def _still_queued(command: Command, storm: Storm) -> bool:
    topic, partition, offset = storm.rerouted.get(command.source, command.source)
    behind = storm.committed.get((topic, partition), 0) > offset
    cursor = storm.cursors.get((command.number, topic))
    return not behind or (cursor is not None and cursor <= offset)


def d2(storm: Storm) -> Verdict:
    """Exactly one committed outcome for each command settled; an ACCEPTED one names a message that was accepted."""
    if not storm.outcomes:
        return not_measured("D2", "there is no outcome")
    produced = {command.source: command for command in storm.commands}
    counts = Counter(outcome.source for outcome in storm.outcomes)
    accepted = {(request.command, request.message_id) for request in storm.requests if request.accepted}
    repeated = [source for source, count in counts.items() if count > 1]
    foreign = [source for source in counts if source not in produced] if not storm.not_acknowledged else []
    untrue = [
        outcome
        for outcome in storm.outcomes
        if outcome.outcome == "ACCEPTED" and (outcome.command_id, outcome.message_id) not in accepted
    ]
    figures = {"settled": len(counts), "more than one outcome": len(repeated), "outcomes of nothing": len(foreign)}
    if untrue:
        figures["untrue"] = len(untrue)
    faults = [
        *(f"{_at(source)}: {counts[source]} outcomes" for source in repeated),
        *(f"{_at(source)}: an outcome, but no such command" for source in foreign),
        *(f"{outcome.command_id}: ACCEPTED as {outcome.message_id}, which nobody accepted" for outcome in untrue),
    ]
    return judged("D2", figures, faults)


def d3(storm: Storm) -> Verdict:
    """No second send: at most one acceptance for each command, and none that its outcome knows nothing of."""
    sends = _acceptances(storm)
    if not sends:
        return not_measured("D3", "nothing was sent")
    again = {name: found for name, found in sends.items() if len(found) > 1}
    causes = Counter(cause(found, storm.disturbances) for found in again.values())
    unknown = [outcome for outcome in storm.outcomes if outcome.command_id in sends and not _admits_a_send(outcome)]
    reset = {request.command for request in storm.requests if request.accepted and request.fault == RESET}
    figures: dict[str, int] = {
        "accepted": len(sends),
        "sent twice": len(again),
        **{f"after {name}": count for name, count in sorted(causes.items())},
        "sent, outcome says no": len(unknown),
        "answers reset": len(reset),
        "known by receipt": sum(outcome.recovered for outcome in storm.outcomes),
        "sent again after silence": storm.sent_again,
        "given up as ambiguous": sum(outcome.error_class == AMBIGUOUS for outcome in storm.outcomes),
    }
    faults = [
        *(
            f"{name}: accepted {len(found)} times, after {cause(found, storm.disturbances)}"
            for name, found in again.items()
        ),
        *(f"{outcome.command_id}: {outcome.outcome} {outcome.error_class}, but it was accepted" for outcome in unknown),
    ]
    return judged("D3", figures, faults)


def _acceptances(storm: Storm) -> dict[str, list[Request]]:
    sends: dict[str, list[Request]] = defaultdict(list)
    for request in storm.requests:
        if request.accepted and request.command:
            sends[request.command].append(request)
    return dict(sends)


def _admits_a_send(outcome: Outcome) -> bool:
    return outcome.outcome == "ACCEPTED" or outcome.error_class == AMBIGUOUS


def cause(sends: list[Request], disturbances: tuple[Disturbance, ...]) -> str:
    """Why a command was sent again: its answer was reset, or the disturbance that struck before it was settled."""
    blamed = _blamed(sends[0].wall_ms, disturbances)
    return sends[0].fault or (blamed.kind if blamed is not None else "nothing")


def _blamed(sent_at_ms: int, disturbances: tuple[Disturbance, ...]) -> Disturbance | None:
    """The last disturbance that had begun when what was sent for the first time should have been settled."""
    ordered = sorted(disturbances, key=lambda disturbance: disturbance.from_ms)
    index = bisect_right([disturbance.from_ms for disturbance in ordered], sent_at_ms + SETTLES_MS)
    return ordered[index - 1] if index else None


def d4(storm: Storm) -> Verdict:
    """Order per pair and topic: first acceptances come in the order of the partition."""
    first: dict[str, float] = {}
    for request in storm.requests:
        if request.accepted:
            first.setdefault(request.command, request.at_s)
    lanes: dict[tuple[str, str, str], list[Command]] = defaultdict(list)
    for command in storm.commands:
        if command.id in first and command.kind is not CommandKind.MISPLACED:
            lanes[command.number, command.recipient, command.source.topic].append(command)
    shared = {
        lane: sorted(found, key=lambda command: command.source) for lane, found in lanes.items() if len(found) > 1
    }
    if not shared:
        return not_measured("D4", "no pair got two messages")
    faults = [
        f"{later.id} was accepted before {earlier.id}, to the same recipient"
        for found in shared.values()
        for earlier, later in pairwise(found)
        if first[later.id] < first[earlier.id]
    ]
    return judged("D4", {"pairs": len(shared), "messages": sum(map(len, shared.values()))}, faults)


def d5(storm: Storm) -> Verdict:
    """The limits hold at the simulator's clock: outbound in a sliding second, and the strict pair rule."""
    times = {
        number: [request.at_s for request in storm.requests if request.number == number] for number in storm.limits
    }
    if not any(times.values()):
        return not_measured("D5", "nothing was sent")
    pairs = [request for request in storm.requests if request.over_pair_limit]
    figures: dict[str, int | str] = {
        "highest second": " ".join(f"{max(crowds(SECOND_S, times[n]), default=0)}/{storm.limits[n]}" for n in times),
        "over with inbound": sum(request.over_number_limit for request in storm.requests),
        "over the pair limit": len(pairs),
    }
    faults = [
        *(fault for number, limit in storm.limits.items() for fault in _crowding(number, times[number], limit)),
        *(f"{request.command} to {request.recipient} at {request.at_s:.3f}: over the pair limit" for request in pairs),
    ]
    return judged("D5", figures, faults)


def _crowding(number: str, times_s: list[float], limit: int) -> Iterator[str]:
    """Too many at once, by more than a busy machine can push together; or a few too many again and again."""
    window_s = SECOND_S - ARRIVAL_JITTER_S
    most = max(crowds(window_s, times_s), default=0)
    if most > limit:
        yield f"{number}: {most} in {window_s:g} s, {limit} a second are allowed"
    too_many = sum(crowd > limit for crowd in crowds(SECOND_S, times_s))
    if too_many > PUSHED_SHARE * len(times_s):
        yield f"{number}: {too_many} of {len(times_s)} requests were more than {limit} in a second"


def crowds(window_s: float, times_s: Iterable[float]) -> list[int]:
    """For each event, how many there are in the window ``(t - window_s, t]`` that it ends; times in order."""
    window: deque[float] = deque()
    found = []
    for at_s in times_s:
        window.append(at_s)
        while window[0] <= at_s - window_s:
            window.popleft()
        found.append(len(window))
    return found


def d9(storm: Storm) -> Verdict:
    """Nothing is accepted after ``expires_at``, and what was not sent in time says EXPIRED."""
    expiring = {command.id: command for command in storm.commands if command.expires_at_ms is not None}
    if not expiring:
        return not_measured("D9", "no command had an end")
    late = {
        request.command: request.wall_ms - (expiring[request.command].expires_at_ms or 0)
        for request in storm.requests
        if request.accepted and request.command in expiring
    }
    late = {name: by_ms for name, by_ms in late.items() if by_ms > EXPIRY_SLACK_MS}
    told = {outcome.command_id: outcome for outcome in storm.outcomes if outcome.command_id in expiring}
    silent = [name for name in expiring if name not in told]
    expired = sum(outcome.outcome == "EXPIRED" for outcome in told.values())
    figures = {"with an end": len(expiring), "expired": expired, "sent late": len(late), "without outcome": len(silent)}
    faults = [
        *(f"{name}: accepted {by_ms} ms late" for name, by_ms in late.items()),
        *(f"{o.command_id}: {o.outcome} {o.error_class}" for o in told.values() if not _fits_its_end(expiring, o)),
        *(f"{name}: no outcome" for name in silent),
    ]
    return judged("D9", figures, faults)


def _fits_its_end(expiring: Mapping[str, Command], outcome: Outcome) -> bool:
    if expiring[outcome.command_id].kind is CommandKind.EXPIRED:
        return outcome.outcome == "EXPIRED"
    return outcome.outcome in {"ACCEPTED", "EXPIRED"} or outcome.error_class == AMBIGUOUS


def d10(storm: Storm) -> Verdict:
    """One owner: what was frozen or cut off and comes back settles nothing twice and sends nothing twice.

    The stated limit: a stop between the last check and the write lets one command pass for each such disturbance.
    """
    zombies = [disturbance for disturbance in storm.disturbances if disturbance.kind in ZOMBIES]
    if not zombies:
        return not_measured("D10", "no worker was frozen or cut off")
    sends = _acceptances(storm)
    again: dict[Disturbance, list[str]] = {zombie: [] for zombie in zombies}
    for name, found in sends.items():
        if len(found) > 1 and not found[0].fault and (to := _blamed(found[0].wall_ms, storm.disturbances)) in again:
            again[to].append(name)
    settled = _settled_by_zombies(storm)
    figures = {
        **Counter(f"{zombie.kind}s" for zombie in zombies),
        "sent twice": sum(map(len, again.values())),
        "allowed": len(zombies),
        "settled twice": len(settled),
    }
    faults = [
        *(f"{zombie.kind} of {zombie.target}: {len(names)} sent twice: {' '.join(names[:3])}"
          for zombie, names in again.items() if len(names) > 1),
        *(f"{_at(source)}: settled twice" for source in settled),
    ]  # fmt: skip
    return judged("D10", figures, faults)


def _settled_by_zombies(storm: Storm) -> list[Source]:
    outcomes: dict[Source, list[Outcome]] = defaultdict(list)
    for outcome in storm.outcomes:
        outcomes[outcome.source].append(outcome)
    return [
        source
        for source, found in outcomes.items()
        if len(found) > 1
        and (blamed := _blamed(min(o.settled_at_ms for o in found), storm.disturbances)) is not None
        and blamed.kind in ZOMBIES
    ]


def d11(storm: Storm) -> Verdict:
    """Bad input gets an answer: one dead letter with class, code and the original bytes."""
    bad = [command for command in storm.commands if command.kind in BAD_KINDS]
    if not bad:
        return not_measured("D11", "no bad command was produced")
    letters: dict[Source | None, list[DeadLetter]] = defaultdict(list)
    for letter in storm.dead_letters:
        letters[letter.origin].append(letter)
    settled = {outcome.source for outcome in storm.outcomes}
    waited_for = _not_known_yet(storm) - settled
    faults = [
        f"{command.id}: {fault}"
        for command in bad
        if command.source not in waited_for
        for fault in _dead_letter_faults(command, letters[command.source])
    ]
    figures = {"bad": len(bad), "dead letters": len(storm.dead_letters), "without origin": len(letters[None])}
    return judged("D11", figures, faults)


def _dead_letter_faults(command: Command, letters: list[DeadLetter]) -> Iterator[str]:
    if len(letters) != 1:
        yield f"{len(letters)} dead letters"
        return
    letter = letters[0]
    headers = dict(letter.headers)
    class_ = headers.get("wa.dlq.class", b"").decode()
    lost_answer = command.kind in ASKED_OF_THE_API and class_ == AMBIGUOUS
    if class_ != BAD_KINDS[command.kind] and not lost_answer:
        yield f"class {class_}"
    if not headers.get("wa.dlq.code"):
        yield "no code"
    if letter.value != command.value or letter.key != command.number.encode():
        yield "not the original bytes"
    if any(header not in letter.headers for header in command.headers):
        yield "original headers are missing"
    if letter.timestamp_ms != command.timestamp_ms:
        yield "not the original timestamp"


def _at(source: Source) -> str:
    return f"{source.topic}/{source.partition}/{source.offset}"
