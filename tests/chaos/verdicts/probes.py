"""Verdicts of the probes: D6, D7, D8, D12, D13, B1 and B3. PURE."""

from collections import Counter
from typing import Final

from tests.chaos.ledgers import Request, Stop
from tests.chaos.probe_ledgers import Backlog, Held, History, Priority, Startup, Throttled
from tests.chaos.verdicts.verdict import Verdict, judged, not_measured

THROTTLE_CODES: Final = frozenset({130429, 131056})

CRM_SLACK: Final = 1.5
CRM_SLACK_S: Final = 3.0
"""The CRM's commands may take so much longer than at the number's full speed."""
SHARE_KEPT: Final = 0.5
"""Of its minimum share, marketing has to get at least this much in any stretch that is looked at."""

KEPT_COMMAND_KIB: Final = 8
"""A command in a window, with all that goes with it, text of 2 KiB included."""
SLACK_KIB: Final = 40 * 1024
"""For connections, buffers of the client, and an allocator that gives nothing back."""
COPIES: Final = 2
"""A worker that keeps a command keeps it more than once: as bytes and as what was read from them."""


def d6(seen: Throttled) -> Verdict:
    """Throttling costs no attempt: who was refused more often than the budget allows is sent all the same."""
    refused = Counter(r.command for r in seen.requests if r.code in THROTTLE_CODES and r.command in seen.wanted)
    tested = [name for name in seen.wanted if refused[name] >= seen.attempts_max]
    if not tested:
        most = max(refused.values(), default=0)
        return not_measured("D6", f"no command was refused {seen.attempts_max} times, {most} at most")
    told = {outcome.command_id: outcome for outcome in seen.outcomes}
    faults = []
    for name in tested:
        outcome = told.get(name)
        if outcome is None or outcome.outcome != "ACCEPTED":
            word = "no outcome" if outcome is None else f"{outcome.outcome} {outcome.error_class}"
            faults.append(f"{name}: refused {refused[name]} times, then {word}")
    figures = {"budget": seen.attempts_max, "refused as often": len(tested), "refusals": sum(refused.values())}
    return judged("D6", figures, faults)


def d7(seen: Held) -> Verdict:
    """A stopped number harms no other: its neighbour in the slot sends on, and it resumes when it is mended."""
    if seen.queued <= seen.window:
        return not_measured("D7", "the stopped number had no more than its window")
    figures: dict[str, int | float | str] = {
        "stopped": seen.queued,
        "window": seen.window,
        "neighbour sent": f"{seen.neighbour_sent}/{seen.neighbour}",
        "resumed": f"{seen.resumed}/{seen.queued}",
    }
    faults = []
    if seen.neighbour_s is None:
        sent = f"{seen.neighbour_sent} of {seen.neighbour}"
        faults.append(f"the neighbour sent {sent} within {seen.neighbour_allowed_s:.0f} s beside the stopped number")
    else:
        figures["neighbour done after s"] = round(seen.neighbour_s, 1)
    if seen.resumed_s is None:
        faults.append(f"the mended number sent {seen.resumed} of {seen.queued} within {seen.resumed_allowed_s:.0f} s")
    else:
        figures["resumed after s"] = round(seen.resumed_s, 1)
    return judged("D7", figures, faults)


def d8(seen: Priority) -> Verdict:
    """CRM before marketing, which keeps its minimum share meanwhile."""
    accepted = [request for request in seen.requests if request.accepted]
    crm = [request for request in accepted if request.command in seen.crm]
    waiting = len(seen.marketing) - sum(r.command in seen.marketing and r.wall_ms < seen.from_ms for r in accepted)
    if not crm or waiting <= len(crm):
        return not_measured("D8", "there was no backlog of marketing when the CRM's commands came")
    until_ms = max(request.wall_ms for request in crm)
    beside = _between(accepted, seen.from_ms, until_ms, seen.marketing)
    took_s = (until_ms - seen.from_ms) / 1000
    allowed_s = CRM_SLACK * len(seen.crm) / seen.limit / (1 - seen.min_share) + CRM_SLACK_S
    needed = int(SHARE_KEPT * seen.min_share * (len(crm) + beside))
    figures: dict[str, int | float | str] = {
        "backlog": waiting,
        "crm": f"{len(crm)}/{len(seen.crm)}",
        "crm took s": round(took_s, 1),
        "allowed s": round(allowed_s, 1),
        "marketing beside": beside,
        "at least": needed,
    }
    faults = []
    if len(crm) < len(seen.crm):
        faults.append(f"{len(seen.crm) - len(crm)} of the CRM's commands were not sent")
    if took_s > allowed_s:
        faults.append(f"the CRM's commands took {took_s:.1f} s behind the backlog")
    if beside < needed:
        faults.append(f"marketing got {beside} of {len(crm) + beside} sends")
    return judged("D8", figures, faults)


def _between(accepted: list[Request], from_ms: int, until_ms: int, names: frozenset[str]) -> int:
    return sum(from_ms <= request.wall_ms <= until_ms and request.command in names for request in accepted)


def d12(seen: Backlog) -> Verdict:
    """Bounded: memory does not grow with the backlog."""
    allowed_kib = seen.read_ahead_kib + seen.window_commands * KEPT_COMMAND_KIB + SLACK_KIB
    if seen.commands * seen.command_bytes // 1024 * COPIES < allowed_kib:
        return not_measured("D12", "the backlog is too small to tell")
    grown_kib = seen.peak_kib - seen.idle_kib
    figures = {
        "commands": seen.commands,
        "backlog MiB": seen.commands * seen.command_bytes // 1024 // 1024,
        "read": seen.read,
        "idle MiB": seen.idle_kib // 1024,
        "grown MiB": grown_kib // 1024,
        "allowed MiB": allowed_kib // 1024,
    }
    faults = [f"grown by {grown_kib // 1024} MiB"] if grown_kib > allowed_kib else []
    return judged("D12", figures, faults)


def d13(seen: History) -> Verdict:
    """No mass re-send: a group with history but no offsets waits; ``from_outcomes`` sends only what is new."""
    if not seen.settled:
        return not_measured("D13", "there was no history")
    figures: dict[str, int | str] = {"settled before": seen.settled}
    faults = []
    for restart in seen.restarts:
        ended = "running" if restart.exit_code is None else f"exit {restart.exit_code}"
        figures[restart.mode] = f"{restart.sent_again} again, {restart.sent_new}/{restart.new} new, {ended}"
        if restart.sent_again:
            faults.append(f"{restart.mode}: {restart.sent_again} of {seen.settled} settled commands were sent again")
        wanted = restart.new if restart.mode == "from_outcomes" else 0
        if restart.sent_new != wanted:
            faults.append(f"{restart.mode}: {restart.sent_new} new commands were sent, not {wanted}")
    return judged("D13", figures, faults)


def b1(stops: tuple[Stop, ...]) -> Verdict:
    """SIGTERM: exit code 0 within the grace period that the budgets add up to."""
    if not stops:
        return not_measured("B1", "no process was told to end")
    wrong = [stop for stop in stops if stop.exit_code != 0]
    slow = [stop for stop in stops if stop.exit_code == 0 and stop.seconds > stop.allowed_s]
    figures = {
        "ended": len(stops),
        "slowest s": round(max(stop.seconds for stop in stops), 1),
        "other than 0": len(wrong),
        "too slow": len(slow),
    }
    faults = [
        *(f"{s.process}: {'had to be killed' if s.exit_code is None else f'exit {s.exit_code}'}" for s in wrong),
        *(f"{stop.process}: {stop.seconds:.1f} s, {stop.allowed_s:g} s are allowed" for stop in slow),
    ]
    return judged("B1", figures, faults)


def b3(startups: tuple[Startup, ...]) -> Verdict:
    """Wrong configuration ends with 2 and names every fault."""
    if not startups:
        return not_measured("B3", "nothing was started with a wrong configuration")
    faults = []
    for startup in startups:
        if startup.exit_code != 2:
            faults.append(f"{startup.role}: exit {startup.exit_code}")
        faults += [f"{startup.role}: {key} is not named" for key in startup.faults if key not in startup.told]
        if startup.traceback:
            faults.append(f"{startup.role}: a traceback")
    planted = sum(len(startup.faults) for startup in startups)
    return judged("B3", {"started": len(startups), "faults planted": planted}, faults)
